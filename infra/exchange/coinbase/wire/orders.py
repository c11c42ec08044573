"""Orders as Coinbase tells of them.

An order has no status of its own for "partly filled": that is OPEN with something
filled. Words about the end are kept only where there was one, because a filled order
says "Internal error" when its last dust was dropped.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from core.market import Side
from core.money import ZERO
from core.orders import OrderStatus, OrderType, TimeInForce, VenueOrder
from infra.exchange.coinbase.wire.values import Unreadable, instant, member, number, rows

_WORKING = frozenset({"PENDING", "QUEUED", "OPEN", "CANCEL_QUEUED", "EDIT_QUEUED"})
_ENDED = {
    "FILLED": OrderStatus.FILLED,
    "CANCELLED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "FAILED": OrderStatus.REFUSED,
}
# Working, and left out where one asks for OPEN.
TRANSIENT = ("PENDING", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED")
_TYPES = {
    "LIMIT": OrderType.LIMIT,
    "STOP_LIMIT": OrderType.STOP_LIMIT,
    "BRACKET": OrderType.BRACKET,
}
_TIMES_IN_FORCE = {
    "GOOD_UNTIL_CANCELLED": TimeInForce.GTC,
    "GOOD_UNTIL_DATE_TIME": TimeInForce.GTD,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
}
_SIDES = {side.value: side for side in Side}
_FILLERS = frozenset({"", "REJECT_REASON_UNSPECIFIED"})


class Configuration(msgspec.Struct):
    """The members of an order's configuration that we read, whatever its kind."""

    base_size: str | None = None
    quote_size: str | None = None
    limit_price: str | None = None
    stop_price: str | None = None
    stop_trigger_price: str | None = None
    stop_direction: str | None = None
    post_only: bool | None = None
    end_time: str | None = None

    @property
    def stop(self) -> Decimal | None:
        """The price that sets it off, under either of its names."""
        return number(self.stop_price) or number(self.stop_trigger_price)


class _Row(msgspec.Struct):
    order_id: str
    product_id: str
    side: str
    status: str | None = None
    client_order_id: str | None = None
    originating_order_id: str | None = None
    order_configuration: dict[str, msgspec.Raw] | None = None
    order_type: str | None = None
    time_in_force: str | None = None
    filled_size: str | None = None
    created_time: str | None = None
    reject_reason: str | None = None
    reject_message: str | None = None
    cancel_message: str | None = None


def order(body: bytes) -> VenueOrder:
    """One order."""
    return _order(msgspec.json.decode(member(body, "order"), type=_Row))


def orders(body: bytes) -> list[VenueOrder]:
    """The rows of one page."""
    return [_order(row) for row in rows(body, "orders", _Row)]


def single(configuration: dict[str, msgspec.Raw] | None) -> tuple[str, Configuration] | None:
    """The kind of an order and its members; None where there is not exactly one kind."""
    if configuration is None or len(configuration) != 1:
        return None
    ((kind, raw),) = configuration.items()
    try:
        return kind, msgspec.json.decode(raw, type=Configuration)
    except msgspec.ValidationError:
        return None


def _order(row: _Row) -> VenueOrder:
    side = _SIDES.get(row.side)
    created = instant(row.created_time)
    if side is None or created is None:
        raise Unreadable(f"order {row.order_id} has no side or no time")
    filled = number(row.filled_size)
    told = single(row.order_configuration)
    given = Configuration() if told is None else told[1]
    status = _status(row, filled)
    return VenueOrder(
        exchange_order_id=row.order_id,
        client_order_id=row.client_order_id or None,
        originates_from=row.originating_order_id or None,
        symbol=row.product_id,
        side=side,
        type=_TYPES.get(_spelt(row.order_type)),
        time_in_force=_TIMES_IN_FORCE.get(_spelt(row.time_in_force)),
        price=number(given.limit_price),
        stop=given.stop,
        quantity=number(given.base_size),
        filled=ZERO if filled is None else filled,
        status=status,
        created_at=created,
        end_time=instant(given.end_time),
        told=_words(row, status, filled),
    )


def _spelt(word: str | None) -> str:
    """Some frames write Stop Limit."""
    return (word or "").upper().replace(" ", "_")


def _status(row: _Row, filled: Decimal | None) -> OrderStatus:
    if filled is None:
        return OrderStatus.UNKNOWN
    if row.status in _WORKING:
        return OrderStatus.PARTIAL if filled else OrderStatus.OPEN
    ended = _ENDED.get(row.status or "", OrderStatus.UNKNOWN)
    if ended is OrderStatus.REFUSED and filled:
        return OrderStatus.CANCELLED  # it failed after a part of it was filled
    return ended


def _words(row: _Row, status: OrderStatus, filled: Decimal | None) -> str:
    if status is OrderStatus.UNKNOWN:
        return "filled_size is missing" if filled is None else f"status {row.status}"
    if row.status == "FAILED":
        reason = "" if (row.reject_reason or "") in _FILLERS else row.reject_reason or ""
        return ": ".join(part for part in (reason, row.reject_message or "") if part)
    if status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        return row.cancel_message or ""
    return ""
