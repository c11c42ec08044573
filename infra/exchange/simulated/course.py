"""The course of prices: what every product costs, how restless it is and how busy, at any second.

The logarithm of a price is a sum: its share of the market's walk, its share of
its sector's, and its own. The shorter waves of each walk swell and ebb with a
slow volatility, so quiet and wild hours come in clusters; jumps come on top.
Nothing depends on where the asking began, on what else is asked, or on the bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.market import Counts, Floats
from infra.exchange.simulated.catalogue import Listing
from infra.exchange.simulated.jumps import Jumps
from infra.exchange.simulated.noise import Octaves, growth

# Seconds, about 2.5 apart and of odd lengths, so that two waves hardly ever turn together.
_SHORT_WAVES = (97, 251, 641, 1_607, 4_111, 10_301, 25_919)
_LONG_WAVES = (65_537, 163_841, 409_609, 1_024_021, 2_560_049, 6_400_013, 16_000_057, 31_000_003)
_VOLATILITY_WAVES = (9_001, 21_001, 54_001, 140_009, 500_009, 1_900_009)
_FLUTTER_WAVES = (331, 1_201, 4_801)

_MARKET_MOVE = 0.029  # standard deviation of a day's return that every product shares
_SECTOR_MOVE = 0.018
_CLUSTERING = 0.5  # how much each of the shared and the own volatility varies, as a logarithm
_BUSY_CLUSTERING = 0.45
_FLUTTER = 0.4
_SHARED_JUMP = (0.006, 1.6)  # chance per six hours, size in the walk's daily moves
_OWN_JUMP = (0.012, 2.0)

# Of activity, at each full hour UTC; the mean is 1. Europe wakes, America trades, Asia closes.
_RHYTHM = np.array(
    [
        [0.95, 0.9, 0.8, 0.72, 0.66, 0.62, 0.64, 0.75, 0.88, 0.94, 0.94, 0.98],
        [1.1, 1.38, 1.6, 1.58, 1.42, 1.28, 1.16, 1.08, 1.02, 0.92, 0.86, 0.82],
    ]
).ravel()


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Products at some seconds, all [product x second]."""

    price: Floats  # not rounded to any increment
    volatility: Floats  # a multiple of the usual
    activity: Floats  # trading per time, a multiple of the usual


class Course:
    """The course of some products. A product's numbers do not depend on its company."""

    def __init__(self, seed: int, listings: Sequence[Listing]) -> None:
        sectors = sorted({listing.sector for listing in listings})
        factors = ["market", *(f"sector {sector}" for sector in sectors)]
        assets = [listing.asset for listing in listings]
        rows = factors + assets
        self._assets = slice(len(factors), None)
        self._sectors = [1 + sectors.index(listing.sector) for listing in listings]
        self._short = Octaves.walking(seed, "walk", rows, _SHORT_WAVES)
        self._long = Octaves.walking(seed, "walk", rows, _LONG_WAVES)
        self._volatility = Octaves.level(seed, "volatility", rows, _VOLATILITY_WAVES)
        self._flutter = Octaves.level(seed, "flutter", assets, _FLUTTER_WAVES)
        kinds = [_SHARED_JUMP] * len(factors) + [_OWN_JUMP] * len(assets)
        self._jumps = Jumps.drawn(
            seed, rows, [chance for chance, _ in kinds], [size for _, size in kinds]
        )
        self._price = _column([listing.price for listing in listings])
        self._market_move = _column([row.market_share * _MARKET_MOVE for row in listings])
        self._sector_move = _column([row.sector_share * _SECTOR_MOVE for row in listings])
        self._own_move = _column([listing.own_move for listing in listings])

    def at(self, seconds: Counts) -> Moments:
        """All products at `seconds` (UTC, ascending); the same work at every time."""
        rhythm = _rhythm(seconds)
        shift, stir = self._jumps.at(seconds)
        level = self._volatility.at(seconds)
        restless = level * _CLUSTERING
        restless[1:] += restless[0]
        # Waves that swell would move more on the whole: the divisor takes that out again.
        swell = growth(restless) * (0.6 + 0.4 * rhythm) / 1.45
        walk = self._short.at(seconds) * swell + self._long.at(seconds) + shift
        own = self._assets
        logarithm = (
            self._market_move * walk[0]
            + self._sector_move * walk[self._sectors]
            + self._own_move * walk[own]
        )
        busy = level[own] * _BUSY_CLUSTERING + level[0] * _BUSY_CLUSTERING
        busy = growth(busy + self._flutter.at(seconds) * _FLUTTER) / 1.35
        news = 1.0 + stir[0] + 0.5 * stir[self._sectors] + stir[own]
        return Moments(self._price * growth(logarithm), swell[own], busy * rhythm * news)


def _column(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float64)[:, np.newaxis]


def _rhythm(seconds: Counts) -> Floats:
    """The daily rhythm of trading, straight between full hours."""
    hour, rest = np.divmod(seconds % 86_400, 3_600)
    here: Floats = _RHYTHM[hour]
    after: Floats = _RHYTHM[(hour + 1) % 24]
    return here + (after - here) * (rest / 3_600)
