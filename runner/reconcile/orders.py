"""Own orders at the venue: is it the one that was asked for, and how does it stand?

The venue's word is weighed, never copied. An order that ended is final in the ledger
only once every fill that the venue counts is booked, for rows may come a cycle late.
One that is final in the ledger never comes back, whatever a listing says of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from core.errors import RetryableError
from core.money import ZERO
from core.orders import FINAL, NEXT, RESTING, Order, OrderStatus, PlannedOrder, VenueOrder
from core.ports import Venue


@dataclass(slots=True)
class Looks:
    """What the venue told of orders in this cycle, by exchange id, and what does not fit."""

    told: dict[str, VenueOrder] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)  # symbol -> why its product stands still

    def add(self, order: VenueOrder) -> None:
        """One more word on an order. Of two that contradict each other neither is believed."""
        before = self.told.setdefault(order.exchange_order_id, order)
        if before != order:
            self.odd[order.symbol] = (
                f"the venue tells two states of order {order.exchange_order_id}: "
                f"{before.status.name} and {order.status.name}"
            )


def asked_otherwise(planned: PlannedOrder, told: VenueOrder) -> str | None:
    """What the venue has instead of what was asked; None where it is the same order.

    What the venue does not say is not held against it.
    """
    stop = planned.stop.amount if planned.stop is not None else None
    pairs = (
        ("product", planned.symbol, told.symbol),
        ("side", planned.side.value, told.side.value),
        ("type", planned.type.value, told.type and told.type.value),
        ("price", planned.price.amount, told.price),
        ("quantity", planned.quantity.amount, told.quantity),
        ("stop", stop, told.stop),
    )
    wrong = [
        f"{name} {now} for {was}" for name, was, now in pairs if now is not None and now != was
    ]
    if not wrong:
        return None
    return f"order {told.exchange_order_id} is not the one asked for: {', '.join(wrong)}"


def status_now(order: Order, told: VenueOrder) -> OrderStatus:
    """The status that the ledger should have; its own where the venue's is not to be believed."""
    if told.status is OrderStatus.UNKNOWN:
        return order.status
    if told.status in FINAL and told.filled == order.filled:
        wanted = told.status
    else:  # it works, or it has ended and some of its fills are still to come
        wanted = OrderStatus.PARTIAL if order.filled > ZERO else OrderStatus.OPEN
    return wanted if wanted in NEXT[order.status] else order.status


def look(venue: Venue, order: Order, looks: Looks) -> VenueOrder | None:
    """What the venue says of one own order; asked only where no listing has told it."""
    name = order.exchange_order_id
    if name is None:
        return None
    if name not in looks.told:
        try:
            told = venue.order(name)
        except RetryableError:
            return None
        if told is not None:
            looks.add(told)
    return looks.told.get(name)


def progress(venue: Venue, orders: Iterable[Order], looks: Looks) -> Iterator[Order]:
    """Every resting order whose status has moved, as it is now."""
    for order in orders:
        if order.status not in RESTING:
            continue
        told = look(venue, order, looks)
        if told is None or order.symbol in looks.odd:
            continue
        why = asked_otherwise(order.planned, told)
        if why is not None:
            looks.odd[order.symbol] = why
            continue
        if told.status is OrderStatus.UNKNOWN:
            looks.odd[order.symbol] = (
                f"the venue's word on order {told.exchange_order_id} is not known: {told.told}"
            )
            continue
        status = status_now(order, told)
        if status is not order.status:
            yield replace(order, status=status, told=told.told or order.told)
