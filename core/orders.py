"""Orders: what will be sent, what was sent, what came of it.

A life cycle is a table, and its surprising rows say so. The client order id is
computed from the decision, so the same intent can never become two orders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID, uuid5

from core.errors import FatalError
from core.market import Side
from core.money import ZERO, Money, Price, Quantity, multiplied, subtracted

# The name space of our order ids. Changing it would give old intents new ids.
_NAMESPACE = UUID("6b1d7f0e-3c58-5d0c-9a7e-2f4f3b247247")


class OrderType(Enum):
    LIMIT = "LIMIT"


class TimeInForce(Enum):
    GTD = "GTD"
    IOC = "IOC"


class OrderStatus(Enum):
    INTENDED = "INTENDED"  # written down, not yet sent
    NOT_SENT = "NOT_SENT"  # decided, and by its mode never sent
    OPEN = "OPEN"  # the venue has it
    REFUSED = "REFUSED"  # the venue said no
    UNKNOWN = "UNKNOWN"  # sent, and no answer says whether it exists


NEXT: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.INTENDED: frozenset(
        {OrderStatus.NOT_SENT, OrderStatus.OPEN, OrderStatus.REFUSED, OrderStatus.UNKNOWN}
    ),
    OrderStatus.UNKNOWN: frozenset({OrderStatus.OPEN, OrderStatus.REFUSED}),
    OrderStatus.OPEN: frozenset(),
    OrderStatus.NOT_SENT: frozenset(),
    OrderStatus.REFUSED: frozenset(),
}
FINAL = frozenset({OrderStatus.NOT_SENT, OrderStatus.REFUSED})


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

    def __post_init__(self) -> None:
        if not self.client_order_id:
            raise ValueError("an order without a client order id could be sent twice")
        if (self.time_in_force is TimeInForce.GTD) != (self.end_time is not None):
            raise ValueError(f"{self.symbol}: an end time goes with GTD, and only with GTD")

    @property
    def notional(self) -> Money:
        return self.price.of(self.quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An intent and what is known of it now."""

    planned: PlannedOrder
    cycle: int
    status: OrderStatus
    exchange_order_id: str | None = None
    filled: Decimal = ZERO

    @property
    def symbol(self) -> str:
        return self.planned.symbol

    @property
    def unfilled(self) -> Money:
        """The notional that it may still fill, at its limit."""
        rest = subtracted(self.planned.quantity.amount, self.filled)
        return Money(multiplied(self.planned.price.amount, rest), self.planned.price.quote)


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
