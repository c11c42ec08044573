"""What the market shows, as the venue tells it: last prices, the day, candles, trades.

Everything is derived from the simulated market and its clock; nothing is remembered but
the figures of the day. Candles are told with the one that is still forming, because the
venue does so and a client must drop it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from core.market import Bars, Depth, Product, TopOfBook
from core.money import ZERO, rounded_down
from core.ports import Clock, MarketData

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Candle:
    opened: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal  # base units


@dataclass(frozen=True, slots=True)
class Trade:
    """Something that traded; of a bar only its last price is known, so it stands for all of it."""

    number: int
    price: Decimal
    quantity: Decimal
    at: datetime
    rising: bool  # the taker bought


@dataclass(frozen=True, slots=True)
class Day:
    """The last 24 hours; None where nothing traded."""

    volume: Decimal
    low: Decimal
    high: Decimal
    change: Decimal | None  # in per cent


@dataclass(frozen=True, slots=True)
class Grain:
    """The bars a market can tell."""

    finest: timedelta
    usual: timedelta  # the one it tells of all products most quickly
    only: bool  # whether coarser ones have to be joined from the finest


class Quotes:
    """Reading of one market, for answers."""

    def __init__(
        self,
        market: MarketData,
        book: Callable[[str], Depth | None],
        clock: Clock,
        grain: Grain,
    ) -> None:
        """`book` is the market's less what own orders have just taken."""
        self._market = market
        self._book = book
        self._clock = clock
        self._grain = grain
        self._days: tuple[datetime, dict[str, Day | None]] = (clock.now(), {})

    def products(self) -> Mapping[str, Product]:
        return {product.symbol: product for product in self._market.products()}

    def tops(self, symbols: list[str]) -> Mapping[str, TopOfBook]:
        return self._market.tops(symbols)

    def depth(self, symbol: str) -> Depth | None:
        return self._book(symbol)

    def last(self, product: Product, top: TopOfBook | None) -> Decimal | None:
        """The last price: the middle of the book, or the last close where there is none."""
        if top is not None:
            return rounded_down(top.mid, product.price_increment)
        trades = list(self.trades(product.symbol, 1))
        return trades[0].price if trades else None

    def day(self, symbol: str) -> Day | None:
        """The figures of the last 24 hours, made once a bar."""
        now = self._clock.now()
        if now - self._days[0] >= self._grain.usual or now < self._days[0]:
            self._days = now, {}
        known = self._days[1]
        if symbol not in known:
            bars = self._market.bars(symbol, self._grain.usual, now - _DAY, now)
            known[symbol] = _day(bars) if len(bars) else None
        return known[symbol]

    def tells(self, bar: timedelta) -> bool:
        """Whether candles of this size can be had."""
        return bar >= self._grain.finest and not bar % self._grain.finest

    def candles(
        self, symbol: str, bar: timedelta, since: datetime, until: datetime
    ) -> list[Candle]:
        """Candles that open from `since` to `until`, both included, newest first."""
        now = self._clock.now()
        forming = _floor(now, bar)
        source = self._grain.finest if self._grain.only else bar
        last = min(until + bar, forming)
        known = self._market.bars(symbol, source, _floor(since + bar - _SECOND, bar), last)
        closed = list(_joined(known, bar))
        if since <= forming <= until:
            closed += _joined(self._market.bars(symbol, self._grain.finest, forming, now), bar)
        return closed[::-1]

    def trades(self, symbol: str, limit: int, until: datetime | None = None) -> Iterator[Trade]:
        """The last trades up to `until`, which is now unless it is said; newest first."""
        now, bar = self._clock.now(), self._grain.finest
        last = now if until is None else min(until, now)
        bars = self._market.bars(symbol, bar, last - bar * (limit + 1), last)
        for row in range(len(bars) - 1, max(-1, len(bars) - 1 - limit), -1):
            opened = int(bars.opened[row])
            yield Trade(
                number=opened // int(bar / _SECOND),
                price=_decimal(bars.close[row]),
                quantity=_decimal(bars.volume[row]),
                at=_time(opened) + bar,
                rising=bool(bars.close[row] >= bars.open[row]),
            )


def _day(bars: Bars) -> Day:
    first, last = float(bars.open[0]), float(bars.close[-1])
    return Day(
        volume=_decimal(round(float(bars.volume.sum()), 8)),
        low=_decimal(bars.low.min()),
        high=_decimal(bars.high.max()),
        change=Decimal(f"{(last / first - 1) * 100:.14f}") if first else None,
    )


def _joined(bars: Bars, width: timedelta) -> Iterator[Candle]:
    """Candles of `width` from bars that are as wide or finer, oldest first."""
    slots = bars.opened // int(width / _SECOND)
    for slot in np.unique(slots):
        rows = slots == slot
        yield Candle(
            opened=_time(int(slot) * int(width / _SECOND)),
            open=_decimal(bars.open[rows][0]),
            high=_decimal(bars.high[rows].max()),
            low=_decimal(bars.low[rows].min()),
            close=_decimal(bars.close[rows][-1]),
            volume=max(_decimal(round(float(bars.volume[rows].sum()), 8)), ZERO),
        )


def _decimal(value: float | np.floating) -> Decimal:
    """The shortest decimal that names this float."""
    return Decimal(str(float(value)))


def _floor(at: datetime, bar: timedelta) -> datetime:
    width = int(bar / _SECOND)
    return _time(int(at.timestamp()) // width * width)


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
