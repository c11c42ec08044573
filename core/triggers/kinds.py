"""The trigger kinds: what each measures, over which windows, and against which limit.

Every kind looks at all products at once and answers [symbol]. It is given products
with enough history only, so nothing here is NaN. Measured numbers are rounded to
the decimals of the record before they meet their limit: what is compared is what
is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import NamedTuple

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
from core.money import Ratio, plain
from core.policy import (
    BreakoutPolicy,
    MomentumPolicy,
    PriceMovePolicy,
    TriggersPolicy,
    VolumeSpikePolicy,
)
from core.triggers.trigger import TriggerKind
from core.wording import count, percent_of, span, times


class Measure(NamedTuple):
    """One number of every product, and how near it comes to the limit it must reach."""

    seen: Floats  # signed, as shown
    nearness: Floats  # of the limit: 1 is at it, below zero is on the wrong side of zero
    limit: Ratio | Decimal  # Decimal: a multiple
    key: str  # below the kind's own section
    unit: str = ""  # said after the number

    def said(self, row: int) -> str:
        value = float(self.seen[row])
        number = percent_of(value) if isinstance(self.limit, Ratio) else times(value)
        return f"{number}{self.unit}"

    @property
    def limit_said(self) -> str:
        return str(self.limit) if isinstance(self.limit, Ratio) else f"{plain(self.limit)}x"


class Sighting(NamedTuple):
    """What one kind sees. It fires where every measure reaches its limit."""

    measures: tuple[Measure, ...]  # the first one gives the strength
    confidence: Floats  # 0 to 1

    @property
    def strength(self) -> Floats:
        return shown_multiple(self.measures[0].nearness)

    @property
    def nearness(self) -> Floats:
        """That of the measure furthest from its limit."""
        nearest = self.measures[0].nearness
        for measure in self.measures[1:]:
            nearest = np.minimum(nearest, measure.nearness)
        return nearest

    def binding(self, row: int) -> Measure:
        """The measure of this product that is furthest from its limit."""
        return min(self.measures, key=lambda measure: float(measure.nearness[row]))


def price_move(rule: PriceMovePolicy, panel: Panel, regime: Regime) -> Sighting:
    """The close moved, up or down. Confidence: the share of the bars that moved the same way."""
    bars = panel.bars_in(rule.window)
    seen = shown_ratio(change(panel, bars))
    limit = rule.min[regime]
    way = np.where(seen < 0, share_falling(panel, bars), share_rising(panel, bars))
    measure = Measure(seen, np.abs(seen) / float(limit.value), limit, f"min.{regime.value}")
    return Sighting((measure,), way)


def volume_spike(rule: VolumeSpikePolicy, panel: Panel, regime: Regime) -> Sighting:
    """More volume per bar than over the baseline, which ends with the same bar.

    Confidence: the share of the window's bars above the baseline's mean, so one
    single large bar counts for less than an hour of them.
    """
    bars = panel.bars_in(rule.window)
    mean = window_mean(panel.volume, panel.bars_in(rule.baseline))
    # No volume in the whole baseline is none in the window either: no spike, not a gap.
    ratio = np.divide(
        window_mean(panel.volume, bars), mean, out=np.zeros_like(mean), where=mean > 0
    )
    seen, limit = shown_multiple(ratio), rule.min[regime]
    measure = Measure(seen, seen / float(limit), limit, f"min.{regime.value}")
    return Sighting((measure,), share_above(panel.volume, mean, bars))


def breakout(rule: BreakoutPolicy, panel: Panel, regime: Regime) -> Sighting:
    """The close lies above the highest high of the bars before it; below is negative.

    Confidence: where in its bar's range the close lies, 1 at the high. A bar without
    a range confirms nothing.
    """
    bars = panel.bars_in(rule.lookback)
    close, high, low = panel.close[:, -1], panel.high[:, -1], panel.low[:, -1]
    level = panel.high[:, -bars - 1 : -1].max(axis=-1)
    seen, limit = shown_ratio((close - level) / level), rule.min[regime]
    stretch = high - low
    place = np.divide(close - low, stretch, out=np.zeros_like(stretch), where=stretch > 0)
    measure = Measure(seen, seen / float(limit.value), limit, f"min.{regime.value}")
    return Sighting((measure,), place)


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
        share,
    )


class Window(NamedTuple):
    """One window of a kind, and the bars it takes to mean something."""

    key: str
    length: timedelta
    bars_min: int
    bars_before: int = 0  # before it lies what it is compared with

    def trouble(self, bar: timedelta) -> str:
        """Why bars of this length cannot measure it, or nothing."""
        bars, rest = divmod(self.length, bar)
        if rest:
            return f"{self.key}: {span(self.length)} is no whole number of {span(bar)} bars"
        if bars < self.bars_min:
            held = count(bars, f"{span(bar)} bar")
            return f"{self.key}: {span(self.length)} is {held} and it takes {self.bars_min}"
        return ""

    def bars_needed(self, bar: timedelta) -> int:
        return self.length // bar + self.bars_before


class Watch(NamedTuple):
    """One kind as the policy sets it."""

    kind: TriggerKind
    enabled: bool
    look: Callable[[Panel, Regime], Sighting]
    windows: tuple[Window, ...]

    def trouble(self, bar: timedelta) -> str:
        """Why bars of this length cannot resolve the kind, or nothing."""
        return next(filter(None, (window.trouble(bar) for window in self.windows)), "")


def watches(policy: TriggersPolicy) -> tuple[Watch, ...]:
    """Every kind, in the order that breaks ties. A new kind is a function and an entry here."""
    quick, slow = policy.price_move_15m, policy.price_move_60m
    spike, upward, steady = policy.volume_spike, policy.breakout, policy.momentum
    return (
        Watch(
            TriggerKind.PRICE_MOVE_15M,
            quick.enabled,
            partial(price_move, quick),
            (Window("triggers.price_move_15m.window", quick.window, 1, bars_before=1),),
        ),
        Watch(
            TriggerKind.PRICE_MOVE_60M,
            slow.enabled,
            partial(price_move, slow),
            (Window("triggers.price_move_60m.window", slow.window, 1, bars_before=1),),
        ),
        Watch(
            TriggerKind.VOLUME_SPIKE,
            spike.enabled,
            partial(volume_spike, spike),
            (
                Window("triggers.volume_spike.window", spike.window, 1),
                Window("triggers.volume_spike.baseline", spike.baseline, 2),
            ),
        ),
        Watch(
            TriggerKind.BREAKOUT,
            upward.enabled,
            partial(breakout, upward),
            (Window("triggers.breakout.lookback", upward.lookback, 2, bars_before=1),),
        ),
        Watch(
            TriggerKind.MOMENTUM,
            steady.enabled,
            partial(momentum, steady),
            (Window("triggers.momentum.window", steady.window, 3, bars_before=1),),
        ),
    )
