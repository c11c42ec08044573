"""The simulated venue behind the bot's own port: what PAPER and the backtest trade on.

Translates planned orders into requests and entries into the core's words, and counts
requests as a real venue would bill them. Every answer is definite: what can be lost or
late is put in front of it (faults.py), never in here.
"""

from __future__ import annotations

import logging
from datetime import datetime

from core.market import Balance
from core.orders import (
    CancelAnswer,
    OrderStatus,
    OrderType,
    PlannedCancel,
    PlannedOrder,
    VenueFill,
    VenueOrder,
)
from core.ports import Absent, Answer, Found, Search
from infra.exchange.simulated.entry import Deal
from infra.exchange.simulated.exchange import SimulatedExchange
from infra.exchange.simulated.request import Kind, Refusal, VenueRequest

_LOG = logging.getLogger(__name__)
_KINDS = {
    OrderType.LIMIT: Kind.LIMIT,
    OrderType.STOP_LIMIT: Kind.STOP_LIMIT,
    OrderType.BRACKET: Kind.BRACKET,
}


class SimulatedVenue:
    """core.ports.Venue over one account of the simulated venue."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._requests = 0
        self._deals: tuple[Deal, ...] = ()
        self._fills: tuple[VenueFill, ...] = ()

    @property
    def requests(self) -> int:
        return self._requests

    def _ask(self) -> SimulatedExchange:
        """The venue, for one more request; what it could not do before goes into the log, once."""
        self._requests += 1
        for notice in self._exchange.notices():
            _LOG.warning(notice)
        return self._exchange

    def balances(self) -> tuple[Balance, ...]:
        return self._ask().balances()

    def submit(self, order: PlannedOrder) -> Answer:
        answer = self._ask().create(asked(order))
        if isinstance(answer, Refusal):
            return Answer(OrderStatus.REFUSED, told=str(answer))
        return Answer(answer.status, answer.exchange_order_id, answer.told)

    def preview(self, order: PlannedOrder) -> str:
        return ", ".join(str(why) for why in self._ask().preview(asked(order)).refusals)

    def cancel(self, cancel: PlannedCancel) -> CancelAnswer:
        exchange, name = self._ask(), cancel.exchange_order_id
        if name is None:
            known = exchange.order_named(cancel.client_order_id)
            name = None if known is None else known.exchange_order_id
        if name is None or exchange.cancel(name) is not None:
            return CancelAnswer.REFUSED
        return CancelAnswer.ACCEPTED

    def open_orders(self) -> tuple[VenueOrder, ...]:
        return tuple(entry.told_as() for entry in self._ask().working())

    def order(self, exchange_order_id: str) -> VenueOrder | None:
        entry = self._ask().order(exchange_order_id)
        return None if entry is None else entry.told_as()

    def find_order(self, client_order_id: str, since: datetime) -> Search:  # noqa: ARG002
        """Complete by nature: the venue knows all its orders by their names."""
        entry = self._ask().order_named(client_order_id)
        return Absent() if entry is None else Found(entry.told_as())

    def fills(self, since: datetime) -> tuple[VenueFill, ...]:
        """Put in the core's words once: every cycle asks again, and mostly nothing was filled."""
        deals = self._ask().fills_since(since)
        if deals != self._deals:
            self._deals, self._fills = deals, tuple(deal.told_as() for deal in deals)
        return self._fills


def asked(order: PlannedOrder) -> VenueRequest:
    """A planned order as the venue is asked for it."""
    return VenueRequest(
        symbol=order.symbol,
        side=order.side,
        kind=_KINDS[order.type],
        time_in_force=order.time_in_force,
        post_only=order.post_only,
        quantity=order.quantity.amount,
        price=order.price.amount,
        stop=None if order.stop is None else order.stop.amount,
        end_time=order.end_time,
        client_order_id=order.client_order_id,
    )
