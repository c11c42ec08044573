"""Resolution: which trigger kinds bars of a given length can measure.

For start-up. A kind that the bar cannot resolve is off, and named; a window
without which no product could be judged is a mistake in the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import sqrt

from core.indicators import SEED
from core.money import plain
from core.policy import TriggersPolicy
from core.triggers.trigger import TriggerKind
from core.triggers.watches import Watch, Window, watches
from core.wording import count, span, times

_RANGE_PERIODS_MIN = 2  # an average over one bar is that bar


def watching(policy: TriggersPolicy, bar: timedelta) -> tuple[Watch, ...]:
    """The kinds that are switched on and that bars of this length can resolve."""
    return tuple(watch for watch in watches(policy) if watch.enabled and not watch.trouble(bar))


def unresolved(policy: TriggersPolicy, bar: timedelta) -> Mapping[str, str]:
    """Each enabled kind that bars of this length cannot resolve, and why. It is off."""
    troubles = {watch.kind.value: watch.trouble(bar) for watch in watches(policy) if watch.enabled}
    return {kind: trouble for kind, trouble in troubles.items() if trouble}


def unusable(policy: TriggersPolicy, bar: timedelta) -> Mapping[str, str]:
    """Policy key -> why no product could be judged with it on bars of this length.

    While there is one, `find_triggers` must not be called.
    """
    atr, spike = policy.atr, policy.volume_spike
    troubles = {}
    if not policy.are_off and not watching(policy, bar):
        troubles["triggers"] = f"no enabled trigger can be measured on {span(bar)} bars"
    if trouble := Window("triggers.atr.window", atr.window, _RANGE_PERIODS_MIN).trouble(bar):
        troubles["triggers.atr.window"] = trouble
    elif atr.window // bar > SEED:
        held = count(atr.window // bar, f"{span(bar)} bar")
        troubles["triggers.atr.window"] = (
            f"triggers.atr.window: {span(atr.window)} is {held} and at most {SEED} are looked at"
        )
    # The outlier guard measures volume over the baseline, whether the trigger is on or not.
    baseline = "triggers.volume_spike.baseline"
    if trouble := Window(baseline, spike.baseline, 2).trouble(bar):
        troubles[baseline] = trouble
    elif spike.baseline <= spike.window:
        troubles[baseline] = (
            f"{baseline}: {span(spike.baseline)} is not longer than "
            f"triggers.volume_spike.window {span(spike.window)}"
        )
    return troubles


def unreachable(policy: TriggersPolicy, bar: timedelta) -> Mapping[str, str]:
    """Policy key -> why no product could ever reach its limit on bars of this length.

    Of n values none lies more than (n - 1) / sqrt(n) standard deviations from their mean
    (Samuelson's inequality, for the whole window's deviation).
    """
    if all(watch.kind is not TriggerKind.OVERSOLD for watch in watching(policy, bar)):
        return {}
    rule, bars = policy.oversold, policy.oversold.window // bar
    most = (bars - 1) / sqrt(bars)
    return {
        f"triggers.oversold.min.{regime.value}": (
            f"{plain(limit)}x can never be reached: of {count(bars, 'close')} none lies more than "
            f"{times(most)} the standard deviation below their mean"
        )
        for regime, limit in rule.min.items()
        if float(limit) > most
    }
