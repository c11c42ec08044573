"""What can be wrong with a bot so that somebody must be told, and what one look at it found.

A code is for programs and never changes its meaning; the sentence is for people who
were asleep. A subject tells two alerts of one code apart: a product, an order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Key = tuple[str, str]  # code and subject


class AlertCode(Enum):
    HALTED = "The bot is halted; exits go on, and an operator must resume it."
    REDUCE_ONLY = "The bot may only reduce."
    PAUSED = "The bot is paused; exits go on."
    ORDER_UNKNOWN = "For more than two cycles nobody knows what became of an order."
    ORDER_STUCK = "An order rests on although its cancel was asked for more than once."
    EXIT_MISSING = "A position has no exit that works now."
    EXIT_BLOCKED = "A position is to be left, and no sale of it goes out or fills."
    STOP_REFUSED = "The venue would not let a stop rest; the bot watches it while it lives."
    BOOKS_OPEN = "The books do not close; the product or the wallet stands still."
    CRASHED = "The bot was started after an end that it did not choose."
    DISK_FULL = "The disk has less free space than its reserve; nothing is decided."
    NOT_WRITTEN = "What must not be lost could not be written."
    KEY_REFUSED = "The venue refuses the key."
    VENUE_UNREACHABLE = "The venue does not answer."
    CYCLE_FAILED = "Cycles fail."
    START_REFUSED = "The bot would not start."
    UNPROVED = "The bot ended, and what became of an own order is unproved."


# Told only once they have lasted: a blip is nothing to be woken for.
PATIENT = frozenset(
    {
        AlertCode.EXIT_MISSING,
        AlertCode.STOP_REFUSED,
        AlertCode.VENUE_UNREACHABLE,
        AlertCode.CYCLE_FAILED,
    }
)
# What a start or an end brought about; a cycle that decides is its end.
AROUND = frozenset(
    {
        AlertCode.CRASHED,
        AlertCode.KEY_REFUSED,
        AlertCode.START_REFUSED,
        AlertCode.UNPROVED,
    }
)
EVERY = frozenset(AlertCode)


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong now."""

    code: AlertCode
    subject: str  # empty where there is only one of the code
    text: str

    @property
    def key(self) -> Key:
        return self.code.name, self.subject


@dataclass(frozen=True, slots=True)
class Sight:
    """All that is wrong now. Of `blind` codes nothing is known: what was on may still be."""

    on: tuple[Alert, ...]
    blind: frozenset[AlertCode] = frozenset()
