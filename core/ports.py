"""What the shell needs of the outside world, split by need.

Reading a market and moving money are two powers, so they are two ports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from core.account import Position
from core.market import Balance, Bars, Depth, Fees, Product, TopOfBook
from core.orders import CancelAnswer, Order, OrderStatus, PlannedCancel, PlannedOrder
from core.rates import Rates
from core.state import BotState, Controls, Sent


class Clock(Protocol):
    """What time it is at the market."""

    def now(self) -> datetime: ...


class Timer(Protocol):
    """For waiting, and for nothing else."""

    def monotonic(self) -> float:
        """Seconds that only ever grow."""

    def sleep(self, seconds: float) -> None: ...


class MarketData(Protocol):
    """Public reading. Every call is one request unless it says otherwise."""

    @property
    def requests(self) -> int:
        """How many requests were made since the start."""

    @property
    def depths_per_request(self) -> int:
        """How many depths one request brings: 1 at a real venue, many where they are modelled."""

    def server_time(self) -> datetime: ...

    def products(self) -> tuple[Product, ...]: ...

    def fees(self) -> Fees: ...

    def tops(self, symbols: Iterable[str]) -> Mapping[str, TopOfBook]:
        """Best bid and ask; a product without a two-sided book is left out."""

    def depths(self, symbols: Iterable[str]) -> Mapping[str, Depth]:
        """Up to ten levels a side; one request per `depths_per_request` symbols."""

    def bars(self, symbol: str, bar: timedelta, since: datetime, until: datetime) -> Bars:
        """Closed bars that open at or after `since` and close at or before `until`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue said to an order: any status but INTENDED."""

    status: OrderStatus
    exchange_order_id: str | None = None


class Venue(Protocol):
    """The account: what it holds, and orders."""

    def balances(self) -> tuple[Balance, ...]: ...

    def submit(self, order: PlannedOrder) -> Answer: ...

    def cancel(self, cancel: PlannedCancel) -> CancelAnswer:
        """Ask to take an own order back. That it was taken back is told by the order alone."""

    def look_up(self, order: PlannedOrder) -> Answer:
        """What became of an intent whose answer never arrived; UNKNOWN where nobody can tell."""


class Ledger(Protocol):
    """Orders and money: the truth about both."""

    def open_books(self, balances: tuple[Balance, ...], rates: Rates, at: datetime) -> None:
        """Book the first balances, once; later calls change nothing."""

    def cash(self) -> Mapping[str, Decimal]: ...

    def foreign(self) -> Mapping[str, Decimal]: ...

    def positions(self) -> Mapping[str, Position]: ...

    def flows(self) -> Mapping[str, Decimal]:
        """What was paid in less what was paid out since the books were opened, by currency."""

    def unsettled(self) -> tuple[Order, ...]:
        """Every own order without a final status."""

    def intend(self, orders: tuple[Order, ...], at: datetime) -> None:
        """Write intents, durably, in one transaction; an id that exists already is fatal."""

    def settle(self, orders: tuple[Order, ...], at: datetime) -> None:
        """Write what became of intents."""

    def orders_of(self, cycle: int) -> tuple[Order, ...]:
        """Every own order of one cycle, as it stands."""

    def highest_cycle(self) -> int:
        """The highest cycle that has an order; 0 where there is none."""

    def sent_since(self, since: datetime) -> tuple[Sent, ...]:
        """Orders intended after `since` that count for pace, oldest first."""


class StateStore(Protocol):
    def load(self) -> BotState | None: ...

    def save(self, state: BotState) -> None: ...


class ControlFiles(Protocol):
    """KILL and RESUME: the only files by which another program speaks to the bot."""

    def read(self) -> Controls: ...

    def killed(self) -> bool:
        """Whether KILL is there now; cheap enough to ask before every send."""

    def consume_resume(self) -> None: ...
