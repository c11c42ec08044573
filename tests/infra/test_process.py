"""What a process says of itself, and that a long one keeps its memory flat."""

from __future__ import annotations

import ctypes
import gc

import pytest

from infra import process
from infra.process import Stopwatch, keep_memory_flat, lasting, resident_mb, tidy_memory


class _Library:
    """A C library that notes how it was tuned."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []
        self.trimmed: list[int] = []

    def mallopt(self, what: int, value: int) -> int:
        self.told.append((what, value))
        return 1

    def malloc_trim(self, pad: int) -> int:
        self.trimmed.append(pad)
        return 1


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> _Library:
    made = _Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: made)
    return made


def test_glibc_is_told_which_blocks_are_large_and_how_many_heaps_are_enough(
    library: _Library,
) -> None:
    keep_memory_flat()

    assert library.told == [(-3, 1024 * 1024), (-8, 2)]


def test_another_c_library_is_asked_for_nothing_it_may_not_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    class Other:
        def __getattr__(self, name: str) -> object:
            asked.append(name)
            raise AttributeError(name)

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Other())

    keep_memory_flat()
    tidy_memory(1)

    assert asked == ["mallopt", "malloc_trim"]


def test_memory_is_tidied_after_the_first_cycle_and_now_and_then(
    monkeypatch: pytest.MonkeyPatch, library: _Library
) -> None:
    collected: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda: collected.append(1))

    tidy_memory(1)
    assert (len(collected), library.trimmed) == (0, [0])
    for cycle in range(2, 1_101):
        tidy_memory(cycle)

    assert (len(collected), library.trimmed) == (2, [0] * 5)


def test_what_lasts_is_set_aside_from_collections_and_given_back_at_the_end() -> None:
    usual = gc.get_threshold()

    with lasting():
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[2] < usual[2]

    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, usual)


def test_memory_that_the_system_does_not_tell_is_zero(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert resident_mb() > 1
    monkeypatch.setattr(process, "_STATM", tmp_path_factory.mktemp("proc") / "statm")

    assert resident_mb() == 0.0


def test_laps_add_up_to_the_total() -> None:
    watch = Stopwatch()
    watch.lap("gather")
    watch.lap("decide")

    laps = dict(watch.laps())

    assert list(laps) == ["gather", "decide", "total"]
    assert laps["total"] == pytest.approx(laps["gather"] + laps["decide"])
