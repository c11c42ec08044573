"""Exit codes of the programs: what a supervisor may conclude without reading a line."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    FINISHED = 0
    FAILED = 1  # --once and its cycle failed
    USAGE = 2  # configuration or command line
    GATE = 3  # a gate refused LIVE
    LOCKED = 4  # another instance holds the lock
    HALTED = 5  # with --stop-on-halt
    DAMAGED = 6  # what lasts is damaged, foreign or cannot be written; nothing was traded
    KEY_REFUSED = 7
    UNPROVED = 8  # stopped, but the final status of an own order is unproved


class Refusal(Exception):
    """The program ends before anything was traded: one line for the user, one code."""

    def __init__(self, code: ExitCode, line: str) -> None:
        super().__init__(line)
        self.code = code
