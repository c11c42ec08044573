"""What is ours, what is foreign, and what it is worth.

Only lots that the bot bought are positions; every other coin on the account is
foreign, stands beside equity, counts in no limit and is never sold. Cash lies in
one wallet for each quote currency; a wallet that nobody can value is foreign too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from core.market import Fees, Side, Snapshot
from core.money import ONE, ZERO, Money, Price, Quantity, added, multiplied, subtracted
from core.orders import Order
from core.rates import Rate, Rates


@dataclass(frozen=True, slots=True)
class Lot:
    """One purchase: `price` is what was paid per unit, fees included."""

    quantity: Decimal
    price: Decimal
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """The lots the bot holds of one product, oldest first."""

    symbol: str
    base: str
    quote: str
    lots: tuple[Lot, ...]

    @property
    def quantity(self) -> Quantity:
        return Quantity(added(*(lot.quantity for lot in self.lots)), self.base)

    @property
    def cost(self) -> Money:
        paid = (multiplied(lot.quantity, lot.price) for lot in self.lots)
        return Money(added(*paid), self.quote)

    def worth(self, price: Price, fees: Fees) -> Money:
        """What selling all of it at `price` would bring, less the taker fee."""
        return price.of(self.quantity).times(subtracted(ONE, fees.taker.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """The account in the capital currency, as the ledger and the venue agree on it."""

    currency: str
    cash: Mapping[str, Decimal]  # ours, by quote currency; of each a rate is known
    positions: Mapping[str, Position]
    foreign: Mapping[str, Decimal]
    open_orders: tuple[Order, ...]
    marks: Mapping[str, Price]  # last known bid of each position, for valuing it
    fees: Fees
    flows: Money  # paid in less paid out since the first start; neither gain nor loss
    known_rates: Mapping[str, Rate] = field(default_factory=dict)  # of all other currencies
    dust: Mapping[str, Decimal] = field(default_factory=dict)  # ours, too little to sell alone
    # symbol -> why its product may only see cancels; a currency -> why its wallet pays nothing
    quarantined: Mapping[str, str] = field(default_factory=dict)

    @property
    def rates(self) -> Rates:
        return Rates(self.currency, self.known_rates)

    def value(self, symbol: str) -> Money:
        """A position at its mark less the taker fee, in the capital currency.

        One that is paid in a currency without a rate counts nothing; risk stops buying then.
        """
        position = self.positions[symbol]
        return self._valued(position.worth(self.marks[symbol], self.fees))

    def cost(self, symbol: str) -> Money:
        """What was paid for a position, at the rate of today."""
        return self._valued(self.positions[symbol].cost)

    def _valued(self, money: Money) -> Money:
        rates = self.rates
        known = rates.knows(money.currency)
        return rates.worth(money) if known else Money.zero(self.currency)

    def free(self, currency: str) -> Money:
        """A wallet less what its open buys may still take, all of it as taker."""
        taken = (
            self.with_fee(order.unfilled)
            for order in self.open_orders
            if order.planned.side is Side.BUY and order.planned.price.quote == currency
        )
        left = Money(self.cash.get(currency, ZERO), currency)
        for money in taken:
            left = left - money
        return left

    def with_fee(self, notional: Money) -> Money:
        """The most that buying `notional` takes."""
        return notional.times(added(ONE, self.fees.taker.value))

    @property
    def exposure(self) -> Money:
        return self._together(self.value(symbol) for symbol in self.positions)

    @property
    def equity(self) -> Money:
        """All own wallets plus own lots. Foreign coins are beside it."""
        return self._with_cash(self.exposure)

    def valued(self) -> Valued:
        values = {symbol: self.value(symbol) for symbol in sorted(self.positions)}
        return Valued(self, values, self._with_cash(self._together(values.values())))

    def _together(self, values: Iterable[Money]) -> Money:
        total = Money.zero(self.currency)
        for value in values:
            total = total + value
        return total

    def _with_cash(self, total: Money) -> Money:
        rates = self.rates
        for currency, amount in sorted(self.cash.items()):
            total = total + rates.worth(Money(amount, currency))
        return total


@dataclass(frozen=True, slots=True)
class Valued:
    """A portfolio with what it is worth: every stage of a cycle asks, and it is valued once."""

    portfolio: Portfolio
    positions: Mapping[str, Money]  # as `Portfolio.value`, sorted by symbol
    equity: Money


def marked(portfolio: Portfolio, snapshot: Snapshot) -> Mapping[str, Price]:
    """The bid of each position now, or its last mark where there is no book."""
    marks = {}
    for symbol, position in portfolio.positions.items():
        top = snapshot.tops.get(symbol)
        marks[symbol] = Price(top.bid, position.quote) if top else portfolio.marks[symbol]
    return marks
