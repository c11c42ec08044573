"""What is ours, what is foreign, and what it is worth.

Only lots that the bot bought are positions; every other coin on the account is
foreign, stands beside equity, counts in no limit and is never sold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.market import Fees, Snapshot
from core.money import ONE, Money, Price, Quantity, added, multiplied, subtracted
from core.orders import Order


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
    cash: Mapping[str, Decimal]  # ours, by quote currency
    positions: Mapping[str, Position]
    foreign: Mapping[str, Decimal]
    open_orders: tuple[Order, ...]
    marks: Mapping[str, Price]  # last known bid of each position, for valuing it
    fees: Fees
    flows: Money  # paid in less paid out since the first start; neither gain nor loss

    def value(self, symbol: str) -> Money:
        """A position at its mark less the taker fee."""
        return self.positions[symbol].worth(self.marks[symbol], self.fees)

    @property
    def exposure(self) -> Money:
        total = Money.zero(self.currency)
        for symbol in self.positions:
            total = total + self.value(symbol)
        return total

    @property
    def equity(self) -> Money:
        """Own cash plus own lots. Foreign coins are beside it."""
        return Money(self.cash[self.currency], self.currency) + self.exposure


def marked(portfolio: Portfolio, snapshot: Snapshot) -> Mapping[str, Price]:
    """The bid of each position now, or its last mark where there is no book."""
    marks = {}
    for symbol, position in portfolio.positions.items():
        top = snapshot.tops.get(symbol)
        marks[symbol] = Price(top.bid, position.quote) if top else portfolio.marks[symbol]
    return marks
