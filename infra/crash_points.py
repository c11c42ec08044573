"""The moments between two effects: where a process may die and must not lose anything.

In the bot each is a call that does nothing. A test hangs a hook on them and ends
the process, or fills the disk, exactly there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum


class CrashPoint(Enum):
    """Named by what is already done when it is reached."""

    # One file replaced as a whole (state.json, a rotated log).
    ASIDE_BEGUN = "the new file exists beside the old one, still empty"
    ASIDE_WRITTEN = "the new file is on the disk beside the old one"
    PREVIOUS_KEPT = "the old file has its other name, the new one not yet its own"
    REPLACED = "the new file has its name, the folder is not synced"
    REPLACED_FOR_GOOD = "the new file has its name, also after a power cut"
    # One line or frame appended (audit.jsonl, the tape).
    APPEND_BEGUN = "the file is at its old end, the line is not in it"
    APPENDED = "the line is in the file, not synced"
    APPENDED_FOR_GOOD = "the line is in the file, also after a power cut"
    # A day's log rotated.
    ARCHIVE_WRITTEN = "the archive is on the disk, not yet under its name"
    ARCHIVED = "the day has its archive, and the lines are still in the current file too"
    # A log handed from one state folder to another.
    LOG_MOVING = "some files of the log are moved, others not yet"
    # Orders on their way to the venue and back.
    CANCEL_DUE = "everything before it is done, the cancel is not sent"
    CANCEL_ANSWERED = "the venue has answered the cancel, nothing is written of it"
    SEND_DUE = "the intent is durable, the order is not sent"
    SEND_ANSWERED = "the venue has answered the order, nothing is written of it"
    # The ledger.
    LEDGER_WRITTEN = "the rows are written, the transaction is not committed"
    LEDGER_COMMITTED = "the transaction is durable"
    # The simulated venue's own file: another machine, but for PAPER.
    VENUE_WRITTEN = "the venue has done what it was asked, and its disk does not know yet"
    VENUE_COMMITTED = "the venue will never forget it, and has not answered"
    # A word of the operator's.
    RESUME_TAKEN = "RESUME is obeyed, on record, and gone"


Hook = Callable[[CrashPoint], None]


def _go_on(point: CrashPoint) -> None:
    """The hook of every process that is not a test."""


@dataclass(slots=True)
class _Hung:
    hook: Hook = _go_on


_HUNG = _Hung()


def reached(point: CrashPoint) -> None:
    """Call between two effects."""
    _HUNG.hook(point)


@contextmanager
def hooked(hook: Hook) -> Iterator[None]:
    """Within the block every point calls `hook` alone, which may raise or end the process."""
    before, _HUNG.hook = _HUNG.hook, hook
    try:
        yield
    finally:
        _HUNG.hook = before
