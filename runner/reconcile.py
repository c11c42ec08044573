"""Step 2, reconcile: what the ledger and the venue say of the account, as one Portfolio."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core.account import Portfolio, Position
from core.exits import as_written
from core.market import Snapshot
from core.money import ZERO, Money, Price
from core.orders import OrderStatus, moved
from core.ports import Ledger, Venue


def reconcile(ledger: Ledger, snapshot: Snapshot, currency: str) -> Portfolio:
    """Open the books at the first balances ever seen, then take the Portfolio from the ledger."""
    ledger.open_books(snapshot.balances, snapshot.at)
    positions = ledger.positions()
    return Portfolio(
        currency=currency,
        cash=ledger.cash(),
        positions=positions,
        foreign=ledger.foreign(),
        open_orders=ledger.unsettled(),
        marks={symbol: _mark(position, snapshot) for symbol, position in positions.items()},
        fees=snapshot.fees,
        flows=Money(ledger.flows().get(currency, ZERO), currency),
    )


def _mark(position: Position, snapshot: Snapshot) -> Price:
    """The bid; without a book the last close, without candles what the newest lot was paid.

    A position that could not be valued at all would end the cycle, and leave it unwatched.
    """
    top, panel = snapshot.tops.get(position.symbol), snapshot.panel
    if top is not None:
        return Price(top.bid, position.quote)
    if position.symbol in panel.symbols:
        row = panel.symbols.index(position.symbol)
        if panel.known[row] > 0:
            return Price(as_written(float(panel.close[row, -1])), position.quote)
    return Price(position.lots[-1].price, position.quote)


def settle_unknown(ledger: Ledger, venue: Venue, at: datetime) -> None:
    """Ask after every own order without a final answer, of this process or an earlier one."""
    settled = []
    for order in ledger.unsettled():
        answer = venue.look_up(order.planned)
        if answer.status is not OrderStatus.UNKNOWN:
            known = moved(order, answer.status)
            settled.append(replace(known, exchange_order_id=answer.exchange_order_id))
    ledger.settle(tuple(settled), at)
