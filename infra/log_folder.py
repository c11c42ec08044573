"""A log folder belongs to one state folder at a time, and to one process.

Exists because two chains in one file would prove nothing. The files of another
state folder are set aside under its name and come back when it does; none is ever
overwritten or deleted. `folder_id` says whose the files are, and is written between
the two moves, so a crash in either is carried on by whoever comes next.
"""

from __future__ import annotations

import fcntl
import re
from pathlib import Path
from typing import IO

from core.errors import FatalError
from infra.crash_points import CrashPoint, reached
from infra.disk import replace_durably, sync_folder
from infra.instance_lock import AlreadyRunning

OWNER = "folder_id"
_LOCK = "lock"
_LOGS = ("audit", "bot.log")  # what the names of the files begin with
_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNOWNED = "unowned"


class LogInUse(AlreadyRunning):
    """Another bot writes to this log folder now."""

    code = "LOG_IN_USE"


def take(folder: Path, folder_id: str) -> IO[str]:
    """Lock the folder, make its files those of `folder_id`, and return what holds the lock.

    Raises LogInUse, or OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / _LOCK).open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise LogInUse(
            f"{folder}: another bot writes this log; stop it or use --log-dir NEW"
        ) from error
    try:
        _claim(folder, folder_id)
    except BaseException:
        lock.close()
        raise
    return lock


def log_of(folder: Path, folder_id: str) -> Path:
    """Where the log of a state folder lies now: in the folder, or set aside in it."""
    return folder if owner_of(folder) == folder_id else folder / folder_id


def owner_of(folder: Path) -> str | None:
    """Whose files lie in the folder; None where nobody signed."""
    try:
        text = (folder / OWNER).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    return text if _SAFE_NAME.fullmatch(text) else None


def _claim(folder: Path, mine: str) -> None:
    theirs = owner_of(folder)
    if theirs != mine:
        if _files(folder):
            _move(folder, folder / theirs if theirs is not None else _free_name(folder))
        replace_durably(folder / OWNER, f"{mine}\n".encode())
    if (folder / mine).is_dir():
        _move(folder / mine, folder)
        (folder / mine).rmdir()


def _move(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for path in _files(source):
        there = target / path.name
        if there.exists():
            raise FatalError(f"{path}: {there} is there already; move one of them away by hand")
        path.replace(there)
        reached(CrashPoint.LOG_MOVING)
    sync_folder(target)
    sync_folder(source)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.startswith(_LOGS))


def _free_name(folder: Path) -> Path:
    """For files that nobody signed; they are never mixed with others."""
    number = 1
    while (folder / f"{_UNOWNED}-{number}").exists():
        number += 1
    return folder / f"{_UNOWNED}-{number}"
