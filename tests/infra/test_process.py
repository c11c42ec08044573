"""What a process says of itself, and that a long one keeps its memory flat."""

from __future__ import annotations

import ctypes
import gc

import pytest

from infra import process
from infra.process import Stopwatch, keep_memory_flat, resident_mb, tidy_memory


class _Library:
    """A C library that notes how it was tuned."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def mallopt(self, what: int, value: int) -> int:
        self.told.append((what, value))
        return 1


def test_glibc_is_told_which_blocks_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    library = _Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)

    keep_memory_flat()

    assert library.told == [(-3, 1024 * 1024)]


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

    assert asked == ["mallopt"]


def test_the_interpreter_is_tidied_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda: collected.append(1))

    for cycle in range(1, 1_101):
        tidy_memory(cycle)

    assert len(collected) == 2


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
