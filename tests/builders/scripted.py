"""A venue that does what a test's script says: it takes orders, and fills them when told to.

Its account moves with its fills, so books that are kept well close against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from core.errors import BotError, RetryableError
from core.market import Balance, Side, base_of, quote_of
from core.money import ZERO, Money, Price, Quantity, added, multiplied, subtracted
from core.orders import (
    FINAL,
    RESTING,
    CancelAnswer,
    OrderStatus,
    PlannedCancel,
    PlannedOrder,
    VenueFill,
    VenueOrder,
)
from core.ports import Absent, Answer, Found, Search
from tests.builders.market import NOON

FEE = Decimal("0.006")


def told_of(
    order: PlannedOrder,
    status: OrderStatus = OrderStatus.OPEN,
    *,
    name: str = "X-1",
    filled: Decimal = ZERO,
) -> VenueOrder:
    """What a venue tells of an order that it took as it was asked for."""
    return VenueOrder(
        exchange_order_id=name,
        client_order_id=order.client_order_id,
        originates_from=None,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        price=order.price.amount,
        stop=None,
        quantity=order.quantity.amount,
        filled=filled,
        status=status,
        created_at=NOON,
        end_time=order.end_time,
    )


@dataclass
class ScriptedVenue:
    """Holds `account`; `faults` by method are raised, once each, before anything happens."""

    account: dict[str, Decimal]
    orders: dict[str, VenueOrder] = field(default_factory=dict)  # by exchange id
    rows: list[VenueFill] = field(default_factory=list)
    faults: dict[str, list[BotError]] = field(default_factory=dict)
    lost_answers: int = 0  # so many submits take effect and are not answered
    fills_at_once: Callable[[PlannedOrder], bool] = lambda _: False
    hidden: set[str] = field(default_factory=set)  # exchange ids that no single look finds
    blind: bool = False  # searches by client order id find nothing, and say so
    now: Callable[[], datetime] = lambda: NOON
    sent: list[PlannedOrder] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return len(self.asked)

    # What a test writes into the script.

    def fills_of(self, name: str, quantity: str, price: str, *, row: bool = True) -> VenueFill:
        """So much of an order is filled; without `row` only the order and the account know."""
        order = self.orders[name]
        amount, at_price = Decimal(quantity), Decimal(price)
        value = multiplied(amount, at_price)
        fee = multiplied(value, FEE)
        base, quote = base_of(order.symbol), quote_of(order.symbol)
        fill = VenueFill(
            fill_id=f"F-{name}-{order.filled}",
            exchange_order_id=name,
            symbol=order.symbol,
            side=order.side,
            price=Price(at_price, quote),
            quantity=Quantity(amount, base),
            fee=Money(fee, quote),
            at=self.now(),
        )
        sign = 1 if order.side is Side.BUY else -1
        self._gets(base, amount * sign)
        self._gets(quote, subtracted(-value * sign, fee))
        filled = added(order.filled, amount)
        whole = filled == order.quantity
        status = OrderStatus.FILLED if whole else OrderStatus.PARTIAL
        self.orders[name] = replace(order, filled=filled, status=status)
        if row:
            self.rows.append(fill)
        return fill

    def ends(self, name: str, status: OrderStatus) -> None:
        self.orders[name] = replace(self.orders[name], status=status)

    def fails(self, method: str, error: BotError | None = None) -> None:
        """The next call of the method raises."""
        given = error or RetryableError("no answer", code="TIMED_OUT")
        self.faults.setdefault(method, []).append(given)

    @property
    def newest(self) -> str:
        """Exchange id of the order that was taken last."""
        return list(self.orders)[-1]

    # What the bot asks.

    def balances(self) -> tuple[Balance, ...]:
        self._ask("balances")
        return tuple(Balance(name, amount, ZERO) for name, amount in sorted(self.account.items()))

    def submit(self, order: PlannedOrder) -> Answer:
        self._ask("submit")
        known = {told.client_order_id: told for told in self.orders.values()}
        if order.client_order_id not in known:
            self.sent.append(order)
            name = f"X-{len(self.orders) + 1}"
            self.orders[name] = told_of(order, name=name)
            if self.fills_at_once(order):
                self.fills_of(name, str(order.quantity.amount), str(order.price.amount))
        else:
            name = known[order.client_order_id].exchange_order_id
        if self.lost_answers > 0:
            self.lost_answers -= 1
            return Answer(OrderStatus.UNKNOWN)
        return Answer(OrderStatus.OPEN, name)

    def preview(self, order: PlannedOrder) -> str:
        return ""

    def cancel(self, cancel: PlannedCancel) -> CancelAnswer:
        self._ask("cancel")
        assert cancel.exchange_order_id is not None
        self.cancelled.append(cancel.exchange_order_id)
        if self.orders[cancel.exchange_order_id].status in FINAL:
            return CancelAnswer.REFUSED
        self.ends(cancel.exchange_order_id, OrderStatus.CANCELLED)
        return CancelAnswer.ACCEPTED

    def open_orders(self) -> tuple[VenueOrder, ...]:
        self._ask("open_orders")
        return tuple(order for order in self.orders.values() if order.status in RESTING)

    def order(self, exchange_order_id: str) -> VenueOrder | None:
        self._ask("order")
        if exchange_order_id in self.hidden:
            return None
        return self.orders.get(exchange_order_id)

    def find_order(self, client_order_id: str, since: datetime) -> Search:
        self._ask("find_order")
        for order in self.orders.values():
            if order.client_order_id == client_order_id and not self.blind:
                return Found(order)
        return Absent()

    def fills(self, since: datetime) -> tuple[VenueFill, ...]:
        self._ask("fills")
        return tuple(row for row in self.rows if row.at >= since)

    def _ask(self, method: str) -> None:
        self.asked.append(method)
        if self.faults.get(method):
            raise self.faults[method].pop(0)

    def _gets(self, asset: str, amount: Decimal) -> None:
        self.account[asset] = added(self.account.get(asset, ZERO), amount)
