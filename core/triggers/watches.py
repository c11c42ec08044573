"""Watches: every trigger kind as the policy sets it, and the windows it needs.

The one list of kinds. What a kind measures is in kinds.py and turns.py; whether a
bar can resolve it is asked in resolution.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache, partial
from typing import NamedTuple

from core.market import Panel, Regime
from core.policy import TriggersPolicy
from core.triggers.kinds import breakout, momentum, price_move, volume_spike
from core.triggers.sighting import Sighting
from core.triggers.trigger import TriggerKind
from core.triggers.turns import oversold, reversal
from core.wording import count, span


class Window(NamedTuple):
    """One window of a kind, and the bars it takes to mean something."""

    key: str
    length: timedelta
    bars_min: int
    bars_before: int = 0  # before it lies what it is compared with

    def trouble(self, bar: timedelta) -> str:
        """Why bars of this length cannot measure it, or nothing."""
        bars, rest = _bars_in(self.length, bar)
        if rest:
            return f"{self.key}: {span(self.length)} is no whole number of {span(bar)} bars"
        if bars < self.bars_min:
            held = count(bars, f"{span(bar)} bar")
            return f"{self.key}: {span(self.length)} is {held} and it takes {self.bars_min}"
        return ""

    def bars_needed(self, bar: timedelta) -> int:
        return _bars_in(self.length, bar)[0] + self.bars_before


@lru_cache
def _bars_in(length: timedelta, bar: timedelta) -> tuple[int, timedelta]:
    """Whole bars and the rest, of the few windows of a policy."""
    return divmod(length, bar)


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
    low, turn = policy.oversold, policy.reversal
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
        Watch(
            TriggerKind.OVERSOLD,
            low.enabled,
            partial(oversold, low),
            (Window("triggers.oversold.window", low.window, 3),),
        ),
        Watch(
            TriggerKind.REVERSAL,
            turn.enabled,
            partial(reversal, turn),
            (
                Window("triggers.reversal.lookback", turn.lookback, 3),
                Window("triggers.reversal.low_age_max", turn.low_age_max, 1),
            ),
        ),
    )
