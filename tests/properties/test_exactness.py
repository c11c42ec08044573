"""Exactness: a number is the same to the last bit however its inputs were cut.

Live, a replay and a backtest see different lengths of history and different sets of
products. If any of that moved a last bit, one day it would move a decision.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from core.indicators import (
    average_price,
    average_true_range,
    bar_returns,
    change,
    exponential_averages,
    range_before_last,
    relative_strength,
    share_above,
    share_falling,
    share_rising,
    stretch,
    window_mean,
)
from core.market import Flags, Floats, Panel, Regime
from core.policy import TriggersPolicy
from core.proposals import Proposals
from core.regime import read_regime
from core.triggers import Attention, TriggerKind, find_triggers
from strategy.rules_engine import RulesEngine
from tests.builders.market import BAR, NOON
from tests.builders.proposals import (
    a_breakout_rule,
    a_context,
    a_mean_reversion_rule,
    a_momentum_rule,
    a_ratio,
    a_reversal_rule,
    a_trigger,
    the_rules,
)
from tests.builders.signals import a_regime_policy, a_triggers_policy

LONG, LIVE = 900, 350
PERIODS = 16
POLICY = replace(a_triggers_policy(), per_cycle_max=4)
UNCAPPED = replace(POLICY, per_cycle_max=1000)


def alone(name: str) -> RulesEngine:
    """The engine with one rule, easily convinced, so that each answer is that rule's own."""
    return RulesEngine(
        the_rules(
            momentum=a_momentum_rule(enabled=name == "momentum"),
            breakout=a_breakout_rule(enabled=False),
            mean_reversion=a_mean_reversion_rule(
                enabled=name == "mean_reversion",
                rsi_max=a_ratio("60"),
                close_in_range_min=a_ratio("40"),
            ),
            reversal=a_reversal_rule(enabled=name == "reversal"),
        )
    )


RULES = {name: alone(name) for name in ("momentum", "mean_reversion", "reversal")}

INDICATORS: dict[str, Callable[[Panel], Floats]] = {
    "average_true_range": lambda panel: average_true_range(panel, PERIODS),
    "long_true_range": lambda panel: average_true_range(panel, 240),
    "range_before_last": lambda panel: range_before_last(
        panel, average_true_range(panel, PERIODS), PERIODS
    ),
    "relative_strength": lambda panel: relative_strength(panel.close, panel.known, PERIODS),
    "strength_before_last": lambda panel: relative_strength(
        panel.close[:, :-1], panel.known - 1, PERIODS
    ),
    "exponential_average": lambda panel: exponential_averages(panel.close, panel.known, (12,))[0],
    "exponential_averages": lambda panel: exponential_averages(panel.close, panel.known, (26,), 20)[
        0
    ],
    "average_price": lambda panel: average_price(panel, 24),
    "stretch": lambda panel: stretch(panel.close, 96).below,
    "stretch_calm": lambda panel: stretch(panel.close, 96).near,
    "change": lambda panel: change(panel, 24),
    "bar_returns": lambda panel: bar_returns(panel.close, 96),
    "window_mean": lambda panel: window_mean(panel.volume, 96),
    "deviation": lambda panel: bar_returns(panel.close, 96).std(axis=-1),
    "share_rising": lambda panel: share_rising(panel, 24),
    "share_falling": lambda panel: share_falling(panel, 24),
    "share_above": lambda panel: share_above(panel.volume, window_mean(panel.volume, 96), 4),
}


@dataclass(frozen=True, slots=True)
class History:
    """What was ever traded; a panel of it is what somebody sees who holds some of its bars."""

    symbols: tuple[str, ...]
    close: Floats
    width: Floats
    volume: Floats
    missing: Flags

    def panel(self, start: int, stop: int) -> Panel:
        """Bars `start` to `stop`: gaps carry the last close, before the first bar is nothing."""
        missing = np.ascontiguousarray(self.missing[:, start:stop])
        close = self.close[:, start:stop].copy()
        known = np.zeros(len(self.symbols), dtype=np.int64)
        for row, gaps in enumerate(missing):
            traded = np.flatnonzero(~gaps)
            first = int(traded[0]) if len(traded) else len(gaps)
            known[row] = len(gaps) - first
            close[row, :first] = np.nan
            for bar in range(first + 1, len(gaps)):
                if gaps[bar]:
                    close[row, bar] = close[row, bar - 1]
        width = np.where(missing, 0.0, self.width[:, start:stop])
        return Panel(
            self.symbols,
            BAR,
            NOON,
            close.copy(),
            close * (1 + width),
            close * (1 - width),
            close,
            np.where(missing, 0.0, self.volume[:, start:stop]),
            missing,
            known,
        )


def a_history(seed: int, *, products: int = 12) -> History:
    """Prices of all magnitudes that rest, wander and jump; gaps, a young product, a dead one."""
    chance = np.random.default_rng(seed)
    shape = (products, LONG)
    wildness = chance.choice([0.0, 1.0, 6.0], shape, p=[0.1, 0.89, 0.01])
    scale = chance.choice([0.00001, 0.01, 1.0, 50.0, 60000.0], (products, 1))
    missing = chance.random(shape) < 0.05
    missing[1] = True  # never traded
    missing[2, :-200] = True  # listed two hundred bars ago
    steps = 1 + chance.normal(0, 0.004, shape) * wildness
    close: Floats = scale * np.cumprod(steps, axis=-1)
    return History(
        symbols=("BTC-USD", *(f"C{row:02}-USD" for row in range(1, products))),
        close=close,
        width=chance.random(shape) * 0.004,
        volume=chance.lognormal(8, 1.5, shape),
        missing=missing,
    )


def decided(panel: Panel, policy: TriggersPolicy = POLICY) -> Attention:
    regime = read_regime(panel, a_regime_policy(), "USD").regime
    return find_triggers(panel, average_true_range(panel, PERIODS), regime, policy)


seeds = some.integers(min_value=0, max_value=10_000)
ends = some.integers(min_value=LIVE, max_value=LONG)


@pytest.mark.parametrize("name", INDICATORS)
@given(seed=seeds, end=ends)
@settings(max_examples=15, deadline=None)
def test_an_indicator_does_not_see_what_lies_before_its_lookback(
    name: str, seed: int, end: int
) -> None:
    history, measure = a_history(seed), INDICATORS[name]

    rolled, whole = history.panel(end - LIVE, end), history.panel(0, end)

    assert measure(rolled).tobytes() == measure(whole).tobytes()


@pytest.mark.parametrize("name", INDICATORS)
@given(seed=seeds, chosen=some.sets(some.integers(min_value=0, max_value=11), min_size=1))
@settings(max_examples=15, deadline=None)
def test_an_indicator_does_not_see_a_products_neighbours(
    name: str, seed: int, chosen: set[int]
) -> None:
    panel, measure, rows = (
        a_history(seed).panel(LONG - LIVE, LONG),
        INDICATORS[name],
        sorted(chosen),
    )

    some_of_them = panel.rows(tuple(panel.symbols[row] for row in rows))

    assert measure(some_of_them).tobytes() == measure(panel)[rows].tobytes()


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_an_average_does_not_depend_on_how_its_values_lie_in_memory(seed: int) -> None:
    panel = a_history(seed).panel(LONG - LIVE, LONG)
    turned = np.asfortranarray(panel.close)

    strength, again = (
        relative_strength(close, panel.known, PERIODS) for close in (panel.close, turned)
    )

    assert strength.tobytes() == again.tobytes()


@given(seed=seeds, ago=some.integers(min_value=0, max_value=19))
@settings(max_examples=40, deadline=None)
def test_an_average_of_bars_ago_is_what_was_known_then(seed: int, ago: int) -> None:
    history = a_history(seed)
    now, then = history.panel(LONG - LIVE, LONG), history.panel(LONG - LIVE, LONG - ago)

    remembered = exponential_averages(now.close, now.known, (26,), 20)[0][:, -1 - ago]

    assert (
        remembered.tobytes()
        == exponential_averages(then.close, then.known, (26,))[0][:, 0].tobytes()
    )


@given(seed=seeds, end=ends)
@settings(max_examples=40, deadline=None)
def test_a_decision_does_not_see_what_lies_before_its_windows(seed: int, end: int) -> None:
    history = a_history(seed)
    rolled, whole = history.panel(end - LIVE, end), history.panel(0, end)

    assert decided(rolled) == decided(whole)
    assert read_regime(rolled, a_regime_policy(), "USD") == read_regime(
        whole, a_regime_policy(), "USD"
    )


def opined(panel: Panel, rule: str) -> Proposals:
    """What a rule says where every kind of trigger fires for every product."""
    rows = np.flatnonzero(panel.known >= LIVE).tolist()
    judged = panel.rows(tuple(panel.symbols[row] for row in rows))
    atr = average_true_range(judged, PERIODS).tolist()
    triggers = [a_trigger(kind, name) for name in judged.symbols for kind in TriggerKind]
    ranges = dict(zip(judged.symbols, atr, strict=True))
    return RULES[rule].propose(a_context(*triggers, panel=judged, atr=ranges))


@pytest.mark.parametrize("rule", RULES)
@given(seed=seeds, end=ends)
@settings(max_examples=20, deadline=None)
def test_an_opinion_does_not_see_what_lies_before_its_windows(
    rule: str, seed: int, end: int
) -> None:
    history = a_history(seed)
    rolled, whole = history.panel(end - LIVE, end), history.panel(0, end)
    listed = [
        symbol for symbol, known in zip(rolled.symbols, rolled.known, strict=True) if known >= LIVE
    ]

    assert opined(rolled, rule) == opined(whole.rows(tuple(listed)), rule)


@given(seed=seeds, chosen=some.sets(some.integers(min_value=0, max_value=11)))
@settings(max_examples=40, deadline=None)
def test_what_is_said_of_a_product_does_not_depend_on_the_others(
    seed: int, chosen: set[int]
) -> None:
    panel = a_history(seed).panel(LONG - LIVE, LONG)
    names = tuple(panel.symbols[row] for row in sorted(chosen))
    part, atr = panel.rows(names), average_true_range(panel, PERIODS)

    alone = find_triggers(part, average_true_range(part, PERIODS), Regime.CHOP, UNCAPPED)
    together = find_triggers(panel, atr, Regime.CHOP, UNCAPPED)

    assert alone == Attention(
        triggers=tuple(one for one in together.triggers if one.symbol in names),
        passed={name: said for name, said in together.passed.items() if name in names},
        nearest=tuple(name for name in together.nearest if name in names),
    )


@given(seed=seeds)
@settings(max_examples=40, deadline=None)
def test_every_product_is_noticed_or_passed_over_and_never_both(seed: int) -> None:
    panel = a_history(seed).panel(LONG - LIVE, LONG)

    found = decided(panel)

    noticed = found.by_symbol()
    assert sorted([*noticed, *found.passed]) == list(panel.symbols)
    assert list(found.passed) == sorted(found.passed)
    assert sorted(found.nearest) == list(panel.symbols)
    assert len(noticed) <= POLICY.per_cycle_max
    for trigger in found.triggers:
        assert trigger.strength >= 1
        assert 0 <= trigger.confidence <= 1
        assert trigger.strength == round(trigger.strength, 4)
        assert trigger.confidence == round(trigger.confidence, 4)


def told() -> str:
    """Everything that is decided on some histories, in words."""
    return "\n".join(repr(decided(a_history(seed).panel(LONG - LIVE, LONG))) for seed in range(8))


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_another_process_says_the_same(hash_seed: str) -> None:
    root = Path(__file__).parents[2]
    script = "from tests.properties.test_exactness import told; print(told())"

    other = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )

    assert other.stdout.strip() == told()
    assert "Trigger(" in told()
