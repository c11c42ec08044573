"""Orders and fills as the venue tells of them, written into the ledger: all but the balances.

The same at start, after a crash and in every cycle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.errors import RetryableError
from core.market import base_of, quote_of
from core.orders import Order, VenueFill, VenueOrder
from core.ports import Booked
from core.state import BotState
from runner.account import Account
from runner.gather import kept
from runner.reconcile.fills import FillReader
from runner.reconcile.orders import Looks, progress
from runner.reconcile.unanswered import ask_after


@dataclass(slots=True)
class Settled:
    """What the venue told of own orders, now that it is written down."""

    looks: Looks
    absent: Mapping[str, int]  # client order id -> first cycle in which a listing lacked it
    busy: set[str]  # assets that own orders may be moving now
    booked: tuple[Booked, ...] = ()
    orders: dict[str, Order] = field(default_factory=dict)  # changed, by client order id

    def changed(self, orders: Iterable[Order]) -> None:
        self.orders |= {order.planned.client_order_id: order for order in orders}


def settle(account: Account, fills: FillReader, state: BotState, at: datetime) -> Settled:
    """Intents without an answer, then fills, then the states of what rests."""
    venue, ledger, looks = account.venue, account.ledger, Looks()
    busy = {asset for order in ledger.unsettled() for asset in _assets(order.symbol)}
    answers = ask_after(account, state, looks)
    ledger.settle(tuple(answers.settled), at)
    settled = Settled(looks, answers.absent, busy)
    settled.changed(answers.settled)
    told = _told(account, fills.since(state.born_at))
    if told.fills is not None:
        settled.booked = fills.take(told.fills, looks)
    for booked in settled.booked:
        busy.update((*_assets(booked.fill.symbol), booked.fill.fee.currency))
    for order in told.working:
        looks.add(order)
    moved_on = tuple(progress(venue, ledger.unsettled(), looks))
    ledger.settle(moved_on, at)
    settled.changed(moved_on)
    return settled


@dataclass(slots=True)
class _Told:
    """Rows and working orders as the venue tells them; None, or nothing, without an answer."""

    fills: tuple[VenueFill, ...] | None = None
    working: tuple[VenueOrder, ...] = ()

    def take_fills(self, rows: tuple[VenueFill, ...]) -> None:
        self.fills = rows

    def take_working(self, orders: tuple[VenueOrder, ...]) -> None:
        self.working = orders


def _told(account: Account, since: datetime) -> _Told:
    """Both asked side by side. An order that is not listed is asked for by itself."""
    told, venue = _Told(), account.venue
    asks = (
        kept(lambda: venue.fills(since), told.take_fills),
        kept(venue.open_orders, told.take_working),
    )
    for answer in account.read_all(asks):
        if not isinstance(answer, RetryableError):
            answer()
    return told


def _assets(symbol: str) -> tuple[str, str]:
    return base_of(symbol), quote_of(symbol)
