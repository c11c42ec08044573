"""The figures of a report, each with one definition that a person can check.

Pure. A figure that cannot be told honestly is None: a ratio of too few days, a share of
no sales. Equity is the bot's own: cash and lots at bid less the taker fee.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import isnan, sqrt
from statistics import fmean, pstdev

from core.money import ZERO, added, subtracted
from core.state import Closed
from runner.report.chronicle import Chronicle

DAYS_MIN = 30  # daily returns below which a ratio of mean and deviation says nothing
_DAY = 86_400
_YEAR = 365  # this market does not close


@dataclass(frozen=True, slots=True)
class Fall:
    """The deepest fall from a peak, as a share of it; rows of its peak and its bottom."""

    depth: float
    peak: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Sales:
    """What closed sales came to, net of fees, in the capital currency."""

    count: int
    won: int
    gained: Decimal
    lost: Decimal  # not negative

    @property
    def profit(self) -> Decimal:
        return subtracted(self.gained, self.lost)

    @property
    def win_rate(self) -> float | None:
        return self.won / self.count if self.count else None

    @property
    def profit_factor(self) -> float | None:
        """Gained for each unit lost; None while nothing was lost."""
        return float(self.gained) / float(self.lost) if self.lost else None


@dataclass(frozen=True, slots=True)
class Ratios:
    """Of daily returns of equity, at the last decision before each 00:00 UTC; yearly, with
    365 days. No interest on cash, none to beat.
    """

    sharpe: float | None  # mean over standard deviation
    sortino: float | None  # mean over the root of the mean square of the losing days
    days: int


def change(values: Sequence[float]) -> float:
    """The last over the first, less one."""
    return values[-1] / values[0] - 1.0


def deepest_fall(values: Sequence[float]) -> Fall:
    """The deepest fall of a series from the highest value before it."""
    peak, found = 0, Fall(0.0, 0, 0)
    for row, value in enumerate(values):
        if value > values[peak]:
            peak = row
        depth = 1.0 - value / values[peak]
        if depth > found.depth:
            found = Fall(depth, peak, row)
    return found


def drawdowns(values: Iterable[float]) -> list[float]:
    """Each value against the highest so far: 0 at a peak, negative below it."""
    highest, found = float("-inf"), []
    for value in values:
        highest = max(highest, value)
        found.append(value / highest - 1.0)
    return found


def sales_of(closed: Iterable[Closed]) -> Sales:
    """A sale that left exactly nothing did not win."""
    profits = [sale.profit.amount for sale in closed]
    gains = [profit for profit in profits if profit > ZERO]
    losses = [subtracted(ZERO, profit) for profit in profits if profit < ZERO]
    return Sales(len(profits), len(gains), added(*gains), added(*losses))


def ratios(seconds: Sequence[int], equity: Sequence[float]) -> Ratios:
    ends = _day_ends(seconds, equity)
    returns = [after / before - 1.0 for before, after in pairwise(ends)]
    if len(returns) < DAYS_MIN:
        return Ratios(None, None, len(returns))
    mean, deviation = fmean(returns), pstdev(returns)
    downside = sqrt(fmean([min(each, 0.0) ** 2 for each in returns]))
    scale = sqrt(_YEAR)
    return Ratios(
        mean / deviation * scale if deviation > 0 else None,
        mean / downside * scale if downside > 0 else None,
        len(returns),
    )


def held_from_the_start(chronicle: Chronicle, start: float, fee: float) -> list[float] | None:
    """Buy and hold: `start` in equal parts in every product that had a book in the first cycle.

    Bought at the ask with the taker fee, valued at the bid less it; a product without a
    book keeps its last. None where there was no book.
    """
    asks = chronicle.first_asks
    if not asks:
        return None
    values = [0.0] * chronicle.rows
    for symbol, ask in sorted(asks.items()):
        quantity = start / len(asks) / (ask * (1.0 + fee))
        last = ask
        for row, bid in enumerate(chronicle.bids[symbol].whole(chronicle.rows)):
            last = last if isnan(bid) else bid
            values[row] += quantity * last * (1.0 - fee)
    return values


def invested(chronicle: Chronicle) -> list[float]:
    """The share of equity that was invested, by cycle."""
    totals = [0.0] * chronicle.rows
    for column in chronicle.exposure.values():
        for row, value in enumerate(column.whole(chronicle.rows)):
            totals[row] += value
    return [
        total / equity if equity else 0.0
        for total, equity in zip(totals, chronicle.equity, strict=True)
    ]


def _day_ends(seconds: Sequence[int], equity: Sequence[float]) -> list[float]:
    """Equity at the last decision of each day."""
    days = [second // _DAY for second in seconds]
    last = len(days) - 1
    return [value for row, value in enumerate(equity) if row == last or days[row + 1] != days[row]]
