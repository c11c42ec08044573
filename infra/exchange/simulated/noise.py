"""Noise as a function of seed and time: any moment can be asked for first, at the same cost.

Exists because a synthetic market must restart after 100,000 cycles as quickly
as it began: nothing here walks, and nothing remembers. Randomness is a hash of
integers, so it needs no generator and no state. Only + - * / and comparisons
touch floats: exp, log and pow of numpy differ between processors, and then the
same seed would be two worlds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from core.market import Counts, Floats

Keys = NDArray[np.uint64]

# splitmix64 (Steele, Lea, Flood 2014): the increment and the two multipliers.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_DAY = 86_400
_HALVINGS = 10  # e^x as (1 + x/1024)^1024: ten squarings


def key(*names: object) -> int:
    """64 bits named by `names`: the same in every process, on every machine."""
    text = "|".join(str(name) for name in names)
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def keys(seed: int, what: str, names: Sequence[str]) -> Keys:
    """One key per name, as a column."""
    return np.array([[key(seed, what, name)] for name in names], dtype=np.uint64)


def uniform(column: Keys, index: Counts) -> Floats:
    """Evenly spread numbers in [0, 1), one per key (rows) and index (columns)."""
    mixed = column + index.astype(np.uint64) * _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    mixed = mixed ^ (mixed >> np.uint64(31))
    top: Floats = (mixed >> np.uint64(11)).astype(np.float64)
    return top * 2.0**-53


def growth(x: Floats) -> Floats:
    """Close to e^x for |x| below 3, always positive above -1024, equal on every machine."""
    value = 1.0 + x / 2.0**_HALVINGS
    for _ in range(_HALVINGS):
        value = value * value
    return value


@dataclass(frozen=True, slots=True, eq=False)
class Octaves:
    """Value noise: per period a lattice of hashed values, joined by straight lines, summed.

    With amplitudes proportional to the root of the period and periods about 2.5
    apart the sum moves like a random walk between its shortest and longest
    period, yet costs the same at every time.
    """

    columns: Keys  # [row, period, 1]
    periods: Counts  # [period, 1] seconds
    amplitudes: Floats  # [period, 1]

    @classmethod
    def walking(
        cls, seed: int, what: str, names: Sequence[str], periods: tuple[int, ...]
    ) -> Octaves:
        """A walk per name whose changes have a variance near 1 per day."""
        # With straight lines between values in [-1, 1) and periods 2.5 apart the variance at
        # lag T adds up to 0.96 to 1.0 times T, wherever T lies between the outer periods.
        days = np.array(periods, dtype=np.float64) / _DAY
        return cls(
            _columns(seed, what, names, periods), _counts(periods), np.sqrt(days)[:, np.newaxis]
        )

    @classmethod
    def level(cls, seed: int, what: str, names: Sequence[str], periods: tuple[int, ...]) -> Octaves:
        """A level per name around 0 with a standard deviation near 1."""
        # A lattice value has variance 1/3; on a straight line between two it is 2/9 on average.
        amplitude = np.sqrt(np.full(len(periods), 4.5 / len(periods)))
        return cls(_columns(seed, what, names, periods), _counts(periods), amplitude[:, np.newaxis])

    def at(self, seconds: Counts) -> Floats:
        """The noise [row x second]; `seconds` ascend."""
        index = seconds // self.periods
        share = (seconds - index * self.periods) / self.periods
        left, right = self._lattices(index)
        waves = (left + (right - left) * share) * self.amplitudes
        # One wave after the other: numpy's own sum adds in an order that depends on the shape.
        total = waves[:, 0].copy()
        for wave in range(1, waves.shape[1]):
            total += waves[:, wave]
        return total

    def _lattices(self, index: Counts) -> tuple[Floats, Floats]:
        """Values in [-1, 1) at `index` [period x second] and at the next ones."""
        cells = int((index[:, -1] - index[:, 0]).max()) + 2
        if cells >= index.shape[1]:
            left, right = uniform(self.columns, index), uniform(self.columns, index + 1)
            return 2.0 * left - 1.0, 2.0 * right - 1.0
        # Many seconds within few cells: hash each cell once, then look up.
        values = 2.0 * uniform(self.columns, index[:, :1] + np.arange(cells)) - 1.0
        period = np.arange(len(index))[:, np.newaxis]
        where = index - index[:, :1]
        return values[:, period, where], values[:, period, where + 1]


def _columns(seed: int, what: str, names: Sequence[str], periods: tuple[int, ...]) -> Keys:
    per_period = [keys(seed, f"{what} {period}", names) for period in periods]
    return np.stack(per_period, axis=1)


def _counts(periods: tuple[int, ...]) -> Counts:
    return np.array(periods, dtype=np.int64)[:, np.newaxis]
