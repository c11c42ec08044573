"""The kinds that look at moves: of the price, of the volume, out of a range.

Every kind looks at all products at once and answers [symbol]. It is given products
with enough history only, so nothing here is NaN. What went too far, or turned, is
looked for in turns.py.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from core.indicators import (
    change,
    share_above,
    share_falling,
    share_rising,
    shown_multiple,
    shown_ratio,
    window_mean,
)
from core.market import Floats, Panel, Regime
from core.policy import BreakoutPolicy, MomentumPolicy, PriceMovePolicy, VolumeSpikePolicy
from core.triggers.sighting import Measure, Sighting
from core.triggers.trigger import Direction


def price_move(rule: PriceMovePolicy, panel: Panel, regime: Regime) -> Sighting:
    """The close moved, up or down. Confidence: the share of the bars that moved the same way."""
    bars = panel.bars_in(rule.window)
    seen = shown_ratio(change(panel, bars))
    limit = rule.min[regime]

    def same_way() -> Floats:
        return np.where(seen < 0, share_falling(panel, bars), share_rising(panel, bars))

    measure = Measure(seen, np.abs(seen) / float(limit.value), limit, f"min.{regime.value}")
    return Sighting((measure,), same_way, None)


def volume_spike(rule: VolumeSpikePolicy, panel: Panel, regime: Regime) -> Sighting:
    """More volume per bar than over the baseline, which ends with the same bar.

    Confidence: the share of the window's bars above the baseline's mean, so one
    single large bar counts for less than an hour of them.
    """
    bars = panel.bars_in(rule.window)
    mean = window_mean(panel.volume, panel.bars_in(rule.baseline))
    # No volume in the whole baseline is none in the window either: no spike, not a gap.
    ratio = np.divide(
        window_mean(panel.volume, bars), mean, out=np.zeros(mean.shape), where=mean > 0
    )
    seen, limit = shown_multiple(ratio), rule.min[regime]
    measure = Measure(seen, seen / float(limit), limit, f"min.{regime.value}")
    above = partial(share_above, panel.volume, mean, bars)
    return Sighting((measure,), above, Direction.NONE)


def breakout(rule: BreakoutPolicy, panel: Panel, regime: Regime) -> Sighting:
    """The close lies above the highest high of the bars before it; below is negative.

    Confidence: where in its bar's range the close lies, 1 at the high. A bar without
    a range confirms nothing.
    """
    bars = panel.bars_in(rule.lookback)
    close, high, low = panel.close[:, -1], panel.high[:, -1], panel.low[:, -1]
    level = np.maximum.reduce(panel.high[:, -bars - 1 : -1], axis=-1)
    seen, limit = shown_ratio((close - level) / level), rule.min[regime]

    def place() -> Floats:
        stretch = high - low
        return np.divide(close - low, stretch, out=np.zeros(stretch.shape), where=stretch > 0)

    measure = Measure(seen, seen / float(limit.value), limit, f"min.{regime.value}")
    return Sighting((measure,), place, Direction.UP)


def momentum(rule: MomentumPolicy, panel: Panel, regime: Regime) -> Sighting:
    """The close rose, and did so in enough of the bars. Confidence: the share that rose."""
    bars = panel.bars_in(rule.window)
    rise, limit = shown_ratio(change(panel, bars)), rule.min[regime]
    share, least = shown_ratio(share_rising(panel, bars)), rule.consistency_min
    # A minimum of 0% asks for no consistency, and every share reaches it.
    steady = share / float(least.value) if least.value else np.ones_like(share)
    return Sighting(
        (
            Measure(rise, rise / float(limit.value), limit, f"min.{regime.value}"),
            Measure(share, steady, least, "consistency_min", " of the bars rose"),
        ),
        lambda: share,
        Direction.UP,
    )
