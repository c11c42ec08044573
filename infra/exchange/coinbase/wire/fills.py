"""Fills: one row each, whose `size` is quote currency where `size_in_quote` says so.

Reading that as base currency once made a position three thousand times too large. Rows
of another kind (reversals, corrections) are no fills; they are counted and left out, so
the books no longer close and the product is quarantined until a person has looked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from core.market import Side, quote_of
from core.money import Money, Price, Quantity, Toward, divided, rounded_down, rounded_up
from core.orders import VenueFill
from infra.exchange.coinbase.wire.values import Unreadable, instant, needed, rows

_SMALLEST = Decimal("1E-16")  # the venue's own last digit of a filled quantity
_SIDES = {side.value: side for side in Side}


class _Row(msgspec.Struct):
    entry_id: str
    order_id: str
    product_id: str
    side: str
    trade_type: str | None = None
    price: str | None = None
    size: str | None = None
    size_in_quote: bool | None = None
    commission: str | None = None
    trade_time: str | None = None
    sequence_timestamp: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Fills of one page, and the ids of rows that are something else."""

    fills: tuple[VenueFill, ...]
    strange: tuple[str, ...]


def page(body: bytes) -> Page:
    """The rows of one page."""
    found = rows(body, "fills", _Row)
    return Page(
        tuple(_fill(row) for row in found if row.trade_type == "FILL"),
        tuple(f"{row.entry_id} ({row.trade_type})" for row in found if row.trade_type != "FILL"),
    )


def in_order(fills: Iterable[VenueFill]) -> tuple[VenueFill, ...]:
    """Oldest first, each once: a row is known by its entry id."""
    once = {fill.fill_id: fill for fill in fills}
    return tuple(sorted(once.values(), key=lambda fill: (fill.at, fill.fill_id)))


def _fill(row: _Row) -> VenueFill:
    side, at = _SIDES.get(row.side), instant(row.trade_time)
    if side is None or at is None or row.size_in_quote is None:
        raise Unreadable(f"fill {row.entry_id} lacks its side, its time or what its size is")
    quote = quote_of(row.product_id)
    price = needed(row.price, f"the price of fill {row.entry_id}")
    size = needed(row.size, f"the size of fill {row.entry_id}")
    fee = needed(row.commission, f"the commission of fill {row.entry_id}")
    quantity = _base(size, price, side) if row.size_in_quote else size
    return VenueFill(
        fill_id=row.entry_id,
        exchange_order_id=row.order_id,
        symbol=row.product_id,
        side=side,
        price=Price(price, quote),
        quantity=Quantity(quantity, row.product_id.partition("-")[0]),
        fee=Money(fee, quote),
        at=at,
    )


def _base(notional: Decimal, price: Decimal, side: Side) -> Decimal:
    """Quote currency as base, to the venue's last digit and against us."""
    if side is Side.BUY:
        return rounded_down(divided(notional, price, toward=Toward.FLOOR), _SMALLEST)
    return rounded_up(divided(notional, price, toward=Toward.CEILING), _SMALLEST)
