"""How much may be in one product, in one theme, in all, and out of cash."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest

from core.market import Regime, Side
from core.orders import OrderStatus
from core.reasons import Finding, Reason
from core.risk.verdict import Approved, Reduced
from tests.builders.account import a_portfolio, a_position
from tests.builders.risk import (
    a_buy,
    a_risk_policy,
    an_open_order,
    denial,
    granted,
    percent,
    reduction,
    usd,
    verdict_on,
)

UNHURRIED = {"spacing_min": timedelta(0), "cooldown": timedelta(0)}
THEMES = a_risk_policy().theme_max


def layer1(share: str) -> dict[str, object]:
    return {"theme_max": {**THEMES, "layer1": percent(share)}}


class Limit(NamedTuple):
    """A limit around a buy of 500 USD, which costs 503 USD, 5.03% of the equity of 10000 USD."""

    below: dict[str, object]  # more room than it needs
    at: dict[str, object]  # exactly its room
    beyond: dict[str, object]  # a cent less, which makes it 499.99005964 USD
    full: dict[str, object]  # less room than the smallest order needs
    finding: Finding  # of the denial


LIMITS = [
    pytest.param(
        Limit(
            {"notional_max": usd("503.01")},
            {"notional_max": usd("503")},
            {"notional_max": usd("502.99")},
            {"notional_max": usd("25")},
            Finding(Reason.NOTIONAL_TOO_LARGE, "503 USD", "25 USD", "risk.notional_max"),
        ),
        id="notional",
    ),
    pytest.param(
        Limit(
            {"position_max": percent("5.0301")},
            {"position_max": percent("5.03")},
            {"position_max": percent("5.0299")},
            {"position_max": percent("0.25")},
            Finding(Reason.POSITION_FULL, "5.03%", "0.25%", "risk.position_max"),
        ),
        id="position",
    ),
    pytest.param(
        Limit(
            layer1("5.0301"),
            layer1("5.03"),
            layer1("5.0299"),
            layer1("0.25"),
            Finding(Reason.THEME_FULL, "5.03%", "0.25%", "risk.theme_max.layer1"),
        ),
        id="theme",
    ),
    pytest.param(
        Limit(
            {"at_risk_max": percent("5.0301")},
            {"at_risk_max": percent("5.03")},
            {"at_risk_max": percent("5.0299")},
            {"at_risk_max": percent("0.25")},
            Finding(Reason.AT_RISK_FULL, "5.03%", "0.25%", "risk.at_risk_max"),
        ),
        id="at risk",
    ),
    pytest.param(
        Limit(
            {"cash_min": percent("94.9699")},
            {"cash_min": percent("94.97")},
            {"cash_min": percent("94.9701")},
            {"cash_min": percent("99.75")},
            Finding(Reason.CASH_BUFFER, "94.97%", "99.75%", "risk.cash_min"),
        ),
        id="cash",
    ),
]


@pytest.mark.parametrize("limit", LIMITS)
def test_a_buy_that_fits_is_left_alone(limit: Limit) -> None:
    assert isinstance(verdict_on(a_buy(notional="500"), **limit.below), Approved)
    assert isinstance(verdict_on(a_buy(notional="500"), **limit.at), Approved)


@pytest.mark.parametrize("limit", LIMITS)
def test_a_buy_beyond_a_limit_shrinks_to_the_room_left_fees_included(limit: Limit) -> None:
    verdict = verdict_on(a_buy(notional="500"), **limit.beyond)
    assert granted(verdict) == usd("499.99005964")
    assert reduction(verdict) == Finding(
        Reason.REDUCED, "500 USD", "499.99005964 USD", limit.finding.key
    )


@pytest.mark.parametrize("limit", LIMITS)
def test_a_room_too_small_for_any_order_denies_with_the_limits_own_reason(limit: Limit) -> None:
    assert denial(verdict_on(a_buy(notional="500"), **limit.full)) == limit.finding


@pytest.mark.parametrize("limit", LIMITS[1:4])
def test_the_regime_makes_caps_smaller_and_says_the_smaller_one(limit: Limit) -> None:
    """In a bear market a cap is 0.8 of itself: 5.03% is what 6.2875% leaves."""
    name = "theme_max" if "theme" in limit.finding.key else limit.finding.key.split(".")[1]

    def capped(share: str) -> dict[str, object]:
        return layer1(share) if name == "theme_max" else {name: percent(share)}

    buy = a_buy(notional="500")
    assert isinstance(verdict_on(buy, regime=Regime.BEAR, **capped("6.2875")), Approved)
    assert isinstance(verdict_on(buy, regime=Regime.BEAR, **capped("6.2874")), Reduced)
    assert denial(verdict_on(buy, regime=Regime.BEAR, **capped("0.25"))).limit == "0.2%"


def test_the_regime_leaves_the_cash_buffer_as_it_is() -> None:
    """10000 USD less 301.8 is 96.982%, and the caps of a crash still hold 3.018%."""
    for buffer, verdict in (("96.982", Approved), ("96.9821", Reduced)):
        said = verdict_on(a_buy(), regime=Regime.CRASH, cash_min=percent(buffer))
        assert isinstance(said, verdict)


@pytest.mark.parametrize(
    ("notional_min", "allowed"), [("99.3999", True), ("99.4", True), ("99.4001", False)]
)
def test_an_order_must_be_worth_its_fee(notional_min: str, allowed: bool) -> None:
    verdict = verdict_on(a_buy(notional="100"), notional_min=usd(notional_min))
    if allowed:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.NOTIONAL_TOO_SMALL, "99.4 USD", "99.4001 USD", "risk.notional_min"
        )


def test_the_smallest_order_that_a_room_may_leave_is_worth_its_fee() -> None:
    """25.3019 USD of room buy 25.15 USD, of which 25 remain after the fee."""
    assert denial(verdict_on(a_buy(), notional_max=usd("25.3018"))).reason is (
        Reason.NOTIONAL_TOO_LARGE
    )
    assert isinstance(verdict_on(a_buy(), notional_max=usd("25.3019")), Reduced)


# What counts. SOL held at 100 is worth 99.4 after the fee; cash makes equity 10000.


def test_a_position_counts_at_its_worth() -> None:
    held = a_portfolio(a_position("SOL-USD", quantity="5", price="90"), cash="9503")  # worth 497
    buy = a_buy(notional="100")  # costs 100.6
    assert isinstance(verdict_on(buy, portfolio=held, position_max=percent("5.976")), Approved)
    shrunk = verdict_on(buy, portfolio=held, position_max=percent("5.9759"))
    full = verdict_on(buy, portfolio=held, position_max=percent("4.97"))
    assert granted(shrunk) == usd("99.99005964")
    assert denial(full) == Finding(Reason.POSITION_FULL, "5.976%", "4.97%", "risk.position_max")


def test_what_would_be_too_much_is_never_shown_as_less() -> None:
    held = a_portfolio(a_position("SOL-USD", quantity="5", price="90"), cash="9503")
    verdict = verdict_on(a_buy(notional="100.01"), portfolio=held, position_max=percent("4.97"))
    assert denial(verdict).seen == "5.9762%"  # 597.61006 of 10000


def test_another_products_position_is_not_in_this_ones_cap() -> None:
    held = a_portfolio(a_position("ADA-USD", quantity="8"), cash="9204.8")
    assert isinstance(verdict_on(a_buy(notional="500"), portfolio=held), Approved)


def test_a_theme_counts_its_assets_and_no_others() -> None:
    alike = a_portfolio(a_position("BTC-USD", quantity="10"), cash="9006")  # worth 994
    other = a_portfolio(a_position("UNI-USD", quantity="10"), cash="9006")
    buy = a_buy(notional="100")  # costs 100.6
    assert isinstance(verdict_on(buy, portfolio=alike, **layer1("10.946")), Approved)
    assert isinstance(verdict_on(buy, portfolio=alike, **layer1("10.9459")), Reduced)
    assert denial(verdict_on(buy, portfolio=alike, **layer1("10"))) == Finding(
        Reason.THEME_FULL, "10.946%", "10%", "risk.theme_max.layer1"
    )
    assert isinstance(verdict_on(buy, portfolio=other, **layer1("10")), Approved)


def test_a_product_without_a_theme_has_no_theme_cap() -> None:
    none = dict.fromkeys(THEMES, percent("0"))
    assert isinstance(verdict_on(a_buy("ZZZ-USD"), theme_max=none), Approved)


@pytest.mark.parametrize(
    ("order", "counted"),
    [
        pytest.param(an_open_order(quantity="10"), "1006", id="whole"),
        pytest.param(an_open_order(quantity="10", filled="4"), "603.6", id="its unfilled rest"),
        pytest.param(
            an_open_order(quantity="10", status=OrderStatus.UNKNOWN), "1006", id="unknown"
        ),
        pytest.param(an_open_order(quantity="10", side=Side.SELL), "0", id="not a sell"),
    ],
)
def test_an_open_buy_counts_at_worst_case(order: object, counted: str) -> None:
    portfolio = a_portfolio(open_orders=(order,))  # type: ignore[arg-type]
    buy, worst = a_buy(notional="500"), Decimal(counted)  # costs 503
    share = str((worst + 503) / 100)
    left = str(100 - (worst + 503) / 100)
    at = {"at_risk_max": percent(share), **layer1(share), "cash_min": percent(left)}
    assert isinstance(verdict_on(buy, portfolio=portfolio, **at), Approved)
    for tighter in (
        {"at_risk_max": percent(str(Decimal(share) - Decimal("0.0001")))},
        layer1(str(Decimal(share) - Decimal("0.0001"))),
        {"cash_min": percent(str(Decimal(left) + Decimal("0.0001")))},
    ):
        verdict = verdict_on(buy, portfolio=portfolio, **tighter)
        assert granted(verdict) == usd("499.99005964")


def test_no_equity_buys_nothing() -> None:
    assert denial(verdict_on(a_buy(), portfolio=a_portfolio(cash="0"))) == Finding(
        Reason.POSITION_FULL, "301.8 USD", "8%", "risk.position_max"
    )


@pytest.mark.parametrize(("most", "allowed"), [(4, True), (3, True), (2, False)])
def test_there_are_so_many_positions(most: int, allowed: bool) -> None:
    portfolio = a_portfolio(
        a_position("BTC-USD"), open_orders=(an_open_order("ETH-USD"), an_open_order("BTC-USD"))
    )
    verdict = verdict_on(a_buy(), portfolio=portfolio, positions_max=most)
    if allowed:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.POSITIONS_FULL, "3 positions", "2 positions", "risk.positions_max"
        )


def test_more_of_what_is_held_is_no_new_position() -> None:
    held = a_portfolio(a_position("SOL-USD", price="90"), a_position("BTC-USD"))
    assert isinstance(verdict_on(a_buy(), portfolio=held, positions_max=2), Approved)


def test_a_pending_sell_is_no_new_position() -> None:
    portfolio = a_portfolio(open_orders=(an_open_order("ETH-USD", side=Side.SELL),))
    assert isinstance(verdict_on(a_buy(), portfolio=portfolio, positions_max=1), Approved)
