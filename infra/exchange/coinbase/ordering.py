"""Orders out, and what the venue's answer to each is worth.

A success at status 200 may be a no, a yes may belong to an older order, and silence may
be either. Only what repeats the intent is believed; everything else is UNKNOWN, and the
account is asked before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from core.errors import RetryableError, UnknownOutcomeError
from core.market import Side
from core.money import Price, Quantity
from core.orders import CancelAnswer, OrderStatus, PlannedCancel, PlannedOrder, VenueOrder
from core.ports import Answer
from infra.exchange.coinbase.account import AccountReading
from infra.exchange.coinbase.link import Group, Reply, Request, Urgency
from infra.exchange.coinbase.transport import Transport
from infra.exchange.coinbase.wire import cancels, placing
from infra.exchange.coinbase.wire.values import complaint, read

Made = TypeVar("Made")

_DUPLICATE = "DUPLICATE_CLIENT_ORDER_ID"
_SENT_KEPT = 1_000  # own ids remembered, to see a second sending of one


@dataclass(slots=True)
class Ordering:
    """The acting half of a Venue."""

    transport: Transport
    account: AccountReading
    _sent: dict[str, None] = field(default_factory=dict)

    def submit(self, order: PlannedOrder) -> Answer:
        """Send once. RetryableError only where nothing was sent."""
        try:
            body = placing.creation(order)
        except placing.NotOffered as error:
            return Answer(OrderStatus.REFUSED, told=str(error))
        again = order.client_order_id in self._sent
        try:
            reply = self._posted("/orders", body, _urgency(order.side))
            self._remember(order)
            if reply.status >= 400:
                return _refused(_no(reply), again=again)
            made = _understood(reply, lambda answer: placing.created(answer, order))
        except UnknownOutcomeError as error:
            self._remember(order)
            return Answer(OrderStatus.UNKNOWN, told=f"{error.code}: {error}")
        if made.refused is not None:
            return _refused(made.refused, again=again)
        if made.differs is not None or made.order_id is None:
            return Answer(OrderStatus.UNKNOWN, told=f"the venue's order {made.differs}")
        if again or not made.echoed:
            return self._proved(order, made.order_id)
        return Answer(OrderStatus.OPEN, made.order_id)

    def preview(self, order: PlannedOrder) -> str:
        """The venue's objection, or nothing. It holds no funds and promises nothing."""
        try:
            body = placing.trial(order)
        except placing.NotOffered as error:
            return str(error)
        request = Request(method="POST", path="/orders/preview", group=Group.ORDERS, body=body)
        try:
            return self.transport.read(request, placing.objection)
        except RetryableError as error:
            if error.code == "REQUEST_REFUSED":
                return str(error)
            raise

    def edit(self, exchange_order_id: str, price: Price, quantity: Quantity) -> Answer:
        """Another price and another total quantity; the id stays. Only open GTC orders."""
        body = placing.edition(exchange_order_id, price, quantity)
        try:
            reply = self._posted("/orders/edit", body, Urgency.ENTRY)
            if reply.status >= 400:
                return Answer(OrderStatus.REFUSED, exchange_order_id, _no(reply))
            refused = _understood(reply, placing.edited)
        except UnknownOutcomeError as error:
            return Answer(OrderStatus.UNKNOWN, exchange_order_id, f"{error.code}: {error}")
        if refused is not None:
            return Answer(OrderStatus.REFUSED, exchange_order_id, refused)
        return Answer(OrderStatus.OPEN, exchange_order_id)

    def cancel(self, cancel: PlannedCancel) -> CancelAnswer:
        if cancel.exchange_order_id is None:
            return CancelAnswer.UNKNOWN  # what the venue calls it has to be found first
        (answer,) = self.cancel_all((cancel.exchange_order_id,))
        return answer

    def cancel_all(self, order_ids: Sequence[str]) -> tuple[CancelAnswer, ...]:
        """An answer for each id, a hundred ids a request.

        RetryableError where nothing at all was sent; later parts that were not sent are
        UNKNOWN, because the first ones were.
        """
        answers: dict[str, CancelAnswer] = {}
        for start in range(0, len(order_ids), cancels.IDS_MAX):
            part = order_ids[start : start + cancels.IDS_MAX]
            try:
                answers |= self._cancelled(part)
            except RetryableError:
                if start == 0:
                    raise
        return tuple(answers.get(name, CancelAnswer.UNKNOWN) for name in order_ids)

    def _cancelled(self, order_ids: Sequence[str]) -> dict[str, CancelAnswer]:
        body = cancels.cancellation(order_ids)
        try:
            reply = self._posted("/orders/batch_cancel", body, Urgency.EXIT)
            if reply.status >= 400:
                return {}  # not cancelled, and not over either
            return _understood(reply, cancels.cancelled)
        except UnknownOutcomeError:
            return {}

    def _posted(self, path: str, body: placing.Body, urgency: Urgency) -> Reply:
        request = Request(method="POST", path=path, group=Group.ORDERS, body=body, urgency=urgency)
        self.account.stirred()
        return self.transport.act(request)

    def _proved(self, order: PlannedOrder, order_id: str) -> Answer:
        """An id that was sent before is answered with the old order: look at that order."""
        try:
            found = self.account.order(order_id)
        except RetryableError as error:
            return Answer(OrderStatus.UNKNOWN, told=f"{error.code}: {error}")
        if found is None or not _is(found, order):
            return Answer(OrderStatus.UNKNOWN, told=f"order {order_id} is not the one intended")
        return Answer(found.status, order_id, found.told)

    def _remember(self, order: PlannedOrder) -> None:
        self._sent[order.client_order_id] = None
        if len(self._sent) > _SENT_KEPT:
            del self._sent[next(iter(self._sent))]


def _urgency(side: Side) -> Urgency:
    """A sale may be an exit, so it goes first."""
    return Urgency.EXIT if side is Side.SELL else Urgency.ENTRY


def _refused(words: str, *, again: bool) -> Answer:
    """A no to a second sending does not speak of the first, which may hold the funds."""
    if again or _DUPLICATE in words:
        return Answer(OrderStatus.UNKNOWN, told=words)
    return Answer(OrderStatus.REFUSED, told=words)


def _is(found: VenueOrder, order: PlannedOrder) -> bool:
    return (
        found.client_order_id == order.client_order_id
        and found.symbol == order.symbol
        and found.side is order.side
        and found.price == order.price.amount
        and found.quantity == order.quantity.amount
        and found.stop == (None if order.stop is None else order.stop.amount)
    )


def _no(reply: Reply) -> str:
    return f"{reply.status}: {complaint(reply.body)}"


def _understood(reply: Reply, decode: Callable[[bytes], Made]) -> Made:
    """The answer in our types. One that nobody can read comes after the venue has acted."""
    try:
        return read(reply.body, decode)
    except RetryableError as error:
        raise UnknownOutcomeError(f"{error}", code=error.code) from None
