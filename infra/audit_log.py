"""The audit log: one canonical line a cycle, each holding the hash of the line before.

Rotated daily by the market's clock and kept for a number of those days. A last
line without its end is the mark of a crash and is moved aside; anything else that
does not fit is damage and is refused. A log belongs to one state folder.
"""

from __future__ import annotations

import fcntl
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import IO

from core.errors import FatalError
from infra.audit_record import Record
from infra.codec import canonical_json, digest
from infra.disk import replace_durably, synced

GENESIS = "sha256:" + "0" * 64
CURRENT = "audit.jsonl"
_OWNER = "folder_id"


class DamagedLog(FatalError):
    """A line that is not the last cannot be read."""

    code = "DAMAGED_LOG"


class LogInUse(FatalError):
    """Another bot writes to this log folder now."""

    code = "LOG_IN_USE"


@dataclass(slots=True)
class AuditFile:
    """Appends to the log of one mode; the only writer of its folder."""

    folder: Path
    keep: timedelta
    lock: IO[str]
    file: IO[bytes]
    day: str
    head: str  # hash of the last line
    highest_cycle: int

    @classmethod
    def open(cls, folder: Path, *, keep: timedelta, folder_id: str) -> AuditFile:
        """Take the log for the state folder `folder_id` and find the end of its chain.

        Raises LogInUse, DamagedLog, or OSError where the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise LogInUse(f"{folder}: another bot writes this log; use --log-dir") from error
        _claim(folder, folder_id)
        _move_torn_end_aside(folder / CURRENT)
        _finish_rotation(folder)
        last = next(newest_first(folder), None)
        return cls(
            folder=folder,
            keep=keep,
            lock=lock,
            file=(folder / CURRENT).open("ab"),
            day=_day_of_file(folder / CURRENT),
            head=GENESIS if last is None else last["hash"],
            highest_cycle=0 if last is None else last["cycle"],
        )

    def append(self, record: Record) -> None:
        """One line, durable when it returns: one fsync."""
        day = record["at"][:10]
        if self.day and day > self.day:
            self._rotate()
        chained = {**record, "prev": self.head}
        head = digest(canonical_json(chained))
        self.file.write(canonical_json({**chained, "hash": head}) + b"\n")
        synced(self.file)
        self.head, self.day, self.highest_cycle = head, self.day or day, record["cycle"]

    def rotates_at(self, day: str) -> bool:
        """Whether a record of that day begins a new file."""
        return not self.day or day > self.day

    def close(self) -> None:
        self.file.close()
        self.lock.close()

    def _rotate(self) -> None:
        """The day's file becomes a gz of its own; a gz without its end is made anew."""
        self.file.close()
        current = self.folder / CURRENT
        packed = gzip.compress(current.read_bytes(), mtime=0)
        replace_durably(self.folder / f"audit-{self.day}.jsonl.gz", packed)
        current.unlink()
        self._drop_expired(date.fromisoformat(self.day))
        self.file, self.day = current.open("ab"), ""

    def _drop_expired(self, today: date) -> None:
        for path in rotated(self.folder):
            if today - date.fromisoformat(_day_in(path)) > self.keep:
                path.unlink()


def rotated(folder: Path) -> list[Path]:
    """The days that are over, oldest first."""
    return sorted(folder.glob("audit-????-??-??.jsonl.gz"))


def newest_first(folder: Path) -> Iterator[Record]:
    """Every record, newest first, across rotated files. A torn last line is passed over."""
    current = folder / CURRENT
    if current.exists():
        lines = current.read_bytes().split(b"\n")
        yield from _records(current, lines[:-1])
    for path in reversed(rotated(folder)):
        yield from _records(path, gzip.decompress(path.read_bytes()).split(b"\n")[:-1])


def _records(path: Path, lines: list[bytes]) -> Iterator[Record]:
    for number in range(len(lines), 0, -1):
        try:
            record = json.loads(lines[number - 1])
        except ValueError as error:
            raise DamagedLog(f"{path}:{number}: is no JSON ({error}); see runner.verify") from error
        if not isinstance(record, dict) or "hash" not in record or "cycle" not in record:
            raise DamagedLog(f"{path}:{number}: is no audit record; see runner.verify")
        yield record


def _claim(folder: Path, folder_id: str) -> None:
    """Make the folder's files ours: another state folder's are set aside under its own name."""
    owner = folder / _OWNER
    theirs = owner.read_text(encoding="utf-8").strip() if owner.exists() else folder_id
    if theirs != folder_id:
        _move_files(folder, folder / theirs)
        _move_files(folder / folder_id, folder)
    replace_durably(owner, folder_id.encode() + b"\n")


def _move_files(source: Path, target: Path) -> None:
    if not source.is_dir():
        return
    target.mkdir(exist_ok=True)
    for path in sorted(source.glob("audit*")):
        path.replace(target / path.name)


def _move_torn_end_aside(path: Path) -> None:
    data = path.read_bytes() if path.exists() else b""
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        path.with_suffix(".jsonl.torn").write_bytes(data[whole:])
        with path.open("r+b") as file:
            file.truncate(whole)
            synced(file)


def _finish_rotation(folder: Path) -> None:
    """A day whose gz is there was rotated; a crash left its plain file behind."""
    current = folder / CURRENT
    if (folder / f"audit-{_day_of_file(current)}.jsonl.gz").exists():
        current.unlink()


def _day_of_file(path: Path) -> str:
    """The day of the first line; empty for a file without one."""
    with path.open("ab+") as file:
        file.seek(0)
        first = file.readline()
    return str(json.loads(first)["at"][:10]) if first else ""


def _day_in(path: Path) -> str:
    return path.name.removeprefix("audit-").removesuffix(".jsonl.gz")
