"""What one approval uses up counts for the next, and only own lots are sold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import FatalError
from core.market import Regime
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.risk.verdict import Approved
from tests.builders.account import a_portfolio, a_position
from tests.builders.market import a_snapshot, a_top
from tests.builders.risk import (
    a_buy,
    a_risk_policy,
    a_sell,
    an_open_order,
    denial,
    granted,
    percent,
    reduction,
    usd,
    verdict_on,
    verdicts_on,
)

UNHURRIED = {"spacing_min": timedelta(0), "cooldown": timedelta(0)}


@pytest.mark.parametrize(
    ("limits", "key"),
    [
        pytest.param({"at_risk_max": percent("10.0599")}, "risk.at_risk_max", id="at risk"),
        pytest.param(
            {"theme_max": {"layer1": percent("10.0599")}}, "risk.theme_max.layer1", id="theme"
        ),
        pytest.param({"cash_min": percent("89.9401")}, "risk.cash_min", id="cash"),
    ],
)
def test_an_approval_uses_up_room_of_the_next(limits: dict[str, object], key: str) -> None:
    buys = (a_buy("SOL-USD", notional="500"), a_buy("ADA-USD", notional="500"))
    first, second = verdicts_on(*buys, **UNHURRIED, **limits)  # type: ignore[arg-type]
    assert isinstance(first, Approved)
    assert granted(second) == usd("499.99005964")  # two cost 1006, a cent more than there is
    assert reduction(second).key == key


def test_an_approval_takes_a_position_of_the_next() -> None:
    buys = (a_buy("SOL-USD"), a_buy("ADA-USD"))
    second = verdicts_on(*buys, **UNHURRIED, positions_max=1)[1]  # type: ignore[arg-type]
    assert denial(second).reason is Reason.POSITIONS_FULL


def test_a_second_approval_of_a_product_fills_its_position() -> None:
    buys = (a_buy(notional="500"), a_buy(notional="500", strategy="other"))
    verdicts = verdicts_on(*buys, **UNHURRIED, positions_max=1)  # type: ignore[arg-type]
    assert granted(verdicts[1]) == usd("295.22862823")  # 8% of 10000 less 503, less the fee


def test_a_reduced_approval_uses_up_only_what_it_was_granted() -> None:
    buys = (a_buy("SOL-USD", notional="5000"), a_buy("ADA-USD", notional="500"))
    verdicts = verdicts_on(*buys, **UNHURRIED, at_risk_max=percent("13.03"))  # type: ignore[arg-type]
    assert granted(verdicts[0]) == usd("795.22862823")
    assert granted(verdicts[1]) == usd("500")


# Sells.


def test_what_is_not_ours_is_not_sold() -> None:
    assert denial(verdict_on(a_sell())) == Finding(
        Reason.NO_SHORTS, "0 USD", "50 USD", "portfolio.positions"
    )


@pytest.mark.parametrize(
    ("asked", "expected"), [("99.97", "99.97"), ("99.98", "99.98"), ("99.99", "99.98")]
)
def test_a_sell_is_at_most_our_own_lots_at_the_bid(asked: str, expected: str) -> None:
    ours = a_portfolio(a_position("SOL-USD"))
    verdict = verdict_on(a_sell(notional=asked), portfolio=ours)
    assert granted(verdict) == usd(expected)
    assert isinstance(verdict, Approved) is (asked == expected)
    if asked != expected:
        assert reduction(verdict) == Finding(
            Reason.REDUCED, "99.99 USD", "99.98 USD", "portfolio.positions"
        )


def test_a_sell_of_everything_leaves_no_dust() -> None:
    ours = a_portfolio(a_position("SOL-USD", quantity="0.123456789"))
    snapshot = a_snapshot(tops={"SOL-USD": a_top(bid="99.987654", ask="100.02")})
    verdict = verdict_on(a_sell(notional="9999"), portfolio=ours, snapshot=snapshot)
    assert granted(verdict) == usd(str(Decimal("0.123456789") * Decimal("99.987654")))


def test_a_lot_is_sold_only_once() -> None:
    ours = a_portfolio(a_position("SOL-USD"))
    sells = [a_sell(notional="60", strategy=name) for name in ("one", "two", "three")]
    verdicts = verdicts_on(*sells, portfolio=ours)
    assert [granted(verdict) for verdict in verdicts] == [usd("60"), usd("39.98"), None]
    assert denial(verdicts[2]).reason is Reason.NO_SHORTS


@pytest.mark.parametrize("proposal", [a_buy(), a_sell()])
def test_a_proposal_without_a_notional_is_a_fault_of_the_program(proposal: TradeProposal) -> None:
    ours = a_portfolio(a_position("SOL-USD", price="90"))
    with pytest.raises(FatalError) as error:
        verdict_on(replace(proposal, notional=None), portfolio=ours)
    assert error.value.code == "BROKEN_RULE"


# Whatever is proposed, the limits hold together.

amounts = st.decimals("1", "4000", places=2)
names = st.sampled_from(["ADA-USD", "BTC-USD", "DOGE-USD", "ETH-USD", "SOL-USD", "UNI-USD"])


@given(
    wanted=st.lists(st.tuples(names, amounts), min_size=1, max_size=8),
    cash=st.decimals("0", "12000", places=2),
    held=st.decimals("0.01", "30", places=2),
    regime=st.sampled_from(Regime),
)
@settings(max_examples=60, deadline=None)
def test_after_all_approvals_every_limit_still_holds(
    wanted: list[tuple[str, Decimal]], cash: Decimal, held: Decimal, regime: Regime
) -> None:
    rules, caps = a_risk_policy(), {Regime.BEAR: "0.8", Regime.CRASH: "0.5"}
    cap = Decimal(caps.get(regime, "1"))
    position = a_position("ADA-USD", quantity=str(held))
    portfolio = a_portfolio(
        position, cash=str(cash), open_orders=(an_open_order("XRP-USD", quantity="2"),)
    )
    buys = [
        a_buy(symbol, notional=str(amount), strategy=f"s{number}")
        for number, (symbol, amount) in enumerate(wanted)
    ]
    verdicts = verdicts_on(*buys, portfolio=portfolio, regime=regime, **UNHURRIED)  # type: ignore[arg-type]
    equity = portfolio.equity.amount
    costs: dict[str, Decimal] = {"XRP": Decimal("201.2")}
    for buy, verdict in zip(buys, verdicts, strict=True):
        notional = granted(verdict)
        if notional is None:
            continue
        assert buy.notional is not None
        assert usd("25") <= notional.times(Decimal("0.994"))
        assert notional <= buy.notional
        cost = notional.amount * Decimal("1.006")
        assert cost <= rules.notional_max.amount
        base = buy.symbol.removesuffix("-USD")
        costs[base] = costs.get(base, Decimal(0)) + cost
    if costs.keys() == {"XRP"}:
        return
    assert cash - sum(costs.values()) >= equity * rules.cash_min.value
    stakes = {**costs, "ADA": costs.get("ADA", Decimal(0)) + portfolio.exposure.amount}
    assert sum(stakes.values()) <= equity * rules.at_risk_max.value * cap
    for base in costs.keys() - {"XRP"}:
        assert stakes[base] <= equity * rules.position_max.value * cap
    meme = stakes.get("DOGE", Decimal(0))
    assert meme <= equity * rules.theme_max["meme"].value * cap
