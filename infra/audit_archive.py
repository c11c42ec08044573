"""Days that are over: `audit-YYYY-MM-DD.jsonl.gz`, made whole or not at all.

The archive exists before the lines it holds are taken from the current file, so a
crash between the two leaves a copy too many, never one too few.
"""

from __future__ import annotations

import gzip
import zlib
from collections import deque
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from shutil import copyfileobj

from core.errors import FatalError
from infra.crash_points import CrashPoint, reached
from infra.disk import aside, sync_folder, synced

_PREFIX, _SUFFIX = "audit-", ".jsonl.gz"
_DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error)


class DamagedLog(FatalError):
    """A line that is not a torn end cannot be read, or does not fit the one before."""

    code = "DAMAGED_LOG"


def archives(folder: Path) -> list[Path]:
    """The days that are over, oldest first."""
    return sorted(folder.glob(f"{_PREFIX}????-??-??{_SUFFIX}"))


def archive_of(folder: Path, day: str) -> Path:
    return folder / f"{_PREFIX}{day}{_SUFFIX}"


def archived_lines(path: Path) -> Iterator[bytes]:
    """The lines of an archive, oldest first."""
    try:
        with gzip.open(path, "rb") as file:
            yield from file
    except _DAMAGE as error:
        raise DamagedLog(f"{path}: is damaged ({error}); restore a backup of it") from error


def put_away(current: Path, day: str) -> None:
    """Move the lines of `current` into the archive of their day, durably.

    An archive that exists already (a clock that went back) keeps its lines before ours.
    """
    target = archive_of(current.parent, day)
    if not holds_all_of(current, target):
        new = aside(target)
        with new.open("wb") as packed:
            if target.exists():
                with target.open("rb") as before:
                    copyfileobj(before, packed)
            with current.open("rb") as lines, gzip.GzipFile("", "wb", fileobj=packed, mtime=0) as z:
                copyfileobj(lines, z)
            synced(packed)
        reached(CrashPoint.ARCHIVE_WRITTEN)
        new.replace(target)
        sync_folder(current.parent)
    reached(CrashPoint.ARCHIVED)
    current.unlink()
    sync_folder(current.parent)


def holds_all_of(current: Path, archive: Path) -> bool:
    """Whether a crash came between archiving a file and removing it: both end alike."""
    if not archive.exists():
        return False
    last = deque(archived_lines(archive), maxlen=1)
    with current.open("rb") as file:
        return bool(last) and deque(file, maxlen=1) == last


def drop_expired(folder: Path, today: str, keep: timedelta) -> None:
    """Delete archives of days that are more than `keep` before `today`."""
    for path in archives(folder):
        day = path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
        if date.fromisoformat(today) - date.fromisoformat(day) > keep:
            path.unlink()
