"""Stage 2: bull, chop, bear or crash, read from the reference product.

Exists so that one reading of the whole market scales every entry. It looks at
closed candles of one product only, and where it cannot read them it does not
guess: it takes the regime the policy names for that, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from math import sqrt
from typing import NamedTuple

import numpy as np

from core.indicators import bar_returns, deviation, shown, window_mean
from core.market import Floats, Panel, Regime
from core.policy import RegimePolicy
from core.wording import count, percent_of, span

_DAY = timedelta(days=1)
_WINDOW_BARS_MIN = 2  # two halves, a deviation and a way down all take two bars


@dataclass(frozen=True, slots=True)
class RegimeReading:
    """The regime and what was seen of the reference product."""

    regime: Regime
    because: str  # one sentence with the numbers


class _Seen(NamedTuple):
    """The three numbers, as ratios rounded to what is shown."""

    trend: float
    volatility: float
    drawdown: float


def read_regime(panel: Panel, policy: RegimePolicy, capital_currency: str) -> RegimeReading:
    """The regime of the last bar: pinned, read, or the one for when it cannot be read."""
    if policy.pinned is not None:
        return RegimeReading(policy.pinned, f"regime.pinned sets {policy.pinned.value}.")
    symbol = f"{policy.reference}-{capital_currency}"
    trouble = _unreadable(panel, policy, symbol)
    if trouble:
        regime = policy.when_unknown
        return RegimeReading(regime, f"{trouble}, so regime.when_unknown sets {regime.value}.")
    row = panel.symbols.index(symbol)
    seen = _seen(panel.close[row : row + 1], panel, policy)
    regime, why = _judged(seen, policy)
    numbers = (
        f"trend {percent_of(seen.trend)}, volatility {percent_of(seen.volatility)} a day, "
        f"drawdown {percent_of(seen.drawdown)}"
    )
    return RegimeReading(regime, f"{symbol} reads {regime.value} with {numbers}: {why}.")


def unresolved(policy: RegimePolicy, bar: timedelta) -> Mapping[str, str]:
    """Policy key -> why bars of this length cannot measure its window.

    While there is one and nothing is pinned, every reading is `when_unknown`.
    """
    windows = {
        "regime.trend_window": policy.trend_window,
        "regime.volatility_window": policy.volatility_window,
        "regime.drawdown_window": policy.drawdown_window,
    }
    troubles = {key: _trouble(key, window, bar) for key, window in windows.items()}
    return {key: trouble for key, trouble in troubles.items() if trouble}


@lru_cache
def _trouble(key: str, window: timedelta, bar: timedelta) -> str:
    """Why bars of this length cannot measure the window, or nothing; asked in every cycle."""
    bars, rest = divmod(window, bar)
    if rest:
        return f"{key} {span(window)} is no whole number of {span(bar)} bars"
    if bars < _WINDOW_BARS_MIN:
        held = f"holds {count(bars, 'bar')} of {span(bar)}"
        return f"{key} {span(window)} {held} and takes {_WINDOW_BARS_MIN}"
    return ""


def _unreadable(panel: Panel, policy: RegimePolicy, symbol: str) -> str:
    """Why the reference cannot be read, or nothing."""
    for trouble in unresolved(policy, panel.bar).values():
        return trouble
    if symbol not in panel.symbols:
        return f"{symbol} has no candles in the snapshot"
    row = panel.symbols.index(symbol)
    trend = panel.bars_in(policy.trend_window)
    needed = max(
        trend,
        panel.bars_in(policy.volatility_window) + 1,
        panel.bars_in(policy.drawdown_window),
    )
    known = int(panel.known[row])
    if known < needed:
        return f"{symbol} has {count(known, 'bar')} and the regime needs {needed}"
    if np.count_nonzero(panel.missing[row, -trend:]) == trend:
        return f"{symbol} was not traded in {span(policy.trend_window)}"
    return ""


def _seen(closes: Floats, panel: Panel, policy: RegimePolicy) -> _Seen:
    """Trend, volatility and drawdown of one row of closes [1 x bar]."""
    half = panel.bars_in(policy.trend_window) // 2
    earlier = window_mean(closes[:, :-half], half).item(0)
    later = window_mean(closes, half).item(0)
    returns = bar_returns(closes, panel.bars_in(policy.volatility_window))
    daily = deviation(returns).item(0) * sqrt(_DAY / panel.bar)  # as if bars were independent
    highest = np.maximum.reduce(closes[:, -panel.bars_in(policy.drawdown_window) :], axis=-1).item(
        0
    )
    trend = (later - earlier) / earlier
    drawdown = (highest - closes.item(0, -1)) / highest
    return _Seen(shown(trend), shown(daily), shown(drawdown))


def _judged(seen: _Seen, policy: RegimePolicy) -> tuple[Regime, str]:
    """The regime of the first threshold that is reached, worst first, and which one it was."""
    high, steep, deep = policy.trend_bull_min, policy.trend_bear_max, policy.drawdown_bear_min
    deepest, wildest = policy.drawdown_crash_min, policy.volatility_crash_min
    thresholds = (
        (Regime.CRASH, seen.drawdown >= float(deepest.value), "drawdown_crash_min", deepest),
        (Regime.CRASH, seen.volatility >= float(wildest.value), "volatility_crash_min", wildest),
        (Regime.BEAR, seen.trend <= float(steep.value), "trend_bear_max", steep),
        (Regime.BEAR, seen.drawdown >= float(deep.value), "drawdown_bear_min", deep),
        (Regime.BULL, seen.trend >= float(high.value), "trend_bull_min", high),
    )
    for regime, reached, key, limit in thresholds:
        if reached:
            return regime, f"regime.{key} {limit} is reached"
    return Regime.CHOP, "no threshold is reached"
