"""Whether the books agree with a venue's own account of itself, to the last unit.

A sandbox tells exactly what it holds and what it did. This compares every balance, fill and
order of ours with it, and shares nothing with the code that read them from the wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from core.money import ZERO, added, plain
from core.orders import FINAL, REACHED, Fill, Order, OrderStatus
from infra.ledger_reader import LedgerReader

# What the venue's words may be for an order that has ended by our books.
_ENDED: Mapping[OrderStatus, str] = {
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELLED: "CANCELLED",
    OrderStatus.EXPIRED: "EXPIRED",
    OrderStatus.REFUSED: "FAILED",
}


class BadTruth(Exception):
    """What was given is not what a sandbox tells."""


class _Balance(msgspec.Struct):
    available: str
    hold: str


class _Order(msgspec.Struct):
    order_id: str
    client_order_id: str
    product_id: str
    status: str
    filled_size: str


class _Fill(msgspec.Struct):
    entry_id: str
    order_id: str
    product_id: str
    side: str
    price: str
    size: str
    commission: str
    size_in_quote: bool


class Truth(msgspec.Struct):
    """The answer of GET /_sandbox/truth, as far as it is compared."""

    balances: dict[str, _Balance]
    orders: list[_Order]
    fills: list[_Fill]


@dataclass(frozen=True, slots=True)
class Compared:
    """How much was compared, and everything in which the two differ."""

    balances: int
    orders: int
    fills: int
    strangers: int  # orders at the venue that are none of ours
    differences: Mapping[str, str]  # what -> how

    @property
    def agree(self) -> bool:
        return not self.differences


def truth_of(text: bytes) -> Truth:
    """Raises BadTruth."""
    try:
        return msgspec.json.decode(text, type=Truth)
    except msgspec.DecodeError as error:
        raise BadTruth(f"is not what GET /_sandbox/truth answers: {error}") from error


def compared(ledger: LedgerReader, truth: Truth) -> Compared:
    """Raises BadTruth where an amount is none."""
    own = {order.planned.client_order_id: order for order in ledger.orders()}
    told = [order for order in truth.orders if order.client_order_id in own]
    names = {order.order_id: order.client_order_id for order in told}
    filled = [fill for fill in truth.fills if fill.order_id in names]
    differences = {
        **dict(_balances(ledger.expected(), truth.balances)),
        **dict(_orders(own, told)),
        **dict(_fills({fill.fill_id: fill for fill in ledger.fills()}, filled, names)),
    }
    strangers = len(truth.orders) - len(told)
    return Compared(len(truth.balances), len(told), len(filled), strangers, differences)


def _balances(
    ours: Mapping[str, Decimal], theirs: Mapping[str, _Balance]
) -> Iterator[tuple[str, str]]:
    held = {name: added(_number(b.available), _number(b.hold)) for name, b in theirs.items()}
    for name in sorted(ours.keys() | held.keys()):
        known, real = ours.get(name, ZERO), held.get(name, ZERO)
        if known != real:
            yield name, f"{plain(known)} by the books, {plain(real)} at the venue"


def _orders(ours: Mapping[str, Order], theirs: list[_Order]) -> Iterator[tuple[str, str]]:
    seen: dict[str, _Order] = {}
    for order in theirs:
        name = order.client_order_id
        if name in seen:
            yield f"order {name}", f"is twice at the venue: {seen[name].order_id}, {order.order_id}"
        seen[name] = order
        flaw = _flaw_of(ours[name], order)
        if flaw is not None:
            yield f"order {name} of {order.product_id}", flaw
    for name, known in ours.items():
        if name not in seen and known.status in REACHED:
            yield f"order {name}", f"{known.status.name} by the books, not at the venue"


def _flaw_of(known: Order, real: _Order) -> str | None:
    if known.filled != _number(real.filled_size):
        return f"{known.filled} filled by the books, {real.filled_size} at the venue"
    ended, word = known.status in FINAL, _ENDED.get(known.status)
    if (ended and real.status != word) or (not ended and real.status in _ENDED.values()):
        return f"{known.status.name} by the books, {real.status} at the venue"
    return None


def _fills(
    ours: Mapping[str, Fill], theirs: list[_Fill], names: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    real = {fill.entry_id: fill for fill in theirs}
    for name in sorted(ours.keys() | real.keys()):
        known, told = ours.get(name), real.get(name)
        if known is None:
            yield f"fill {name}", "at the venue, not in the books"
        elif told is None:
            yield f"fill {name}", "in the books, not at the venue"
        elif not _is_same(known, told, names[told.order_id]):
            yield f"fill {name}", "has other numbers in the books than at the venue"


def _is_same(known: Fill, told: _Fill, order: str) -> bool:
    booked = (known.client_order_id, known.symbol, known.side.value)
    amounts = (known.price.amount, known.quantity.amount, known.fee.amount)
    real = (_number(told.price), _number(told.size), _number(told.commission))
    size_is_base = not told.size_in_quote  # no order of ours is sized in quote currency
    return size_is_base and booked == (order, told.product_id, told.side) and amounts == real


def _number(written: str) -> Decimal:
    try:
        number = Decimal(written)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise BadTruth(f"{written!r} is no amount")
    return number


def members(found: Compared) -> dict[str, Any]:
    """As `--json` tells it."""
    return {
        "agree": found.agree,
        "differences": dict(found.differences),
        "balances": found.balances,
        "orders": found.orders,
        "fills": found.fills,
        "strangers": found.strangers,
    }
