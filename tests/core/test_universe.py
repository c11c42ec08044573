"""Which products may be looked at, and the facts that exclude one at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market import ProductStatus, Snapshot
from core.policy import Allowlist, RedFlag
from core.reasons import Finding, Reason
from core.state import Membership
from tests.builders.market import (
    NOON,
    a_depth,
    a_flat_panel,
    a_panel,
    a_product,
    a_snapshot,
    a_top,
)
from tests.builders.risk import usd
from tests.builders.universe import a_volume, universe_of, why_not

NAN = float("nan")
TOMORROW = date(2025, 3, 3)


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
        Reason.QUOTE_NOT_OURS, "EUR", "USD, USDC", "app.quote_currencies"
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
