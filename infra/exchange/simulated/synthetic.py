"""The embedded market: about 30 synthetic products, the same for everybody who has the seed.

Exists so that the bot can be tried, tested and measured without a network, keys
or files. All it shows is a function of (seed, start, time): prices of seed and
time, what is listed and halted of the start as well. It remembers nothing but
its last answer and shows no candle that is still open on its clock. It takes no
orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from core.errors import RetryableError
from core.market import Bars, Depth, Fees, Product, TopOfBook, base_of, quote_of
from core.ports import Clock
from infra.exchange.simulated.books import Moment, depth, top_of_book
from infra.exchange.simulated.candles import CandleMaker, Candles
from infra.exchange.simulated.catalogue import CATALOGUE, Listing
from infra.exchange.simulated.course import Course, Moments

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_KEPT_MAX = 1_024  # bars of all products that are kept for the next question


@dataclass(frozen=True, slots=True)
class _Kept:
    """The candles of all products that were made last."""

    first: int
    last: int
    candles: Candles


class SyntheticMarket:
    """MarketData of a seeded world. History reaches back before `start`, as far as is asked."""

    def __init__(
        self, clock: Clock, seed: int, start: datetime, bar: timedelta, fees: Fees, quote: str
    ) -> None:
        """`bar` is the one most questions are about: its candles are made for all at once."""
        self._clock = clock
        self._seed = seed
        self._start = start
        self._bar = bar
        self._fees = fees
        self._quote = quote
        self._rows = {
            f"{listing.asset}-{paid}": at
            for at, listing in enumerate(CATALOGUE)
            for paid in listing.quotes(quote)
        }
        self._course = Course(seed, CATALOGUE)
        self._maker = CandleMaker(seed, CATALOGUE, _seconds(start))
        self._kept: _Kept | None = None
        self._moments: tuple[int, Moments] | None = None
        self._requests = 0

    @property
    def requests(self) -> int:
        return self._requests

    @property
    def depths_per_request(self) -> int:
        return 1

    def server_time(self) -> datetime:
        self._requests += 1
        return self._clock.now()

    def products(self) -> tuple[Product, ...]:
        """What is listed now, sorted by symbol; delisted products stay, with their status."""
        self._requests += 1
        return tuple(product for _, product in sorted(self._listed().items()))

    def fees(self) -> Fees:
        self._requests += 1
        return self._fees

    def tops(self, symbols: Iterable[str]) -> Mapping[str, TopOfBook]:
        """One request for all; a product that takes no orders has no book."""
        self._requests += 1
        seen_at = self._clock.now()
        listed = self._listed()
        return {
            symbol: top_of_book(listing, listed[symbol], moment, seen_at)
            for symbol, listing, moment in self._booked(symbols, seen_at)
        }

    def depths(self, symbols: Iterable[str]) -> Mapping[str, Depth]:
        """One request per symbol, with or without an answer."""
        asked = tuple(symbols)
        self._requests += len(asked)
        seen_at = self._clock.now()
        listed = self._listed()
        return {
            symbol: depth(self._seed, listing, listed[symbol], moment, seen_at)
            for symbol, listing, moment in self._booked(asked, seen_at)
        }

    def bars(self, symbol: str, bar: timedelta, since: datetime, until: datetime) -> Bars:
        """Closed bars; `until` may lie in the future, the answer never does.

        `bar` is a whole number of minutes. An unknown symbol raises RetryableError.
        """
        self._requests += 1
        if bar < _MINUTE or bar % _MINUTE:
            raise ValueError(f"a bar of {bar} is no whole number of minutes")
        row = self._row(symbol)
        width = bar // _SECOND
        first = -(-_seconds_up(since) // width)
        last = _seconds(min(until, self._clock.now())) // width
        if last <= first:
            return _no_bars()
        opened = np.arange(first, last, dtype=np.int64) * width
        if bar == self._bar and last - first <= _KEPT_MAX:
            kept = self._kept_over(first, last)
            return kept.candles.row(row, opened, slice(first - kept.first, last - kept.first))
        alone = CandleMaker(self._seed, CATALOGUE[row : row + 1], _seconds(self._start))
        return alone.candles(width, first, last).row(0, opened, slice(None))

    def _kept_over(self, first: int, last: int) -> _Kept:
        """Candles of all products over at least these bars; the neighbours ask for the same."""
        kept = self._kept
        if kept is None or first < kept.first or kept.last < last:
            width = self._bar // _SECOND
            kept = _Kept(first, last, self._maker.candles(width, first, last))
            self._kept = kept
        return kept

    def _row(self, symbol: str) -> int:
        row = self._rows.get(symbol)
        if row is None:
            raise RetryableError("no such product", code="UNKNOWN_PRODUCT", symbol=symbol)
        return row

    def _listed(self) -> dict[str, Product]:
        """Every product that has been listed by now."""
        age = self._clock.now() - self._start
        listed = {}
        for symbol, row in self._rows.items():
            paid, phase = quote_of(symbol), CATALOGUE[row].phase(age)
            if phase is not None:
                owner = f"{base_of(symbol)}-{self._quote}" if paid != self._quote else None
                listed[symbol] = CATALOGUE[row].product(paid, self._start, phase.status, owner)
        return listed

    def _booked(self, symbols: Iterable[str], at: datetime) -> list[tuple[str, Listing, Moment]]:
        """Those of `symbols` that have a book at `at`, each with what the book is made of."""
        second = _seconds(at)
        if self._moments is None or self._moments[0] != second:
            self._moments = second, self._course.at(np.array([second], dtype=np.int64))
        moments = self._moments[1]
        booked = []
        for symbol in symbols:
            row = self._rows.get(symbol)
            phase = None if row is None else CATALOGUE[row].phase(at - self._start)
            if row is None or phase is None or not phase.takes_orders:
                continue
            price = float(moments.price[row, 0])
            moment = Moment(price, float(moments.volatility[row, 0]), second)
            booked.append((symbol, CATALOGUE[row], moment))
        return booked


def _no_bars() -> Bars:
    nothing = np.empty(0)
    return Bars(nothing.astype(np.int64), nothing, nothing, nothing, nothing, nothing)


def _seconds(at: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return (at - _EPOCH) // _SECOND


def _seconds_up(at: datetime) -> int:
    return -((_EPOCH - at) // _SECOND)
