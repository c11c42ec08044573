"""Maker and taker fees by what was traded in the last thirty days.

An order keeps the fees of the moment it was accepted, so that what is held for it
always suffices. Volume is notional in whatever quote currency, as if at par.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from core.market import Fees
from core.money import ZERO, added

WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class FeeTier:
    """The fees from a volume on."""

    volume_min: Decimal
    fees: Fees


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Tiers by rising volume, the first from zero on."""

    tiers: tuple[FeeTier, ...]

    def __post_init__(self) -> None:
        if not self.tiers or self.tiers[0].volume_min != ZERO:
            raise ValueError("the first fee tier begins at a volume of 0")
        if any(later.volume_min <= tier.volume_min for tier, later in pairwise(self.tiers)):
            raise ValueError("each fee tier begins at a higher volume than the one before")

    @classmethod
    def flat(cls, fees: Fees) -> FeeSchedule:
        """The same for everybody."""
        return cls((FeeTier(ZERO, fees),))

    def fees(self, volume: Decimal) -> Fees:
        reached = [tier for tier in self.tiers if tier.volume_min <= volume]
        return reached[-1].fees


class TradedVolume:
    """Notional traded, by day; a day counts whole until it is thirty days past."""

    def __init__(self, trades: Iterable[tuple[datetime, Decimal]] = ()) -> None:
        self._days: dict[date, Decimal] = {}
        for at, notional in trades:
            self.add(at, notional)

    def add(self, at: datetime, notional: Decimal) -> None:
        day = at.date()
        self._days[day] = added(self._days.get(day, ZERO), notional)

    def within(self, now: datetime) -> Decimal:
        first = (now - WINDOW).date()
        for day in [day for day in self._days if day < first]:
            del self._days[day]
        return added(*self._days.values())
