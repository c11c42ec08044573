"""Triggers: what gets attention, in which order, and why the rest is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.market import Panel
from core.money import Ratio
from core.policy import TriggersPolicy
from core.reasons import Finding, Reason
from core.triggers import Attention, TriggerKind, unresolved, unusable
from tests.builders.market import BAR, a_panel
from tests.builders.signals import (
    SOL,
    a_market,
    a_ratio,
    a_triggers_policy,
    attention,
    only,
    the_finding,
)

NAN = float("nan")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

# what is passed over


def resting(close: float) -> Panel:
    """A product below an old high that rests at `close` since its move three bars ago."""
    panel = a_market(close, close, close)
    highs = panel.high.copy()
    highs[0, -20] = 110.0
    return replace(panel, high=highs)


def test_a_quiet_product_is_told_what_came_nearest() -> None:
    assert the_finding(resting(101.2)) == Finding(
        Reason.NO_TRIGGER, "price_move_60m 1.2%", "2%", "triggers.price_move_60m.min.chop"
    )
    assert the_finding(resting(100.1)) == Finding(
        Reason.NO_TRIGGER, "volume_spike 1x", "2.5x", "triggers.volume_spike.min.chop"
    )


def a_step(value: str, millionths: int) -> Ratio:
    return a_ratio(f"{Decimal(value) + Decimal(millionths).scaleb(-4)}%")


@pytest.mark.parametrize(
    ("bound", "millionths", "reason"),
    [
        ("min", 1, Reason.ATR_TOO_LOW),
        ("min", 0, None),
        ("min", -1, None),
        ("max", 1, None),
        ("max", 0, None),
        ("max", -1, Reason.ATR_TOO_HIGH),
    ],
)
def test_a_trigger_counts_within_the_band_of_ranges_only(
    bound: str, millionths: int, reason: Reason | None
) -> None:
    panel = a_market(103)
    seen = "0.3764%"  # 16 periods: 15 parts of 0.2 and one of 3.203, over a close of 103
    limit = a_step(seen.removesuffix("%"), millionths)
    policy = a_triggers_policy()
    policy = replace(policy, atr=replace(policy.atr, **{bound: limit}))  # type: ignore[arg-type]

    found = attention(panel, policy)

    expected = reason and Finding(reason, seen, str(limit), f"triggers.atr.{bound}")
    assert found.passed.get(SOL) == expected


def test_a_calm_product_without_a_trigger_is_not_blamed_for_its_calm() -> None:
    policy = a_triggers_policy(atr=replace(a_triggers_policy().atr, min=a_ratio("5%")))

    assert the_finding(resting(100.1), policy).reason is Reason.NO_TRIGGER


def test_a_wild_product_is_refused_for_its_wildness_before_its_weakness() -> None:
    calm = replace(a_triggers_policy().atr, max=a_ratio("0.2%"))
    policy = only("price_move_60m", also={"atr": calm, "score_min": a_ratio("500%")})

    assert the_finding(a_market(103), policy).reason is Reason.ATR_TOO_HIGH


@pytest.mark.parametrize(
    ("score", "finding"),
    [
        ("119.99%", None),
        ("120%", None),
        (
            "120.01%",
            Finding(Reason.SCORE_TOO_LOW, "price_move_60m 120%", "120.01%", "triggers.score_min"),
        ),
    ],
)
def test_a_weak_trigger_is_refused(score: str, finding: Finding | None) -> None:
    policy = only("price_move_60m", also={"score_min": a_ratio(score)})

    assert attention(a_market(102.4), policy).passed.get(SOL) == finding


# ranking


def movers(**closes: float) -> Panel:
    """Products at 100 whose last bar closes where it is told."""
    return a_panel(
        {f"{base}-USD": [100.0] * 349 + [close] for base, close in closes.items()}, swing=0.001
    )


@pytest.mark.parametrize(("places", "kept"), [(2, 2), (3, 3), (4, 3)])
def test_attention_goes_to_the_strongest_products(places: int, kept: int) -> None:
    policy = only("price_move_60m", also={"per_cycle_max": places})
    panel = movers(ADA=103, BTC=102, SOL=96)

    found = attention(panel, policy)

    ranking = ("SOL-USD", "ADA-USD", "BTC-USD")
    assert tuple(trigger.symbol for trigger in found.triggers) == ranking[:kept]
    assert tuple(found.passed) == ranking[kept:]


def test_a_product_beyond_the_cap_is_told_its_rank() -> None:
    policy = only("price_move_60m", also={"per_cycle_max": 1})

    assert attention(movers(ADA=103, BTC=104, SOL=102), policy).passed == {
        "ADA-USD": Finding(Reason.TRIGGER_CAP, "rank 2", "1 product", "triggers.per_cycle_max"),
        "SOL-USD": Finding(Reason.TRIGGER_CAP, "rank 3", "1 product", "triggers.per_cycle_max"),
    }


def test_equally_strong_products_are_ranked_by_symbol() -> None:
    found = attention(movers(SOL=103, ADA=97, BTC=103), only("price_move_60m"))

    assert [trigger.symbol for trigger in found.triggers] == ["ADA-USD", "BTC-USD", "SOL-USD"]


def test_a_product_keeps_all_its_triggers_strongest_kind_first() -> None:
    found = attention(a_market(102))

    assert [(trigger.kind, trigger.strength) for trigger in found.triggers] == [
        (TriggerKind.BREAKOUT, 9.4905),
        (TriggerKind.PRICE_MOVE_15M, 2.0),
        (TriggerKind.PRICE_MOVE_60M, 1.0),
    ]
    assert found.passed == {}


def test_of_equally_strong_kinds_the_first_of_the_list_comes_first() -> None:
    policy = only("price_move_60m")
    both = replace(policy, price_move_15m=policy.price_move_60m)

    kinds = [trigger.kind for trigger in attention(a_market(102), both).triggers]

    assert kinds == [TriggerKind.PRICE_MOVE_15M, TriggerKind.PRICE_MOVE_60M]


def test_the_nearest_to_a_trigger_come_first_and_the_unjudged_last() -> None:
    panel = a_panel(
        {
            "ADA-USD": [NAN] * 300 + [100.0] * 49 + [150.0],  # too young
            "BTC-USD": [100.0] * 349 + [101.0],
            "ETH-USD": [100.0] * 349 + [130.0],  # a bad tick
            "LTC-USD": [100.0] * 349 + [101.5],
            "SOL-USD": [100.0] * 349 + [103.0],
            "XRP-USD": [100.0] * 349 + [99.0],
        },
        volumes={
            symbol: [1000.0] * 349 + [1.0 if symbol == "ETH-USD" else 1000.0]
            for symbol in ("ADA-USD", "BTC-USD", "ETH-USD", "LTC-USD", "SOL-USD", "XRP-USD")
        },
        swing=0.001,
    )

    assert attention(panel, only("price_move_60m")).nearest == (
        "SOL-USD",
        "LTC-USD",
        "BTC-USD",
        "XRP-USD",
        "ADA-USD",
        "ETH-USD",
    )


def test_a_product_far_from_a_trigger_is_nearer_than_one_that_cannot_be_judged() -> None:
    panel = a_panel({"ADA-USD": [NAN] * 350, "SOL-USD": [100.0] * 349 + [80.0]}, swing=0.001)

    assert attention(panel, only("breakout")).nearest == ("SOL-USD", "ADA-USD")


def test_every_product_is_either_noticed_or_passed_over_in_order() -> None:
    panel = movers(SOL=103, ADA=100, BTC=110, ETH=100.1)

    found = attention(panel)

    assert tuple(found.passed) == ("ADA-USD", "ETH-USD")
    assert sorted({*found.by_symbol(), *found.passed}) == list(panel.symbols)


def test_products_are_passed_over_in_the_order_of_their_names_whatever_the_reason() -> None:
    panel = a_panel({"ADA-USD": [100.0] * 350, "SOL-USD": [NAN] * 350}, swing=0.001)

    assert list(attention(panel).passed) == ["ADA-USD", "SOL-USD"]


def test_triggers_are_found_by_symbol_in_their_order() -> None:
    found = attention(movers(SOL=102, ADA=100))

    assert found.by_symbol() == {"SOL-USD": found.triggers}


def test_no_product_is_no_trouble() -> None:
    assert attention(a_market().rows(())) == Attention((), {}, ())


# what a bar can resolve


@pytest.mark.parametrize(
    ("bar", "troubles"),
    [
        (timedelta(minutes=1), {}),
        (timedelta(minutes=15), {}),
        (
            HOUR,
            {
                "price_move_15m": (
                    "triggers.price_move_15m.window: 15m is no whole number of 1h bars"
                )
            },
        ),
        (
            12 * HOUR,
            {
                "price_move_15m": (
                    "triggers.price_move_15m.window: 15m is no whole number of 12h bars"
                ),
                "price_move_60m": (
                    "triggers.price_move_60m.window: 1h is no whole number of 12h bars"
                ),
                "volume_spike": "triggers.volume_spike.window: 1h is no whole number of 12h bars",
                "momentum": "triggers.momentum.window: 6h is no whole number of 12h bars",
                "oversold": "triggers.oversold.window: 1d is 2 12h bars and it takes 3",
                "reversal": "triggers.reversal.lookback: 1d is 2 12h bars and it takes 3",
            },
        ),
    ],
)
def test_a_kind_that_the_bar_cannot_resolve_is_named(
    bar: timedelta, troubles: Mapping[str, str]
) -> None:
    assert unresolved(a_triggers_policy(), bar) == troubles


def with_window(kind: str, window: str, bars: int) -> TriggersPolicy:
    policy = only(kind)
    rule = replace(getattr(policy, kind), **{window: bars * BAR})
    return replace(policy, **{kind: rule})


@pytest.mark.parametrize(
    ("kind", "window", "bars_min"),
    [
        ("price_move_15m", "window", 1),
        ("price_move_60m", "window", 1),
        ("volume_spike", "window", 1),
        ("volume_spike", "baseline", 2),
        ("breakout", "lookback", 2),
        ("momentum", "window", 3),
        ("oversold", "window", 3),
        ("reversal", "lookback", 3),
        ("reversal", "low_age_max", 1),
    ],
)
def test_a_window_needs_enough_bars_to_mean_something(
    kind: str, window: str, bars_min: int
) -> None:
    if bars_min > 1:
        short = unresolved(with_window(kind, window, bars_min - 1), BAR)
        assert short[kind].endswith(f"and it takes {bars_min}")
    for bars in (bars_min, bars_min + 1):
        assert unresolved(with_window(kind, window, bars), BAR) == {}


def test_a_kind_that_is_switched_off_is_not_named() -> None:
    assert "price_move_15m" not in unresolved(only("momentum"), HOUR)


def test_what_the_bar_cannot_resolve_does_not_fire() -> None:
    hours = a_panel({SOL: [100.0] * 349 + [102.0]}, swing=0.001, bar=HOUR)

    kinds = {trigger.kind for trigger in attention(hours).triggers}

    assert kinds == {TriggerKind.PRICE_MOVE_60M, TriggerKind.BREAKOUT}


def test_without_an_enabled_kind_every_product_is_told_so_and_nothing_is_measured() -> None:
    policy = a_triggers_policy()
    off = replace(
        policy,
        **{kind.value: replace(getattr(policy, kind.value), enabled=False) for kind in TriggerKind},
    )

    found = attention(a_panel({SOL: [100.0] * 349 + [110.0]}, swing=0.001), off)

    assert (found.triggers, found.nearest) == ((), (SOL,))
    assert found.passed[SOL].reason is Reason.NO_TRIGGER
    assert found.passed[SOL].seen == "no kind enabled"
    assert unusable(off, DAY).keys() == unusable(policy, DAY).keys() - {"triggers"}


def test_the_shipped_policy_is_usable_on_bars_of_up_to_an_hour() -> None:
    for minutes in (1, 5, 15, 60):
        assert unusable(a_triggers_policy(), timedelta(minutes=minutes)) == {}


def test_the_shipped_policy_cannot_judge_daily_bars_and_each_reason_is_named() -> None:
    assert unusable(a_triggers_policy(), DAY) == {
        "triggers": "no enabled trigger can be measured on 1d bars",
        "triggers.atr.window": "triggers.atr.window: 4h is no whole number of 1d bars",
        "triggers.volume_spike.baseline": (
            "triggers.volume_spike.baseline: 1d is 1 1d bar and it takes 2"
        ),
    }


@pytest.mark.parametrize(
    ("bars", "trouble"),
    [
        (1, "triggers.atr.window: 15m is 1 15m bar and it takes 2"),
        (2, None),
        (3, None),
        (255, None),
        (256, None),
        (257, "triggers.atr.window: 2d16h15m is 257 15m bars and at most 256 are looked at"),
    ],
)
def test_an_average_range_takes_two_periods_at_least_and_its_lookback_at_most(
    bars: int, trouble: str | None
) -> None:
    policy = a_triggers_policy(atr=replace(a_triggers_policy().atr, window=bars * BAR))

    assert unusable(policy, BAR).get("triggers.atr.window") == trouble


@pytest.mark.parametrize(("bars", "usable"), [(3, False), (4, False), (5, True)])
def test_a_baseline_is_longer_than_what_is_held_against_it(bars: int, usable: bool) -> None:
    policy = only("volume_spike", baseline=bars * BAR)  # the window is 4 bars

    assert (unusable(policy, BAR) == {}) == usable
