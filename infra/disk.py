"""The disk: writing so that it lasts, and knowing when there is no room left.

Every fsync of our own files goes through `sync`, so their number per cycle is a
fact that a test can count (SQLite's are its own). A write that fails leaves what
was there before: no half file under a real name, no half line at an end.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from io import FileIO
from pathlib import Path
from typing import IO, Any

from core.errors import RetryableError
from core.reasons import Reason
from infra.crash_points import CrashPoint, reached

_ASIDE = ".tmp"
_ASIDES = 16  # that are remembered; a bot has a handful


@dataclass(slots=True)
class _Tally:
    fsyncs: int = 0


_TALLY = _Tally()


def fsyncs() -> int:
    """How many fsyncs this process has made of files that are not SQLite's."""
    return _TALLY.fsyncs


def sync(handle: int) -> None:
    """The one seam: what was written through `handle` is on the disk."""
    os.fsync(handle)
    _TALLY.fsyncs += 1


def synced(file: IO[Any]) -> None:
    """All that was written to `file` so far is on the disk."""
    file.flush()
    sync(file.fileno())


def sync_folder(folder: Path) -> None:
    """The names in `folder` are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(handle)
    finally:
        os.close(handle)


@lru_cache(_ASIDES)
def aside(path: Path) -> Path:
    """Where a replacement is written before it takes the name; a leftover marks a crash.

    Remembered, because a name that is made anew in every cycle is a new entry in the
    interpreter's table of names: after 9,000 cycles that is full, and takes 2 MB more.
    """
    return path.with_name(path.name + _ASIDE)


def replace_durably(path: Path, data: bytes, *, keep: Path | None = None) -> None:
    """Write aside, fsync, rename, fsync the folder: two fsyncs; the file before becomes `keep`."""
    new = aside(path)
    try:
        with new.open("wb") as file:
            reached(CrashPoint.ASIDE_BEGUN)
            file.write(data)
            synced(file)
    except OSError:
        with suppress(OSError):
            new.unlink()  # on a full disk the half of it would be in the way
        raise
    reached(CrashPoint.ASIDE_WRITTEN)
    if keep is not None and path.exists():
        path.replace(keep)
        reached(CrashPoint.PREVIOUS_KEPT)
    new.replace(path)
    reached(CrashPoint.REPLACED)
    sync_folder(path.parent)
    reached(CrashPoint.REPLACED_FOR_GOOD)


def replace_quickly(path: Path, data: bytes) -> None:
    """Readers see the old text or the new one, never half; a power cut may lose the new one."""
    new = aside(path)
    new.write_bytes(data)
    new.replace(path)


def append_durably(file: FileIO, data: bytes) -> None:
    """All of `data` at the end of an unbuffered file with one fsync, or nothing of it.

    What a failed write left is cut off again, or the next line would follow half a one.
    """
    end = file.seek(0, os.SEEK_END)
    try:
        reached(CrashPoint.APPEND_BEGUN)
        _write_all(file, data)
        reached(CrashPoint.APPENDED)
        sync(file.fileno())
    except OSError:
        with suppress(OSError):
            file.truncate(end)
        raise
    reached(CrashPoint.APPENDED_FOR_GOOD)


def _write_all(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """Room that must be left on the disk of each folder before a cycle may begin."""

    folders: tuple[Path, ...]  # one that is yet to be made counts as the one it will lie in
    reserve: int  # bytes

    def check(self) -> None:
        """Raise while there is less than the reserve: nothing is decided without a record."""
        for folder in self.folders:
            there = next(place for place in (folder, *folder.parents) if place.exists())
            free = shutil.disk_usage(there).free
            if free < self.reserve:
                raise RetryableError(
                    Reason.DISK_FULL.sentence,
                    code=Reason.DISK_FULL.name,
                    folder=folder,
                    free=f"{free // 1_000_000} MB",
                    reserve=f"{self.reserve // 1_000_000} MB",
                )
