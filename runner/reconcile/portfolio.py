"""The account as one Portfolio: what the ledger holds, at what the market says it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from core.account import Portfolio, Position
from core.exits import as_written
from core.market import Snapshot
from core.money import ZERO, Money, Price, added
from core.policy import Policy
from core.ports import Books
from core.rates import Rates, read_rates
from core.state import BotState


def rates_now(ledger: Books, snapshot: Snapshot, state: BotState, policy: Policy) -> Rates:
    """The rates of every currency in which money of ours lies or is asked for."""
    currencies = frozenset(policy.quote_currencies)
    currencies |= {position.quote for position in ledger.positions().values()}
    currencies |= {order.planned.price.quote for order in ledger.unsettled()}
    return read_rates(
        snapshot, state.rates, currencies, policy.capital_currency, policy.risk.book_age_max
    )


def portfolio_of(
    ledger: Books, snapshot: Snapshot, rates: Rates, quarantined: Mapping[str, str]
) -> Portfolio:
    """What is ours, what is foreign, and what it is worth now.

    A position without a cost is left out: no exit could be watched, and it would end the cycle.
    """
    positions = {name: held for name, held in ledger.positions().items() if held.cost.amount > ZERO}
    cash = ledger.cash()
    wallets = {currency: amount for currency, amount in cash.items() if rates.knows(currency)}
    return Portfolio(
        currency=rates.capital,
        cash=wallets,
        positions=positions,
        foreign=_foreign(ledger.foreign(), cash, rates),
        open_orders=ledger.unsettled(),
        marks={symbol: _mark(position, snapshot) for symbol, position in positions.items()},
        fees=snapshot.fees,
        flows=_flows(ledger.flows(), wallets, rates),
        known_rates=rates.known,
        dust=ledger.dust(),
        quarantined=dict(sorted(quarantined.items())),
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
