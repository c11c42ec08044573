"""Guards of the triggers: candles with holes, short histories and bad ticks are not judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.indicators import average_true_range
from core.market import Panel
from core.reasons import Finding, Reason
from tests.builders.market import BAR, a_panel
from tests.builders.signals import SOL, a_market, attention, only, the_finding

NAN = float("nan")


@pytest.mark.parametrize(
    ("gaps", "finding"),
    [
        (3, None),
        (4, None),
        (5, Finding(Reason.CANDLES_MISSING, "25%", "20%", "market.gap_share_max")),
    ],
)
def test_too_many_missing_bars_of_the_longest_window_are_refused(
    gaps: int, finding: Finding | None
) -> None:
    closes = [100.0] * (349 - gaps) + [NAN] * gaps + [102.0]
    panel = a_panel({SOL: closes}, swing=0.001)

    found = attention(panel, only("breakout", lookback=20 * BAR))

    assert found.passed.get(SOL) == finding


def test_a_young_product_with_holes_is_told_of_its_holes_first() -> None:
    panel = a_panel({SOL: [NAN] * 200 + [100.0] + [NAN] * 148 + [100.0]}, swing=0.001)

    assert the_finding(panel).reason is Reason.CANDLES_MISSING


def test_gaps_before_the_window_do_not_matter() -> None:
    panel = a_panel({SOL: [100.0] * 100 + [NAN] * 100 + [100.0] * 150}, swing=0.001)

    assert the_finding(panel).reason is Reason.NO_TRIGGER


@pytest.mark.parametrize(
    ("known", "finding"),
    [
        (
            256,
            Finding(Reason.HISTORY_TOO_SHORT, "256 bars", "257 bars", "triggers.atr.window"),
        ),
        (257, None),
        (258, None),
    ],
)
def test_a_product_needs_the_bars_that_seed_its_range(known: int, finding: Finding | None) -> None:
    panel = a_panel({SOL: [NAN] * (350 - known) + [100.0] * (known - 1) + [103.0]}, swing=0.001)

    assert attention(panel).passed.get(SOL) == finding


@pytest.mark.parametrize(("known", "short"), [(300, True), (301, False), (302, False)])
def test_a_longer_window_needs_its_bars_and_the_one_before(known: int, short: bool) -> None:
    panel = a_panel({SOL: [NAN] * (350 - known) + [100.0] * known}, swing=0.001)

    finding = the_finding(panel, only("breakout", lookback=300 * BAR))

    expected = Finding(
        Reason.HISTORY_TOO_SHORT, "300 bars", "301 bars", "triggers.breakout.lookback"
    )
    assert (finding == expected) == short


def test_the_outlier_guards_baseline_needs_its_bars_though_its_trigger_is_off() -> None:
    policy = only("breakout")
    policy = replace(policy, volume_spike=replace(policy.volume_spike, baseline=400 * BAR))

    assert the_finding(a_market(), policy) == Finding(
        Reason.HISTORY_TOO_SHORT, "350 bars", "400 bars", "triggers.volume_spike.baseline"
    )


def test_a_young_product_has_a_short_history_and_no_gaps() -> None:
    panel = a_panel({SOL: [NAN] * 300 + [100.0] * 50}, swing=0.001)

    assert the_finding(panel) == Finding(
        Reason.HISTORY_TOO_SHORT, "50 bars", "257 bars", "triggers.atr.window"
    )


def test_a_product_without_a_single_bar_is_short_too() -> None:
    panel = a_panel({SOL: [NAN] * 350})

    assert the_finding(panel).seen == "0 bars"


def test_a_short_panel_is_a_short_history() -> None:
    assert the_finding(a_market(length=80)).seen == "80 bars"


def refused_as_outlier(panel: Panel) -> bool:
    finding = attention(panel).passed.get(SOL)
    return finding is not None and finding.reason is Reason.OUTLIER


@pytest.mark.parametrize(
    ("close", "refused"), [(101.5999, False), (101.6, True), (101.6001, True), (98.4, True)]
)
def test_a_jump_of_eight_ranges_without_volume_is_a_bad_tick(close: float, refused: bool) -> None:
    assert refused_as_outlier(a_market(close, volumes=[100])) == refused


@pytest.mark.parametrize(("volume", "refused"), [(249.9, True), (250, False), (250.1, False)])
def test_a_jump_with_a_quarter_of_the_usual_volume_is_believed(
    volume: float, refused: bool
) -> None:
    panel = a_market(102, volumes=[1750, *[1000] * 94, volume])  # 1000 a bar on average

    assert refused_as_outlier(panel) == refused


def test_a_jump_does_not_hide_itself_in_the_range_it_makes() -> None:
    panel = a_market(102.5, volumes=[1000.0 / 96])
    with_jump = average_true_range(panel, 16)[0]

    assert with_jump * 8 / 100 > 0.025  # held against the range it made, it would pass
    assert the_finding(panel).reason is Reason.OUTLIER


def test_a_bad_tick_is_told_with_both_numbers() -> None:
    panel = a_market(95, volumes=[1990, *[1000] * 94, 10])

    assert the_finding(panel) == Finding(
        Reason.OUTLIER,
        "-5% on 1% of the mean volume",
        "1.6% on 25% of the mean volume",
        "triggers.outlier.move_min",
    )


def test_a_quiet_bar_without_volume_is_no_bad_tick() -> None:
    still = a_panel({SOL: [100.0] * 350}, volumes={SOL: [1000.0] * 349 + [1.0]})

    assert the_finding(still).reason is Reason.NO_TRIGGER
