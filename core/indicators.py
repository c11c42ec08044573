"""Averages, ranges and changes of all products at once; every one with a finite lookback.

Exists so that a number means the same in the live loop, a replay and a backtest:
each function reads a fixed count of bars back from the last one, so the answer is
the same to the last bit however long the history before them and whichever other
products stand beside. Arrays are float64 [symbol x bar], C-contiguous; answers are
[symbol], NaN where too few bars are known. Only + - * / sqrt, comparisons and
sum, mean, std, min, max along the bar axis are used: cumulative sums, matrix
products, powers and logarithms differ with the cut, the subset or the machine.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import NamedTuple

import numpy as np

from core.market import Counts, Flags, Floats, Panel
from core.policy import Policy

SEED = 256  # bars before the last one at which every recursion starts, never fewer
SEEDED_BARS = SEED + 1  # what a recursion needs; with fewer known it is not ready
PANEL_BARS_MIN = 350


def panel_length(policy: Policy, bar: timedelta) -> int:
    """How many bars the Panel must hold for every window of the policy, and one before it."""
    regime, triggers = policy.regime, policy.triggers
    windows = (
        regime.trend_window,
        regime.volatility_window,
        regime.drawdown_window,
        triggers.price_move_15m.window,
        triggers.price_move_60m.window,
        triggers.volume_spike.window,
        triggers.volume_spike.baseline,
        triggers.breakout.lookback,
        triggers.momentum.window,
        triggers.oversold.window,
        triggers.reversal.lookback,
        triggers.reversal.low_age_max,
        triggers.atr.window,
    )
    bars = -(-max(windows) // bar)  # a started bar counts
    return max(PANEL_BARS_MIN, bars + 1)


def average_true_range(panel: Panel, periods: int) -> Floats:
    """Wilder's average true range in quote currency, over the last 256 true ranges.

    J. Welles Wilder, New Concepts in Technical Trading Systems, 1978: each bar moves
    the average by 1 / periods of its distance.
    """
    ready = panel.known >= SEEDED_BARS
    if not some(ready):
        return np.full(len(panel.symbols), np.nan)
    weights = _wilder_weights(periods)
    return np.where(ready, _weighted(_true_ranges(panel, SEED), weights), np.nan)


def range_before_last(panel: Panel, atr: Floats, periods: int) -> Floats:
    """What `average_true_range` was before the last bar: its last step, taken back.

    For judging the last bar: an average that holds a jump makes the jump look small.
    """
    share = float(_wilder_weights(periods)[-1])
    last = _true_ranges(panel, 1)[:, 0]
    # Taking back can leave a residue of rounding below zero; a range is never negative.
    return np.maximum((atr - last * share) / (1.0 - share), 0.0)


def relative_strength(closes: Floats, known: Counts, periods: int) -> Floats:
    """Wilder's relative strength index (RSI) as a share: 0.5 is as much gained as lost.

    J. Welles Wilder, New Concepts in Technical Trading Systems, 1978: the average gain
    over the average gain and loss together, each averaged as the true range is, over the
    last 256 changes. His 0 to 100 is a percentage, and so it is one here. A product that
    did not move at all has lost as much as it gained.
    """
    ready = known >= SEEDED_BARS
    if not some(ready):
        return np.full(len(known), np.nan)
    weights = _wilder_weights(periods)
    steps = closes[:, -SEED:] - closes[:, -SEED - 1 : -1]
    gain = _weighted(np.maximum(steps, 0.0), weights)
    moved = gain + _weighted(np.maximum(-steps, 0.0), weights)
    strength = np.divide(gain, moved, out=np.full_like(gain, 0.5), where=moved > 0)
    return np.where(ready, strength, np.nan)


def exponential_averages(
    closes: Floats, known: Counts, periods: tuple[int, ...], bars: int = 1
) -> tuple[Floats, ...]:
    """For each of `periods` the exponential moving average (EMA) as it was at each of the last
    `bars`, [symbol x bars]; the closes that they all weigh are gathered once.

    Each bar moves an average by 2 / (periods + 1) of its distance, over the 256 closes up
    to it: what it was some bars ago is what a panel that ended there would have given.
    """
    needed = SEEDED_BARS + np.arange(bars - 1, -1, -1)
    ready = known[:, np.newaxis] >= needed
    if not some(ready):
        return (np.full(ready.shape, np.nan),) * len(periods)
    windows = _windows(closes, bars)
    last = windows[..., -1]
    offsets = windows - last[..., np.newaxis]
    weights = (_weights(1.0 - 2.0 / (count + 1), SEED) for count in periods)
    return tuple(np.where(ready, last + _sum(offsets * weight), np.nan) for weight in weights)


def average_price(panel: Panel, bars: int) -> Floats:
    """The volume-weighted average price (VWAP) of the last `bars` bars, rolling.

    A bar counts with its typical price, (high + low + close) / 3. NaN where nothing was
    traded: without volume there is no such price.
    """
    high, low, close = panel.high[:, -bars:], panel.low[:, -bars:], panel.close[:, -bars:]
    volume = panel.volume[:, -bars:]
    traded = _sum(volume)
    paid = _sum((high + low + close) / 3.0 * volume)
    price: Floats = np.divide(paid, traded, out=np.full_like(paid, np.nan), where=traded > 0)
    return price


class Stretch(NamedTuple):
    """Where the last close lies among the closes of a window."""

    below: Floats  # standard deviations below their mean: the z-score with its sign turned
    near: Floats  # the share of them within one deviation of the mean


def stretch(closes: Floats, bars: int) -> Stretch:
    """How far the last close lies below the mean of the last `bars`, and how calm they were.

    Closes that never moved have no deviation and lie nowhere below; all is measured from
    the last close, so that this holds to the last bit.
    """
    off = closes[:, -bars:] - closes[:, -1:]
    mean = _mean(off)
    off -= mean[:, np.newaxis]
    deviation = np.sqrt(_mean(off * off))
    below = np.divide(mean, deviation, out=np.zeros_like(mean), where=deviation > 0)
    return Stretch(below, _share(np.abs(off, out=off) <= deviation[:, np.newaxis]))


def change(panel: Panel, bars: int) -> Floats:
    """How far the last close lies from the close `bars` before it, as a ratio.

    A product without that bar has NaN there, and so here.
    """
    if panel.length <= bars:
        return np.full(len(panel.symbols), np.nan)
    before = panel.close[:, -1 - bars]
    return (panel.close[:, -1] - before) / before


def bar_returns(closes: Floats, bars: int) -> Floats:
    """The last `bars` returns, [symbol x bars]: each close against its predecessor."""
    after, before = closes[:, -bars:], closes[:, -bars - 1 : -1]
    return (after - before) / before


def share_rising(panel: Panel, bars: int) -> Floats:
    """The share of the last `bars` bars that closed above their predecessor."""
    return _share(panel.close[:, -bars:] > panel.close[:, -bars - 1 : -1])


def share_falling(panel: Panel, bars: int) -> Floats:
    """The share of the last `bars` bars that closed below their predecessor."""
    return _share(panel.close[:, -bars:] < panel.close[:, -bars - 1 : -1])


def share_above(values: Floats, level: Floats, bars: int) -> Floats:
    """The share of the last `bars` values that lie above each product's level."""
    return _share(values[:, -bars:] > level[:, np.newaxis])


def window_mean(values: Floats, bars: int) -> Floats:
    """The mean of the last `bars` values."""
    return _mean(values[:, -bars:])


def deviation(values: Floats) -> Floats:
    """The standard deviation of each row, of all its values: what numpy's own gives."""
    off = values - _mean(values)[:, np.newaxis]
    spread: Floats = np.sqrt(_mean(off * off))
    return spread


def some(flags: Flags) -> bool:
    """Whether any is set; to count them costs a fifth of asking numpy's own `any`."""
    return bool(np.count_nonzero(flags))


def shown_ratio(values: Floats) -> Floats:
    """Rounded to four decimals of a per cent, as records show it.

    Thresholds are compared with what is shown: a move of exactly 2% reaches 2%, and
    no record says "2%, limit 2%" for one that fell short by the noise of a float.
    """
    return _rounded(values, 1e6)


def shown(ratio: float) -> float:
    """`shown_ratio` of a single number, to the last bit."""
    return round(ratio * 1e6) / 1e6


def shown_multiple(values: Floats) -> Floats:
    """Rounded to four decimals, as records show a multiple, a strength or a confidence."""
    return _rounded(values, 1e4)


def _rounded(values: Floats, parts: float) -> Floats:
    """To whole parts, in place: half of what an operation on few products costs is its array."""
    rounded = np.multiply(values, parts)
    np.rint(rounded, out=rounded)
    rounded /= parts
    rounded += 0.0  # turns -0.0 into 0.0
    return rounded


def _true_ranges(panel: Panel, bars: int) -> Floats:
    """The last `bars` true ranges: the bar's own range, stretched to the close before it."""
    before = panel.close[:, -bars - 1 : -1]
    ranges = np.maximum(panel.high[:, -bars:], before)
    ranges -= np.minimum(panel.low[:, -bars:], before)
    return ranges


def _mean(values: Floats) -> Floats:
    """What numpy's own mean gives to the last bit, at half its cost for a few products."""
    mean: Floats = _sum(values) / values.shape[1]
    return mean


def _share(flags: Flags) -> Floats:
    share: Floats = _sum(flags) / flags.shape[1]
    return share


def _sum(values: Floats | Flags) -> Floats:
    """Along the bar axis; the reduction itself, for its method costs as much again."""
    total: Floats = np.add.reduce(values, axis=-1)
    return total


def _windows(closes: Floats, bars: int) -> Floats:
    """The 256 closes up to each of the last `bars`, [symbol x bars x 256], in memory of its own."""
    return closes.take(_columns(bars), axis=1, mode="wrap")  # what is not there is not ready


@cache
def _columns(bars: int) -> Counts:
    """Of `_windows`, counted from the end: [bars x 256], all negative."""
    columns = np.arange(-bars + 1, 1)[:, np.newaxis] + np.arange(-SEED, 0)
    columns.flags.writeable = False
    return columns


def _weighted(values: Floats, weights: Floats) -> Floats:
    """The weighted mean along the last axis, as an offset from its last value.

    The offset leaves a constant row exactly where it is. The copy makes the sum run
    along contiguous memory, without which its last bit would depend on the layout.
    """
    last = values[..., -1]
    offsets = np.array(values, order="C")
    offsets -= last[..., np.newaxis]
    offsets *= weights
    mean: Floats = last + _sum(offsets)
    return mean


@cache
def _weights(keep: float, count: int) -> Floats:
    """What each of the last `count` values weighs in a recursion that keeps `keep` a bar.

    A recursion seeded `count` bars ago is this weighted mean, written out; so it costs
    one pass instead of one step per bar (0.03 ms against 1 ms for 30 products). The
    weights add up to one, so the seed counts for no more than its age allows: in the
    plain recursion the first bar stands for all history before it, which at 240
    periods (4h of 1m bars) makes a single bar a third of the average.
    """
    weights = [1.0]
    for _ in range(count - 1):
        weights.append(weights[-1] * keep)
    whole = sum(weights)
    scaled = np.array([weight / whole for weight in reversed(weights)])
    scaled.flags.writeable = False
    return scaled


def _wilder_weights(periods: int) -> Floats:
    return _weights(1.0 - 1.0 / periods, SEED)
