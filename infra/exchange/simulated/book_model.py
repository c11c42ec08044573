"""Books modelled from closed bars, for recordings that have none.

The formula, all rounding against whoever takes from the book:

    mid       = close of the last closed bar
    spread    = max(spread_min x mid, spread_range_share x (high - low) of that bar, one increment)
    bid, ask  = mid -+ spread / 2, rounded outward to the increment
    levels    = ten a side, 2 bps of mid apart (whole increments, at least one):
                all within 20 bps of the best price where the increment allows
    notional  = depth_volume_share x notional traded in the last hour, per side,
                an equal part on each level, quantities rounded down to the increment;
                bars longer than an hour count with an hour's part of their volume

A level holds at least one increment, so that a dead hour shows as a depth of
almost nothing and not as an unknown one. There is no book before the first bar,
and none when the last bar closed more than a day ago. It knows only the bars it
is given: that they are closed is the market's business.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from core.market import Bars, BookOrigin, Depth, Level, Product, TopOfBook
from core.money import (
    EXACT,
    ONE,
    ZERO,
    Ratio,
    Toward,
    added,
    divided,
    multiplied,
    rounded_down,
    rounded_up,
    subtracted,
)

_LEVELS = 10
_GAP = Decimal("0.0002")  # nine gaps are 18 bps
_HALF = Decimal("0.5")
_HOUR = timedelta(hours=1)
_OLD = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BookModel:
    """The free shares of the formula."""

    spread_min: Ratio  # of the mid
    spread_range_share: Ratio  # of the last bar's high - low
    depth_volume_share: Ratio  # of the last hour's notional

    def __post_init__(self) -> None:
        for ratio in (self.spread_min, self.spread_range_share, self.depth_volume_share):
            if ratio.value < 0:
                raise ValueError(f"a share of a book model is not negative, was {ratio}")


@dataclass(slots=True)
class LastHour:
    """What one product traded in the last hour: each bar is added once, and taken away once.

    The sum is exact, so it is the same whatever it was summed up from.
    """

    _bars: deque[tuple[int, Decimal]] = field(default_factory=deque)  # opened, notional
    _total: Decimal = ZERO

    def notional(self, recent: Bars, opened_after: int) -> Decimal:
        """Of those of `recent` that opened later than that."""
        bars = self._bars
        if bars and not recent.opened[0] <= bars[-1][0] <= recent.opened[-1]:
            bars.clear()
            self._total = ZERO
        known = max(bars[-1][0], opened_after) if bars else opened_after
        for row in range(int(recent.opened.searchsorted(known, "right")), len(recent)):
            notional = multiplied(_decimal(recent.close[row]), _decimal(recent.volume[row]))
            bars.append((int(recent.opened[row]), notional))
            self._total = added(self._total, notional)
        while bars and bars[0][0] <= opened_after:
            self._total = subtracted(self._total, bars.popleft()[1])
        return self._total


def model_book(
    product: Product,
    recent: Bars,
    bar: timedelta,
    model: BookModel,
    at: datetime,
    hour: LastHour | None = None,
) -> tuple[TopOfBook, Depth] | None:
    """Top and depth at `at` from `recent` closed bars, which reach back an hour; None: no book.

    Whoever asks again and again for one product keeps its `hour`.
    """
    if not len(recent) or at - _closed(recent, -1, bar) > _OLD:
        return None
    mid = _decimal(recent.close[-1])
    swing = subtracted(_decimal(recent.high[-1]), _decimal(recent.low[-1]))
    tick = product.price_increment
    spread = max(
        multiplied(model.spread_min.value, mid),
        multiplied(model.spread_range_share.value, swing),
        tick,
    )
    half = multiplied(spread, _HALF)
    bid = rounded_down(subtracted(mid, half), tick)
    ask = rounded_up(added(mid, half), tick)
    if bid <= ZERO:
        return None
    gap = max(rounded_down(multiplied(mid, _GAP), tick), tick)
    hourly = _notional_per_hour(recent, bar, at, hour or LastHour())
    per_level = divided(
        multiplied(model.depth_volume_share.value, hourly), Decimal(_LEVELS), toward=Toward.FLOOR
    )
    depth = Depth(
        symbol=product.symbol,
        bids=_levels(product, bid, multiplied(gap, Decimal(-1)), per_level),
        asks=_levels(product, ask, gap, per_level),
        seen_at=at,
        origin=BookOrigin.MODELLED,
    )
    return TopOfBook(
        symbol=product.symbol, bid=bid, ask=ask, seen_at=at, origin=BookOrigin.MODELLED
    ), depth


def _levels(product: Product, best: Decimal, gap: Decimal, notional: Decimal) -> tuple[Level, ...]:
    """As many whole lots on each level as `notional` pays for there; at least one."""
    lot, price = product.base_increment, best
    levels = []
    for _ in range(_LEVELS):
        if price <= ZERO:
            break
        lots = EXACT.divide_int(notional, EXACT.multiply(price, lot))
        levels.append(Level(price, EXACT.multiply(lots, lot) if lots > ONE else lot))
        price = EXACT.add(price, gap)
    return tuple(levels)


def _notional_per_hour(recent: Bars, bar: timedelta, at: datetime, hour: LastHour) -> Decimal:
    """Notional of the bars that closed within the last hour, or of an hour's part of the last."""
    window = max(_HOUR, bar)
    total = hour.notional(recent, (at - window - bar - _EPOCH) // _SECOND)
    return divided(total, Decimal(str(window / _HOUR)), toward=Toward.FLOOR)


def _closed(bars: Bars, row: int, bar: timedelta) -> datetime:
    return datetime.fromtimestamp(int(bars.opened[row]), UTC) + bar


def _decimal(value: float) -> Decimal:
    """The shortest decimal that names this float: the digits the recording was written with."""
    return Decimal(str(float(value)))
