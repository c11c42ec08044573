"""Step 2, reconcile: what the ledger and the venue say of the account, as one Portfolio."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core.account import Portfolio
from core.market import Snapshot
from core.money import Price
from core.orders import OrderStatus, moved
from core.ports import Ledger, Venue


def reconcile(ledger: Ledger, snapshot: Snapshot, currency: str) -> Portfolio:
    """Open the books at the first balances ever seen, then take the Portfolio from the ledger."""
    ledger.open_books(snapshot.balances, snapshot.at)
    positions = ledger.positions()
    marks = {
        symbol: Price(snapshot.tops[symbol].bid, position.quote)
        for symbol, position in positions.items()
        if symbol in snapshot.tops
    }
    return Portfolio(
        currency=currency,
        cash=ledger.cash(),
        positions=positions,
        foreign=ledger.foreign(),
        open_orders=ledger.unsettled(),
        marks=marks,
        fees=snapshot.fees,
    )


def settle_unknown(ledger: Ledger, venue: Venue, at: datetime) -> None:
    """Ask after every own order without a final answer, of this process or an earlier one."""
    settled = []
    for order in ledger.unsettled():
        answer = venue.look_up(order.planned)
        if answer.status is not OrderStatus.UNKNOWN:
            known = moved(order, answer.status)
            settled.append(replace(known, exchange_order_id=answer.exchange_order_id))
    ledger.settle(tuple(settled), at)
