"""Orders and fills as the venue tells of them, written into the ledger: all but the balances.

The same at start, after a crash and in every cycle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.market import base_of, quote_of
from core.orders import Order
from core.ports import Booked
from core.state import BotState
from runner.account import Account
from runner.reconcile.fills import FillReader
from runner.reconcile.orders import Looks, listed, progress
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
    settled.booked = fills.book(fills.since(state.born_at), looks)
    for booked in settled.booked:
        busy.update((*_assets(booked.fill.symbol), booked.fill.fee.currency))
    listed(venue, looks)
    moved_on = tuple(progress(venue, ledger.unsettled(), looks))
    ledger.settle(moved_on, at)
    settled.changed(moved_on)
    return settled


def _assets(symbol: str) -> tuple[str, str]:
    return base_of(symbol), quote_of(symbol)
