"""Sighting: what one kind of trigger sees of all products, number by number.

Measured numbers are rounded to the decimals of the record before they meet their
limit: what is compared is what is shown. It knows no kind and judges no product.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from core.indicators import shown_multiple
from core.market import Floats
from core.money import Ratio, plain
from core.triggers.trigger import Direction
from core.wording import percent_of, span, times

_DIRECTIONS = {1.0: Direction.UP, -1.0: Direction.DOWN, 0.0: Direction.NONE}


class Measure(NamedTuple):
    """One number of every product, and how near it comes to the limit it must reach."""

    seen: Floats  # signed, as shown
    nearness: Floats  # of the limit: 1 is at it, below zero is on the wrong side of zero
    limit: Ratio | Decimal | timedelta  # Decimal: a multiple; timedelta: `seen` is in seconds
    key: str  # below the kind's own section
    unit: str = ""  # said after the number

    def said(self, row: int) -> str:
        value = self.seen.item(row)
        match self.limit:
            case Ratio():
                number = percent_of(value)
            case timedelta():
                number = span(timedelta(seconds=value))
            case Decimal():
                number = times(value)
        return f"{number}{self.unit}"

    @property
    def limit_said(self) -> str:
        return _limit_said(self.limit)


class Sighting(NamedTuple):
    """What one kind sees. It fires where every measure reaches its limit."""

    measures: tuple[Measure, ...]  # the first one gives the strength
    confidence: Callable[[], Floats]  # 0 to 1; asked only of a kind that fires
    way: Direction | None  # None: that of the first measure's sign

    @property
    def strength(self) -> Floats:
        return shown_multiple(self.measures[0].nearness)

    @property
    def nearness(self) -> Floats:
        """That of the measure furthest from its limit."""
        nearest = self.measures[0].nearness
        for measure in self.measures[1:]:
            nearest = np.minimum(nearest, measure.nearness)
        return nearest

    def binding(self, row: int) -> int:
        """Which measure of this product is furthest from its limit."""
        near = [measure.nearness.item(row) for measure in self.measures]
        return near.index(min(near))

    def direction(self, row: int) -> Direction:
        return self.way or _DIRECTIONS[np.sign(self.measures[0].seen.item(row)).item()]


@lru_cache
def _limit_said(limit: Ratio | Decimal | timedelta) -> str:
    """Of a few values that hundreds of products are told of."""
    match limit:
        case Ratio():
            return str(limit)
        case timedelta():
            return span(limit)
        case Decimal():
            return f"{plain(limit)}x"
