"""Candles of the synthetic market: the course of prices, looked at a few times in every bar.

A candle opens at the price of its first second and closes at the price of its
last, so that the next one opens where it closed. Whether a candle may be seen
yet is the market's business, not decided here; whether it exists is: a product
that is not listed, takes no orders or had no trade has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from core.market import Bars, Counts, Flags, Floats
from infra.exchange.simulated.catalogue import Listing
from infra.exchange.simulated.course import Course
from infra.exchange.simulated.noise import keys, uniform

_LOOKS = 6  # per bar, besides its close
_BARS_AT_ONCE = 48  # bounds the memory of a long window
_MINUTE = 60
_DAY = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Candles of some products over some bars, all [product x bar]."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    traded: Flags  # where there is a candle at all

    def row(self, row: int, opened: Counts, window: slice) -> Bars:
        """The candles of one product that exist within `window`; `opened` belongs to it."""
        there = self.traded[row, window]
        prices = (self.open, self.high, self.low, self.close, self.volume)
        return Bars(opened[there], *(field[row, window][there] for field in prices))


class CandleMaker:
    """Makes candles of some products. A product's candles do not depend on its company."""

    def __init__(self, seed: int, listings: Sequence[Listing], start: int) -> None:
        self._course = Course(seed, listings)
        self._ticks = _column([float(10**row.price_decimals) for row in listings])
        self._lots = _column([float(10**row.base_decimals) for row in listings])
        self._per_day = _column([row.notional_per_day for row in listings])
        never = float("inf")
        self._listed = _column([start + row.life[0].since.total_seconds() for row in listings])
        self._until = _column(
            [
                start + row.trades_until.total_seconds() if row.trades_until is not None else never
                for row in listings
            ]
        )
        self._thin = [at for at, row in enumerate(listings) if row.traded_minutes < 1.0]
        self._shares = [listings[at].traded_minutes for at in self._thin]
        self._minutes = keys(seed, "minutes", [listings[at].asset for at in self._thin])

    def candles(self, bar: int, first: int, last: int) -> Candles:
        """Bars `first` up to, not including, `last`, counted in `bar` seconds since 1970."""
        parts = [
            self._some(bar, begin, min(begin + _BARS_AT_ONCE, last))
            for begin in range(first, last, _BARS_AT_ONCE)
        ]
        if len(parts) == 1:
            return parts[0]
        return Candles(
            *(
                np.concatenate([getattr(part, field.name) for part in parts], axis=1)
                for field in fields(Candles)
            )
        )

    def _some(self, bar: int, first: int, last: int) -> Candles:
        count, step = last - first, bar // _LOOKS
        looks = first * bar + step * np.arange(count * _LOOKS + 1, dtype=np.int64)
        moments = self._course.at(looks)
        price = np.maximum(np.floor(moments.price * self._ticks + 0.5), 1.0) / self._ticks
        inside = price[:, :-1].reshape(-1, count, _LOOKS)
        opened, close = price[:, :-1:_LOOKS], price[:, _LOOKS::_LOOKS]
        busy = moments.activity[:, :-1].reshape(-1, count, _LOOKS).sum(-1) * (step / _DAY)
        opens = looks[:-1:_LOOKS]
        notional = busy * self._per_day * self._minutes_traded(bar, first, last)
        volume = np.floor(notional / close * self._lots) / self._lots
        exists = (opens >= self._listed) & (opens + bar <= self._until)
        return Candles(
            opened,
            np.maximum(inside.max(-1), close),
            np.minimum(inside.min(-1), close),
            close,
            volume,
            exists & (volume > 0.0),
        )

    def _minutes_traded(self, bar: int, first: int, last: int) -> Floats:
        """Traded minutes over the usual number of them [product x bar]; 1 where all are."""
        count, minutes = last - first, bar // _MINUTE
        traded = np.ones((len(self._listed), count))
        if self._thin:
            index = np.arange(first * minutes, last * minutes, dtype=np.int64)
            drawn = uniform(self._minutes, index).reshape(-1, count, minutes)
            for row, draws, share in zip(self._thin, drawn, self._shares, strict=True):
                traded[row] = (draws < share).sum(-1) / (minutes * share)
        return traded


def _column(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float64)[:, np.newaxis]
