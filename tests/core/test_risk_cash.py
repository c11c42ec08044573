"""Which wallet pays, what stays in all of them, and that one asset is one exposure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.account import Portfolio
from core.market import Side
from core.money import Money
from core.reasons import Finding, Reason
from core.risk.cash import in_wallet_currency
from core.risk.verdict import Approved, Denied, Reduced, Verdict
from tests.builders.account import a_portfolio, a_position
from tests.builders.market import NOON, a_depth, a_snapshot
from tests.builders.risk import (
    a_buy,
    a_sell,
    a_trade,
    an_open_order,
    denial,
    granted,
    percent,
    reduction,
    usd,
    verdict_on,
    verdicts_on,
)

USD, USDC = "SOL-USD", "SOL-USDC"
UNHURRIED: dict[str, Any] = {"spacing_min": timedelta(0), "cooldown": timedelta(0)}
ADDING: dict[str, Any] = {"add_only_in_profit": False}
NO_BUFFER = {"cash_min": percent("0")}
PEGGED: dict[str, Any] = {"rate": "0.8"}


def wallets(dollars: str, coins: str, **more: object) -> Portfolio:
    return a_portfolio(cash=dollars, usdc=coins, **more)  # type: ignore[arg-type]


# The wallet that pays. A buy of 500 USD costs 503 USD.


@pytest.mark.parametrize(
    ("coins", "denied"), [("503.01", False), ("503", False), ("502.99", True), ("0", True)]
)
def test_a_buy_whose_wallet_is_short_is_denied_while_another_has_enough(
    coins: str, denied: bool
) -> None:
    verdict = verdict_on(a_buy(USDC, notional="500"), portfolio=wallets("9000", coins))
    assert isinstance(verdict, Denied) is denied
    if denied:
        assert denial(verdict) == Finding(
            Reason.WRONG_WALLET,
            f"{coins} USDC",
            "503 USDC (the USD wallet has 9000 USD)",
            "app.quote_currencies",
        )


@pytest.mark.parametrize(("dollars", "reason"), [("503", "WRONG_WALLET"), ("502.99", None)])
def test_another_wallet_counts_only_if_it_has_all_of_it(dollars: str, reason: str | None) -> None:
    account = wallets(dollars, "400", **PEGGED)  # 320 USD
    roomy = {"position_max": percent("100"), "theme_max": {"layer1": percent("100")}}
    roomy |= {"at_risk_max": percent("100"), **NO_BUFFER}
    verdict = verdict_on(a_buy(USDC, notional="500"), portfolio=account, **roomy)
    if reason is None:
        assert reduction(verdict).key == "risk.cash_min"
        assert granted(verdict) == usd("318.09145129")  # and its fee is 320 USD
    else:
        assert denial(verdict).reason is Reason[reason]


def test_where_no_wallet_has_enough_for_any_order_it_is_a_matter_of_cash() -> None:
    roomy = {"position_max": percent("1000"), "theme_max": {}, **NO_BUFFER}
    roomy |= {"at_risk_max": percent("1000"), "theme_max": {"layer1": percent("1000")}}
    verdict = verdict_on(a_buy(USDC, notional="50"), portfolio=wallets("50", "10"), **roomy)
    assert denial(verdict) == Finding(Reason.CASH_BUFFER, "-67.1667%", "0%", "risk.cash_min")


def test_what_a_wallet_lacks_is_told_in_its_own_currency_at_its_rate() -> None:
    verdict = verdict_on(a_buy(USDC, notional="100"), portfolio=wallets("9900", "125.74", **PEGGED))
    # 100.6 USD are 125.75 USDC.
    assert denial(verdict) == Finding(
        Reason.WRONG_WALLET,
        "125.74 USDC",
        "125.75 USDC (the USD wallet has 9900 USD)",
        "app.quote_currencies",
    )
    enough = wallets("9900", "125.75", **PEGGED)
    assert isinstance(verdict_on(a_buy(USDC, notional="100"), portfolio=enough), Approved)


def test_what_an_approval_spends_is_gone_from_its_wallet_and_from_no_other() -> None:
    account = wallets("9000", "500")
    first, second, third = verdicts_on(
        a_buy("ADA-USDC", notional="300"),
        a_buy("SOL-USDC", notional="300"),
        a_buy("XRP-USD", notional="300"),
        portfolio=account,
        **UNHURRIED,
    )
    assert isinstance(first, Approved)
    assert denial(second).seen == "198.2 USDC"
    assert denial(second).reason is Reason.WRONG_WALLET
    assert isinstance(third, Approved)


def test_an_open_order_holds_its_own_wallet() -> None:
    account = wallets("9000", "500", open_orders=(an_open_order("ADA-USDC", quantity="3"),))
    finding = denial(verdict_on(a_buy(USDC, notional="300"), portfolio=account))
    assert (finding.reason, finding.seen) == (Reason.WRONG_WALLET, "198.2 USDC")


@pytest.mark.parametrize("coins", ["0", "400"])
def test_with_one_wallet_nobody_speaks_of_wallets(coins: str) -> None:
    verdict = verdict_on(a_buy(USD, notional="500"), portfolio=wallets("100", coins), **NO_BUFFER)
    assert not isinstance(verdict, Denied) or denial(verdict).reason is not Reason.WRONG_WALLET


# The buffer lies in all of them.


@pytest.mark.parametrize(
    ("share", "kind"), [("94.96", Approved), ("94.97", Approved), ("94.9701", Reduced)]
)
def test_the_buffer_may_lie_in_the_other_wallet(share: str, kind: type[Verdict]) -> None:
    verdict = verdict_on(
        a_buy(USDC, notional="500"),
        portfolio=wallets("9000", "1000"),
        cash_min=percent(share),
    )
    assert isinstance(verdict, kind)


# A rate that is too old, or none.


@pytest.mark.parametrize(("age", "denied"), [(29, False), (30, False), (31, True)])
def test_a_wallet_is_spent_only_at_a_recent_rate(age: int, denied: bool) -> None:
    account = wallets("5000", "5000", rate_seen_at=NOON - timedelta(seconds=age))
    verdict = verdict_on(a_buy(USDC), portfolio=account)
    assert isinstance(verdict, Denied) is denied
    if denied:
        assert denial(verdict) == Finding(Reason.RATE_UNKNOWN, "31s", "30s", "risk.book_age_max")


def test_a_wallet_with_an_old_rate_is_equity_but_no_cash_and_no_help() -> None:
    old = wallets("400", "9600", rate_seen_at=NOON - timedelta(minutes=1))
    assert old.equity == usd("10000")
    finding = denial(verdict_on(a_buy(USD), portfolio=old))
    assert finding == Finding(Reason.CASH_BUFFER, "0.982%", "20%", "risk.cash_min")


def test_the_capital_currency_needs_no_rate() -> None:
    old = wallets("9000", "1000", rate_seen_at=NOON - timedelta(days=1))
    assert isinstance(verdict_on(a_buy(USD), portfolio=old), Approved)


def test_a_wallet_that_was_never_valued_buys_nothing() -> None:
    finding = denial(verdict_on(a_buy(USDC), portfolio=a_portfolio()))
    assert finding == Finding(Reason.RATE_UNKNOWN, "USDC never", "30s", "risk.book_age_max")


@pytest.mark.parametrize(
    "account",
    [
        a_portfolio(a_position("ADA-EUR")),
        a_portfolio(open_orders=(an_open_order("ADA-EUR"),)),
    ],
)
def test_while_something_of_ours_cannot_be_valued_nothing_is_bought(account: Portfolio) -> None:
    finding = denial(verdict_on(a_buy(USD), portfolio=account))
    assert finding == Finding(Reason.RATE_UNKNOWN, "ADA-EUR never", "30s", "risk.book_age_max")
    assert account.equity == usd("10000")


# One asset is one exposure, whichever wallet paid.


def holding(symbol: str, quantity: str = "7") -> Portfolio:
    """Two wallets of 5000 and a position worth 99.4 a unit."""
    return a_portfolio(a_position(symbol, quantity=quantity), cash="5000", usdc="5000")


@pytest.mark.parametrize("symbol", [USD, USDC])
def test_a_position_counts_for_its_asset_from_either_wallet(symbol: str) -> None:
    # 695.8 of an equity of 10695.8 USD, and 8% of that is 855.664 USD.
    for bought in (USD, USDC):
        verdict = verdict_on(a_buy(bought), portfolio=holding(symbol), **ADDING)
        assert reduction(verdict).key == "risk.position_max"
        assert granted(verdict) == usd("158.91053677")


def test_an_order_on_its_way_counts_for_its_asset_from_either_wallet() -> None:
    out = wallets("5000", "5000", open_orders=(an_open_order(USDC, quantity="1"),))
    finding = denial(verdict_on(a_buy(USD), portfolio=out))
    assert finding == Finding(Reason.ORDER_PENDING, "BUY OPEN", "no open order", "order.status")


def test_an_order_of_another_product_keeps_no_lot_from_being_sold() -> None:
    waiting = replace(holding(USDC), open_orders=(an_open_order(USD),))
    assert isinstance(verdict_on(a_sell(USDC), portfolio=waiting), Approved)
    finding = denial(
        verdict_on(a_sell(USDC), portfolio=replace(waiting, open_orders=(an_open_order(USDC),)))
    )
    assert finding.reason is Reason.ORDER_PENDING


def test_an_asset_in_two_wallets_is_one_position() -> None:
    both = a_portfolio(a_position(USD), a_position(USDC), cash="5000", usdc="5000")
    assert isinstance(verdict_on(a_buy(USD), portfolio=both, positions_max=1, **ADDING), Approved)
    finding = denial(verdict_on(a_buy("ADA-USDC"), portfolio=both, positions_max=1, **ADDING))
    assert (finding.reason, finding.seen) == (Reason.POSITIONS_FULL, "2 positions")


def test_a_theme_holds_what_either_wallet_bought() -> None:
    themes = {"theme_max": {"layer1": percent("6")}}
    finding = denial(verdict_on(a_buy("ADA-USD"), portfolio=holding(USDC), **themes))
    assert finding.reason is Reason.THEME_FULL


def test_a_trade_from_one_wallet_cools_its_asset_down_in_all() -> None:
    sent = (a_trade(USDC, ago=timedelta(minutes=119)),)
    finding = denial(verdict_on(a_buy(USD), sent=sent, portfolio=wallets("5000", "5000")))
    assert finding == Finding(Reason.COOLDOWN, "1h59m", "2h", "risk.cooldown")
    sent = (a_trade("ADA-USDC", ago=timedelta(minutes=119)),)
    assert isinstance(verdict_on(a_buy(USD), sent=sent), Approved)


def test_of_two_approvals_of_one_asset_the_second_waits() -> None:
    _, second = verdicts_on(
        a_buy(USD), a_buy(USDC), portfolio=wallets("5000", "5000"), spacing_min=timedelta(0)
    )
    assert denial(second).reason is Reason.COOLDOWN


def test_positions_of_every_wallet_are_at_risk_together() -> None:
    both = a_portfolio(
        a_position(USD, quantity="20"), a_position("ADA-USDC", quantity="20"), cash="100", usdc="0"
    )
    finding = denial(verdict_on(a_buy("XRP-USD", notional="50"), portfolio=both))
    assert finding.reason is Reason.AT_RISK_FULL


def test_a_position_is_valued_at_the_rate_of_its_wallet() -> None:
    half = a_portfolio(a_position(USDC, quantity="10"), cash="0", usdc="0", rate="0.5")
    assert half.value(USDC) == half.exposure == half.equity == usd("497")
    assert half.cost(USDC) == usd("500")


# The book is in the product's currency, the limits are not.


def test_a_book_bears_what_its_notional_is_worth() -> None:
    depths = {USDC: a_depth(USDC, asks=[("100", "10"), ("100.1", "5")])}  # 1500.5 USDC
    market = a_snapshot(USDC, depths=depths)
    pegged = wallets("5000", "5000", **PEGGED)
    verdict = verdict_on(a_buy(USDC, notional="420"), snapshot=market, portfolio=pegged)
    assert reduction(verdict).key == "risk.depth_multiple_min"
    assert granted(verdict) == usd("400.13333333")


@pytest.mark.parametrize(("rate", "denied"), [("1", False), ("0.5", True)])
def test_an_order_pushes_the_price_by_what_it_is_in_the_books_own_money(
    rate: str, denied: bool
) -> None:
    depths = {USDC: a_depth(USDC, asks=[("100", "5"), ("101", "5")])}
    verdict = verdict_on(
        a_buy(USDC, notional="400"),
        snapshot=a_snapshot(USDC, depths=depths),
        portfolio=wallets("5000", "5000", rate=rate),
        depth_multiple_min=Decimal("0.5"),
    )
    assert isinstance(verdict, Denied) is denied
    if denied:
        assert denial(verdict).reason is Reason.IMPACT_TOO_HIGH


# What is approved crosses into the currency of its wallet.


def approved(symbol: str, notional: Money, side: Side = Side.BUY) -> Verdict:
    proposal = (a_buy if side is Side.BUY else a_sell)(symbol)
    return Approved(replace(proposal, notional=notional))


def test_an_approved_buy_is_paid_in_its_products_currency_and_never_in_more() -> None:
    rates = wallets("1", "1", rate="0.9991").rates
    market = a_snapshot(USD, USDC)
    (dollars, coins) = in_wallet_currency(
        (approved(USD, usd("100")), approved(USDC, usd("100"))), market, rates
    )
    assert granted(dollars) == usd("100")
    assert granted(coins) == Money(Decimal("100.09008107"), "USDC")


def test_a_sell_is_in_its_products_currency_from_the_start_to_the_last_digit() -> None:
    exact = Money(Decimal("123.456789012345678901234567"), "USDC")
    sell = approved(USDC, exact, Side.SELL)
    assert in_wallet_currency((sell,), a_snapshot(USDC), wallets("1", "1", **PEGGED).rates) == (
        sell,
    )


def test_lots_are_sold_in_the_currency_they_were_bought_in() -> None:
    held = a_portfolio(a_position(USDC, quantity="2"), usdc="0", **PEGGED)
    asked = Money(Decimal("250"), "USDC")
    verdict = verdict_on(replace(a_sell(USDC), notional=asked), portfolio=held)
    assert granted(verdict) == Money(Decimal("199.96"), "USDC")


def test_a_denial_stays_in_the_capital_currency() -> None:
    verdict = verdict_on(a_buy(USDC, notional="500"), portfolio=wallets("9000", "0"))
    assert in_wallet_currency((verdict,), a_snapshot(USDC), wallets("9000", "0").rates) == (
        verdict,
    )


# What was lost or added counts for the asset too.


def test_a_stop_in_one_wallet_rests_the_asset_in_all() -> None:
    memory = {"stopped": {USDC: NOON - timedelta(hours=1), "ADA-USD": NOON}}
    finding = denial(verdict_on(a_buy(USD), portfolio=wallets("5000", "5000"), memory=memory))
    assert (finding.reason, finding.seen) == (Reason.STOPPED_RECENTLY, "1h")


def test_a_buy_beside_a_position_of_the_other_wallet_is_an_add() -> None:
    for key, reason in (("adds_per_day_max", "ADDS_FULL"), ("add_spacing_min", "ADD_SPACING")):
        strict = {key: 0 if key == "adds_per_day_max" else timedelta(days=2), **ADDING}
        finding = denial(verdict_on(a_buy(USD), portfolio=holding(USDC, "1"), **strict))
        assert finding.reason is Reason[reason]


@pytest.mark.parametrize(("mark", "denied"), [("100", True), ("120", False)])
def test_an_asset_earns_or_loses_in_all_wallets_together(mark: str, denied: bool) -> None:
    marks = {USD: "100", USDC: mark}  # each was bought at 100
    both = a_portfolio(a_position(USD), a_position(USDC), cash="5000", usdc="5000", marks=marks)
    verdict = verdict_on(a_buy(USD, notional="50"), portfolio=both)
    assert isinstance(verdict, Denied) is denied
    if denied:
        assert denial(verdict) == Finding(
            Reason.ADD_NOT_IN_PROFIT, "198.8 USD", "above 200 USD", "risk.add_only_in_profit"
        )
