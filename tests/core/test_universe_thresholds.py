"""Volume, spread and depth find the tier. ADA is discovered, SOL is in T2 by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market import Depth, Level, Side
from core.reasons import Finding, Reason
from tests.builders.market import (
    NOON,
    a_depth,
    a_panel,
    a_snapshot,
)
from tests.builders.risk import a_tier, bps
from tests.builders.universe import a_spread, a_thin_depth, a_volume, universe_of, why_not

NAN = float("nan")


@pytest.mark.parametrize(
    ("base_units", "tier"),
    [
        (50_000.01, "T1"),
        (50_000, "T1"),
        (49_999.99, "T2"),
        (10_000, "T2"),
        (9_999.99, "T3"),
        (1_000, "T3"),
        (999.99, None),
    ],
)
def test_volume_finds_the_tier_in_quote_currency(base_units: float, tier: str | None) -> None:
    universe = universe_of(a_snapshot("ADA-USD", panel=a_volume("ADA-USD", base_units)))
    assert universe.eligible.get("ADA-USD") == tier


@pytest.mark.parametrize(
    ("spread", "tier"),
    [("14", "T1"), ("15", "T1"), ("15.1", "T2"), ("40", "T2"), ("80", "T3"), ("80.1", None)],
)
def test_spread_finds_the_tier(spread: str, tier: str | None) -> None:
    assert universe_of(a_spread("ADA-USD", spread)).eligible.get("ADA-USD") == tier


@pytest.mark.parametrize(
    ("notional", "tier"),
    [("20000", "T1"), ("19999.9", "T2"), ("5000", "T2"), ("1000", "T3"), ("999.9", None)],
)
@pytest.mark.parametrize("thin_side", list(Side))
def test_the_thinner_side_of_the_depth_finds_the_tier(
    thin_side: Side, notional: str, tier: str | None
) -> None:
    thick = "90000"
    bids, asks = (notional, thick) if thin_side is Side.SELL else (thick, notional)
    snapshot = a_thin_depth("ADA-USD", bid_notional=bids, ask_notional=asks)
    assert universe_of(snapshot).eligible.get("ADA-USD") == tier


def test_a_discovered_product_is_told_what_the_lowest_tier_asks() -> None:
    dull = a_snapshot("ADA-USD", panel=a_volume("ADA-USD", 999.999))
    assert why_not(dull, "ADA-USD") == Finding(
        Reason.VOLUME_TOO_LOW, "99999.9 USD", "100000 USD", "universe.tiers.T3.volume_24h_min"
    )
    assert why_not(a_spread("ADA-USD", "80.1"), "ADA-USD") == Finding(
        Reason.SPREAD_TOO_WIDE, "0.801%", "0.8%", "universe.tiers.T3.spread_max"
    )
    thin = a_thin_depth("ADA-USD", bid_notional="5000", ask_notional="999.9")
    assert why_not(thin, "ADA-USD") == Finding(
        Reason.DEPTH_TOO_THIN, "999.9 USD", "1000 USD", "universe.tiers.T3.depth_min"
    )


def test_a_named_product_meets_its_own_tier_or_none() -> None:
    enough_for_t3 = a_snapshot(panel=a_volume("SOL-USD", 9_999))
    assert why_not(enough_for_t3) == Finding(
        Reason.VOLUME_TOO_LOW, "999900 USD", "1000000 USD", "universe.tiers.T2.volume_24h_min"
    )
    wide = why_not(a_spread("SOL-USD", "41"))
    thin = why_not(a_thin_depth("SOL-USD", bid_notional="4999", ask_notional="9000"))
    assert wide is not None
    assert thin is not None
    assert wide.key == "universe.tiers.T2.spread_max"
    assert thin.key == "universe.tiers.T2.depth_min"


def test_of_several_shortfalls_volume_is_told_before_spread_before_depth() -> None:
    thin = a_thin_depth("SOL-USD", bid_notional="1", ask_notional="1")
    wide = replace(thin, tops=a_spread("SOL-USD", "50").tops)
    dull = replace(wide, panel=a_volume("SOL-USD", 1))
    told = [why_not(snapshot) for snapshot in (thin, wide, dull)]
    assert [finding and finding.reason for finding in told] == [
        Reason.DEPTH_TOO_THIN,
        Reason.SPREAD_TOO_WIDE,
        Reason.VOLUME_TOO_LOW,
    ]


def test_volume_is_that_of_the_last_24_hours_only() -> None:
    inside = [0.0] * 254 + [1_000.0] + [0.0] * 95  # the oldest of 96 bars of 15 minutes
    outside = [0.0] * 253 + [1_000.0] + [0.0] * 96
    flat = {"ADA-USD": [100.0] * 350}
    for volumes, tier in ((inside, "T3"), (outside, None)):
        panel = a_panel(flat, volumes={"ADA-USD": volumes})
        universe = universe_of(a_snapshot("ADA-USD", panel=panel))
        assert universe.eligible.get("ADA-USD") == tier


def test_with_daily_bars_one_bar_is_the_volume() -> None:
    closes, day = {"ADA-USD": [100.0] * 350}, timedelta(days=1)
    for volumes, tier in (([0.0] * 349 + [1_000.0], "T3"), ([9e9] * 349 + [999.0], None)):
        panel = a_panel(
            closes, volumes={"ADA-USD": volumes}, bar=day, closed_at=NOON - timedelta(hours=12)
        )
        universe = universe_of(a_snapshot("ADA-USD", panel=panel))
        assert universe.eligible.get("ADA-USD") == tier


def test_volume_counts_from_a_products_first_bar_on() -> None:
    panel = a_panel({"ADA-USD": [NAN] * 340 + [100.0] * 10})  # 10 x 1000 x 100
    assert universe_of(a_snapshot("ADA-USD", panel=panel)).eligible == {"ADA-USD": "T2"}


@pytest.mark.parametrize(
    ("age", "eligible"),
    [
        (timedelta(seconds=29), False),
        (timedelta(seconds=30), False),
        (timedelta(seconds=31), True),
    ],
)
def test_a_thin_depth_speaks_only_while_it_is_recent(age: timedelta, eligible: bool) -> None:
    depth = a_depth(bids=[("99.98", "0.1")], seen_at=NOON - age)
    assert (why_not(a_snapshot(depths={"SOL-USD": depth})) is None) == eligible


levels = st.lists(
    st.tuples(st.decimals("0.01", "3", places=2), st.decimals("0.1", "60", places=1)),
    min_size=1,
    max_size=6,
    unique_by=lambda level: level[0],
)


@given(below=levels, above=levels)
@settings(max_examples=60, deadline=None)
def test_a_depth_is_too_thin_exactly_when_its_thinner_side_is(
    below: list[tuple[Decimal, Decimal]], above: list[tuple[Decimal, Decimal]]
) -> None:
    rules = {
        "depth_window": bps("100"),
        "tiers": {"T1": a_tier(volume="1", spread="80", depth="5000")},
    }
    depth = Depth(
        symbol="SOL-USD",
        bids=tuple(Level(100 - off, quantity) for off, quantity in sorted(below)),
        asks=tuple(Level(100 + off, quantity) for off, quantity in sorted(above)),
        seen_at=NOON,
        origin=a_depth().origin,
    )
    thinner = min(depth.notional_within(side, bps("100")) for side in Side)
    finding = why_not(a_snapshot(depths={"SOL-USD": depth}), **rules)
    assert (finding is None) == (thinner >= 5000)


@pytest.mark.parametrize(("second", "eligible"), [("100.20", True), ("100.21", False)])
def test_a_level_exactly_at_the_edge_of_the_window_counts(second: str, eligible: bool) -> None:
    depth = a_depth(asks=[("100", "1"), (second, "1000")])
    assert (why_not(a_snapshot(depths={"SOL-USD": depth})) is None) == eligible
