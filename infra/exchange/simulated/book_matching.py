"""What the book of this moment gives an order: levels best first, as deep as it goes.

Whoever takes gets the book's prices, which may be better than his limit. An order
that waited gets its own limit, however far the book has come over it. What was taken
in the last minute is still gone: the best levels first. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.market import Depth, Level, Product, Side
from core.money import ONE, ZERO, Toward, added, divided, multiplied, rounded_down, subtracted
from infra.exchange.simulated.entry import GRAIN, Entry

_FINE = Decimal("1E-16")  # orders in quote currency end off the increment, as at Coinbase


@dataclass(frozen=True, slots=True)
class Take:
    """A part of an order at one price."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Taken:
    """All parts that the book gives; `complete`: nothing more is wanted."""

    parts: tuple[Take, ...]
    complete: bool


def levels_for(side: Side, depth: Depth) -> tuple[Level, ...]:
    """The side of the book that an order of `side` meets."""
    return depth.asks if side is Side.BUY else depth.bids


def without(levels: tuple[Level, ...], gone: Decimal) -> tuple[Level, ...]:
    """What is left of a side when `gone` has been taken from its best levels."""
    left = []
    for price, quantity in levels:
        part = min(quantity, gone)
        gone = subtracted(gone, part)
        if part < quantity:
            left.append(Level(price, subtracted(quantity, part)))
    return tuple(left)


def crosses(side: Side, limit: Decimal, depth: Depth) -> bool:
    """Whether a limit order would trade at once."""
    best = levels_for(side, depth)[0].price
    return limit >= best if side is Side.BUY else limit <= best


def stop_reached(entry: Entry, depth: Depth) -> bool:
    """Whether the book has come to the stop."""
    stop = entry.request.stop
    if stop is None:
        return False
    if entry.request.falls_to_stop:
        return depth.bids[0].price <= stop
    return depth.asks[0].price >= stop


def takes(entry: Entry, depth: Depth, gone: Decimal, product: Product) -> Taken:
    """What the order gets, its limit and what it may cost being kept; `gone` is taken already."""
    side, limit = entry.side, entry.limit
    wanted = _Wanted(entry, product)
    taken: list[Take] = []
    for price, there in without(levels_for(side, depth), gone):
        if limit is not None and (price > limit if side is Side.BUY else price < limit):
            break
        part = wanted.at(price, there)
        if part > ZERO:
            taken.append(Take(price, part))
        if wanted.done:
            break
    if entry.request.entire and not wanted.complete:
        return Taken((), complete=False)
    if entry.rests and taken and limit is not None:
        taken = [Take(limit, added(*(take.quantity for take in taken)))]
    return Taken(tuple(taken), wanted.complete)


class _Wanted:
    """What is left of an order while levels are taken: a quantity, money, or both."""

    def __init__(self, entry: Entry, product: Product) -> None:
        self._left = entry.left
        self._lot = product.base_increment if entry.left is not None else _FINE
        self._money = spendable(entry)
        self.done = False

    @property
    def complete(self) -> bool:
        """An order in quote currency is complete when its money is spent."""
        return self.done if self._left is None else self._left == ZERO

    def at(self, price: Decimal, there: Decimal) -> Decimal:
        """How much of `there` is wanted at `price`; it counts as taken."""
        part = there if self._left is None else min(there, self._left)
        if self._money is not None:
            payable = divided(self._money, price, toward=Toward.FLOOR)
            if payable < part:
                part, self.done = rounded_down(payable, self._lot), True
            self._money = subtracted(self._money, multiplied(part, price))
        if self._left is not None:
            self._left = subtracted(self._left, part)
            self.done = self.done or self._left == ZERO
        return part


def spendable(entry: Entry) -> Decimal | None:
    """The notional that a budget still pays for, its fee apart; None without a budget."""
    if entry.budget is None:
        return None
    # One grain less, for the fee is rounded up.
    left = subtracted(entry.budget, added(entry.value, entry.fees, GRAIN))
    share = added(ONE, entry.rates.taker.value)
    return max(rounded_down(divided(left, share, toward=Toward.FLOOR), GRAIN), ZERO)
