"""BotState: what must survive a restart, and how one cycle changes it.

Counters, levels and memories only; money lives in the ledger. `next_state` is
pure, so replay can prove every step of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache

from core.market import Side
from core.money import Money
from core.rates import Rate


class Level(Enum):
    """What the bot may do now. The process runs at every level."""

    NORMAL = "NORMAL"
    REDUCE_ONLY = "REDUCE_ONLY"  # no buys
    PAUSED = "PAUSED"  # protective exits and cancels only, until a named time
    HALTED = "HALTED"  # protective exits and cancels only, until runner.resume

    @property
    def strictness(self) -> int:
        """0 at NORMAL; a higher number allows less."""
        return tuple(Level).index(self)


@dataclass(frozen=True, slots=True)
class Standing:
    """The level, since when and why; `until` ends PAUSED by itself.

    A level that a limit of the policy set carries what was seen, the limit and its key.
    """

    level: Level
    code: str  # a Reason's name; empty at NORMAL
    why: str
    since: datetime
    until: datetime | None = None
    seen: str = ""
    limit: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Controls:
    """What the operator said since the last cycle: by control files, or by a signal."""

    kill: str | None = None
    resume: str | None = None
    flatten: str | None = None
    stop: str | None = None  # the process is asked to end after this cycle


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
    """Equity net of flows at the first cycle of a UTC day."""

    day: date
    equity: Money


@dataclass(frozen=True, slots=True)
class WeekOpen:
    """Equity net of flows at the first cycle of a week; weeks begin on Monday, 00:00 UTC."""

    monday: date
    equity: Money


@dataclass(frozen=True, slots=True)
class Closed:
    """A sale of own lots, all fills of its order together: what it left, net of fees."""

    symbol: str
    order: str  # client order id
    at: datetime
    profit: Money  # in the currency that the product is paid in


@dataclass(frozen=True, slots=True)
class ExitLevel:
    """A price at which a position is left, and who set it."""

    price: Decimal  # in quote currency
    key: str  # of the policy, or of the rule that wanted the buy


@dataclass(frozen=True, slots=True)
class Wish:
    """The levels that a planned buy asked for, until its lots are there."""

    stop: ExitLevel
    target: ExitLevel
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitPlan:
    """When one position is left, whatever its strategy thinks later. Prices in quote currency."""

    symbol: str
    stop: ExitLevel
    target: ExitLevel
    entry: Decimal  # average cost of a unit, fees included
    opened_at: datetime  # of its oldest lot
    added_at: datetime  # of its newest lot
    highest_close: Decimal  # since entry, and never below the entry
    attempts: int = 0  # exits sent in a row that left something of the position


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often the venue would not let a position's stop rest, in which cycle last, and why."""

    times: int
    cycle: int
    told: str


@dataclass(frozen=True, slots=True)
class Asked:
    """How often an own order was asked to be cancelled, and in which cycle last."""

    times: int
    cycle: int


@dataclass(frozen=True, slots=True)
class Chase:
    """An entry that was taken back because the book moved away from it."""

    proposal: str  # its id
    step: int  # of the order taken back
    left: Decimal  # base units that were not filled when it was taken back
    reach: Decimal  # base units held, had all of it been filled


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMemory:
    """What keeps changes of own orders and positions from becoming a loop."""

    asked: Mapping[str, Asked] = field(default_factory=dict)  # client order id -> its cancels
    unwanted: Mapping[str, int] = field(default_factory=dict)  # client order id -> cycles in a row
    chases: Mapping[str, Chase] = field(default_factory=dict)  # symbol -> its interrupted entry
    trimmed: Mapping[str, datetime] = field(default_factory=dict)  # symbol -> its last slice


class BreakerPosition(Enum):
    """What a circuit breaker does with a request."""

    CLOSED = "closed"  # lets it through
    OPEN = "open"  # sends nothing
    HALF_OPEN = "half_open"  # one is on its way, to see


@dataclass(frozen=True, slots=True)
class Breaker:
    """A group of the venue's endpoints: `failures` in a row, and since when it is left alone."""

    group: str
    position: BreakerPosition = BreakerPosition.CLOSED
    failures: int = 0
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Halt:
    """Something that only a person can put right, found while the cycle could go on."""

    code: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What reconciling with the venue brought to light that a decision must know.

    It is folded into the state before the decision and stands on the tape, so that replay
    sees what the cycle saw.
    """

    closed: tuple[Closed, ...] = ()  # what the fills just booked left of sales
    unsent: tuple[Sent, ...] = ()  # orders that are now proved never to have arrived
    stops: Mapping[str, datetime] = field(default_factory=dict)  # symbol -> its resting stop filled
    absent: Mapping[str, int] = field(default_factory=dict)  # as in the state, of now
    unexplained: Mapping[str, Decimal] = field(default_factory=dict)  # as in the state, of now
    halt: Halt | None = None


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
    equity_peak: Money | None  # net of flows, like the two below
    day_open: DayOpen | None
    week_open: WeekOpen | None = None
    exits: Mapping[str, ExitPlan] = field(default_factory=dict)  # every position's, by symbol
    wished: Mapping[str, Wish] = field(default_factory=dict)  # by symbol, of the last day
    stopped: Mapping[str, datetime] = field(default_factory=dict)  # symbol -> its last stop
    refusals: Mapping[str, Refusal] = field(default_factory=dict)  # symbol -> of its position
    closed: tuple[Closed, ...] = ()  # the last sales, oldest first
    rates: Mapping[str, Rate] = field(default_factory=dict)  # last known, by currency
    changes: ChangeMemory = ChangeMemory()
    absent: Mapping[str, int] = field(default_factory=dict)  # client order id -> the cycle of
    # the first complete listing that did not hold an order without an answer
    unexplained: Mapping[str, Decimal] = field(default_factory=dict)  # asset -> what the venue
    # held beyond our books in the last cycle; negative: what it lacked
    breakers: tuple[Breaker, ...] = ()  # of a real venue, as the last cycle left them

    @property
    def cycle_id(self) -> str:
        """Bot name, birth time, number: one cycle of one state folder, for ever."""
        return f"{_folder_id(self.name, self.born_at)}-{self.cycle}"

    @property
    def eligible(self) -> Mapping[str, str]:
        """The last known universe: symbol -> tier."""
        return {
            symbol: member.tier
            for symbol, member in self.memberships.items()
            if member.tier is not None
        }


@lru_cache
def _folder_id(name: str, born_at: datetime) -> str:
    born = born_at.isoformat(timespec="seconds")[:19]  # strftime takes ten times as long
    return f"{name}-{born.replace('-', '').replace(':', '')}Z"
