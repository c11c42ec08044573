"""The regime: which numbers of the reference product make which weather, and what is unknown."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from core.market import Panel, Regime
from core.regime import RegimeReading, read_regime, unresolved
from tests.builders.market import BAR, a_flat_panel, a_panel
from tests.builders.signals import a_ratio, a_regime_policy

NAN = float("nan")
DAY = timedelta(days=1)


def bitcoin(closes: list[float], bar: timedelta = BAR) -> Panel:
    return a_panel({"BTC-USD": closes}, bar=bar)


def reading(panel: Panel, **changes: object) -> RegimeReading:
    return read_regime(panel, a_regime_policy(**changes), "USD")


def stepped(last: float, bars: int) -> Panel:
    """A reference at 100 that has stood at `last` for the last `bars` bars."""
    return bitcoin([100.0] * (350 - bars) + [last] * bars)


def test_a_flat_market_is_chop_and_says_its_numbers() -> None:
    assert reading(stepped(100, 1)) == RegimeReading(
        Regime.CHOP,
        "BTC-USD reads chop with trend 0%, volatility 0% a day, drawdown 0%: "
        "no threshold is reached.",
    )


@pytest.mark.parametrize(
    ("last", "regime"),
    [
        (100.9999, Regime.CHOP),
        (101, Regime.BULL),
        (101.0001, Regime.BULL),
        (99.0001, Regime.CHOP),
        (99, Regime.BEAR),
        (98.9999, Regime.BEAR),
    ],
)
def test_the_trend_is_the_later_half_of_its_window_against_the_earlier(
    last: float, regime: Regime
) -> None:
    assert reading(stepped(last, 48)).regime is regime  # 48 bars are half of 24h


def test_the_trend_does_not_look_beyond_its_window() -> None:
    assert "trend 0%" in reading(bitcoin([50.0] * 254 + [100.0] * 96)).because
    assert "trend 1.0526%" in reading(bitcoin([50.0] * 255 + [100.0] * 95)).because


@pytest.mark.parametrize(
    ("last", "regime"),
    [
        (93.0001, Regime.CHOP),
        (93, Regime.BEAR),
        (92.9999, Regime.BEAR),
        (85.0001, Regime.BEAR),
        (85, Regime.CRASH),
        (84.9999, Regime.CRASH),
    ],
)
def test_the_drawdown_is_the_way_down_from_the_highest_close(last: float, regime: Regime) -> None:
    assert reading(stepped(last, 150)).regime is regime  # long enough for trend and volatility


@pytest.mark.parametrize(("bars", "regime"), [(287, Regime.BEAR), (288, Regime.CHOP)])
def test_a_high_counts_until_it_leaves_the_drawdown_window(bars: int, regime: Regime) -> None:
    assert reading(stepped(90, bars)).regime is regime  # 72h are 288 bars


@pytest.mark.parametrize(
    ("threshold", "regime"),
    [("7.99%", Regime.CRASH), ("8%", Regime.CRASH), ("8.01%", Regime.CHOP)],
)
def test_volatility_is_the_deviation_of_a_days_return(threshold: str, regime: Regime) -> None:
    up_and_down = bitcoin([100.0, 108.0, 99.36], bar=DAY)  # +8%, -8%

    found = reading(
        up_and_down,
        trend_window=2 * DAY,
        volatility_window=2 * DAY,
        drawdown_window=2 * DAY,
        trend_bear_max=a_ratio("-50%"),
        drawdown_bear_min=a_ratio("50%"),
        drawdown_crash_min=a_ratio("50%"),
        volatility_crash_min=a_ratio(threshold),
    )

    assert found.regime is regime


def test_volatility_of_short_bars_is_scaled_to_a_day() -> None:
    zigzag = bitcoin([100.0, 101.0] * 175)  # about 1% a bar, 96 bars a day

    assert "volatility 9.7" in reading(zigzag).because


def test_a_crash_outranks_a_rising_trend() -> None:
    closes = [200.0] * 200 + [100.0] * 102 + [110.0] * 48

    assert reading(bitcoin(closes)) == RegimeReading(
        Regime.CRASH,
        "BTC-USD reads crash with trend 10%, volatility 9.9478% a day, drawdown 45%: "
        "regime.drawdown_crash_min 15% is reached.",
    )


def test_a_bear_outranks_a_bull() -> None:
    closes = [110.0] * 200 + [100.0] * 102 + [102.0] * 48

    assert reading(bitcoin(closes)).regime is Regime.BEAR


def test_a_pinned_regime_needs_no_market() -> None:
    assert reading(a_flat_panel("SOL-USD"), pinned=Regime.BULL) == RegimeReading(
        Regime.BULL, "regime.pinned sets bull."
    )


def test_the_reference_is_the_pair_with_the_capital_currency() -> None:
    closes = {"BTC-EUR": [100.0] * 350, "BTC-USD": [100.0] * 200 + [80.0] * 150}
    policy = a_regime_policy()

    assert read_regime(a_panel(closes), policy, "EUR").regime is Regime.CHOP
    assert read_regime(a_panel(closes), policy, "USD").regime is Regime.CRASH


def test_another_reference_can_be_named() -> None:
    panel = a_panel({"BTC-USD": [100.0] * 350, "ETH-USD": [100.0] * 200 + [80.0] * 150})

    assert reading(panel, reference="ETH").regime is Regime.CRASH


def test_an_absent_reference_is_said_and_the_policy_decides() -> None:
    assert reading(a_flat_panel("SOL-USD"), when_unknown=Regime.CRASH) == RegimeReading(
        Regime.CRASH,
        "BTC-USD has no candles in the snapshot, so regime.when_unknown sets crash.",
    )


@pytest.mark.parametrize(
    ("known", "because"),
    [
        (287, "BTC-USD has 287 bars and the regime needs 288, so regime.when_unknown sets bear."),
        (288, "BTC-USD reads chop"),
        (289, "BTC-USD reads chop"),
    ],
)
def test_a_reference_with_too_few_bars_is_unknown(known: int, because: str) -> None:
    panel = bitcoin([NAN] * (350 - known) + [100.0] * known)

    assert reading(panel).because.startswith(because)


def test_volatility_takes_one_bar_more_than_its_window() -> None:
    windows = {"drawdown_window": 24 * BAR, "trend_window": 24 * BAR}
    panel = bitcoin([NAN] * 254 + [100.0] * 96)

    assert "needs 97" in reading(panel, **windows).because


def test_a_reference_that_is_not_traded_is_unknown() -> None:
    idle = bitcoin([100.0] * 254 + [NAN] * 96)
    traded_once = bitcoin([100.0] * 254 + [NAN] * 95 + [100.0])

    assert reading(idle).because == (
        "BTC-USD was not traded in 1d, so regime.when_unknown sets bear."
    )
    assert reading(traded_once).regime is Regime.CHOP


@pytest.mark.parametrize(
    ("bar", "troubles"),
    [
        (BAR, {}),
        (timedelta(hours=1), {}),
        (
            DAY,
            {
                "regime.trend_window": "regime.trend_window 1d holds 1 bar of 1d and takes 2",
                "regime.volatility_window": (
                    "regime.volatility_window 1d holds 1 bar of 1d and takes 2"
                ),
            },
        ),
        (
            timedelta(hours=16),
            {
                "regime.trend_window": "regime.trend_window 1d is no whole number of 16h bars",
                "regime.volatility_window": (
                    "regime.volatility_window 1d is no whole number of 16h bars"
                ),
                "regime.drawdown_window": (
                    "regime.drawdown_window 3d is no whole number of 16h bars"
                ),
            },
        ),
    ],
)
def test_a_window_the_bar_cannot_measure_is_named(bar: timedelta, troubles: dict[str, str]) -> None:
    assert unresolved(a_regime_policy(), bar) == troubles


def test_a_window_the_bar_cannot_measure_makes_the_regime_unknown() -> None:
    assert reading(a_flat_panel("BTC-USD", bar=DAY)) == RegimeReading(
        Regime.BEAR,
        "regime.trend_window 1d holds 1 bar of 1d and takes 2, so regime.when_unknown sets bear.",
    )


def test_neighbours_do_not_change_a_reading() -> None:
    closes = (100 + np.arange(350.0) % 7).tolist()
    alone = bitcoin(closes)
    among = a_panel({"ADA-USD": [1.0] * 350, "BTC-USD": closes, "SOL-USD": [NAN] * 350})

    assert reading(alone) == reading(among)
