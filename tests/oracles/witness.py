"""What stands directly before the honest venue, and remembers every order that was made there.

The oracles believe it, and the venue's own account, and nothing that the bot says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.market import Side
from core.orders import PlannedOrder, VenueFill, VenueOrder
from core.ports import Answer, Venue
from infra.exchange.simulated.exchange import SimulatedExchange
from tests.builders.paper import exchange_of

Defect = Callable[[Venue], Venue]


def sound(venue: Venue) -> Venue:
    """No defect is planted."""
    return venue


@dataclass
class Record:
    """What was asked for and made over the whole life of a world, through every restart."""

    sent: set[str] = field(default_factory=set)  # client ids, also where a death cut the answer
    made: dict[str, set[str]] = field(default_factory=dict)  # client id -> exchange ids
    whose: dict[str, bool] = field(default_factory=dict)  # exchange id -> the bot's or a person's
    asked: dict[str, PlannedOrder] = field(default_factory=dict)  # by client order id
    buys: list[PlannedOrder] = field(default_factory=list)  # of this cycle
    orders: int = 0


@dataclass
class Witness:
    """The venue as the bot has it, but for what is done in front of this."""

    venue: Venue
    exchange: SimulatedExchange
    record: Record

    @classmethod
    def of(cls, venue: Venue, record: Record, defect: Defect) -> Witness:
        return cls(defect(venue), exchange_of(venue), record)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.venue, name)

    def submit(self, order: PlannedOrder) -> Answer:
        self.record.sent.add(order.client_order_id)
        answer = self.venue.submit(order)
        if answer.exchange_order_id is not None:
            record = self.record
            record.whose[answer.exchange_order_id] = True
            names = record.made.setdefault(order.client_order_id, set())
            if answer.exchange_order_id not in names:
                names.add(answer.exchange_order_id)
                record.orders += 1
                record.asked[order.client_order_id] = order
                if order.side is Side.BUY:
                    record.buys.append(order)
        return answer

    # The truth.

    def is_own(self, exchange_order_id: str) -> bool:
        """Whether the bot had the order made."""
        whose = self.record.whose
        if exchange_order_id not in whose:
            entry = self.exchange.order(exchange_order_id)
            assert entry is not None
            whose[exchange_order_id] = entry.request.client_order_id in self.record.sent
        return whose[exchange_order_id]

    def working(self) -> tuple[VenueOrder, ...]:
        """Own orders that work now."""
        told = (entry.told_as() for entry in self.exchange.working())
        return tuple(order for order in told if self.is_own(order.exchange_order_id))

    def held(self) -> dict[str, Decimal]:
        return {b.currency: b.total for b in self.exchange.balances() if b.total}

    def true_fills(self, since: datetime) -> tuple[VenueFill, ...]:
        """Of own orders."""
        told = (deal.told_as() for deal in self.exchange.fills_since(since))
        return tuple(fill for fill in told if self.is_own(fill.exchange_order_id))
