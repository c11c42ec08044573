"""Orders and money as rows of text, and back. Every digit stays."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from core.market import Side
from core.money import Price, Quantity
from core.orders import Order, OrderStatus, OrderType, PlannedOrder, TimeInForce

COLUMNS = (
    "client_order_id, exchange_order_id, cycle, symbol, base, quote, side, type, time_in_force, "
    "post_only, end_time, price, quantity, filled, reason, status"
)
INSERT = f"INSERT INTO orders ({COLUMNS}, intended_at) VALUES ({', '.join('?' * 17)})"

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
        time_text(intended_at),
    )


def to_order(row: tuple[str, ...]) -> Order:
    """The order of a row of COLUMNS."""
    name, exchange_id, cycle, symbol, base, quote, side, kind, in_force, *more = row
    post_only, end_time, price, quantity, filled, reason, status = more
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
    )
    return Order(
        planned=planned,
        cycle=int(cycle),
        status=OrderStatus[status],
        exchange_order_id=exchange_id,
        filled=Decimal(filled),
    )


def digits(amount: Decimal) -> str:
    """Exact and without exponent; trailing zeros stay."""
    return format(amount, "f")


def time_text(at: datetime) -> str:
    """Of one width, so that text order is time order."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
