"""BotState: what must survive a restart, and how one cycle changes it.

Counters, levels and memories only; money lives in the ledger. `next_state` is
pure, so replay can prove every step of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from core.market import Side
from core.money import Money


class Level(Enum):
    """What the bot may do now. The process runs at every level."""

    NORMAL = "NORMAL"
    REDUCE_ONLY = "REDUCE_ONLY"  # no buys
    PAUSED = "PAUSED"  # protective exits and cancels only, until a named time
    HALTED = "HALTED"  # protective exits and cancels only, until runner.resume


@dataclass(frozen=True, slots=True)
class Standing:
    """The level, since when and why; `until` ends PAUSED by itself."""

    level: Level
    code: str  # a Reason's name; empty at NORMAL
    why: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Controls:
    """What the operator said since the last cycle, as read from the control files."""

    kill: str | None = None
    resume: str | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """Where a product stands towards the universe, and for how many cycles in a row.

    `tier` is None outside. `streak` counts cycles that argue for the other side.
    """

    tier: str | None
    streak: int


@dataclass(frozen=True, slots=True)
class Sent:
    """An order that counts for pace, whatever came of it."""

    symbol: str
    side: Side
    at: datetime


@dataclass(frozen=True, slots=True)
class DayOpen:
    """Equity at the first cycle of a UTC day."""

    day: date
    equity: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BotState:
    name: str  # the bot's
    born_at: datetime  # first decision time of the state folder, by the market's clock
    cycle: int  # the number of the cycle being decided, or of the last one between cycles
    at: datetime | None  # decision time of the last cycle
    standing: Standing
    memberships: Mapping[str, Membership]
    excluded: Mapping[str, str]  # symbol -> code in the last decided cycle
    sent: tuple[Sent, ...]  # the last 24 hours, oldest first
    nearest: tuple[str, ...]  # products by nearness to a trigger, nearest first
    equity_peak: Money | None
    day_open: DayOpen | None

    @property
    def cycle_id(self) -> str:
        """Bot name, birth time, number: one cycle of one state folder, for ever."""
        return f"{self.name}-{self.born_at:%Y%m%dT%H%M%SZ}-{self.cycle}"

    @property
    def eligible(self) -> Mapping[str, str]:
        """The last known universe: symbol -> tier."""
        return {
            symbol: member.tier
            for symbol, member in self.memberships.items()
            if member.tier is not None
        }
