"""Intents without an answer: did they reach the venue?

Absence is proved, not assumed: when the order's own end has passed, or when two complete
listings of two cycles do not hold it. To an order that the venue has given a name it once
said yes, so its end alone proves nothing. Nothing here sends an order again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from core.errors import RetryableError
from core.money import ZERO
from core.orders import RESTING, Order, OrderStatus, VenueOrder, moved
from core.ports import Absent, Books, CannotTell, Found, Search, Unsent, Venue
from core.state import BotState
from runner.account import Account
from runner.reconcile.orders import Looks, asked_otherwise, status_now


@dataclass(slots=True)
class Answers:
    """What became of intents: those that are settled now, and those seen absent so far."""

    settled: list[Order] = field(default_factory=list)
    absent: dict[str, int] = field(default_factory=dict)  # client order id -> first cycle


def unanswered(ledger: Books) -> tuple[Order, ...]:
    """Own orders of which nobody knows yet whether the venue has them."""
    return tuple(order for order in ledger.unsettled() if order.status not in RESTING)


def ask_after(account: Account, state: BotState, looks: Looks) -> Answers:
    """Look for every intent without an answer. `state` is that of the opened cycle."""
    answers, waiting = Answers(), unanswered(account.ledger)
    if not waiting:
        return answers
    since = account.ledger.unsettled_since() or state.born_at
    for order in waiting:
        name = order.planned.client_order_id
        match _search(account.venue, name, since):
            case Found(told):
                looks.add(told)
                answers.settled.extend(_found(order, told, looks))
            case Absent() if _proved(order, state, state.absent):
                answers.settled.append(moved(order, OrderStatus.NEVER_REACHED))
            case Absent():
                answers.absent[name] = state.absent.get(name, state.cycle)
            case CannotTell():
                if name in state.absent:
                    answers.absent[name] = state.absent[name]
            case Unsent():
                answers.settled.append(moved(order, OrderStatus.NOT_SENT))
    return answers


def _search(venue: Venue, name: str, since: object) -> Search:
    try:
        return venue.find_order(name, since)  # type: ignore[arg-type]
    except RetryableError as error:
        return CannotTell(str(error))


def _proved(order: Order, state: BotState, absent: Mapping[str, int]) -> bool:
    """Whether an order that a complete listing does not hold can no longer turn up."""
    end, named = order.planned.end_time, order.exchange_order_id is not None
    if end is not None and state.at is not None and end < state.at and not named:
        return True
    first = absent.get(order.planned.client_order_id)
    return first is not None and first < state.cycle


def _found(order: Order, told: VenueOrder, looks: Looks) -> list[Order]:
    """The order with its name at the venue; nothing where the venue has another one."""
    why = asked_otherwise(order.planned, told)
    if why is not None:
        looks.odd[order.symbol] = why
        return []
    known = replace(order, exchange_order_id=told.exchange_order_id)
    if told.status is OrderStatus.REFUSED:
        return [replace(moved(known, OrderStatus.REFUSED), told=told.told)]
    if told.filled > ZERO or told.status is OrderStatus.UNKNOWN:
        return [moved(known, OrderStatus.OPEN)]  # its fills are booked next
    return [moved(known, status_now(known, told))]
