"""Orders, fills and money as rows of text, and back. Every digit stays."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from core.accounting import Movement, legs
from core.market import Side
from core.money import ZERO, Money, Price, Quantity
from core.orders import FINAL, Fill, Order, OrderStatus, OrderType, PlannedOrder, TimeInForce

COLUMNS = (
    "client_order_id, exchange_order_id, cycle, symbol, base, quote, side, type, time_in_force, "
    "post_only, end_time, price, quantity, filled, reason, status, stop, told"
)
INSERT = f"INSERT INTO orders ({COLUMNS}, intended_at) VALUES ({', '.join('?' * 19)})"
SETTLE = (
    "UPDATE orders SET status = ?, exchange_order_id = ?, told = coalesce(nullif(?, ''), told), "
    "settled_at = coalesce(settled_at, ?) WHERE client_order_id = ?"
)
FILL_COLUMNS = (
    "fill_id, client_order_id, symbol, base, quote, side, price, quantity, fee, fee_currency, at"
)
INSERT_FILL = f"INSERT INTO fills ({FILL_COLUMNS}, id) VALUES ({', '.join('?' * 12)})"

_SIDES = {side.value: side for side in Side}

Cell = str | int | None
Row = tuple[Cell, ...]


def to_row(order: Order, intended_at: datetime) -> Row:
    """In the order of COLUMNS, with the time of the intent at its end."""
    planned = order.planned
    return (
        planned.client_order_id,
        order.exchange_order_id,
        order.cycle,
        planned.symbol,
        planned.quantity.base,
        planned.price.quote,
        planned.side.value,
        planned.type.value,
        planned.time_in_force.value,
        int(planned.post_only),
        time_text(planned.end_time) if planned.end_time is not None else None,
        digits(planned.price.amount),
        digits(planned.quantity.amount),
        digits(order.filled),
        planned.reason,
        order.status.name,
        digits(planned.stop.amount) if planned.stop is not None else None,
        order.told,
        time_text(intended_at),
    )


def settled_row(order: Order, at: datetime) -> Row:
    """For SETTLE. What is filled is not in it: that is the word of the fills alone."""
    final = time_text(at) if order.status in FINAL else None
    name = order.planned.client_order_id
    return order.status.name, order.exchange_order_id, order.told, final, name


def to_order(row: tuple[str, ...]) -> Order:
    """The order of a row of COLUMNS."""
    name, exchange_id, cycle, symbol, base, quote, side, kind, in_force, *more = row
    post_only, end_time, price, quantity, filled, reason, status, stop, told = more
    planned = PlannedOrder(
        client_order_id=name,
        symbol=symbol,
        side=Side(side),
        type=OrderType(kind),
        time_in_force=TimeInForce(in_force),
        post_only=bool(post_only),
        end_time=datetime.fromisoformat(end_time) if end_time is not None else None,
        price=Price(Decimal(price), quote),
        quantity=Quantity(Decimal(quantity), base),
        reason=reason,
        stop=Price(Decimal(stop), quote) if stop is not None else None,
    )
    return Order(
        planned=planned,
        cycle=int(cycle),
        status=OrderStatus[status],
        exchange_order_id=exchange_id,
        filled=Decimal(filled),
        told=told,
    )


def to_fill_row(fill: Fill) -> Row:
    """In the order of FILL_COLUMNS."""
    return (
        fill.fill_id,
        fill.client_order_id,
        fill.symbol,
        fill.quantity.base,
        fill.price.quote,
        fill.side.value,
        digits(fill.price.amount),
        digits(fill.quantity.amount),
        digits(fill.fee.amount),
        fill.fee.currency,
        time_text(fill.at),
    )


def to_fill(row: tuple[str, ...]) -> Fill:
    """The fill of a row of FILL_COLUMNS."""
    fill_id, name, symbol, base, quote, side, price, quantity, fee, fee_currency, at = row
    return Fill(
        fill_id=fill_id,
        client_order_id=name,
        symbol=symbol,
        side=Side(side),
        price=Price(Decimal(price), quote),
        quantity=Quantity(Decimal(quantity), base),
        fee=Money(Decimal(fee), fee_currency),
        at=datetime.fromisoformat(at),
    )


def digits(amount: Decimal) -> str:
    """Exact and without exponent; trailing zeros stay."""
    return format(amount, "f")


def time_text(at: datetime) -> str:
    """Of one width, so that text order is time order."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def to_movement(row: tuple[str, ...]) -> Movement:
    """What the fill of a row of FILL_COLUMNS moves: for reading many, without their checks."""
    _, _, symbol, base, quote, side, price_text, quantity, fee_text, fee_currency, at = row
    which, price = _SIDES[side], Decimal(price_text)
    fee, fee_coins = Decimal(fee_text), ZERO
    if fee_currency == base:
        fee, fee_coins = ZERO, fee
    notional, coins, cash = legs(which, price, Decimal(quantity), fee, fee_coins)
    when = datetime.fromisoformat(at)
    return Movement(symbol, base, quote, which, price, when, fee, fee_coins, notional, coins, cash)
