"""A venue on which orders rest, and a ledger that holds what a test says it holds.

The venue takes every order: one with an end rests until it is cancelled or the test
ends it, any other is filled at once. The ledger is the bot's real one, but for the
lots, which no venue of this version could have filled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import cast

from core.market import Balance, Side
from core.money import ZERO, Price, Quantity, added, multiplied, subtracted
from core.orders import (
    RESTING,
    CancelAnswer,
    Order,
    OrderStatus,
    PlannedCancel,
    PlannedOrder,
    TimeInForce,
    VenueFill,
    VenueOrder,
)
from core.ports import Absent, Answer, Books, Found, Search
from runner.bot import Bot
from tests.builders.account import a_position
from tests.builders.lots import HandedLots
from tests.builders.scripted import told_of


@dataclass
class Holdings(HandedLots):
    """Handed lots that can be sold, and open orders that may be filled in part."""

    proceeds: Decimal = Decimal(0)
    filled: dict[str, Decimal] = field(default_factory=dict)  # of open orders, by id

    def cash(self) -> Mapping[str, Decimal]:
        own = self.ledger.cash()
        return {**own, "USD": added(own["USD"], self.proceeds)}

    def unsettled(self) -> tuple[Order, ...]:
        return tuple(
            replace(order, filled=self.filled.get(order.planned.client_order_id, order.filled))
            for order in self.ledger.unsettled()
        )

    def owns(self, symbol: str, quantity: str, *, price: str = "100") -> None:
        """So much of it and no more; nothing at all for 0."""
        self.lots.pop(symbol, None)
        if Decimal(quantity):
            self.lots[symbol] = a_position(symbol, quantity=quantity, price=price)

    def sell(self, quantity: Quantity, price: Price) -> None:
        symbol = f"{quantity.base}-{price.quote}"
        left = subtracted(self.lots[symbol].quantity.amount, quantity.amount)
        assert left >= 0, f"{quantity} sold of {self.lots[symbol].quantity}"
        paid = str(self.lots[symbol].lots[0].price)
        self.owns(symbol, str(left), price=paid)
        self.proceeds = added(self.proceeds, multiplied(quantity.amount, price.amount))


def _name_of(order: PlannedOrder) -> str:
    return f"X-{order.client_order_id[:8]}"


@dataclass
class RestingVenue:
    """Takes orders and cancels. `deaf` lets cancels be accepted and come to nothing."""

    account: tuple[Balance, ...]
    holdings: Holdings
    deaf: bool = False
    mute: bool = False  # cancels are never sent, as by a mode that sends nothing
    takes: bool = True  # whether a sell takes what it was sent for
    status: dict[str, OrderStatus] = field(default_factory=dict)
    sent: list[PlannedOrder] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)  # client order ids, as often as asked

    @property
    def requests(self) -> int:
        return 0

    def balances(self) -> tuple[Balance, ...]:
        return self.account

    def submit(self, order: PlannedOrder) -> Answer:
        assert order.client_order_id not in self.status, "an id was used twice"
        self.sent.append(order)
        self.status[order.client_order_id] = self._taken(order)
        return Answer(OrderStatus.OPEN, _name_of(order))

    def preview(self, order: PlannedOrder) -> str:
        return ""

    def cancel(self, cancel: PlannedCancel) -> CancelAnswer:
        assert cancel.client_order_id in self.status, "an order that is not ours"
        if self.mute:
            return CancelAnswer.NOT_SENT
        self.cancelled.append(cancel.client_order_id)
        if not self.deaf:
            self.status[cancel.client_order_id] = OrderStatus.CANCELLED
        return CancelAnswer.ACCEPTED

    def open_orders(self) -> tuple[VenueOrder, ...]:
        return tuple(told for order in self.sent if (told := self._told(order)).status in RESTING)

    def order(self, exchange_order_id: str) -> VenueOrder | None:
        found = [order for order in self.sent if _name_of(order) == exchange_order_id]
        return self._told(found[0]) if found else None

    def find_order(self, client_order_id: str, since: datetime) -> Search:
        found = [order for order in self.sent if order.client_order_id == client_order_id]
        return Found(self._told(found[0])) if found else Absent()

    def fills(self, since: datetime) -> tuple[VenueFill, ...]:
        """None: what a sale brought is handed to the ledger."""
        return ()

    def _told(self, order: PlannedOrder) -> VenueOrder:
        part = self.holdings.filled.get(order.client_order_id, ZERO)
        status = self.status[order.client_order_id]
        return told_of(order, status, name=_name_of(order), filled=part)

    def _taken(self, order: PlannedOrder) -> OrderStatus:
        if order.time_in_force is TimeInForce.GTD:
            return OrderStatus.OPEN
        if order.side is Side.BUY or not self.takes:
            return OrderStatus.CANCELLED  # immediate or cancel, and nothing was there
        self.holdings.sell(order.quantity, order.price)
        return OrderStatus.FILLED


def resting(bot: Bot) -> tuple[RestingVenue, Holdings]:
    """Put a venue that takes orders, and a ledger that can hold lots, under the bot."""
    holdings = Holdings(bot.world.ledger)
    venue = RestingVenue(bot.world.venue.balances(), holdings)
    bot.world = replace(bot.world, venue=venue, ledger=cast(Books, holdings))
    return venue, holdings


def holding(bot: Bot, **lots: str) -> Holdings:
    """The read-only venue of DRY_RUN, but with lots: SOL="12" and so on."""
    holdings = Holdings(bot.world.ledger)
    for base, quantity in lots.items():
        holdings.owns(f"{base}-USD", quantity)
    bot.world = replace(bot.world, ledger=cast(Books, holdings))
    return holdings
