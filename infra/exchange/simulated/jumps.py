"""News: sudden moves that come in over a few bars and fade within two days.

Time is cut into cells and a hash says in which of them something happens. A
jump lasts a bounded time, so only a bounded number of cells can matter at any
moment. Nothing here knows what is jumping: sizes are multiples of a day's move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.market import Counts, Floats
from infra.exchange.simulated.noise import Keys, keys, uniform

_CELL = 6 * 3_600  # at most one jump per name begins in a cell
_LASTS = 48 * 3_600
_RAMP_MIN, _RAMP_MAX = 900, 4_500
_STIR_LASTS = 3 * 3_600  # trading stays lively for so long
_STIR = 4.0  # times the usual activity, on top of it, at the peak


@dataclass(frozen=True, slots=True, eq=False)
class Jumps:
    """One row per name: chance per cell, typical size in a day's moves."""

    happens: Keys
    begins: Keys
    sizes: Keys
    ramps: Keys
    chance: Floats  # [name, 1] per cell
    scale: Floats  # [name]

    @classmethod
    def drawn(
        cls, seed: int, names: Sequence[str], chance: Sequence[float], scale: Sequence[float]
    ) -> Jumps:
        """`chance` and `scale` have one value per name."""
        happens, begins, sizes, ramps = (
            keys(seed, f"jump {what}", names) for what in ("happens", "begins", "size", "ramp")
        )
        return cls(happens, begins, sizes, ramps, np.array(chance)[:, np.newaxis], np.array(scale))

    def at(self, seconds: Counts) -> tuple[Floats, Floats]:
        """Shift of the walk and stir of trading, both [name x second]; `seconds` ascend."""
        shape = (len(self.happens), len(seconds))
        shift, stir = np.zeros(shape), np.zeros(shape)
        cells = np.arange((seconds[0] - _LASTS) // _CELL, seconds[-1] // _CELL + 1)
        happens = uniform(self.happens, cells) < self.chance
        if not happens.any():
            return shift, stir
        begins = cells * _CELL + (uniform(self.begins, cells) * _CELL).astype(np.int64)
        lean = 2.0 * uniform(self.sizes, cells) - 1.0
        sizes = np.where(lean < 0.0, lean - 0.5, lean + 0.5)
        ramps = _RAMP_MIN + (_RAMP_MAX - _RAMP_MIN) * uniform(self.ramps, cells)
        for row, cell in np.argwhere(happens):
            begin, ramp = begins[row, cell], ramps[row, cell]
            first, last = np.searchsorted(seconds, (begin, begin + _LASTS))
            since = (seconds[first:last] - begin).astype(np.float64)
            size = sizes[row, cell] * self.scale[row]
            shift[row, first:last] += size * _tent(since, ramp, _LASTS)
            stir[row, first:last] += _STIR * np.maximum(_tent(since, ramp / 2, _STIR_LASTS), 0.0)
        return shift, stir


def _tent(since: Floats, peak: float, end: int) -> Floats:
    """0 at 0, 1 at `peak`, 0 at `end`, straight between; negative beyond."""
    return np.minimum(since / peak, (end - since) / (end - peak))
