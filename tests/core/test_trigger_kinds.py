"""Trigger kinds: what each one notices, and how strong and how sure it is of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from statistics import fmean, pstdev

import numpy as np
import pytest

from core.indicators import stretch
from core.market import Panel, Regime
from core.reasons import Finding, Reason
from core.triggers import Direction, Trigger, TriggerKind
from tests.builders.signals import (
    SOL,
    a_market,
    a_ratio,
    a_triggers_policy,
    attention,
    only,
    the_finding,
    the_trigger,
)

# the price move kinds


@pytest.mark.parametrize("kind", ["price_move_15m", "price_move_60m"])
@pytest.mark.parametrize(("beyond", "fires"), [(-1e-6, False), (0, True), (1e-6, True)])
@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("regime", list(Regime))
def test_a_price_move_fires_at_its_limit_up_or_down(
    kind: str, beyond: float, fires: bool, way: int, regime: Regime
) -> None:
    limit = float(getattr(a_triggers_policy(), kind).min[regime].value)
    panel = a_market(100 + way * 100 * (limit + beyond))

    assert bool(attention(panel, only(kind), regime).triggers) == fires


def test_a_price_move_says_its_way_and_counts_the_bars_that_went_it() -> None:
    falling = a_market(99, 99.5, 98, 97)

    assert the_trigger(falling, only("price_move_60m")) == Trigger(
        SOL, TriggerKind.PRICE_MOVE_60M, Direction.DOWN, strength=1.5, confidence=0.75, seen="-3%"
    )


def test_a_rise_counts_the_rising_bars() -> None:
    assert the_trigger(a_market(104, 103, 102.5, 102), only("price_move_60m")) == Trigger(
        SOL, TriggerKind.PRICE_MOVE_60M, Direction.UP, strength=1.0, confidence=0.25, seen="2%"
    )


def test_a_price_move_starts_at_the_close_before_its_window() -> None:
    assert the_trigger(a_market(101, 101, 101, 102), only("price_move_60m")).seen == "2%"
    assert the_finding(a_market(101, 101, 101, 101, 102), only("price_move_60m")) == Finding(
        Reason.NO_TRIGGER,
        "price_move_60m 0.9901%",
        "2%",
        "triggers.price_move_60m.min.chop",
    )


# the volume spike kind


def spiking(*window: float) -> Panel:
    """A day whose volume is a thousand a bar on average when the last hour's sum is 10000."""
    return a_market(volumes=[2000.0] * 43 + [0.0] * 49 + list(window))


@pytest.mark.parametrize(("volume", "fires"), [(2499.9, False), (2500, True), (2500.1, True)])
def test_a_volume_spike_is_the_hour_against_the_day(volume: float, fires: bool) -> None:
    panel = spiking(*[volume] * 4)

    assert bool(attention(panel, only("volume_spike")).triggers) == fires


def test_a_volume_spike_needs_more_in_worse_weather() -> None:
    panel = spiking(*[2500.0] * 4)

    assert the_finding(panel, only("volume_spike"), Regime.CRASH) == Finding(
        Reason.NO_TRIGGER, "volume_spike 2.5x", "4x", "triggers.volume_spike.min.crash"
    )


def test_one_large_bar_is_a_less_certain_spike_than_a_busy_hour() -> None:
    busy, single = spiking(2500, 2500, 2500, 2500), spiking(0, 10_000, 0, 0)

    assert the_trigger(busy, only("volume_spike")) == Trigger(
        SOL, TriggerKind.VOLUME_SPIKE, Direction.NONE, strength=1.0, confidence=1.0, seen="2.5x"
    )
    assert the_trigger(single, only("volume_spike")).confidence == 0.25


def test_no_volume_at_all_is_no_spike() -> None:
    idle = a_market(volumes=[0.0] * 96)

    assert the_finding(idle, only("volume_spike")).seen == "volume_spike 0x"


# the breakout kind


def peaked(bars_ago: int, high: float) -> Panel:
    """A close at 102 after a bar that reached `high` so many bars before it."""
    panel = a_market(102)
    highs = panel.high.copy()
    highs[0, -1 - bars_ago] = high
    return replace(panel, high=highs)


@pytest.mark.parametrize(
    ("regime", "limit"),
    [
        (Regime.BULL, 0.001),
        (Regime.CHOP, 0.002),
        (Regime.BEAR, 0.004),
        (Regime.CRASH, 0.01),
    ],
)
@pytest.mark.parametrize(("beyond", "fires"), [(-1e-6, False), (0, True), (1e-6, True)])
def test_a_breakout_fires_at_its_limit_above_the_highest_high(
    regime: Regime, limit: float, beyond: float, fires: bool
) -> None:
    panel = peaked(10, 101.0)
    closes = panel.close.copy()
    closes[0, -1] = 101 * (1 + limit + beyond)

    found = attention(replace(panel, close=closes), only("breakout"), regime)

    assert bool(found.triggers) == fires


@pytest.mark.parametrize(("bars_ago", "fires"), [(1, False), (96, False), (97, True)])
def test_a_high_within_the_lookback_must_be_broken(bars_ago: int, fires: bool) -> None:
    assert bool(attention(peaked(bars_ago, 103.0), only("breakout")).triggers) == fires


def test_the_highs_own_bar_does_not_count_against_its_close() -> None:
    assert attention(peaked(0, 110.0), only("breakout")).triggers


def test_a_breakout_is_surer_the_nearer_the_close_lies_to_its_bars_high() -> None:
    panel = peaked(0, 104.0)
    lows = panel.low.copy()
    lows[0, -1] = 96.0

    assert the_trigger(replace(panel, low=lows), only("breakout")) == Trigger(
        SOL, TriggerKind.BREAKOUT, Direction.UP, strength=9.4905, confidence=0.75, seen="1.8981%"
    )


def test_a_breakout_bar_without_a_range_confirms_nothing() -> None:
    panel = a_market(102)
    highs, lows = panel.high.copy(), panel.low.copy()
    highs[0, -1] = lows[0, -1] = 102.0

    assert the_trigger(replace(panel, high=highs, low=lows), only("breakout")).confidence == 0


def test_a_close_below_the_level_is_seen_as_negative() -> None:
    assert the_finding(peaked(10, 104.0), only("breakout")) == Finding(
        Reason.NO_TRIGGER, "breakout -1.9231%", "0.2%", "triggers.breakout.min.chop"
    )


# the momentum kind


def climbing(rises: int, gain: float) -> Panel:
    """Six hours that gain so many per cent in so many rising bars; the rest are flat."""
    steps = [100 + gain * (step + 1) / rises for step in range(rises)]
    return a_market(*steps, *[steps[-1]] * (24 - rises))


@pytest.mark.parametrize(
    ("regime", "limit"),
    [(Regime.BULL, 2.0), (Regime.CHOP, 2.5), (Regime.BEAR, 3.5), (Regime.CRASH, 6.0)],
)
@pytest.mark.parametrize(("beyond", "fires"), [(-1e-4, False), (0, True), (1e-4, True)])
def test_momentum_fires_at_its_limit(
    regime: Regime, limit: float, beyond: float, fires: bool
) -> None:
    panel = climbing(20, limit + beyond)

    assert bool(attention(panel, only("momentum"), regime).triggers) == fires


@pytest.mark.parametrize(("rises", "fires"), [(11, False), (12, True), (13, True)])
def test_momentum_needs_its_share_of_rising_bars(rises: int, fires: bool) -> None:
    policy = only("momentum", consistency_min=a_ratio("50%"))

    assert bool(attention(climbing(rises, 5), policy).triggers) == fires


def test_momentum_tells_rise_and_consistency() -> None:
    assert the_trigger(climbing(18, 5), only("momentum")) == Trigger(
        SOL, TriggerKind.MOMENTUM, Direction.UP, strength=2.0, confidence=0.75, seen="5%"
    )


def test_a_rise_in_one_leap_lacks_consistency_and_that_is_said() -> None:
    assert the_finding(climbing(1, 3), only("momentum")) == Finding(
        Reason.NO_TRIGGER,
        "momentum 4.1667% of the bars rose",
        "55%",
        "triggers.momentum.consistency_min",
    )


def test_a_steady_climb_that_is_too_small_says_how_small() -> None:
    assert the_finding(climbing(24, 1), only("momentum")) == Finding(
        Reason.NO_TRIGGER, "momentum 1%", "2.5%", "triggers.momentum.min.chop"
    )


def test_momentum_never_fires_downwards() -> None:
    assert the_finding(climbing(20, -5), only("momentum")).seen == "momentum -5%"


def test_momentum_without_a_consistency_minimum_asks_for_the_rise_alone() -> None:
    policy = only("momentum", consistency_min=a_ratio("0%"))

    with np.errstate(all="raise"):
        assert the_trigger(climbing(1, 2.5), policy).strength == 1.0
        assert the_finding(a_market(), policy).seen == "momentum 0%"


# the oversold kind


def stretched(depth: float) -> Panel:
    """A day that alternates around 100, so that its deviation is 1, and ends `depth` below."""
    return a_market(*[101.0, 99.0] * 200, 100.0 - depth, length=350 + 51)


@pytest.mark.parametrize("regime", list(Regime))
@pytest.mark.parametrize(("beyond", "fires"), [(-1e-4, False), (0.0, True), (1e-4, True)])
def test_oversold_fires_at_its_limit_below_the_mean(
    regime: Regime, beyond: float, fires: bool
) -> None:
    panel = stretched(8.0)
    z = float(stretch(panel.close, 96).below[0])
    limit = Decimal(repr(round(z - beyond, 4)))
    policy = only("oversold", min=dict.fromkeys(Regime, limit))

    assert bool(attention(panel, policy, regime).triggers) == fires


def test_oversold_tells_how_many_deviations_and_how_calm_it_was() -> None:
    trigger = the_trigger(stretched(8.0), only("oversold"))

    window = [99.0] * 48 + [101.0] * 47 + [92.0]
    depth = round((fmean(window) - 92.0) / pstdev(window), 4)
    assert trigger.kind is TriggerKind.OVERSOLD
    assert trigger.direction is Direction.DOWN
    assert trigger.seen == f"{depth}x the standard deviation below its mean"
    assert trigger.strength == round(depth / 2.5, 4)
    assert trigger.confidence == round(95 / 96, 4)


def test_oversold_never_fires_above_the_mean() -> None:
    assert the_finding(stretched(-8.0), only("oversold")) == Finding(
        Reason.NO_TRIGGER,
        "oversold -6.1695x the standard deviation below its mean",
        "2.5x",
        "triggers.oversold.min.chop",
    )


def test_a_slide_is_not_oversold_however_long() -> None:
    slide = a_market(*[200.0 - bar for bar in range(96)])

    assert the_finding(slide, only("oversold")).seen.startswith("oversold 1.7141x")


def test_a_price_that_never_moved_is_not_oversold() -> None:
    assert the_finding(a_market(), only("oversold")).seen.startswith("oversold 0x")


def test_a_close_before_the_window_changes_no_deviation() -> None:
    panel = stretched(8.0)
    closes = panel.close.copy()
    closes[0, -97] = 500.0

    assert the_trigger(replace(panel, close=closes), only("oversold")) == the_trigger(
        panel, only("oversold")
    )


# the reversal kind


def turning(fall: float, won_back: float, age: int = 4) -> Panel:
    """A day at 100 that falls by so many per cent, and wins so much of it back since `age` bars."""
    low = 100.0 - fall
    steps = [low + fall * won_back * (bar + 1) / age for bar in range(age)]
    return a_market(*([low] if age else []), *steps)


@pytest.mark.parametrize(
    ("regime", "limit"),
    [(Regime.BULL, 5.0), (Regime.CHOP, 5.0), (Regime.BEAR, 6.0), (Regime.CRASH, 10.0)],
)
@pytest.mark.parametrize(("beyond", "fires"), [(-1e-4, False), (0, True), (1e-4, True)])
def test_a_reversal_fires_at_its_limit_of_the_fall(
    regime: Regime, limit: float, beyond: float, fires: bool
) -> None:
    panel = turning(limit + beyond, 0.5)

    assert bool(attention(panel, only("reversal"), regime).triggers) == fires


@pytest.mark.parametrize(("won_back", "fires"), [(0.3299, False), (0.33, True), (0.3301, True)])
def test_a_reversal_must_have_won_back_its_share_of_the_fall(won_back: float, fires: bool) -> None:
    assert bool(attention(turning(8.0, won_back), only("reversal")).triggers) == fires


@pytest.mark.parametrize(("age", "fires"), [(11, True), (12, True), (13, False)])
def test_a_low_that_is_too_old_is_no_turn_any_more(age: int, fires: bool) -> None:
    found = attention(turning(8.0, 0.5, age), only("reversal"))

    assert bool(found.triggers) == fires
    if not fires:
        assert found.passed[SOL] == Finding(
            Reason.NO_TRIGGER,
            "reversal 3h15m since the low",
            "3h",
            "triggers.reversal.low_age_max",
        )


def test_a_reversal_tells_the_fall_and_how_many_bars_rose_since() -> None:
    panel = a_market(98.0, 92.0, 94.0, 93.0, 95.0, 96.0)

    assert the_trigger(panel, only("reversal")) == Trigger(
        SOL, TriggerKind.REVERSAL, Direction.UP, strength=1.6, confidence=0.75, seen="8% lost"
    )


def test_a_price_at_its_low_has_not_turned_and_that_is_said() -> None:
    assert the_finding(a_market(98.0, 94.0, 92.0), only("reversal")) == Finding(
        Reason.NO_TRIGGER,
        "reversal 0% of the fall won back",
        "33%",
        "triggers.reversal.won_back_min",
    )


def test_a_rise_to_a_high_after_the_low_is_no_fall() -> None:
    """It rises by 10%; before its lowest close there was nothing higher."""
    rise = a_market(*[100.0 + bar / 10 for bar in range(100)])

    assert the_finding(rise, only("reversal")) == Finding(
        Reason.NO_TRIGGER, "reversal 0% lost", "5%", "triggers.reversal.min.chop"
    )


def test_of_two_equal_lows_the_last_one_counts() -> None:
    twice = a_market(92.0, *[95.0] * 20, 92.0, 94.0, 96.0)

    assert the_trigger(twice, only("reversal")).confidence == 1.0


@pytest.mark.parametrize(("bars_ago", "lost"), [(95, "20% lost"), (96, "8% lost")])
def test_a_high_before_the_lookback_is_forgotten(bars_ago: int, lost: str) -> None:
    panel = turning(8.0, 0.5)
    closes = panel.close.copy()
    closes[0, -1 - bars_ago] = 115.0

    easy = only("reversal", won_back_min=a_ratio("10%"))

    assert the_trigger(replace(panel, close=closes), easy).seen == lost


def test_a_price_that_never_moved_has_not_fallen() -> None:
    with np.errstate(all="raise"):
        assert the_finding(a_market(), only("reversal")).seen == "reversal 0% lost"
