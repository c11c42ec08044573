"""What the shell needs of the outside world, split by need.

Reading a market and moving money are two powers, so they are two ports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol, TypeVar

from core.account import Position
from core.errors import RetryableError
from core.market import Balance, Bars, Depth, Fees, Product, TopOfBook
from core.orders import (
    CancelAnswer,
    Fill,
    Order,
    OrderStatus,
    PlannedCancel,
    PlannedOrder,
    VenueFill,
    VenueOrder,
)
from core.rates import Rates
from core.state import BotState, Closed, Controls, Sent

Piece = TypeVar("Piece")


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


class ReadAll(Protocol):
    """Asks everything of a list, side by side where the venue allows it.

    The answers stand in the order of the asks; a RetryableError is an answer too.
    """

    def __call__(
        self, asks: Sequence[Callable[[], Piece]]
    ) -> tuple[Piece | RetryableError, ...]: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue said to an order: any status but INTENDED."""

    status: OrderStatus
    exchange_order_id: str | None = None
    told: str = ""  # its own words, where it said no


@dataclass(frozen=True, slots=True)
class Found:
    """The venue has the order."""

    order: VenueOrder


@dataclass(frozen=True, slots=True)
class Absent:
    """A complete listing, reaching back past `since`, does not hold it. No proof by itself."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The listing could not be had, or does not reach back far enough."""

    why: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """This venue sends nothing: whatever was intended is NOT_SENT, for good."""


Search = Found | Absent | CannotTell | Unsent


class Venue(Protocol):
    """The account: what it holds, its orders, its fills. A call is one request, or one a page.

    Reading raises RetryableError when there is no answer. `submit` and `cancel` never
    raise for an answer that is lost or unreadable: that is UNKNOWN. They may raise
    RetryableError only where it is certain that nothing was sent.
    """

    @property
    def requests(self) -> int:
        """How many requests were made since the start."""

    def balances(self) -> tuple[Balance, ...]: ...

    def submit(self, order: PlannedOrder) -> Answer:
        """Send it once. The same client order id again is the same order, never a second one."""

    def preview(self, order: PlannedOrder) -> str:
        """The venue's own objection to an order, or nothing. Nothing is sent."""

    def cancel(self, cancel: PlannedCancel) -> CancelAnswer:
        """Ask to take an own order back. That it was taken back is told by the order alone."""

    def open_orders(self) -> tuple[VenueOrder, ...]:
        """Every order that works, ours or not, oldest first."""

    def order(self, exchange_order_id: str) -> VenueOrder | None:
        """One order as it stands; None where the venue does not know it (yet)."""

    def find_order(self, client_order_id: str, since: datetime) -> Search:
        """Whether an intent of `since` or later reached the venue."""

    def fills(self, since: datetime) -> tuple[VenueFill, ...]:
        """Fill rows at or after `since`, oldest first; of all orders of the account."""


class Ledger(Protocol):
    """Orders and money: the truth about both."""

    @property
    def opened(self) -> bool:
        """Whether the first balances are booked."""

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

    def unsettled_since(self) -> datetime | None:
        """When the oldest own order without a final status was intended."""

    def orders_of(self, cycle: int) -> tuple[Order, ...]:
        """Every own order of one cycle, as it stands."""

    def highest_cycle(self) -> int:
        """The highest cycle that has an order; 0 where there is none."""

    def sent_since(self, since: datetime) -> tuple[Sent, ...]:
        """Orders intended after `since` that count for pace, oldest first."""


@dataclass(frozen=True, slots=True)
class Booked:
    """A fill that is in the books now, and what its sale left, net of fees."""

    fill: Fill
    closed: Closed | None  # None for a buy


class Checked(Protocol):
    """What reading the whole ledger and proving it came to."""

    @property
    def balanced(self) -> bool: ...

    @property
    def differences(self) -> Mapping[str, str]:
        """What is off, and by how much."""


class Books(Ledger, Protocol):
    """The ledger with fills in it."""

    def order_of(self, exchange_order_id: str) -> Order | None:
        """The own order that the venue calls so."""

    def book(self, fills: tuple[Fill, ...]) -> tuple[Booked, ...]:
        """Book fills of own orders in one transaction, and say which were new.

        A fill is known by its id: a row that is booked already changes nothing, one that
        says something else than what is booked is fatal (FILL_CONTRADICTED). `filled` of
        its order grows with it.
        """

    def book_flow(self, asset: str, amount: Decimal, at: datetime, note: str) -> None:
        """Book what came (or, negative, went) from outside: neither gain nor loss."""

    def to_dust(self, symbol: str, at: datetime) -> None:
        """Close a position that cannot be sold alone; the next buy of the product takes it back."""

    def dust(self) -> Mapping[str, Decimal]:
        """Own coins that cannot be sold alone, by asset."""

    def expected(self) -> Mapping[str, Decimal]:
        """What the venue must hold by our books, by asset: wallets, lots, dust and foreign."""

    def stops_since(self, since: datetime) -> Mapping[str, datetime]:
        """When a stop of ours that rested at the venue last sold, by product, after `since`."""

    def closed_since(self, since: datetime) -> tuple[Closed, ...]:
        """Sales of own lots after `since`, one for each order, oldest first."""

    def booked_after(self, fill_id: str | None) -> tuple[Fill, ...]:
        """Fills booked after that one, in the order of their booking; all where it is None."""

    def last_fill_at(self) -> datetime | None:
        """Time of the newest fill that is booked."""

    def prove(self) -> None:
        """Prove what was posted since the last call; FatalError BOOKS_OPEN where it is off."""

    def check(self) -> Checked:
        """Prove all of it, from the first row."""


class StateStore(Protocol):
    def load(self) -> BotState | None: ...

    def save(self, state: BotState) -> None: ...


class ControlFiles(Protocol):
    """KILL and RESUME: the only files by which another program speaks to the bot."""

    def read(self) -> Controls: ...

    def killed(self) -> bool:
        """Whether KILL is there now; cheap enough to ask before every send."""

    def flattening(self) -> bool:
        """Whether FLATTEN waits to be obeyed."""

    def consume_resume(self) -> None: ...

    def consume_flatten(self) -> None: ...

    def ask_to_stop(self, why: str) -> None:
        """From the next cycle on this process is about to end."""
