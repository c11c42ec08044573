"""The kinds that look at a price that went too far down, and at one that has turned.

Both look at the closes of one window and nothing before it. Neither says that the
product should be bought: a rule asks for more before it does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.indicators import shown_multiple, shown_ratio, stretch
from core.market import Floats, Panel, Regime
from core.policy import OversoldPolicy, ReversalPolicy
from core.triggers.sighting import Measure, Sighting
from core.triggers.trigger import Direction


def oversold(rule: OversoldPolicy, panel: Panel, regime: Regime) -> Sighting:
    """The close lies far below the mean of its window, in standard deviations of the window.

    Confidence: the share of the window's closes within one deviation of the mean. A
    stretch out of a calm has nearly all of them there; at the end of a long slide it is
    little more than half, and a slide does not come back.
    """
    below, near = stretch(panel.close, panel.bars_in(rule.window))
    seen, limit = shown_multiple(below), rule.min[regime]
    measure = Measure(
        seen,
        seen / float(limit),
        limit,
        f"min.{regime.value}",
        " the standard deviation below its mean",
    )
    return Sighting((measure,), lambda: near, Direction.DOWN)


def reversal(rule: ReversalPolicy, panel: Panel, regime: Regime) -> Sighting:
    """The close fell from the highest of its lookback to the lowest, and has turned.

    The highest before the lowest, so that it is a fall and not a rise; of several lowest
    closes the last one. Turned: part of the fall is won back, and the low is recent.
    Confidence: the share of the bars since the low that closed above their predecessor.
    """
    turn = _turn(panel.close[:, -panel.bars_in(rule.lookback) :])
    seconds = panel.bar.total_seconds()
    age, oldest = turn.age * seconds, rule.low_age_max.total_seconds()
    limit, least = rule.min[regime], rule.won_back_min
    return Sighting(
        (
            Measure(
                turn.fall, turn.fall / float(limit.value), limit, f"min.{regime.value}", " lost"
            ),
            Measure(
                turn.won_back,
                turn.won_back / float(least.value),
                least,
                "won_back_min",
                " of the fall won back",
            ),
            # A low in the last bar itself is as recent as can be; nothing is won back then.
            Measure(
                age,
                oldest / np.maximum(age, seconds),
                rule.low_age_max,
                "low_age_max",
                " since the low",
            ),
        ),
        lambda: turn.rising,
        Direction.UP,
    )


class _Turn(NamedTuple):
    """What the closes of a lookback did around their low. Ratios as shown."""

    fall: Floats  # from the highest close before the low, a ratio of it
    won_back: Floats  # share of the fall that the last close has regained
    age: Floats  # bars since the low
    rising: Floats  # share of them that closed above their predecessor


def _turn(closes: Floats) -> _Turn:
    age = closes[:, ::-1].argmin(axis=-1)  # of equal lows the last one
    # How far each bar lies back: 0 is the last one.
    since = np.arange(closes.shape[1])[::-1] < age[:, np.newaxis]
    low = np.minimum.reduce(closes, axis=-1)
    high = np.maximum.reduce(closes * ~since, axis=-1)  # no price is below zero
    fall = high - low
    regained = closes[:, -1] - low
    since[:, 1:] &= closes[:, 1:] > closes[:, :-1]
    rising = np.count_nonzero(since, axis=-1)
    return _Turn(
        fall=shown_ratio(fall / high),
        won_back=shown_ratio(np.divide(regained, fall, out=np.zeros(fall.shape), where=fall > 0)),
        age=age.astype(np.float64),
        rising=np.divide(rising, age, out=np.zeros(fall.shape), where=age > 0),
    )
