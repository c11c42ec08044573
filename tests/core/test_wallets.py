"""Of several products of one asset one is traded: money first, then the book, then the policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.account import Portfolio
from core.market import Regime, Snapshot
from core.policy import Policy
from core.reasons import Finding, Reason
from core.universe import Universe
from core.wallets import Choice, choose_products
from tests.builders.account import a_portfolio
from tests.builders.market import NOON, a_panel, a_product, a_snapshot, a_top
from tests.builders.risk import a_policy, a_risk_policy, an_open_order, percent, usd

USD, USDC = "SOL-USD", "SOL-USDC"
# The largest order of tier T2 is 3% of an equity of 10000: 300 USD in quiet weather.


def chosen(
    portfolio: Portfolio,
    snapshot: Snapshot | None = None,
    *,
    policy: Policy | None = None,
    regime: Regime = Regime.CHOP,
) -> Choice:
    market = snapshot or a_snapshot(USD, USDC)
    eligible = Universe(dict.fromkeys(sorted(market.products), "T2"), {}, {})
    return choose_products(eligible, market, portfolio.valued(), regime, policy or a_policy())


def two_wallets(dollars: str, coins: str, **more: str) -> Portfolio:
    """Two wallets whose sum is the equity."""
    return a_portfolio(cash=dollars, usdc=coins, **more)  # type: ignore[arg-type]


def passed(choice: Choice, symbol: str) -> tuple[str, str, str]:
    finding = choice.passed[symbol]
    assert finding.reason is Reason.OTHER_WALLET
    return finding.seen, finding.limit, finding.key


@pytest.mark.parametrize(
    ("dollars", "coins", "winner"),
    [
        ("9700", "300", USD),  # both can pay, and the policy names it first
        ("9700.01", "299.99", USD),
        ("300", "9700", USD),
        ("299.99", "9700.01", USDC),
        ("0", "10000", USDC),
        ("10000", "0", USD),
    ],
)
def test_a_wallet_that_can_pay_the_largest_order_goes_before_one_that_cannot(
    dollars: str, coins: str, winner: str
) -> None:
    assert set(chosen(two_wallets(dollars, coins)).traded) == {winner}


def test_the_wallet_that_is_short_says_what_it_has_and_who_has_more() -> None:
    choice = chosen(two_wallets("12.5", "9987.5"))
    assert passed(choice, USD) == ("12.5 USD", f"9987.5 USDC of {USDC}", "portfolio.cash")


@pytest.mark.parametrize(("dollars", "coins", "winner"), [("5", "6", USDC), ("6", "5", USD)])
def test_where_no_wallet_can_pay_the_largest_order_the_fuller_one_is_taken(
    dollars: str, coins: str, winner: str
) -> None:
    rich = a_policy(risk=a_risk_policy(notional_max=usd("1000")))
    sizing = replace(rich.sizing, base={"T1": percent("200"), "T2": percent("200")})
    policy = replace(rich, sizing=sizing)
    assert set(chosen(two_wallets(dollars, coins), policy=policy).traded) == {winner}


def test_the_regime_makes_the_largest_order_larger() -> None:
    wallets = two_wallets("300", "9700")
    assert set(chosen(wallets, regime=Regime.CHOP).traded) == {USD}
    assert set(chosen(wallets, regime=Regime.BULL).traded) == {USDC}


def test_no_order_is_larger_than_the_policy_lets_any_be() -> None:
    wallets = two_wallets("100", "9900")
    policy = a_policy(risk=a_risk_policy(notional_max=usd("100")))
    assert set(chosen(wallets, policy=policy).traded) == {USD}


def test_what_an_open_order_may_take_is_not_there_any_more() -> None:
    wallets = a_portfolio(
        cash="5000", usdc="5000", open_orders=(an_open_order("ADA-USD", quantity="47"),)
    )
    # 4700 USD and its fee leave 271.8 USD.
    assert passed(chosen(wallets), USD) == ("271.8 USD", f"5000 USDC of {USDC}", "portfolio.cash")


@pytest.mark.parametrize(("age", "winner"), [(30, USDC), (31, USD)])
def test_a_wallet_whose_rate_is_too_old_pays_nothing(age: int, winner: str) -> None:
    wallets = a_portfolio(cash="100", usdc="9900", rate_seen_at=NOON - timedelta(seconds=age))
    assert set(chosen(wallets).traded) == {winner}


def test_a_wallet_is_measured_at_its_rate() -> None:
    wallets = a_portfolio(cash="4900", usdc="10200", rate="0.5")
    policy = a_policy(risk=a_risk_policy(notional_max=usd("5000")))
    everything = replace(policy.sizing, base={"T2": percent("100")})
    choice = chosen(wallets, policy=replace(policy, sizing=everything))
    assert set(choice.traded) == {USDC}  # 5100 USD against 4900


RICH = two_wallets("5000", "5000")


def test_of_two_wallets_that_can_pay_the_narrower_book_wins() -> None:
    market = a_snapshot(
        USD,
        USDC,
        tops={USD: a_top(USD), USDC: a_top(USDC, bid="99.99", ask="100.01")},
    )
    choice = chosen(RICH, market)
    assert set(choice.traded) == {USDC}
    assert passed(choice, USD) == ("0.04%", f"0.02% of {USDC}", "product.book")


def test_of_equal_books_the_busier_one_wins() -> None:
    panel = a_panel(
        {USD: [100.0] * 96, USDC: [100.0] * 96},
        volumes={USD: [10.0] * 96, USDC: [20.0] * 96},
    )
    choice = chosen(RICH, a_snapshot(USD, USDC, panel=panel))
    assert set(choice.traded) == {USDC}
    assert passed(choice, USD) == ("96000.00 USD", f"192000.00 USD of {USDC}", "product.candles")


def test_of_equal_products_the_wallet_that_the_policy_names_first_pays() -> None:
    assert passed(chosen(RICH), USDC) == ("place 2", f"place 1 of {USD}", "app.quote_currencies")
    other = a_policy(quote_currencies=("USDC", "USD"))
    assert passed(chosen(RICH, policy=other), USD)[1] == f"place 1 of {USDC}"


def test_products_that_share_a_book_are_equally_liquid_whenever_each_was_looked_at() -> None:
    products = {USD: a_product(USD), USDC: a_product(USDC, alias_of=USD)}
    tops = {USD: a_top(USD), USDC: a_top(USDC, bid="99.99", ask="100.01")}
    choice = chosen(RICH, a_snapshot(USD, USDC, products=products, tops=tops))
    assert passed(choice, USDC)[2] == "app.quote_currencies"


def test_an_asset_with_one_product_is_traded_whatever_its_wallet_holds() -> None:
    choice = chosen(two_wallets("0", "10000"), a_snapshot("ADA-USD", "SOL-USDC"))
    assert list(choice.traded) == ["ADA-USD", "SOL-USDC"]
    assert choice.passed == {}


def test_every_eligible_product_is_traded_or_passed_and_each_asset_is_traded_once() -> None:
    symbols = ("ADA-USD", "BTC-USD", "BTC-USDC", "SOL-USD", "SOL-USDC", "XRP-USDC")
    choice = chosen(RICH, a_snapshot(*symbols))
    assert sorted([*choice.traded, *choice.passed]) == list(symbols)
    assert list(choice.traded) == ["ADA-USD", "BTC-USD", "SOL-USD", "XRP-USDC"]
    assert set(choice.traded.values()) == {"T2"}


def test_of_three_wallets_each_loser_names_the_winner() -> None:
    symbols = ("SOL-EURC", USD, USDC)
    policy = a_policy(quote_currencies=("EURC", "USDC", "USD"))
    wallets = replace(
        two_wallets("5000", "100"),
        cash={"USD": Decimal(5000), "USDC": Decimal(100), "EURC": Decimal(0)},
        known_rates={**RICH.known_rates, "EURC": RICH.known_rates["USDC"]},
    )
    choice = chosen(wallets, a_snapshot(*symbols), policy=policy)
    assert set(choice.traded) == {USD}
    assert choice.passed == {
        "SOL-EURC": Finding(Reason.OTHER_WALLET, "0 EURC", f"5000 USD of {USD}", "portfolio.cash"),
        USDC: Finding(Reason.OTHER_WALLET, "100 USDC", f"5000 USD of {USD}", "portfolio.cash"),
    }
