"""History: what was read of the market so far, put on one grid for the next Snapshot.

Only what a venue told is kept; the Panel is computed from it anew each cycle, so
a bot that has run for a year and one that just started see the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np

from core.market import (
    Balance,
    Bars,
    Depth,
    Fees,
    Flags,
    Floats,
    Panel,
    Product,
    Snapshot,
    TopOfBook,
)

Told = TypeVar("Told")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_CLOSE, _VOLUME = 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one cycle read of the world, as the venue told it."""

    at: datetime
    server_time: datetime | None
    products: tuple[Product, ...] | None  # None: not read this time, the last list holds
    tops: Mapping[str, TopOfBook]
    depths: Mapping[str, Depth]
    bars: Mapping[str, Bars]  # newly closed ones
    through: Mapping[str, datetime]  # up to when the venue answered for candles
    balances: tuple[Balance, ...]
    fees: Fees
    missing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Remembered:
    """All that a History holds, for the tape."""

    products: tuple[Product, ...]
    bars: Mapping[str, Bars]
    through: Mapping[str, datetime]
    depths: Mapping[str, Depth]


def floor_to_bar(at: datetime, bar: timedelta) -> datetime:
    """The last moment not after `at` at which a bar closes."""
    return at - (at - _EPOCH) % bar


@dataclass(slots=True)
class History:
    """The memory of one process; `length` bars of every product it has read candles of."""

    bar: timedelta
    length: int
    _products: tuple[Product, ...] = ()
    _listed: dict[str, Product] = field(default_factory=dict)
    _symbols: tuple[str, ...] = ()
    _grid: Floats = field(default_factory=lambda: np.empty((5, 0, 0)))
    _shown: bool = False  # a Panel looks at the grid where it lies: it may not change any more
    _closed_at: datetime = _EPOCH
    _through: dict[str, datetime] = field(default_factory=dict)
    _depths: dict[str, Depth] = field(default_factory=dict)
    fees: Fees | None = None  # as last told

    def through(self, symbol: str) -> datetime | None:
        """Up to when candles of the product are known; None: never asked."""
        return self._through.get(symbol)

    def depth_seen_at(self, symbol: str) -> datetime | None:
        depth = self._depths.get(symbol)
        return depth.seen_at if depth else None

    @property
    def products(self) -> tuple[Product, ...]:
        """The last product list."""
        return self._products

    def absorb(self, reading: Reading) -> Snapshot:
        """The Snapshot of this moment: the reading on top of all that came before."""
        if reading.products is not None:
            self._list(reading.products)
        self._through = self._known(self._through, reading.through)
        self._depths = self._known(self._depths, reading.depths)
        self._roll(tuple(self._through), floor_to_bar(reading.at, self.bar))
        rows = {symbol: row for row, symbol in enumerate(self._symbols)}
        for symbol, bars in reading.bars.items():
            if symbol in rows:
                self._place(rows[symbol], bars)
        self.fees = reading.fees
        return Snapshot(
            at=reading.at,
            server_time=reading.server_time,
            products=self._listed,
            tops=reading.tops,
            depths=self._depths,
            panel=self._panel(),
            candles_through=self._through,
            balances=reading.balances,
            fees=reading.fees,
            missing=reading.missing,
        )

    def _list(self, products: Iterable[Product]) -> None:
        """From now on these are what there is, and nothing is remembered of others."""
        self._products = tuple(sorted(products, key=lambda product: product.symbol))
        self._listed = {product.symbol: product for product in self._products}
        self._through = {name: at for name, at in self._through.items() if name in self._listed}
        self._depths = {name: book for name, book in self._depths.items() if name in self._listed}

    def _known(self, before: dict[str, Told], told: Mapping[str, Told]) -> dict[str, Told]:
        """Both together in another dictionary, for a Snapshot may hold the one before."""
        known = before | {name: one for name, one in told.items() if name in self._listed}
        return known if len(known) == len(before) else dict(sorted(known.items()))

    def remembered(self) -> Remembered:
        return Remembered(
            self._products,
            {symbol: self._bars(row) for row, symbol in enumerate(self._symbols)},
            dict(self._through),
            dict(self._depths),
        )

    def restore(self, remembered: Remembered, closed_at: datetime) -> None:
        """Become the History that was remembered when its last bar closed at `closed_at`."""
        self._list(remembered.products)
        self._through = dict(remembered.through)
        self._depths = dict(remembered.depths)
        self._roll(tuple(self._through), closed_at)
        for row, name in enumerate(self._through):
            self._place(row, remembered.bars[name])

    @property
    def closed_at(self) -> datetime:
        return self._closed_at

    def _roll(self, symbols: tuple[str, ...], closed_at: datetime) -> None:
        """Move the grid on to `closed_at` and give every listed product a row."""
        steps = (closed_at - self._closed_at) // self.bar
        if steps == 0 and symbols == self._symbols:
            return
        kept = self.length - steps
        if 0 < kept <= self.length and symbols == self._symbols:
            grid = np.empty(self._grid.shape)
            grid[:, :, :kept] = self._grid[:, :, steps:]
            grid[:, :, kept:] = np.nan
            self._grid, self._closed_at, self._shown = grid, closed_at, False
            return
        grid = np.full((5, len(symbols), self.length), np.nan)
        if 0 < kept <= self.length:
            rows = {symbol: row for row, symbol in enumerate(self._symbols)}
            stay = [(row, rows[name]) for row, name in enumerate(symbols) if name in rows]
            new, old = np.array(stay, dtype=np.int64).reshape(-1, 2).T
            grid[:, new, :kept] = self._grid[:, old, steps:]
        self._symbols, self._grid, self._closed_at = symbols, grid, closed_at
        self._shown = False

    def _place(self, row: int, bars: Bars) -> None:
        if self._shown:
            self._grid, self._shown = self._grid.copy(), False
        end = int((self._closed_at - _EPOCH) / _SECOND)
        step = int(self.bar / _SECOND)
        told = (bars.open, bars.high, bars.low, bars.close, bars.volume)
        if len(bars) == 1:  # as in almost every cycle
            column = self.length - (end - int(bars.opened[0])) // step
            if 0 <= column < self.length:
                self._grid[:, row, column] = [values[0] for values in told]
            return
        columns = self.length - (end - bars.opened) // step
        inside = (columns >= 0) & (columns < self.length)
        for kind, values in enumerate(told):
            self._grid[kind, row, columns[inside]] = values[inside]

    def _bars(self, row: int) -> Bars:
        end = int((self._closed_at - _EPOCH) / _SECOND)
        step = int(self.bar / _SECOND)
        columns = np.flatnonzero(~np.isnan(self._grid[_CLOSE, row]))
        opened = end - (self.length - columns) * step
        told = (np.ascontiguousarray(self._grid[kind, row, columns]) for kind in range(5))
        return Bars(opened.astype(np.int64), *told)

    def _panel(self) -> Panel:
        """The grid as it is where every bar was traded; else with its gaps filled."""
        missing = np.isnan(self._grid[_CLOSE])
        if not missing.any():
            self._shown = True
            known = np.full(len(self._symbols), self.length, dtype=np.int64)
            opened, high, low, close, volume = self._grid
            grid = (opened, high, low, close, volume)
            return Panel(self._symbols, self.bar, self._closed_at, *grid, missing, known)
        return self._filled(missing)

    def _filled(self, missing: Flags) -> Panel:
        raw_close = self._grid[_CLOSE]
        columns = np.arange(self.length)
        last_real = np.maximum.accumulate(np.where(missing, 0, columns), axis=1)
        close = np.take_along_axis(raw_close, last_real, axis=1)
        opened, high, low = (np.where(missing, close, self._grid[kind]) for kind in range(3))
        volume = np.where(missing, 0.0, self._grid[_VOLUME])
        first_real = np.where(missing.all(axis=1), self.length, (~missing).argmax(axis=1))
        known = (self.length - first_real).astype(np.int64)
        grid = (opened, high, low, close, volume)
        return Panel(self._symbols, self.bar, self._closed_at, *grid, missing, known)
