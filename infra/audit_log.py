"""The audit log: one canonical line a cycle, each holding the hash of the line before.

Rotated daily by the market's clock and kept for a number of those days. A last
line without its end is the mark of a crash and is moved aside; anything else that
does not fit is damage and is refused. A log belongs to one state folder.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import FileIO
from pathlib import Path
from typing import IO

from core.errors import FatalError
from core.reasons import Reason
from infra import log_folder
from infra.audit_archive import (
    DamagedLog,
    archive_of,
    archived_lines,
    archives,
    drop_expired,
    holds_all_of,
    put_away,
)
from infra.audit_record import Record
from infra.codec import canonical_json, digest
from infra.disk import append_durably, aside, synced
from infra.log_folder import LogInUse

__all__ = ["CURRENT", "GENESIS", "AuditFile", "DamagedLog", "LogInUse", "newest_first"]

GENESIS = "sha256:" + "0" * 64
CURRENT = "audit.jsonl"
_BLOCK = 1 << 16
# The contract's members. `prev` and `hash` are added here, the rest by the cycle.
_MEMBERS = (
    "schema cycle cycle_id run_id at mode exchange config version outcome why level regime "
    "universe triggers proposals verdicts plan decision inputs orders fills portfolio "
    "timing_ms requests rss_mb"
)
_REQUIRED = frozenset(_MEMBERS.split())
# A quote inside a JSON text is escaped, so these match members and nothing else.
_HASH = re.compile(rb'"hash":"(sha256:[0-9a-f]{64})",')
_PREV = re.compile(rb'"prev":"(sha256:[0-9a-f]{64})"')


@dataclass(slots=True)
class AuditFile:
    """Appends to the log of one mode; the only writer of its folder."""

    folder: Path
    folder_id: str  # of the state folder whose log it is
    keep: timedelta
    lock: IO[str]
    file: FileIO
    day: str  # of the lines in the file; empty while there is none
    head: str  # hash of the last line
    highest_cycle: int

    @classmethod
    def open(cls, folder: Path, *, keep: timedelta, folder_id: str) -> AuditFile:
        """Take the log for the state folder `folder_id` and prove the current file's chain.

        Raises LogInUse, DamagedLog, or OSError where the folder cannot be written.
        """
        lock = log_folder.take(folder, folder_id)
        try:
            _clear_up(folder)
            _prove_chain(folder / CURRENT)
            last = next(newest_first(folder), None)
            return cls(
                folder=folder,
                folder_id=folder_id,
                keep=keep,
                lock=lock,
                file=_opened(folder / CURRENT),
                day=_day_of(folder / CURRENT),
                head=GENESIS if last is None else last["hash"],
                highest_cycle=0 if last is None else last["cycle"],
            )
        except BaseException:
            lock.close()
            raise

    def append(self, record: Record) -> None:
        """One line, durable when it returns: one fsync. Adds `prev` and `hash` to the record.

        A record that lacks a member, or holds what JSON cannot say, is a fault of the
        program and is not written. An OSError leaves the log as it was.
        """
        lacking = sorted(_REQUIRED - set(record))
        if lacking:
            raise FatalError(
                "the audit record is not complete", code=Reason.BROKEN_RULE.name, lacks=lacking
            )
        if not self._is_there():
            self._begin_anew()
        day = str(record["at"])[:10]
        if self.day and self.rotates_at(day):
            self._rotate(day)
        chained = {**record, "prev": self.head}
        chained.pop("hash", None)
        chained["hash"] = digest(canonical_json(chained))
        append_durably(self.file, canonical_json(chained) + b"\n")
        self.head, self.day, self.highest_cycle = chained["hash"], self.day or day, record["cycle"]
        record |= {"prev": chained["prev"], "hash": chained["hash"]}

    def rotates_at(self, day: str) -> bool:
        """Whether a record of that day begins a new file. A clock that goes back does not."""
        return day > self.day

    def close(self) -> None:
        self.file.close()
        self.lock.close()

    def _is_there(self) -> bool:
        """Whether the file that is open is the one that people find under its name."""
        try:
            there = (self.folder / CURRENT).stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(self.file.fileno())
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _begin_anew(self) -> None:
        """Somebody took the log away while we wrote. Its chain goes on in a new file.

        A bot that could not write it any more would stop watching its exits, too.
        """
        self.file.close()
        self.lock.close()
        self.lock = log_folder.take(self.folder, self.folder_id)
        self.file, self.day = _opened(self.folder / CURRENT), _day_of(self.folder / CURRENT)

    def _rotate(self, today: str) -> None:
        current = self.folder / CURRENT
        put_away(current, self.day)
        self.file.close()
        self.file, self.day = _opened(current), ""
        drop_expired(self.folder, today, self.keep)


def newest_first(folder: Path) -> Iterator[Record]:
    """Every record, newest first, across rotated files. A torn last line is passed over.

    Reads beside a writing bot: a line that is archived while we read is told once.
    """
    told: int | None = None
    for place, line in _lines_newest_first(folder):
        record = _record(place, line)
        if told is None or record["cycle"] < told:
            told = record["cycle"]
            yield record


def _lines_newest_first(folder: Path) -> Iterator[tuple[Path, bytes]]:
    current = folder / CURRENT
    if current.exists():
        for line in _backwards(current):
            yield current, line
    for path in reversed(archives(folder)):
        for line in reversed(list(archived_lines(path))):
            yield path, line


def _backwards(path: Path) -> Iterator[bytes]:
    """The whole lines of a file from its end; what follows the last line's end is passed over."""
    with path.open("rb") as file:
        start, head, torn = file.seek(0, os.SEEK_END), b"", True
        while start:
            end, start = start, max(0, start - _BLOCK)
            file.seek(start)
            head, *lines = (file.read(end - start) + head).split(b"\n")
            for line in reversed(lines):
                if not torn:
                    yield line
                torn = False
        if not torn:
            yield head


def _record(place: Path, line: bytes) -> Record:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DamagedLog(f"{place}: holds a line that is no JSON ({error}); {_REMEDY}") from error
    if not isinstance(record, dict) or not {"hash", "cycle", "at"} <= record.keys():
        raise DamagedLog(f"{place}: holds a line that is no audit record; {_REMEDY}")
    return record


_REMEDY = "runner.verify names the line; restore a backup, or start with --log-dir NEW"


def _opened(path: Path) -> FileIO:
    return FileIO(path, "a")


def _clear_up(folder: Path) -> None:
    """What a crash may have left: half an archive, half a line, lines that are archived already."""
    for path in folder.glob(f"{aside(Path('audit*'))}"):
        path.unlink()
    current = folder / CURRENT
    if not current.exists():
        return
    _move_torn_end(current)
    day = _day_of(current)
    if day and holds_all_of(current, archive_of(folder, day)):
        put_away(current, day)


def _move_torn_end(path: Path) -> None:
    """What follows the last line's end goes to `audit.jsonl.torn`, after what is there."""
    with path.open("r+b") as file:
        whole = start = file.seek(0, os.SEEK_END)
        while start:
            end, start = start, max(0, start - _BLOCK)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            whole = start + found + 1
            if found >= 0:
                break
        file.seek(whole)
        torn = file.read()
        if not torn:
            return
        with path.with_name(path.name + ".torn").open("ab") as kept:
            kept.write(torn + b"\n")
            synced(kept)
        file.truncate(whole)
        synced(file)


def _prove_chain(path: Path) -> None:
    """Every line is what was written after the line before; the first may follow an archive."""
    if not path.exists():
        return
    before: bytes | None = None
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            stated, prev = _HASH.search(line), _PREV.search(line)
            if stated is None or prev is None or not _is_sound(line, stated):
                raise DamagedLog(f"{path}:{number}: is not what was written; {_REMEDY}")
            if before is not None and prev[1] != before:
                raise DamagedLog(f"{path}:{number}: does not follow the line before; {_REMEDY}")
            before = stated[1]


def _is_sound(line: bytes, stated: re.Match[bytes]) -> bool:
    body = line[: stated.start()] + line[stated.end() :].removesuffix(b"\n")
    return digest(body).encode() == stated[1]


def _day_of(path: Path) -> str:
    """The latest day of the first and the last line; empty for a file without one."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        first = file.readline()
    if not first:
        return ""
    ends = (first, next(_backwards(path)))
    return max(str(_record(path, line)["at"])[:10] for line in ends)
