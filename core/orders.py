"""Orders: what will be sent, what was sent, what came of it.

A life cycle is a table, and its surprising rows say so. The client order id is
computed from the decision, so the same intent can never become two orders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID, uuid5

from core.errors import FatalError
from core.market import Side
from core.money import ZERO, Money, Price, Quantity, subtracted
from core.reasons import Finding

# The name space of our order ids. Changing it would give old intents new ids.
_NAMESPACE = UUID("6b1d7f0e-3c58-5d0c-9a7e-2f4f3b247247")


class OrderType(Enum):
    LIMIT = "LIMIT"
    STOP_LIMIT = "STOP_LIMIT"  # becomes a limit order at `price` once the market is at `stop`
    BRACKET = "BRACKET"  # a sale with its target at `price` and its stop at `stop`


class TimeInForce(Enum):
    GTC = "GTC"
    GTD = "GTD"
    IOC = "IOC"


_PLAIN = frozenset({OrderType.LIMIT})  # types without a stop price
# Stands where an entry names its strategy: who asks for stops that rest at the venue.
PROTECT = "protect"


class OrderStatus(Enum):
    INTENDED = "INTENDED"  # written down, not yet sent
    SUBMITTED = "SUBMITTED"  # sent, the answer is outstanding
    OPEN = "OPEN"  # the venue has it, nothing is filled
    PARTIAL = "PARTIAL"  # the venue has it, a part is filled
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"  # taken back; a part may have been filled before
    EXPIRED = "EXPIRED"  # its own end came; a part may have been filled before
    REFUSED = "REFUSED"  # the venue said no
    UNKNOWN = "UNKNOWN"  # sent, and no answer says whether it exists
    NOT_SENT = "NOT_SENT"  # decided, and by its mode never sent
    NEVER_REACHED = "NEVER_REACHED"  # sent, and proved absent at the venue


# The venue had it at some time, so something happened in the market.
REACHED = frozenset(
    {
        OrderStatus.OPEN,
        OrderStatus.PARTIAL,
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.EXPIRED,
    }
)
_LATER = REACHED - {OrderStatus.OPEN}
_ANSWERED = REACHED | {OrderStatus.REFUSED, OrderStatus.NEVER_REACHED}

NEXT: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.INTENDED: _ANSWERED
    | {OrderStatus.NOT_SENT, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN},
    OrderStatus.SUBMITTED: _ANSWERED | {OrderStatus.UNKNOWN},
    OrderStatus.UNKNOWN: _ANSWERED,
    OrderStatus.OPEN: _LATER,
    OrderStatus.PARTIAL: _LATER,  # PARTIAL again: more of it is filled
    # A fill may win against the cancel or the end and be told after it. The order never
    # comes back to life: cancelled and then open means that somebody is wrong.
    OrderStatus.CANCELLED: frozenset({OrderStatus.CANCELLED, OrderStatus.FILLED}),
    OrderStatus.EXPIRED: frozenset({OrderStatus.EXPIRED, OrderStatus.FILLED}),
    OrderStatus.FILLED: frozenset(),
    OrderStatus.REFUSED: frozenset(),
    OrderStatus.NOT_SENT: frozenset(),
    OrderStatus.NEVER_REACHED: frozenset(),
}
# Nothing more is expected of these; a late fill of a CANCELLED or EXPIRED one is still booked.
FINAL = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.EXPIRED,
        OrderStatus.REFUSED,
        OrderStatus.NOT_SENT,
        OrderStatus.NEVER_REACHED,
    }
)
# The venue has it and may fill it at any moment: what a cancel can reach.
RESTING = frozenset({OrderStatus.OPEN, OrderStatus.PARTIAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """One order as decided: legal at the venue, with its end and its reason."""

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    end_time: datetime | None  # GTD only
    price: Price
    quantity: Quantity
    reason: str  # the proposal's id
    stop: Price | None = None  # the price that sets it off; STOP_LIMIT and BRACKET only
    # Own orders that must be seen final, with nothing filled since the decision, before this
    # one is sent. It matters in the cycle that plans it alone: no ledger keeps it, and the
    # order is the same one whatever it waited for.
    after: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not self.client_order_id:
            raise ValueError("an order without a client order id could be sent twice")
        if (self.type in _PLAIN) != (self.stop is None):
            raise ValueError(f"{self.symbol}: a stop price goes with a {self.type.value}, or not")
        if (self.time_in_force is TimeInForce.GTD) != (self.end_time is not None):
            raise ValueError(f"{self.symbol}: an end time goes with GTD, and only with GTD")

    @property
    def notional(self) -> Money:
        return self.price.of(self.quantity)

    @property
    def author(self) -> str:
        """The strategy, or the part of the core, that asked for it."""
        return self.reason.split(":", 1)[0]

    @property
    def protects(self) -> bool:
        """Whether it is a stop of ours that is to rest at the venue."""
        return self.author == PROTECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An intent and what is known of it now."""

    planned: PlannedOrder
    cycle: int
    status: OrderStatus
    exchange_order_id: str | None = None
    filled: Decimal = ZERO  # what is booked of it
    told: str = ""  # the venue's own words where it said no

    @property
    def symbol(self) -> str:
        return self.planned.symbol

    @property
    def left(self) -> Quantity:
        """What of it is not filled."""
        planned = self.planned.quantity
        return Quantity(subtracted(planned.amount, self.filled), planned.base)

    @property
    def unfilled(self) -> Money:
        """The notional that it may still fill, at its limit."""
        return self.planned.price.of(self.left)

    @property
    def guards(self) -> bool:
        """Whether it is a stop that rests: it holds up no other order, but gives way to a sale.

        One whose answer is outstanding may be anything, so it guards nothing.
        """
        return self.planned.protects and self.status in RESTING


@dataclass(frozen=True, slots=True)
class PlannedCancel:
    """One own order to be taken back, and why. `order` is how it stood when this was decided."""

    order: Order
    why: Finding

    def __post_init__(self) -> None:
        if self.order.status not in RESTING:
            raise ValueError(f"{self.order.symbol}: only an order that rests can be cancelled")

    @property
    def symbol(self) -> str:
        return self.order.symbol

    @property
    def client_order_id(self) -> str:
        return self.order.planned.client_order_id

    @property
    def exchange_order_id(self) -> str | None:
        return self.order.exchange_order_id


class CancelAnswer(Enum):
    """What the venue says to a cancel. What becomes of the order is told by the order."""

    ACCEPTED = "ACCEPTED"  # it will try; a fill may still win
    REFUSED = "REFUSED"  # a definite no: there is nothing left to cancel
    UNKNOWN = "UNKNOWN"  # asked, and no answer came
    NOT_SENT = "NOT_SENT"  # by its mode never asked


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A cancel that was carried out, with its answer; `order` as it stands after it."""

    order: Order
    answer: CancelAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What happened: a quantity at a price, with its fee."""

    fill_id: str
    client_order_id: str
    symbol: str
    side: Side
    price: Price
    quantity: Quantity
    fee: Money
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order as the venue tells of it, whoever placed it. None: the venue does not say.

    Its status is one that a venue can know: REACHED, REFUSED, or UNKNOWN for a word that
    nobody here understands. A person may place types that we have no name for.
    """

    exchange_order_id: str
    client_order_id: str | None
    originates_from: str | None  # exchange id of the order that brought it about
    symbol: str
    side: Side
    type: OrderType | None
    time_in_force: TimeInForce | None
    price: Decimal | None
    stop: Decimal | None
    quantity: Decimal | None
    filled: Decimal
    status: OrderStatus
    created_at: datetime
    end_time: datetime | None = None
    told: str = ""  # the venue's own words where it refused or ended it


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFill:
    """A fill row as the venue tells of it. The same row may come twice, and late."""

    fill_id: str
    exchange_order_id: str
    symbol: str
    side: Side
    price: Price
    quantity: Quantity
    fee: Money
    at: datetime


def intended(planned: PlannedOrder, cycle: int) -> Order:
    return Order(planned=planned, cycle=cycle, status=OrderStatus.INTENDED)


def moved(order: Order, to: OrderStatus) -> Order:
    """The order in its next status. An impossible step is fatal: somebody is wrong."""
    if to not in NEXT[order.status]:
        raise FatalError(
            "impossible order step",
            code="IMPOSSIBLE_ORDER_STEP",
            order=order.planned.client_order_id,
            was=order.status.name,
            to=to.name,
        )
    return replace(order, status=to)


def client_order_id(cycle_id: str, strategy: str, symbol: str, side: Side, step: int) -> str:
    """UUIDv5 of the decision: the same intent always has the same id."""
    return str(uuid5(_NAMESPACE, f"{cycle_id}|{strategy}|{symbol}|{side.value}|{step}"))


def step_of(planned: PlannedOrder, cycle_id: str, *, most: int) -> int | None:
    """Which replacement of its intent the order is, 0 for the first; None above `most`.

    The id itself says it, so the count needs no memory that a crash could lose.
    `cycle_id` is that of the cycle that planned the order.
    """
    for step in range(most + 1):
        name = client_order_id(cycle_id, planned.author, planned.symbol, planned.side, step)
        if name == planned.client_order_id:
            return step
    return None
