"""Step 2, reconcile: what the ledger and the venue say of the account, as one Portfolio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from core.account import Portfolio, Position
from core.exits import as_written
from core.market import Snapshot
from core.money import ZERO, Money, Price, added
from core.orders import OrderStatus, moved
from core.policy import Policy
from core.ports import Desk, Ledger
from core.rates import Rates, read_rates
from core.state import BotState


def reconcile(ledger: Ledger, snapshot: Snapshot, state: BotState, policy: Policy) -> Portfolio:
    """Open the books at the first balances ever seen, then take the Portfolio from the ledger.

    The books are opened once the prices could be read, for a wallet that nobody can value
    is booked as foreign for good.
    """
    positions, open_orders = ledger.positions(), ledger.unsettled()
    currencies = frozenset(policy.quote_currencies)
    currencies |= {position.quote for position in positions.values()}
    currencies |= {order.planned.price.quote for order in open_orders}
    rates = read_rates(
        snapshot, state.rates, currencies, policy.capital_currency, policy.risk.book_age_max
    )
    if "tops" not in snapshot.missing:
        ledger.open_books(snapshot.balances, rates, snapshot.at)
    cash = ledger.cash()
    wallets = {currency: amount for currency, amount in cash.items() if rates.knows(currency)}
    return Portfolio(
        currency=policy.capital_currency,
        cash=wallets,
        positions=positions,
        foreign=_foreign(ledger.foreign(), cash, rates),
        open_orders=open_orders,
        marks={symbol: _mark(position, snapshot) for symbol, position in positions.items()},
        fees=snapshot.fees,
        flows=_flows(ledger.flows(), wallets, rates),
        known_rates=rates.known,
    )


def _flows(flows: Mapping[str, Decimal], wallets: Mapping[str, Decimal], rates: Rates) -> Money:
    """What was paid into and out of the wallets that equity counts, at the rates of today."""
    total = Money.zero(rates.capital)
    for currency in sorted(flows.keys() & wallets.keys()):
        total = total + rates.worth(Money(flows[currency], currency))
    return total


def _foreign(
    foreign: Mapping[str, Decimal], cash: Mapping[str, Decimal], rates: Rates
) -> Mapping[str, Decimal]:
    """What is not ours to use, and wallets of ours that nobody can value."""
    unvalued = {currency: cash[currency] for currency in cash if not rates.knows(currency)}
    together = {
        asset: added(foreign.get(asset, ZERO), unvalued.get(asset, ZERO))
        for asset in sorted(foreign.keys() | unvalued.keys())
    }
    return {asset: amount for asset, amount in together.items() if amount}


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


def settle_unknown(ledger: Ledger, venue: Desk, at: datetime) -> None:
    """Ask after every own order without a final answer, of this process or an earlier one."""
    settled = []
    for order in ledger.unsettled():
        answer = venue.look_up(order.planned)
        if answer.status not in (OrderStatus.UNKNOWN, order.status):
            known = moved(order, answer.status)
            settled.append(replace(known, exchange_order_id=answer.exchange_order_id))
    ledger.settle(tuple(settled), at)
