"""A market without rest: prices that jump, fall and come back, candles that thin out or fail.

Everything is drawn from the seed when it is made; what it says at a time depends on
nothing else, so a bot that starts again sees the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from core.errors import RetryableError
from core.market import Bars, BookOrigin, Depth, Fees, Level, Product, TopOfBook
from infra.clock import MarketClock
from tests.builders.market import BAR, FEES, NOON, a_product

WARM_UP = 400  # bars before the first decision
SYMBOLS = ("DOGE-USD", "SOL-USD", "XRP-USD")
_CENT = Decimal("0.01")
_JUMPS, _FALLS, _SILENT, _THIN = 0.05, 0.02, 0.02, 0.05  # shares of bars
_FAILS = 0.02  # share of cycles in which one piece of the market cannot be had


class RandomMarket:
    """MarketData of a few products over so many bars."""

    depths_per_request = 1000

    def __init__(self, seed: int, cycles: int) -> None:
        self.clock = MarketClock(NOON)
        self.requests = 0
        self.storm = False  # only then does anything fail
        bars = WARM_UP + cycles + 2
        chance = np.random.default_rng(seed)
        self._begin = NOON - WARM_UP * BAR
        self._fails = chance.random(bars) < _FAILS
        self._rows: dict[str, np.ndarray] = {}
        self._there: dict[str, np.ndarray] = {}
        for symbol in SYMBOLS:
            usual = 100.0 if symbol == "DOGE-USD" else 1000.0
            self._rows[symbol], self._there[symbol] = _drawn(chance, bars, usual)

    def server_time(self) -> datetime:
        return self.clock.now()

    def products(self) -> tuple[Product, ...]:
        self._ask("products")
        return tuple(a_product(symbol) for symbol in SYMBOLS)

    def fees(self) -> Fees:
        return FEES

    def tops(self, symbols: Iterable[str]) -> Mapping[str, TopOfBook]:
        self._ask("tops")
        now = self.clock.now()
        found = {}
        for symbol in symbols:
            bid, ask = self.prices(symbol)
            found[symbol] = TopOfBook(
                symbol=symbol, bid=bid, ask=ask, seen_at=now, origin=BookOrigin.VENUE
            )
        return found

    def depths(self, symbols: Iterable[str]) -> Mapping[str, Depth]:
        self._ask("depths")
        now, much = self.clock.now(), Decimal(300)
        found = {}
        for symbol in symbols:
            bid, ask = self.prices(symbol)
            found[symbol] = Depth(
                symbol=symbol,
                bids=(Level(bid, much), Level(bid - _CENT * 8, much)),
                asks=(Level(ask, much), Level(ask + _CENT * 8, much)),
                seen_at=now,
                origin=BookOrigin.VENUE,
            )
        return found

    def bars(self, symbol: str, bar: timedelta, since: datetime, until: datetime) -> Bars:
        self._ask("bars")
        first = max(0, (since - self._begin) // bar)
        last = max(first, (min(until, self.clock.now()) - self._begin) // bar)
        there = self._there[symbol][first:last]
        rows = self._rows[symbol][:, first:last][:, there]
        begun = int(self._begin.timestamp())
        opened = begun + np.arange(first, last, dtype=np.int64)[there] * int(bar.total_seconds())
        return Bars(opened, *(np.ascontiguousarray(row) for row in rows))

    def prices(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Bid and ask: four cents about the last close."""
        close = self._rows[symbol][3, self._number() - 1]
        middle = Decimal(f"{close:.2f}")
        return middle - _CENT * 2, middle + _CENT * 2

    def _number(self) -> int:
        return int((self.clock.now() - self._begin) // BAR)

    def _ask(self, piece: str) -> None:
        self.requests += 1
        number = self._number()
        if self.storm and self._fails[number] and len(piece) % 3 == number % 3:
            raise RetryableError("the market did not answer", code="TIMED_OUT")


def _drawn(chance: np.random.Generator, bars: int, usual: float) -> tuple[np.ndarray, np.ndarray]:
    """Open, high, low, close and volume of every bar, and which bars there are."""
    noise = chance.normal(0.0, 0.0007, bars)
    jumps = np.where(chance.random(bars) < _JUMPS, chance.uniform(0.02, 0.04, bars), 0.0)
    falls = np.where(chance.random(bars) < _FALLS, chance.uniform(-0.12, -0.02, bars), 0.0)
    log = np.empty(bars)
    at = 0.0
    for number in range(bars):  # drawn back to its mean, so that no price runs away
        at += noise[number] + jumps[number] + falls[number] - 0.004 * at
        log[number] = at
    close = np.round(100.0 * np.exp(log), 2)
    opened = np.concatenate(([close[0]], close[:-1]))
    swing = chance.uniform(0.0003, 0.002, bars)
    high, low = np.maximum(opened, close) * (1 + swing), np.minimum(opened, close) * (1 - swing)
    volume = np.where(chance.random(bars) < _THIN, usual * 0.01, usual)
    there = chance.random(bars) >= _SILENT
    return np.stack((opened, high, low, close, volume)), there
