"""Which products may be looked at, by tier, and why the rest may not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market import Depth, Level, Panel, ProductStatus, Side, Snapshot
from core.policy import Allowlist, Hysteresis, Policy, RedFlag
from core.reasons import Finding, Reason
from core.state import Membership
from core.universe import Universe, select_universe
from tests.builders.account import a_state
from tests.builders.market import (
    NOON,
    a_depth,
    a_flat_panel,
    a_panel,
    a_product,
    a_snapshot,
    a_top,
)
from tests.builders.risk import a_policy, a_tier, a_universe_policy, bps, usd

NAN = float("nan")
OUTSIDER = Membership(None, 0)
TOMORROW = date(2025, 3, 3)


def universe_of(
    snapshot: Snapshot, memberships: Mapping[str, Membership] | None = None, /, **rules: object
) -> Universe:
    """The universe of a new folder unless memberships are given."""
    policy = a_policy(universe=a_universe_policy(**rules))
    return select_universe(snapshot, a_state(memberships=memberships or {}), policy)


def why_not(snapshot: Snapshot, symbol: str = "SOL-USD", /, **rules: object) -> Finding | None:
    universe = universe_of(snapshot, **rules)
    assert (symbol in universe.eligible) != (symbol in universe.excluded)
    return universe.excluded.get(symbol)


def a_volume(symbol: str, base_units: float, *, length: int = 350) -> Panel:
    """A flat panel at 100 whose last bar alone has volume."""
    volumes = [0.0] * (length - 1) + [base_units]
    return a_panel({symbol: [100.0] * length}, volumes={symbol: volumes})


def a_spread(symbol: str, spread_bps: str) -> Snapshot:
    half = Decimal(spread_bps) / 200
    top = a_top(symbol, bid=str(100 - half), ask=str(100 + half))
    return a_snapshot(symbol, tops={symbol: top})


def a_thin_depth(symbol: str, *, bid_notional: str, ask_notional: str) -> Snapshot:
    depth = a_depth(
        symbol,
        bids=[("10", str(Decimal(bid_notional) / 10)), ("9.9", "1000000")],
        asks=[("20", str(Decimal(ask_notional) / 20)), ("20.5", "1000000")],
    )
    return a_snapshot(symbol, depths={symbol: depth})


def test_a_named_liquid_product_is_in_its_own_tier() -> None:
    universe = universe_of(a_snapshot("SOL-USD", "BTC-USD"))
    assert universe.eligible == {"BTC-USD": "T1", "SOL-USD": "T2"}
    assert universe.excluded == {}


# Facts about the product.


@pytest.mark.parametrize("status", [one for one in ProductStatus if one.value != "online"])
def test_only_a_fully_online_product_may_be_looked_at(status: ProductStatus) -> None:
    snapshot = a_snapshot(products={"SOL-USD": a_product(status=status)})
    assert why_not(snapshot) == Finding(
        Reason.PRODUCT_NOT_ONLINE, status.value, "online", "product.status"
    )


def test_a_product_paid_in_a_foreign_currency_is_not_ours() -> None:
    assert why_not(a_snapshot("SOL-EUR"), "SOL-EUR") == Finding(
        Reason.QUOTE_NOT_OURS, "EUR", "USD", "app.quote_currencies"
    )


def test_a_stablecoin_is_never_an_asset() -> None:
    finding = why_not(a_snapshot("USDT-USD"), "USDT-USD", stable_assets=("USDC", "USDT"))
    assert finding == Finding(
        Reason.STABLE_PAIR, "USDT", "none of USDC, USDT", "universe.stable_assets"
    )


def test_an_allowlist_fixes_the_universe_to_its_symbols() -> None:
    five = ("AAVE-USD", "ADA-USD", "BTC-USD", "ETH-USD", "SOL-USD")
    snapshot = a_snapshot(*five, "DOGE-USD", "XRP-USD")
    universe = universe_of(snapshot, allowlist=Allowlist(count=5, symbols=five))
    assert tuple(universe.eligible) == five
    assert universe.excluded["DOGE-USD"] == Finding(
        Reason.NOT_ON_ALLOWLIST,
        "DOGE-USD",
        "one of AAVE-USD, ADA-USD, BTC-USD, ETH-USD, SOL-USD",
        "universe.allowlist.symbols",
    )


def test_an_allowlist_of_count_zero_is_off() -> None:
    assert why_not(a_snapshot(), allowlist=Allowlist(count=0, symbols=("BTC-USD",))) is None


def test_an_allowlisted_product_must_still_be_liquid() -> None:
    only = Allowlist(count=1, symbols=("SOL-USD",))
    finding = why_not(a_snapshot(panel=a_volume("SOL-USD", 1)), allowlist=only)
    assert finding is not None
    assert finding.reason is Reason.VOLUME_TOO_LOW


@pytest.mark.parametrize(
    ("until", "limit"),
    [(None, "no end"), (TOMORROW, "until 2025-03-03"), (date(2026, 1, 31), "until 2026-01-31")],
)
def test_a_red_flag_excludes_its_asset_until_its_end(until: date | None, limit: str) -> None:
    flag = RedFlag(asset="SOL", reason="depegged", until=until)
    assert why_not(a_snapshot(), red_flags=(flag,)) == Finding(
        Reason.RED_FLAG, "depegged", limit, "universe.red_flags"
    )


@pytest.mark.parametrize("until", [NOON.date(), NOON.date() - timedelta(days=1)])
def test_on_the_day_a_red_flag_ends_it_no_longer_counts(until: date) -> None:
    flag = RedFlag(asset="SOL", reason="depegged", until=until)
    assert why_not(a_snapshot(), red_flags=(flag,)) is None


def test_an_expired_red_flag_does_not_hide_one_that_still_counts() -> None:
    flags = (
        RedFlag(asset="SOL", reason="hacked", until=None),
        RedFlag(asset="SOL", reason="depegged", until=NOON.date()),
    )
    finding = why_not(a_snapshot(), red_flags=flags)
    assert finding is not None
    assert finding.seen == "hacked"


def test_a_product_without_a_row_of_candles_has_no_history() -> None:
    snapshot = a_snapshot(panel=a_flat_panel("BTC-USD"))
    assert why_not(snapshot) == Finding(
        Reason.HISTORY_MISSING, "0 bars", "1 bar", "product.candles"
    )


def test_a_row_without_a_single_bar_is_no_history_either() -> None:
    finding = why_not(a_snapshot(panel=a_panel({"SOL-USD": [NAN] * 350})))
    assert finding is not None
    assert finding.reason is Reason.HISTORY_MISSING


@pytest.mark.parametrize(
    ("age", "eligible"),
    [
        (timedelta(days=14, seconds=1), True),
        (timedelta(days=14), True),
        (timedelta(days=14) - timedelta(seconds=1), False),
    ],
)
def test_a_listing_must_be_old_enough(age: timedelta, eligible: bool) -> None:
    snapshot = a_snapshot(products={"SOL-USD": a_product(listed_at=NOON - age)})
    assert (why_not(snapshot) is None) == eligible


def test_a_young_listing_says_its_age() -> None:
    snapshot = a_snapshot(products={"SOL-USD": a_product(listed_at=NOON - timedelta(days=3))})
    assert why_not(snapshot) == Finding(
        Reason.LISTING_TOO_YOUNG, "3d", "14d", "universe.listing_age_min"
    )


def test_an_unknown_listing_day_is_not_held_against_a_product() -> None:
    assert why_not(a_snapshot(products={"SOL-USD": a_product(listed_at=None)})) is None


def test_a_product_without_a_book_is_out() -> None:
    assert why_not(a_snapshot(tops={})) == Finding(
        Reason.BOOK_MISSING, "no book", "bid and ask", "product.book"
    )


@pytest.mark.parametrize(
    ("bid", "eligible"), [("0.5001", True), ("0.5000", True), ("0.4999", False)]
)
def test_the_floor_holds_for_the_bid(bid: str, eligible: bool) -> None:
    ask = str(Decimal(bid) + Decimal("0.0002"))  # always above the floor
    snapshot = a_snapshot(tops={"SOL-USD": a_top(bid=bid, ask=ask)})
    finding = why_not(snapshot, price_min=usd("0.5"))
    assert finding == (
        None
        if eligible
        else Finding(Reason.PRICE_TOO_LOW, "0.4999 USD", "0.5 USD", "universe.price_min")
    )


def test_without_discovery_only_named_assets_are_in_a_tier() -> None:
    universe = universe_of(a_snapshot("SOL-USD", "ADA-USD"), discovery=False)
    assert universe.eligible == {"SOL-USD": "T2"}
    assert universe.excluded["ADA-USD"] == Finding(
        Reason.NOT_IN_A_TIER, "ADA", "named in a tier", "universe.discovery"
    )


def test_of_several_facts_the_first_in_order_is_told() -> None:
    flag = RedFlag(asset="USDT", reason="depegged", until=None)
    products = {"USDT-EUR": a_product("USDT-EUR", status=ProductStatus.HALTED)}
    snapshot = a_snapshot("USDT-EUR", products=products, tops={})
    halted = why_not(snapshot, "USDT-EUR", red_flags=(flag,))
    online = replace(snapshot, products={"USDT-EUR": a_product("USDT-EUR")})
    foreign = why_not(online, "USDT-EUR", red_flags=(flag,))
    assert halted is not None
    assert foreign is not None
    assert (halted.reason, foreign.reason) == (Reason.PRODUCT_NOT_ONLINE, Reason.QUOTE_NOT_OURS)


# Thresholds. ADA is discovered, SOL is in T2 by name.


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


# Hysteresis.

GOOD = a_snapshot()
DULL = a_snapshot(panel=a_volume("SOL-USD", 9_999))
HALTED = a_snapshot(products={"SOL-USD": a_product(status=ProductStatus.HALTED)})


def cycles(
    snapshots: Sequence[Snapshot],
    memberships: Mapping[str, Membership],
    policy: Policy | None = None,
) -> Iterator[Universe]:
    """One universe after the other, each with the memory of the one before."""
    state = a_state(memberships=memberships)
    for snapshot in snapshots:
        universe = select_universe(snapshot, state, policy or a_policy())
        state = replace(state, memberships=universe.memberships)
        yield universe


def told(universe: Universe) -> str:
    """The tier of SOL, or the code that keeps it out."""
    tier = universe.eligible.get("SOL-USD")
    return tier if tier is not None else universe.excluded["SOL-USD"].reason.name


@pytest.mark.parametrize(
    ("start", "snapshots", "expected"),
    [
        pytest.param(None, [GOOD], ["T2"], id="a new folder lets in at once"),
        pytest.param(OUTSIDER, [GOOD, GOOD], ["ENTERING", "T2"], id="two good cycles let in"),
        pytest.param(
            OUTSIDER,
            [GOOD, DULL, GOOD, GOOD],
            ["ENTERING", "VOLUME_TOO_LOW", "ENTERING", "T2"],
            id="a bad cycle starts the count again",
        ),
        pytest.param(
            OUTSIDER,
            [GOOD, HALTED, GOOD, GOOD],
            ["ENTERING", "PRODUCT_NOT_ONLINE", "ENTERING", "T2"],
            id="so does a fact",
        ),
        pytest.param(
            Membership("T2", 0),
            [DULL, DULL, DULL, DULL, DULL],
            ["T2", "T2", "T2", "VOLUME_TOO_LOW", "VOLUME_TOO_LOW"],
            id="the fourth bad cycle puts out",
        ),
        pytest.param(
            Membership("T2", 0),
            [DULL, DULL, DULL, GOOD, DULL, DULL, DULL, DULL],
            ["T2"] * 7 + ["VOLUME_TOO_LOW"],
            id="a good cycle forgives",
        ),
        pytest.param(
            Membership("T2", 0),
            [HALTED, GOOD, GOOD],
            ["PRODUCT_NOT_ONLINE", "ENTERING", "T2"],
            id="a fact puts out at once",
        ),
        pytest.param(
            Membership("T2", 3), [DULL], ["VOLUME_TOO_LOW"], id="the memory outlives a restart"
        ),
    ],
)
def test_a_product_comes_and_goes_with_hysteresis(
    start: Membership | None, snapshots: list[Snapshot], expected: list[str]
) -> None:
    memberships = {} if start is None else {"SOL-USD": start}
    assert [told(universe) for universe in cycles(snapshots, memberships)] == expected


def test_an_entering_product_says_how_long_it_has_qualified() -> None:
    universe = universe_of(a_snapshot(), {"SOL-USD": OUTSIDER})
    assert universe.excluded["SOL-USD"] == Finding(
        Reason.ENTERING, "1 cycle", "2 cycles", "universe.hysteresis.enter_cycles"
    )


def test_hysteresis_of_one_cycle_is_none() -> None:
    policy = a_policy(
        universe=a_universe_policy(hysteresis=Hysteresis(enter_cycles=1, exit_cycles=1))
    )
    walked = cycles([GOOD, DULL, GOOD], {"SOL-USD": OUTSIDER}, policy)
    assert [told(universe) for universe in walked] == ["T2", "VOLUME_TOO_LOW", "T2"]


def test_a_first_cycle_without_anything_eligible_does_not_look_like_a_new_folder() -> None:
    walked = cycles([HALTED, GOOD, GOOD], {})
    assert [told(universe) for universe in walked] == ["PRODUCT_NOT_ONLINE", "ENTERING", "T2"]


def test_a_new_listing_qualifies_like_any_other() -> None:
    walked = list(cycles([GOOD, a_snapshot("BTC-USD", "SOL-USD")], {}))
    assert walked[1].excluded["BTC-USD"].reason is Reason.ENTERING
    assert walked[1].eligible == {"SOL-USD": "T2"}


def test_the_memory_drops_what_is_no_longer_listed() -> None:
    before = {"LUNA-USD": Membership("T3", 1), "SOL-USD": Membership("T2", 2)}
    universe = universe_of(a_snapshot("BTC-USD", "SOL-USD"), before)
    assert universe.memberships == {"BTC-USD": Membership(None, 1), "SOL-USD": Membership("T2", 0)}


def test_a_discovered_member_moves_to_the_tier_it_meets_now() -> None:
    t1, t2 = a_snapshot("ADA-USD"), a_snapshot("ADA-USD", panel=a_volume("ADA-USD", 10_000))
    walked = cycles([t1, t2, t1], {"ADA-USD": Membership("T1", 0)})
    assert [universe.eligible["ADA-USD"] for universe in walked] == ["T1", "T2", "T1"]


def test_a_discovered_member_keeps_its_tier_while_it_meets_none() -> None:
    none = a_snapshot("ADA-USD", panel=a_volume("ADA-USD", 1))
    assert universe_of(none, {"ADA-USD": Membership("T1", 2)}).eligible == {"ADA-USD": "T1"}


def test_a_depth_nobody_sees_does_not_lift_a_member() -> None:
    unseen = a_snapshot("ADA-USD", depths={})
    assert universe_of(unseen, {"ADA-USD": Membership("T3", 0)}).eligible == {"ADA-USD": "T3"}
    assert universe_of(unseen, {"ADA-USD": Membership("T2", 0)}).eligible == {"ADA-USD": "T2"}
    seen = a_snapshot("ADA-USD")
    assert universe_of(seen, {"ADA-USD": Membership("T3", 0)}).eligible == {"ADA-USD": "T1"}


def test_a_member_of_a_tier_that_the_policy_lost_enters_anew() -> None:
    universe = universe_of(a_snapshot(), {"SOL-USD": Membership("T9", 0)})
    assert universe.excluded["SOL-USD"].reason is Reason.ENTERING


# Whatever the market looks like.

symbols = st.sampled_from(
    ["ADA-USD", "BTC-USD", "DOGE-EUR", "SHIB-USD", "SOL-USD", "USDT-USD", "XRP-USD"]
)


@st.composite
def markets(draw: st.DrawFn) -> tuple[Snapshot, dict[str, Membership]]:
    listed = sorted(draw(st.sets(symbols)))
    some = st.sets(st.sampled_from(listed)) if listed else st.just(set())
    closes = {
        symbol: [NAN] * 100 if draw(st.booleans()) else [100.0] * 100
        for symbol in sorted(draw(some)) or ["ZEC-USD"]
    }
    volumes = {symbol: [draw(st.sampled_from([0.0, 20.0, 900.0]))] * 100 for symbol in closes}
    snapshot = a_snapshot(
        "ZEC-USD",
        products={
            symbol: a_product(symbol, status=draw(st.sampled_from(ProductStatus)))
            if draw(st.booleans())
            else a_product(symbol)
            for symbol in listed
        },
        tops={symbol: a_top(symbol) for symbol in draw(some)},
        depths={symbol: a_depth(symbol) for symbol in draw(some)},
        panel=a_panel(closes, volumes=volumes),
    )
    tiers, streaks = st.sampled_from([None, "T1", "T3", "T9"]), st.integers(0, 4)
    memberships = {
        symbol: Membership(draw(tiers), draw(streaks)) for symbol in sorted(draw(st.sets(symbols)))
    }
    return snapshot, memberships


@given(market=markets(), discovery=st.booleans())
@settings(max_examples=80, deadline=None)
def test_every_listed_product_is_either_eligible_or_excluded(
    market: tuple[Snapshot, dict[str, Membership]], discovery: bool
) -> None:
    snapshot, memberships = market
    universe = universe_of(snapshot, memberships, discovery=discovery)
    assert not set(universe.eligible) & set(universe.excluded)
    assert sorted([*universe.eligible, *universe.excluded]) == sorted(snapshot.products)
    assert list(universe.eligible) == sorted(universe.eligible)
    assert list(universe.excluded) == sorted(universe.excluded)
    assert set(universe.memberships) == set(snapshot.products)
    assert {
        symbol: member.tier
        for symbol, member in universe.memberships.items()
        if member.tier is not None
    } == universe.eligible
