"""Whatever fails or dies in the middle, a file under its real name is whole."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import pytest

from core.errors import RetryableError
from infra.crash_points import CrashPoint, hooked
from infra.disk import (
    FreeSpace,
    append_durably,
    aside,
    fsyncs,
    replace_durably,
    replace_quickly,
    sync_folder,
)


class Died(Exception):
    """The process ends here."""


@contextmanager
def dying_at(point: CrashPoint, error: Exception) -> Iterator[None]:
    def hook(reached: CrashPoint) -> None:
        if reached is point:
            raise error

    with hooked(hook):
        yield


def a_full_disk() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


def test_a_replacement_costs_two_fsyncs(tmp_path: Path) -> None:
    before = fsyncs()

    replace_durably(tmp_path / "state", b"new", keep=tmp_path / "previous")

    assert fsyncs() - before == 2


def test_a_replacement_keeps_what_was_there(tmp_path: Path) -> None:
    for text in (b"one", b"two", b"three"):
        replace_durably(tmp_path / "state", text, keep=tmp_path / "previous")

    assert (tmp_path / "state").read_bytes() == b"three"
    assert (tmp_path / "previous").read_bytes() == b"two"
    assert not aside(tmp_path / "state").exists()


POINTS = [
    (CrashPoint.ASIDE_BEGUN, {"state": b"old"}),
    (CrashPoint.ASIDE_WRITTEN, {"state": b"old"}),
    (CrashPoint.PREVIOUS_KEPT, {"previous": b"old"}),
    (CrashPoint.REPLACED, {"state": b"new", "previous": b"old"}),
]


@pytest.mark.parametrize(("point", "left"), POINTS, ids=[point.name for point, _ in POINTS])
def test_a_crash_in_a_replacement_leaves_whole_files(
    tmp_path: Path, point: CrashPoint, left: dict[str, bytes]
) -> None:
    replace_durably(tmp_path / "state", b"old")

    with dying_at(point, Died()), pytest.raises(Died):
        replace_durably(tmp_path / "state", b"new", keep=tmp_path / "previous")

    found = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".tmp"}
    assert found == left


def test_a_full_disk_leaves_the_old_file_and_nothing_in_the_way(tmp_path: Path) -> None:
    replace_durably(tmp_path / "state", b"old")

    with dying_at(CrashPoint.ASIDE_BEGUN, a_full_disk()), pytest.raises(OSError, match="No space"):
        replace_durably(tmp_path / "state", b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    assert (tmp_path / "state").read_bytes() == b"old"


def test_a_quick_replacement_costs_no_fsync(tmp_path: Path) -> None:
    before = fsyncs()

    replace_quickly(tmp_path / "beat", b"alive")

    assert (tmp_path / "beat").read_bytes() == b"alive"
    assert fsyncs() == before


def test_the_name_aside_is_made_once_however_often_a_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "state.json"

    assert aside(file) is aside(tmp_path / "state.json")
    assert aside(file) == tmp_path / "state.json.tmp"


def test_an_append_costs_one_fsync(tmp_path: Path) -> None:
    before = fsyncs()
    with FileIO(tmp_path / "log", "a") as file:
        append_durably(file, b"one\n")
        append_durably(file, b"two\n")

    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"
    assert fsyncs() - before == 2


def test_half_a_line_is_taken_back_when_the_disk_is_full(tmp_path: Path) -> None:
    with FileIO(tmp_path / "log", "a") as file:
        append_durably(file, b"one\n")
        with dying_at(CrashPoint.APPENDED, a_full_disk()), pytest.raises(OSError, match="No space"):
            append_durably(file, b"two\n")
        append_durably(file, b"three\n")

    assert (tmp_path / "log").read_bytes() == b"one\nthree\n"


def test_a_device_that_is_really_full_is_an_error() -> None:
    with FileIO("/dev/full", "w") as file, pytest.raises(OSError, match="No space"):
        file.write(b"x")


def test_a_folder_can_be_synced(tmp_path: Path) -> None:
    before = fsyncs()

    sync_folder(tmp_path)

    assert fsyncs() - before == 1


def test_less_room_than_the_reserve_is_a_reason_to_wait(tmp_path: Path) -> None:
    with pytest.raises(RetryableError) as caught:
        FreeSpace((tmp_path,), 10**18).check()

    assert caught.value.code == "DISK_FULL"
    assert "reserve=1000000000000 MB" in str(caught.value)


def test_room_enough_says_nothing(tmp_path: Path) -> None:
    FreeSpace((tmp_path, tmp_path / "yet" / "to be made"), 0).check()


def test_each_folder_needs_its_room_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log on a full disk of its own: what is decided then could not be put on record."""
    roomy, full = tmp_path / "state", tmp_path / "logs"
    roomy.mkdir()
    full.mkdir()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        "shutil.disk_usage", lambda place: usage._replace(free=5 if place == full else 50)
    )

    FreeSpace((roomy, full), 5).check()
    with pytest.raises(RetryableError, match=str(full)):
        FreeSpace((roomy, full), 6).check()
