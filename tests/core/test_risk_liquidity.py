"""Spread, depth and impact: can the book bear the order?"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from core.reasons import Finding, Reason
from core.risk.verdict import Approved, Verdict
from tests.builders.market import NOON, a_depth, a_snapshot, a_top
from tests.builders.risk import a_buy, bps, denial, granted, reduction, usd, verdict_on

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("tier", "below", "at", "beyond", "seen", "limit"),
    [
        ("T1", "14", "15", "16", "0.16%", "0.15%"),
        ("T2", "39", "40", "41", "0.41%", "0.4%"),
        ("T3", "79", "80", "81", "0.81%", "0.8%"),
    ],
)
def test_a_spread_beyond_the_limit_of_its_tier_is_not_crossed(
    tier: str, below: str, at: str, beyond: str, seen: str, limit: str
) -> None:
    def verdict(spread: str) -> Verdict:
        half = Decimal(spread) / 200
        top = a_top(bid=str(100 - half), ask=str(100 + half))
        return verdict_on(a_buy(tier=tier), snapshot=a_snapshot(tops={"SOL-USD": top}))

    assert isinstance(verdict(below), Approved)
    assert isinstance(verdict(at), Approved)
    assert denial(verdict(beyond)) == Finding(
        Reason.SPREAD_BEYOND_LIMIT, seen, limit, f"risk.spread_max.{tier}"
    )


@pytest.mark.parametrize(
    ("age", "seen"), [(29 * SECOND, None), (30 * SECOND, None), (31 * SECOND, "31s")]
)
def test_nothing_is_bought_on_an_old_depth(age: timedelta, seen: str | None) -> None:
    snapshot = a_snapshot(depths={"SOL-USD": a_depth(seen_at=NOON - age)})
    verdict = verdict_on(a_buy(), snapshot=snapshot)
    if seen is None:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(Reason.DEPTH_UNKNOWN, seen, "30s", "risk.book_age_max")


def test_nothing_is_bought_without_any_depth() -> None:
    verdict = verdict_on(a_buy(), snapshot=a_snapshot(depths={}))
    assert denial(verdict) == Finding(Reason.DEPTH_UNKNOWN, "never", "30s", "risk.book_age_max")


ASKS_OF_900 = {"SOL-USD": a_depth(asks=[("100", "9"), ("100.21", "5000")])}  # 20 bps: 100.2


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("299.99", "299.99"), ("300", "300"), ("300.01", "300"), ("900", "300")],
)
def test_an_order_takes_no_more_than_the_book_bears(asked: str, expected: str) -> None:
    verdict = verdict_on(a_buy(notional=asked), snapshot=a_snapshot(depths=ASKS_OF_900))
    assert granted(verdict) == usd(expected)
    if asked == expected:
        assert isinstance(verdict, Approved)
    else:
        assert reduction(verdict) == Finding(
            Reason.REDUCED, f"{asked} USD", "300 USD", "risk.depth_multiple_min"
        )


def test_a_book_that_bears_less_than_the_smallest_order_is_too_small() -> None:
    snapshot = a_snapshot(depths={"SOL-USD": a_depth(asks=[("100", "0.75"), ("101", "9000")])})
    assert denial(verdict_on(a_buy(), snapshot=snapshot)) == Finding(
        Reason.DEPTH_TOO_SMALL, "0.25x", "3x", "risk.depth_multiple_min"
    )


def test_only_the_side_that_a_buy_takes_has_to_bear_it() -> None:
    snapshot = a_snapshot(depths={"SOL-USD": a_depth(bids=[("99.98", "0.1")])})
    assert isinstance(verdict_on(a_buy(), snapshot=snapshot), Approved)


# One unit at 100 and the rest at 100.4: buying 2 units costs 100.2 each, which is 20 bps.
STEEP = {"SOL-USD": a_depth(bids=[("99", "1")], asks=[("100", "1"), ("100.4", "9")])}


@pytest.mark.parametrize(
    ("notional", "seen"), [("200.3", None), ("200.4", None), ("200.5", "0.2001%")]
)
def test_an_order_may_not_push_its_own_price(notional: str, seen: str | None) -> None:
    verdict = verdict_on(
        a_buy(notional=notional), snapshot=a_snapshot(depths=STEEP), depth_multiple_min=Decimal(0)
    )
    if seen is None:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.IMPACT_TOO_HIGH, seen, "0.2%", "risk.impact_max.T2"
        )


def test_an_order_beyond_the_levels_seen_has_too_much_impact() -> None:
    verdict = verdict_on(
        a_buy(notional="1003.7"),
        snapshot=a_snapshot(depths=STEEP),
        depth_multiple_min=Decimal(0),
        notional_max=usd("5000"),
        position_max=bps("5000"),
        theme_max={"layer1": bps("5000")},
        impact_max={"T2": bps("5000")},
    )
    assert denial(verdict) == Finding(
        Reason.IMPACT_TOO_HIGH, "beyond the 2 levels seen", "50%", "risk.impact_max.T2"
    )


def test_impact_is_that_of_what_is_left_of_the_order() -> None:
    verdict = verdict_on(
        a_buy(notional="900"),
        snapshot=a_snapshot(depths=STEEP),
        depth_multiple_min=Decimal(0),
        notional_max=usd("150.9"),
    )
    assert granted(verdict) == usd("150")
