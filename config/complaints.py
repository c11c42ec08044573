"""What is wrong with a configuration, said to the person who wrote it.

A complaint names the file, the line, the key and what to do. Complaints are
collected, never raised one by one: a person wants to mend a file once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

COMMAND_LINE = "command line"
_SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written. Line 0 is a source without lines, such as the command line."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Complaint:
    """One mistake: where, at which dotted key, and what to do about it."""

    place: Place
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.key}: {self.message}"


class ConfigError(Exception):
    """The configuration cannot be used. Holds every complaint; as text, one a line."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(str(complaint) for complaint in self.complaints))


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean X?", or nothing where no known name comes near."""
    from difflib import get_close_matches  # only mistakes need it

    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def listed(names: Iterable[str], joint: str = "or") -> str:
    """A, B or C."""
    *others, last = list(names)
    return f"{', '.join(others)} {joint} {last}" if others else last


def shown(value: object) -> str:
    """A value as it was written, cut short where somebody wrote a novel."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    short = text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."
    return repr(short) if isinstance(value, str) else short
