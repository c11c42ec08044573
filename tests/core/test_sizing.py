"""Sizing: what a conviction is worth, never a unit more than equity, fee and budget allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.account import Portfolio
from core.market import Fees, Regime, Side
from core.money import Money, multiplied
from core.policy import Policy
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.sizing import STEP, Sizes, size
from tests.builders.account import a_portfolio, a_position
from tests.builders.proposals import (
    a_budget,
    a_policy_to_size_by,
    a_proposal,
    a_ratio,
    a_sizing_policy,
)

FREE = Fees(maker=a_ratio("0"), taker=a_ratio("0"))
RANGES = {"SOL-USD": 0.008, "BTC-USD": 0.008, "ADA-USD": 0.008}


def a_free_portfolio(cash: str = "10000") -> Portfolio:
    """Without fees, so that sizes are round."""
    return replace(a_portfolio(cash=cash), fees=FREE)


def sizes(
    *proposals: TradeProposal,
    portfolio: Portfolio | None = None,
    ranges: Mapping[str, float] = RANGES,
    regime: Regime = Regime.CHOP,
    policy: Policy | None = None,
) -> Sizes:
    account = portfolio or a_free_portfolio()
    return size(proposals, account.valued(), ranges, regime, policy or a_policy_to_size_by())


def notional(answer: Sizes) -> str:
    (only,) = answer.sized
    return str(only.notional)


@pytest.mark.parametrize(
    ("tier", "conviction", "regime", "expected"),
    [
        ("T1", 1.0, Regime.CHOP, "500 USD"),
        ("T2", 1.0, Regime.CHOP, "300 USD"),
        ("T3", 1.0, Regime.CHOP, "150 USD"),
        ("T2", 0.5, Regime.CHOP, "150 USD"),
        ("T2", 0.3333, Regime.CHOP, "99.99 USD"),
        ("T2", 1.0, Regime.BULL, "360 USD"),
        ("T2", 1.0, Regime.BEAR, "180 USD"),
        ("T2", 1.0, Regime.CRASH, "90 USD"),
    ],
)
def test_a_buy_is_its_share_of_equity_by_tier_conviction_and_regime(
    tier: str, conviction: float, regime: Regime, expected: str
) -> None:
    answer = sizes(a_proposal(tier=tier, conviction=conviction), regime=regime)

    assert notional(answer) == expected
    assert answer.dropped == {}


def test_only_the_notional_of_a_proposal_changes() -> None:
    proposal = a_proposal(conviction=0.5)

    assert sizes(proposal).sized == (replace(proposal, notional=Money(Decimal(150), "USD")),)


def test_own_lots_count_as_equity_and_foreign_coins_do_not() -> None:
    holding = replace(
        a_portfolio(a_position(quantity="100"), cash="0"), fees=FREE, foreign={"ETH": Decimal(9)}
    )

    assert notional(sizes(a_proposal(conviction=1.0), portfolio=holding)) == "300 USD"


def test_notional_and_fee_together_are_the_size() -> None:
    answer = sizes(a_proposal(conviction=1.0), portfolio=a_portfolio())

    assert notional(answer) == "298.21073558 USD"
    (bought,) = answer.sized
    assert bought.notional is not None
    cost = multiplied(bought.notional.amount, Decimal("1.006"))
    assert Decimal(300) - multiplied(STEP, Decimal(2)) < cost <= Decimal(300)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (0.0, "300 USD"),
        (0.0079, "300 USD"),  # calmer than the target: never more than the base
        (0.008, "300 USD"),
        (0.016, "150 USD"),
        (0.012, "199.999998 USD"),  # two thirds, rounded down
    ],
)
def test_a_product_wilder_than_the_target_gets_less(seen: float, expected: str) -> None:
    policy = a_policy_to_size_by(a_sizing_policy(scaling="0.8"))

    answer = sizes(a_proposal(conviction=1.0), ranges={"SOL-USD": seen}, policy=policy)

    assert notional(answer) == expected


def test_without_scaling_a_wild_product_gets_the_same_and_needs_no_range() -> None:
    assert notional(sizes(a_proposal(conviction=1.0), ranges={"SOL-USD": 0.5})) == "300 USD"
    assert notional(sizes(a_proposal(conviction=1.0), ranges={})) == "300 USD"


def test_a_range_that_is_not_known_is_a_reason_and_not_a_calm_product() -> None:
    policy = a_policy_to_size_by(a_sizing_policy(scaling="0.8"))

    answer = sizes(a_proposal(), ranges={}, policy=policy)

    assert answer == Sizes(
        (),
        {
            "rules:SOL-USD:BUY": Finding(
                Reason.HISTORY_TOO_SHORT,
                "no average true range",
                "one to scale the size by",
                "sizing.volatility_scaling.enabled",
            )
        },
    )


def test_numbers_measured_by_numpy_are_numbers() -> None:
    policy = a_policy_to_size_by(a_sizing_policy(scaling="0.8"))
    measured = a_proposal(conviction=float(np.float64(0.5)))

    answer = sizes(measured, ranges={"SOL-USD": np.float64(0.016)}, policy=policy)

    assert notional(answer) == "75 USD"


def a_full_budget(exposure_max: str) -> Policy:
    return a_policy_to_size_by(budgets={"rules": a_budget(exposure_max=exposure_max)})


@pytest.mark.parametrize(
    ("exposure_max", "expected"),
    [("5.99", "299 USD"), ("6", "300 USD"), ("6.01", "300 USD"), ("3.01", "1 USD")],
)
def test_the_last_proposal_gets_what_the_budget_has_left(exposure_max: str, expected: str) -> None:
    first, last = a_proposal("BTC-USD", conviction=1.0), a_proposal("SOL-USD", conviction=1.0)

    answer = sizes(first, last, policy=a_full_budget(exposure_max))

    assert [str(one.notional) for one in answer.sized] == ["300 USD", expected]
    assert answer.dropped == {}


@pytest.mark.parametrize("taker", ["0", "0.6"])
def test_a_budget_that_is_used_up_drops_the_rest_and_says_by_how_much(taker: str) -> None:
    portfolio = replace(a_portfolio(), fees=Fees(maker=a_ratio("0"), taker=a_ratio(taker)))
    proposals = [a_proposal(symbol, conviction=1.0) for symbol in RANGES]

    answer = sizes(*proposals, portfolio=portfolio, policy=a_full_budget("5"))

    assert [one.symbol for one in answer.sized] == ["SOL-USD", "BTC-USD"]
    assert answer.dropped == {
        "rules:ADA-USD:BUY": Finding(
            Reason.STRATEGY_BUDGET, "8%", "5%", "strategies.rules.budget.exposure_max"
        )
    }


def test_a_budget_counts_the_fee_it_pays() -> None:
    proposal = a_proposal(conviction=1.0)

    answer = sizes(proposal, portfolio=a_portfolio(), policy=a_full_budget("1.5"))

    (bought,) = answer.sized
    assert bought.notional is not None
    assert multiplied(bought.notional.amount, Decimal("1.006")) <= Decimal(150)
    assert bought.notional.amount > Decimal("149.1")


def test_every_strategy_has_a_budget_of_its_own() -> None:
    policy = a_policy_to_size_by(
        budgets={"rules": a_budget(exposure_max="3"), "grid": a_budget(exposure_max="3")}
    )
    proposals = [
        a_proposal("BTC-USD", conviction=1.0, strategy="rules"),
        a_proposal("SOL-USD", conviction=1.0, strategy="grid"),
        a_proposal("ADA-USD", conviction=1.0, strategy="grid"),
    ]

    answer = sizes(*proposals, policy=policy)

    assert [str(one.notional) for one in answer.sized] == ["300 USD", "300 USD"]
    assert list(answer.dropped) == ["grid:ADA-USD:BUY"]


def test_the_budget_is_spent_in_the_order_given() -> None:
    first, second = a_proposal("SOL-USD", conviction=0.1), a_proposal("ADA-USD", conviction=1.0)

    answer = sizes(first, second, policy=a_full_budget("1"))

    assert [str(one.notional) for one in answer.sized] == ["30 USD", "70 USD"]


@pytest.mark.parametrize(
    ("conviction", "base", "crash", "key"),
    [
        (0.0, "3", "0.3", "strategies.rules"),
        (0.5, "0", "0.3", "sizing.base.T2"),
        (0.5, "3", "0", "regime.multipliers.crash.size"),
    ],
)
def test_a_size_of_nothing_names_the_factor_that_made_it_so(
    conviction: float, base: str, crash: str, key: str
) -> None:
    policy = a_policy_to_size_by(
        a_sizing_policy(base={"T2": base}), multipliers={Regime.CRASH: crash}
    )

    answer = sizes(a_proposal(conviction=conviction), regime=Regime.CRASH, policy=policy)

    assert answer == Sizes(
        (), {"rules:SOL-USD:BUY": Finding(Reason.SIZE_IS_ZERO, "0 USD", "above 0 USD", key)}
    )


@pytest.mark.parametrize(
    ("cash", "seen"), [("0", "0 USD"), ("-100", "-1.5 USD"), ("0.0000001", "0 USD")]
)
def test_without_equity_there_is_no_size(cash: str, seen: str) -> None:
    answer = sizes(a_proposal(), portfolio=a_free_portfolio(cash))

    assert answer.dropped == {
        "rules:SOL-USD:BUY": Finding(Reason.SIZE_IS_ZERO, seen, "above 0 USD", "sizing.base.T2")
    }


def test_a_sell_is_the_whole_position_at_its_mark_whatever_the_conviction() -> None:
    position = a_position(quantity="1.234567890123")
    portfolio = a_portfolio(position, cash="0", marks={"SOL-USD": "99.98"})
    sell = a_proposal(side=Side.SELL, conviction=0.01, tier="T3")

    answer = sizes(sell, portfolio=portfolio, regime=Regime.CRASH, ranges={})

    assert notional(answer) == "123.43209765449754 USD"


def test_a_sell_uses_up_nothing_of_a_budget() -> None:
    portfolio = a_portfolio(a_position(quantity="1000"), cash="0")
    sell = a_proposal(side=Side.SELL)
    buy = a_proposal("BTC-USD", conviction=0.1)

    answer = sizes(sell, buy, portfolio=portfolio, policy=a_full_budget("1"))

    assert len(answer.sized) == 2


def test_a_sell_of_nothing_is_dropped() -> None:
    answer = sizes(a_proposal(side=Side.SELL))

    assert answer.dropped == {
        "rules:SOL-USD:SELL": Finding(Reason.NO_SHORTS, "0 lots", "1 lot", "portfolio.positions")
    }


def test_a_portfolio_with_very_long_numbers_is_sized_exactly() -> None:
    long = a_position(quantity="123456.123456789012345678", price="0.00001234567891")
    portfolio = a_portfolio(long, cash="98765.4321", marks={"SOL-USD": "12345.678912345678912345"})
    policy = a_policy_to_size_by(a_sizing_policy(scaling="0.8123", base={"T2": "3.1415"}))

    answer = sizes(
        a_proposal(conviction=0.4321),
        portfolio=portfolio,
        ranges={"SOL-USD": 0.01234567890123456},
        policy=policy,
    )

    (bought,) = answer.sized
    assert bought.notional is not None
    assert bought.notional == bought.notional.down_to(STEP)


PROPOSALS = st.builds(
    a_proposal,
    st.sampled_from(sorted(RANGES)),
    strategy=st.sampled_from(["grid", "rules"]),
    tier=st.sampled_from(["T1", "T2", "T3"]),
    conviction=st.integers(0, 10_000).map(lambda parts: parts / 10_000),
)


@settings(derandomize=True, deadline=None, database=None, max_examples=200)
@given(
    proposals=st.lists(PROPOSALS, max_size=6, unique_by=lambda proposal: proposal.id),
    cash=st.decimals("0", "1000000", places=8),
    seen=st.floats(0, 1),
    exposure_max=st.integers(0, 2000),
    regime=st.sampled_from(Regime),
)
def test_no_strategy_ever_costs_more_than_its_budget_and_every_proposal_is_answered(
    proposals: list[TradeProposal],
    cash: Decimal,
    seen: float,
    exposure_max: int,
    regime: Regime,
) -> None:
    budget = a_budget(exposure_max=str(Decimal(exposure_max).scaleb(-2)))
    policy = a_policy_to_size_by(
        a_sizing_policy(scaling="0.8"), budgets={"rules": budget, "grid": budget}
    )
    portfolio = a_portfolio(cash=str(cash))

    answer = size(tuple(proposals), portfolio.valued(), dict.fromkeys(RANGES, seen), regime, policy)

    answered = [one.id for one in answer.sized] + list(answer.dropped)
    assert sorted(answered) == sorted(one.id for one in proposals)
    for name in ("rules", "grid"):
        notionals = [one.notional for one in answer.sized if one.strategy == name]
        spent = Money.zero("USD")
        for one in notionals:
            assert one is not None
            assert one.amount > 0
            spent = spent + one.times(Decimal("1.006"))
        assert spent <= budget.exposure_max.of(portfolio.equity)
