"""Indicators: what each number means, on bars short enough to check by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from core.indicators import (
    average_price,
    average_true_range,
    bar_returns,
    change,
    exponential_averages,
    panel_length,
    range_before_last,
    relative_strength,
    share_above,
    share_falling,
    share_rising,
    shown_multiple,
    shown_ratio,
    stretch,
    window_mean,
)
from core.market import Floats, Panel
from core.policy import Policy
from tests.builders.market import BAR, a_flat_panel, a_panel
from tests.builders.signals import a_regime_policy, a_triggers_policy

NAN = float("nan")


def a_walk(length: int = 350) -> list[float]:
    """Closes that wander a little, the same every time."""
    return [100 + (index * 7919 % 31) / 10 for index in range(length)]


def wilder(ranges: list[float], periods: int) -> float:
    """The average as Wilder wrote it, step by step, with infinite memory of the first range."""
    average = ranges[0]
    for value in ranges[1:]:
        average += (value - average) / periods
    return average


def true_ranges(panel: Panel, row: int) -> list[float]:
    high, low, close = (part[row].tolist() for part in (panel.high, panel.low, panel.close))
    return [
        max(high[at] - low[at], abs(high[at] - close[at - 1]), abs(low[at] - close[at - 1]))
        for at in range(1, len(close))
    ]


# average true range


def test_bars_of_one_range_have_exactly_that_average_range() -> None:
    panel = a_flat_panel("SOL-USD", swing=0.01)

    assert average_true_range(panel, 16)[0] == panel.high[0, -1] - panel.low[0, -1]


@pytest.mark.parametrize("periods", [2, 14, 16])
def test_the_average_range_is_wilders(periods: int) -> None:
    panel = a_panel({"SOL-USD": a_walk(900)}, swing=0.001)

    expected = wilder(true_ranges(panel, 0), periods)

    assert average_true_range(panel, periods)[0] == pytest.approx(expected, rel=1e-7)


def test_a_gap_between_bars_belongs_to_the_true_range() -> None:
    flat = a_flat_panel("SOL-USD")
    high, low, close = flat.high.copy(), flat.low.copy(), flat.close.copy()
    high[0, -1] = low[0, -1] = close[0, -1] = 110.0  # opens, trades and closes 10 higher
    gapped = replace(flat, high=high, low=low, close=close)

    assert average_true_range(gapped, 2)[0] == pytest.approx(5.0)


def test_no_single_old_bar_carries_a_long_average() -> None:
    closes = [100.0] * 350
    closes[-257] = 200.0  # the oldest true range of the lookback is 100, all others are 0
    panel = a_panel({"SOL-USD": closes})

    assert 0 < average_true_range(panel, 240)[0] < 100 / 240


@pytest.mark.parametrize(("known", "ready"), [(256, False), (257, True), (258, True)])
def test_an_average_range_needs_257_bars(known: int, ready: bool) -> None:
    panel = a_panel({"SOL-USD": [NAN] * (350 - known) + [100.0] * known}, swing=0.01)

    assert np.isfinite(average_true_range(panel, 16)[0]) == ready


def test_a_panel_shorter_than_the_lookback_has_no_average_range() -> None:
    panel = a_flat_panel("ADA-USD", "SOL-USD", length=80)

    assert np.isnan(average_true_range(panel, 16)).all()


def test_a_young_product_does_not_disturb_its_neighbours() -> None:
    young = a_panel({"ADA-USD": [NAN] * 300 + [1.0] * 50, "SOL-USD": a_walk()}, swing=0.01)
    alone = a_panel({"SOL-USD": a_walk()}, swing=0.01)

    ranges = average_true_range(young, 16)

    assert np.isnan(ranges[0])
    assert ranges[1] == average_true_range(alone, 16)[0]


def test_the_range_before_the_last_bar_does_not_see_the_last_bar() -> None:
    calm, jumped = a_walk(), a_walk()
    jumped[-1] = 150.0
    before = a_panel({"SOL-USD": calm[:-1]}, swing=0.01)

    for closes in (calm, jumped):
        panel = a_panel({"SOL-USD": closes}, swing=0.01)
        taken_back = range_before_last(panel, average_true_range(panel, 16), 16)
        assert taken_back[0] == pytest.approx(average_true_range(before, 16)[0], rel=1e-6)


def test_a_range_before_the_last_bar_is_never_negative() -> None:
    jumps = {f"A{tenths}-USD": [100.0] * 349 + [100 + tenths / 10] for tenths in range(10, 99)}
    panel = a_panel(jumps)

    before = range_before_last(panel, average_true_range(panel, 4), 4)

    assert before.min() >= 0
    assert before.max() == pytest.approx(0, abs=1e-12)


# relative strength


def strength(closes: list[float], periods: int = 14) -> float:
    known = np.array([len(closes)])
    return float(relative_strength(np.array([closes]), known, periods)[0])


@pytest.mark.parametrize("periods", [2, 14, 16])
def test_relative_strength_is_wilders(periods: int) -> None:
    closes = a_walk(900)
    steps = [after - before for before, after in pairwise(closes)]
    gain = wilder([max(step, 0.0) for step in steps], periods)
    loss = wilder([max(-step, 0.0) for step in steps], periods)

    assert strength(closes, periods) == pytest.approx(1 - 1 / (1 + gain / loss), rel=1e-6)


def test_a_price_that_only_rose_has_full_strength_and_one_that_only_fell_none() -> None:
    rising = [100.0 + bar for bar in range(300)]

    assert strength(rising) == 1.0
    assert strength(rising[::-1]) == 0.0


def test_a_price_that_never_moved_gained_as_much_as_it_lost() -> None:
    assert strength([0.1] * 300) == 0.5


def test_the_last_bar_moves_the_strength_by_one_part_in_its_periods() -> None:
    """Gains and losses of 1 in turn are 0.5 each on average; then one more gain of 1."""
    closes = [100.0 + bar % 2 for bar in range(400)] + [100.0, 101.0, 102.0]

    assert strength(closes[:-1], 2) == pytest.approx(2 / 3)
    assert strength(closes, 2) == pytest.approx(5 / 6)


@pytest.mark.parametrize(("known", "ready"), [(256, False), (257, True), (258, True)])
def test_relative_strength_needs_257_bars(known: int, ready: bool) -> None:
    panel = a_panel({"SOL-USD": [NAN] * (350 - known) + a_walk(known)})

    assert np.isfinite(relative_strength(panel.close, panel.known, 16)[0]) == ready


def test_a_young_product_has_no_strength_and_its_neighbour_keeps_its_own() -> None:
    panel = a_panel({"ADA-USD": [NAN] * 300 + [1.0] * 50, "SOL-USD": a_walk()})

    young, old = relative_strength(panel.close, panel.known, 14)

    assert np.isnan(young)
    assert old == strength(a_walk())


# the volume-weighted average price


def test_the_average_price_weighs_each_typical_price_by_its_volume() -> None:
    panel = a_panel(
        {"SOL-USD": [500.0, 10.0, 20.0, 40.0]}, volumes={"SOL-USD": [9.0, 1.0, 3.0, 1.0]}
    )
    high, low, close = panel.high[0], panel.low[0], panel.close[0]
    typical = [(high[at] + low[at] + close[at]) / 3 for at in (2, 3)]

    assert average_price(panel, 2)[0] == pytest.approx((typical[0] * 3 + typical[1]) / 4)


def test_without_volume_there_is_no_average_price() -> None:
    panel = a_panel({"SOL-USD": [10.0] * 4}, volumes={"SOL-USD": [9.0, 0.0, 0.0, 0.0]})

    assert np.isnan(average_price(panel, 3)[0])
    assert average_price(panel, 4)[0] == 10.0


# deviations


def test_a_close_is_measured_in_deviations_below_the_mean_of_its_window() -> None:
    closes = np.array([[900.0, 4.0, 2.0, 4.0, 2.0], [900.0, 2.0, 4.0, 2.0, 4.0]])

    assert stretch(closes, 4).below.tolist() == [1.0, -1.0]


def test_closes_that_never_moved_lie_nowhere_below_their_mean() -> None:
    assert stretch(np.full((1, 96), 0.1), 96).below[0] == 0.0


def test_a_slide_keeps_fewer_closes_near_its_mean_than_a_fall_out_of_a_calm() -> None:
    slide = [float(100 - bar) for bar in range(96)]
    calm = [100.0 + bar % 2 for bar in range(94)] + [90.0, 85.0]

    sliding, falling = stretch(np.array([slide, calm]), 96).near

    assert sliding == pytest.approx(56 / 96)
    assert falling == pytest.approx(94 / 96)


# changes and windows


def test_a_change_is_held_against_the_close_that_many_bars_before() -> None:
    panel = a_panel({"SOL-USD": [50.0, 100.0, 70.0, 102.0]})

    assert change(panel, 2)[0] == 0.02


@pytest.mark.parametrize(("known", "ready"), [(2, False), (3, True), (4, True)])
def test_a_change_needs_the_bar_before_its_window(known: int, ready: bool) -> None:
    panel = a_panel({"SOL-USD": [NAN] * (4 - known) + [100.0] * known})

    assert np.isfinite(change(panel, 2)[0]) == ready


def test_a_change_beyond_the_panel_is_not_known() -> None:
    assert np.isnan(change(a_flat_panel("SOL-USD", length=4), 4)[0])


def test_bar_returns_are_held_against_each_predecessor() -> None:
    closes = np.array([[80.0, 100.0, 110.0, 99.0]])

    assert bar_returns(closes, 2)[0].tolist() == pytest.approx([0.1, -0.1])


def test_rising_and_falling_bars_are_counted_and_flat_ones_are_neither() -> None:
    panel = a_panel({"SOL-USD": [9.0, 1.0, 2.0, 2.0, 3.0, 2.5]})

    assert share_rising(panel, 4)[0] == 0.5
    assert share_falling(panel, 4)[0] == 0.25


def test_a_share_above_a_level_leaves_out_what_is_at_it() -> None:
    values = np.array([[9.0, 1.0, 2.0, 3.0, 4.0]])

    assert share_above(values, np.array([2.0]), 4)[0] == 0.5


def test_a_window_mean_reads_the_last_bars_only() -> None:
    assert window_mean(np.array([[100.0, 1.0, 2.0, 6.0]]), 3)[0] == 3.0


# what is shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (101.5 / 100 - 1, 0.015),  # a float just below 1.5%
        (0.0149994, 0.014999),
        (0.0149996, 0.015),
        (-0.0000001, 0.0),
    ],
)
def test_a_ratio_is_rounded_to_what_a_record_shows(value: float, shown: float) -> None:
    assert shown_ratio(np.array([value]))[0] == shown


def test_nothing_is_shown_as_minus_zero() -> None:
    tiny: Floats = np.array([-1e-9])

    assert not np.signbit(shown_ratio(tiny))[0]
    assert not np.signbit(shown_multiple(tiny))[0]


def test_a_multiple_is_rounded_to_four_decimals() -> None:
    assert shown_multiple(np.array([2.49996]))[0] == 2.5


# the length of the panel


def a_policy(**windows: object) -> Policy:
    """A policy of which only the windows are read."""
    regime = a_regime_policy(**windows)
    return cast(Policy, SimpleNamespace(regime=regime, triggers=a_triggers_policy()))


@pytest.mark.parametrize(
    ("bar", "bars"),
    [
        (timedelta(minutes=1), 72 * 60 + 1),  # the drawdown window, and one bar before it
        (timedelta(minutes=5), 72 * 12 + 1),
        (BAR, 350),
        (timedelta(days=1), 350),
    ],
)
def test_the_panel_holds_the_longest_window_and_one_bar_before(bar: timedelta, bars: int) -> None:
    assert panel_length(a_policy(), bar) == bars


@pytest.mark.parametrize("window", ["trend_window", "volatility_window", "drawdown_window"])
def test_every_regime_window_fits_the_panel(window: str) -> None:
    assert panel_length(a_policy(**{window: 400 * BAR}), BAR) == 401


@pytest.mark.parametrize(
    ("section", "window"),
    [
        ("price_move_15m", "window"),
        ("price_move_60m", "window"),
        ("volume_spike", "window"),
        ("volume_spike", "baseline"),
        ("breakout", "lookback"),
        ("momentum", "window"),
        ("oversold", "window"),
        ("reversal", "lookback"),
        ("reversal", "low_age_max"),
        ("atr", "window"),
    ],
)
def test_every_trigger_window_fits_the_panel(section: str, window: str) -> None:
    shipped = a_triggers_policy()
    longer = replace(getattr(shipped, section), **{window: 400 * BAR})
    triggers = replace(shipped, **{section: longer})
    policy = cast(Policy, SimpleNamespace(regime=a_regime_policy(), triggers=triggers))

    assert panel_length(policy, BAR) == 401


@pytest.mark.parametrize(("extra", "bars"), [(0, 401), (1, 402)])
def test_a_started_bar_counts(extra: int, bars: int) -> None:
    window = 400 * BAR + timedelta(seconds=extra)

    assert panel_length(a_policy(trend_window=window), BAR) == bars


# The exponential average


def test_an_exponential_average_is_the_recursion_that_everybody_writes() -> None:
    """Within 2e-10 of the form that never forgets, for the periods that are used."""
    chance = np.random.default_rng(5)
    values: Floats = 100.0 * np.cumprod(1 + chance.normal(0, 0.003, 3000), dtype=np.float64)
    for periods in (12, 26):
        endless = values[0]
        for value in values[1:]:
            endless += (value - endless) * 2 / (periods + 1)

        found = exponential_averages(values[np.newaxis], np.array([3000]), (periods,))[0][0, 0]

        assert found == pytest.approx(endless, rel=2e-10)


def test_an_exponential_average_of_what_never_moves_is_exactly_that() -> None:
    closes = np.full((1, 300), 0.1 + 0.2)
    assert exponential_averages(closes, np.array([300]), (26,), 10)[0].tolist() == [
        [0.1 + 0.2] * 10
    ]


@pytest.mark.parametrize(("known", "ready"), [(257, 1), (258, 2), (259, 3), (256, 0)])
def test_an_exponential_average_needs_257_bars_at_each_of_its_bars(known: int, ready: int) -> None:
    closes = np.linspace(1, 2, 300)[np.newaxis]

    found = exponential_averages(closes, np.array([known]), (12,), 3)[0][0]

    assert int(np.isfinite(found).sum()) == ready
    assert np.isfinite(found[3 - ready :]).all()
