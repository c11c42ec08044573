"""Too much of a product, or one that may no longer be held, is sold in slices."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.account import Portfolio
from core.changes import Changes
from core.market import ProductStatus, Regime, Side
from core.money import Money
from core.policy import Policy
from core.proposals import Purpose, TradeProposal
from core.reasons import Finding, Reason
from core.state import Level
from core.universe import Universe
from tests.builders.account import a_portfolio, a_position, a_standing
from tests.builders.changes import SOL, a_scene, a_universe, an_entry, changed, remembering
from tests.builders.market import NOON, a_product, a_snapshot, a_top
from tests.builders.risk import a_buy, a_policy, a_sell, a_universe_policy, percent, usd

FLAG = Finding(Reason.RED_FLAG, "hacked", "no end", "universe.red_flags")


def owning(*positions: tuple[str, str], cash: str) -> Portfolio:
    """Symbols with their quantity, marked at 100."""
    return a_portfolio(*(a_position(name, quantity=much) for name, much in positions), cash=cash)


def sol_worth(quantity: str) -> Portfolio:
    """SOL beside so much cash that equity is 10,000 USD, whatever it is worth."""
    worth = Decimal(quantity) * 100 * Decimal("0.994")
    return owning((SOL, quantity), cash=str(10_000 - worth))


def flagged(**excluded: Finding) -> Universe:
    return a_universe(SOL, **(excluded or {"SOL_USD": FLAG}))


def with_rules(**rules: object) -> Policy:
    policy = a_policy()
    return replace(policy, execution=replace(policy.execution, **rules))  # type: ignore[arg-type]


def the_slice(changes: Changes) -> TradeProposal:
    (proposal,) = changes.proposals
    return proposal


# Caps


@pytest.mark.parametrize(
    ("quantity", "sells"), [("8", False), ("8.85", False), ("8.86", True), ("12", True)]
)
def test_a_position_may_drift_to_its_tolerance_and_no_further(quantity: str, sells: bool) -> None:
    """8% of 10,000 and a tenth of that: 880 USD, 8.853 SOL less the fee."""
    changes = changed(a_scene(portfolio=sol_worth(quantity)), wanted=None)

    assert bool(changes.proposals) is sells


def test_half_of_the_excess_is_sold_first() -> None:
    sold = the_slice(changed(a_scene(portfolio=sol_worth("12")), wanted=None))

    assert (sold.symbol, sold.side, sold.purpose) == (SOL, Side.SELL, Purpose.TRIM)
    assert sold.notional == usd("196.4")  # half of 1192.80 less 800
    assert sold.id == "trims:SOL-USD:SELL"
    assert "POSITION_FULL, 11.928% against 8% (risk.position_max)" in sold.because


def test_a_regime_that_makes_caps_smaller_makes_positions_too_large() -> None:
    calm = a_scene(portfolio=sol_worth("7"))
    crash = replace(calm, regime=Regime.CRASH)

    assert changed(calm, wanted=None).proposals == ()
    assert the_slice(changed(crash, wanted=None)).notional == usd("147.9")  # half of 695.8 less 400


def test_the_largest_position_of_a_full_theme_gives() -> None:
    portfolio = owning(("LINK-USD", "6"), ("UNI-USD", "7.5"), ("AAVE-USD", "2"), cash="8459.3")

    sold = the_slice(changed(a_scene(portfolio=portfolio), wanted=None))

    assert sold.symbol == "UNI-USD"
    assert "THEME_FULL" in sold.because
    assert "risk.theme_max.defi" in sold.because


def test_the_whole_is_capped_too() -> None:
    names = ("A", "B", "C", "D", "E", "F", "G", "H", "I")
    portfolio = owning(*((f"{name}-USD", "8") for name in names), cash="2843.2")

    sold = the_slice(changed(a_scene(portfolio=portfolio), wanted=None))

    assert "AT_RISK_FULL, 71.568% against 60% (risk.at_risk_max)" in sold.because
    assert sold.symbol == "I-USD"  # of equals the last by name


def test_what_is_sold_under_one_cap_counts_for_the_next() -> None:
    """UNI is beyond its own cap and its theme's; its slice relieves both."""
    portfolio = owning(("UNI-USD", "12"), ("LINK-USD", "2.5"), cash="8558.7")

    changes = changed(a_scene(portfolio=portfolio), wanted=None)

    assert [proposal.symbol for proposal in changes.proposals] == ["UNI-USD"]


def test_where_the_largest_cannot_be_sold_the_next_one_gives() -> None:
    portfolio = owning(("LINK-USD", "6"), ("UNI-USD", "7.5"), cash="8658.1")
    halted = a_product("UNI-USD", status=ProductStatus.HALTED)
    names = ("LINK-USD", "UNI-USD")
    products = {"LINK-USD": a_product("LINK-USD"), "UNI-USD": halted}
    scene = a_scene(
        portfolio=portfolio,
        snapshot=a_snapshot(*names, products=products),
        policy=replace(
            a_policy(), risk=replace(a_policy().risk, theme_max={"defi": percent("10")})
        ),
        universe=a_universe(*names),
    )
    only_defi = a_universe_policy(themes={"defi": ("LINK", "UNI")})
    scene = replace(scene, policy=replace(scene.policy, universe=only_defi))

    assert the_slice(changed(scene, wanted=None)).symbol == "LINK-USD"


def test_the_rest_of_a_position_stays_worth_an_order() -> None:
    """The excess is 83.448 USD, but of 99.98 at the bid 25 have to stay."""
    whole = with_rules(trim_slice=percent("100"))
    scene = a_scene(portfolio=owning((SOL, "1"), cash="100"), policy=whole)

    assert the_slice(changed(scene, wanted=None)).notional == usd("74.98")


def test_an_excess_too_small_for_an_order_is_left_and_said_so() -> None:
    scene = a_scene(portfolio=owning((SOL, "1"), cash="950"))  # 99.4 of 1049.4, 15.448 too much

    changes = changed(scene, wanted=None)

    assert changes.proposals == ()
    expected = Finding(Reason.NOTIONAL_TOO_SMALL, "15.44 USD", "25 USD", "risk.notional_min")
    assert changes.findings == {SOL: expected}


def test_the_venues_own_minimum_counts_where_it_is_larger() -> None:
    product = a_product(quote_min=Decimal(300))
    scene = a_scene(portfolio=sol_worth("10"), snapshot=a_snapshot(SOL, products={SOL: product}))

    finding = changed(scene, wanted=None).findings[SOL]

    assert finding == Finding(Reason.BELOW_VENUE_MINIMUM, "194 USD", "300 USD", "product.quote_min")


# Out for good


def test_a_product_that_is_out_for_good_is_sold_slice_by_slice() -> None:
    scene = a_scene(portfolio=sol_worth("4"), universe=flagged())

    sold = the_slice(changed(scene, wanted=None))

    assert sold.notional == usd("199.96")  # half of 4 at the bid
    assert sold.rule == "outcast"
    assert "RED_FLAG, hacked against no end (universe.red_flags)" in sold.because


@pytest.mark.parametrize(("quantity", "all_of_it"), [("0.5002", False), ("0.5001", True)])
def test_the_last_slice_takes_all_that_would_be_too_small_alone(
    quantity: str, all_of_it: bool
) -> None:
    """25 USD are worth an order, and 0.5001 SOL at the bid are a hair less than two of them."""
    scene = a_scene(portfolio=sol_worth(quantity), universe=flagged())

    sold = the_slice(changed(scene, wanted=None))

    whole = usd("99.98").times(Decimal(quantity))
    assert (sold.notional == whole) is all_of_it


def test_a_rest_that_is_just_worth_an_order_stays_for_the_next_slice() -> None:
    snapshot = a_snapshot(SOL, tops={SOL: a_top(bid="100", ask="100.04")})
    scene = a_scene(portfolio=sol_worth("0.5"), universe=flagged(), snapshot=snapshot)

    assert the_slice(changed(scene, wanted=None)).notional == usd("25")


@pytest.mark.parametrize(
    "reason",
    [
        Reason.PRODUCT_NOT_ONLINE,
        Reason.STABLE_PAIR,
        Reason.NOT_ON_ALLOWLIST,
        Reason.NOT_IN_A_TIER,
        Reason.QUOTE_NOT_OURS,
    ],
)
def test_a_lasting_reason_sells(reason: Reason) -> None:
    out = flagged(SOL_USD=Finding(reason, "x", "y", "z"))

    assert changed(a_scene(portfolio=sol_worth("4"), universe=out), wanted=None).proposals != ()


@pytest.mark.parametrize(
    "reason",
    [
        Reason.BOOK_MISSING,
        Reason.HISTORY_MISSING,
        Reason.PRICE_TOO_LOW,
        Reason.VOLUME_TOO_LOW,
        Reason.SPREAD_TOO_WIDE,
        Reason.DEPTH_TOO_THIN,
        Reason.ENTERING,
    ],
)
def test_a_reason_that_may_pass_does_not(reason: Reason) -> None:
    out = flagged(SOL_USD=Finding(reason, "x", "y", "z"))

    assert changed(a_scene(portfolio=sol_worth("4"), universe=out), wanted=None).proposals == ()


def test_an_outcast_keeps_the_tier_it_was_in_last() -> None:
    scene = a_scene(portfolio=owning(("FOO-USD", "4"), cash="9600"))
    out = a_universe("FOO-USD", FOO_USD=FLAG)

    sold = the_slice(changed(replace(scene, universe=out), wanted=None))

    assert sold.tier == "T3"  # nobody names it, so the one that slips the most


# Time between slices, and others that sell


@pytest.mark.parametrize(("minutes", "sells"), [(59, False), (60, True), (61, True)])
def test_between_two_slices_of_a_product_there_is_time(minutes: int, sells: bool) -> None:
    state = remembering(trimmed={SOL: NOON - timedelta(minutes=minutes)})

    changes = changed(a_scene(portfolio=sol_worth("12"), state=state), wanted=None)

    assert bool(changes.proposals) is sells
    if not sells:
        key = "execution.trim_spacing_min"
        assert changes.findings[SOL] == Finding(Reason.TRIM_SPACING, "59m", "1h", key)
        assert changes.memory.trimmed == state.changes.trimmed
    else:
        assert changes.memory.trimmed == {}


def test_a_cap_waits_after_any_slice_under_it() -> None:
    """Else the second largest would give in the next cycle, and the third in the one after."""
    portfolio = owning(("LINK-USD", "7"), ("UNI-USD", "7.5"), cash="8558.7")
    state = remembering(trimmed={"UNI-USD": NOON - timedelta(minutes=15)})

    changes = changed(a_scene(portfolio=portfolio, state=state), wanted=None)

    assert changes.proposals == ()
    assert changes.findings["UNI-USD"].reason is Reason.TRIM_SPACING


def test_a_slice_counts_from_when_it_became_an_order() -> None:
    changes = changed(a_scene(portfolio=sol_worth("12")), wanted=None)
    planned = replace(an_entry().planned, reason="trims:SOL-USD:SELL")

    assert changes.remembered((planned,), (), 97, NOON).trimmed == {SOL: NOON}
    assert changes.remembered((an_entry().planned,), (), 97, NOON).trimmed == {}


def test_a_product_that_is_sold_anyway_gets_no_slice() -> None:
    sale = a_sell(notional="1199.76")

    changes = changed(a_scene(portfolio=sol_worth("12")), sale, wanted=None)

    assert changes.proposals == (sale,)


def test_slices_take_no_place_from_what_was_sized() -> None:
    changes = changed(a_scene(portfolio=sol_worth("12")), a_buy("BTC-USD"), wanted=None)

    assert [proposal.id for proposal in changes.proposals] == [
        "rules:BTC-USD:BUY",
        "trims:SOL-USD:SELL",
    ]


def test_without_positions_there_is_nothing_to_sell() -> None:
    changes = changed(a_scene(universe=flagged()), wanted=None)

    assert (changes.proposals, changes.findings) == ((), {})


def test_levels_are_the_business_of_risk() -> None:
    """A slice is proposed at every level; risk lets it pass where a strategy may sell."""
    scene = a_scene(portfolio=sol_worth("12"), standing=a_standing(Level.HALTED))

    assert changed(scene, wanted=None).proposals != ()


# Another wallet


def in_usdc(quantity: str, *, rate: str = "0.5", usdc: str | None = "0") -> Portfolio:
    """So much SOL bought with USDC, beside 10,000 USD."""
    return a_portfolio(a_position("SOL-USDC", quantity=quantity), usdc=usdc, rate=rate)


def usdc(text: str) -> Money:
    return Money(Decimal(text), "USDC")


def test_a_slice_is_sold_in_the_currency_of_its_product() -> None:
    """28 SOL-USDC are 1391.6 USD of 11,391.6; 480.272 too much, 960.544 in USDC."""
    sold = the_slice(changed(a_scene(portfolio=in_usdc("28")), wanted=None))

    assert sold.notional == usdc("480.272")


def test_what_is_too_small_is_said_in_the_currency_of_its_limit() -> None:
    portfolio = a_portfolio(a_position("SOL-USDC"), cash="450", usdc="0", rate="0.5")

    finding = changed(a_scene(portfolio=portfolio), wanted=None).findings["SOL-USDC"]

    assert finding == Finding(Reason.NOTIONAL_TOO_SMALL, "9.72 USD", "25 USD", "risk.notional_min")


def test_a_position_without_a_rate_gives_nothing_to_a_cap_and_can_still_go_whole() -> None:
    portfolio = in_usdc("28", usdc=None)
    scene = a_scene(portfolio=portfolio)
    out = a_universe("SOL-USDC", SOL_USDC=FLAG)

    assert changed(scene, wanted=None).proposals == ()
    assert the_slice(changed(replace(scene, universe=out), wanted=None)).notional == usdc("1399.72")


def test_products_of_one_asset_are_under_one_cap() -> None:
    two = a_portfolio(
        a_position("SOL-USD", quantity="6"), a_position("SOL-USDC", quantity="5"), usdc="0"
    )

    sold = the_slice(changed(a_scene(portfolio=two), wanted=None))

    assert (sold.symbol, sold.because[:13]) == ("SOL-USD", "POSITION_FULL")
