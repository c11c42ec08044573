"""Allocation: no shorts, no strategy beyond its share, one proposal per product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.account import Portfolio
from core.allocation import Allocation, allocate
from core.market import Side
from core.policy import StrategyBudget
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from tests.builders.account import a_portfolio, a_position
from tests.builders.proposals import a_budget, a_proposal

BUDGETS = {"rules": a_budget(proposals=4), "grid": a_budget(proposals=1)}


def allocated(
    *proposals: TradeProposal,
    budgets: Mapping[str, StrategyBudget] = BUDGETS,
    portfolio: Portfolio | None = None,
) -> Allocation:
    return allocate(proposals, budgets, portfolio or a_portfolio())


def test_what_nobody_contests_is_kept_strongest_first() -> None:
    weak, strong = a_proposal("ADA-USD", conviction=0.4), a_proposal("SOL-USD", conviction=0.9)

    allocation = allocated(weak, strong)

    assert allocation == Allocation((strong, weak), {})


def test_equally_strong_proposals_stand_in_the_order_of_their_ids() -> None:
    later, earlier = a_proposal("XRP-USD"), a_proposal("ADA-USD")

    assert allocated(later, earlier).kept == (earlier, later)


def test_a_sell_without_own_lots_loses() -> None:
    sell = a_proposal(side=Side.SELL)

    allocation = allocated(sell)

    assert allocation.kept == ()
    assert allocation.lost == {
        "rules:SOL-USD:SELL": Finding(Reason.NO_SHORTS, "0 lots", "1 lot", "portfolio.positions")
    }


def test_foreign_coins_are_not_ours_to_sell() -> None:
    rich = replace(a_portfolio(), foreign={"SOL": a_position().quantity.amount})

    lost = allocated(a_proposal(side=Side.SELL), portfolio=rich).lost

    assert lost["rules:SOL-USD:SELL"].reason is Reason.NO_SHORTS


@pytest.mark.parametrize(("quantity", "kept"), [("0", False), ("0.00000001", True)])
def test_a_sell_of_own_lots_is_kept(quantity: str, kept: bool) -> None:
    sell = a_proposal(side=Side.SELL)

    allocation = allocated(sell, portfolio=a_portfolio(a_position(quantity=quantity)))

    assert (allocation.kept == (sell,)) is kept


@pytest.mark.parametrize(("wanted", "kept"), [(3, 3), (4, 4), (5, 4), (6, 4)])
def test_a_strategy_keeps_as_many_proposals_as_its_budget_names(wanted: int, kept: int) -> None:
    proposals = [a_proposal(f"C{rank}-USD", conviction=0.9 - rank / 10) for rank in range(wanted)]

    allocation = allocated(*reversed(proposals))

    assert allocation.kept == tuple(proposals[:kept])
    assert list(allocation.lost) == [one.id for one in proposals[kept:]]


def test_the_fifth_of_four_learns_its_rank() -> None:
    proposals = [a_proposal(f"C{rank}-USD", conviction=0.9 - rank / 10) for rank in range(5)]

    assert allocated(*proposals).lost == {
        "rules:C4-USD:BUY": Finding(
            Reason.STRATEGY_PROPOSALS_FULL,
            "rank 5",
            "4 proposals",
            "strategies.rules.budget.proposals_per_cycle_max",
        )
    }


def test_the_strongest_proposal_of_a_product_wins_and_the_others_learn_to_whom() -> None:
    winner = a_proposal(strategy="grid", conviction=0.62)
    loser = a_proposal(strategy="rules", conviction=0.4)

    allocation = allocated(loser, winner)

    assert allocation.kept == (winner,)
    assert allocation.lost == {
        "rules:SOL-USD:BUY": Finding(
            Reason.OUTBID, "40%", "62% of grid:SOL-USD:BUY", "strategies.grid.enabled"
        )
    }


def test_a_tie_for_a_product_goes_to_the_first_id() -> None:
    allocation = allocated(a_proposal(strategy="rules"), a_proposal(strategy="grid"))

    assert [one.id for one in allocation.kept] == ["grid:SOL-USD:BUY"]


def test_a_product_is_never_bought_and_sold_in_one_cycle() -> None:
    buy, sell = a_proposal(conviction=0.4), a_proposal(side=Side.SELL, conviction=0.6)

    allocation = allocated(buy, sell, portfolio=a_portfolio(a_position()))

    assert allocation.kept == (sell,)
    assert allocation.lost[buy.id].reason is Reason.OUTBID


def test_a_proposal_beyond_its_strategys_budget_takes_no_product_from_others() -> None:
    """Budgets come first: in the other order SOL-USD would end with nobody."""
    first = a_proposal("BTC-USD", strategy="grid", conviction=0.9)
    second = a_proposal("SOL-USD", strategy="grid", conviction=0.8)
    other = a_proposal("SOL-USD", strategy="rules", conviction=0.6)

    allocation = allocated(first, second, other)

    assert allocation.kept == (first, other)
    assert allocation.lost[second.id].reason is Reason.STRATEGY_PROPOSALS_FULL


def test_a_sell_of_nothing_uses_up_no_budget() -> None:
    sell = a_proposal("BTC-USD", strategy="grid", side=Side.SELL, conviction=0.9)
    buy = a_proposal("SOL-USD", strategy="grid", conviction=0.5)

    assert allocated(sell, buy).kept == (buy,)


def test_the_same_wish_twice_is_a_fault_of_the_strategy() -> None:
    with pytest.raises(ValueError, match="the same side of a product twice"):
        allocated(a_proposal(conviction=0.4), a_proposal(conviction=0.6))


def test_the_order_in_which_strategies_speak_decides_nothing() -> None:
    proposals = (
        a_proposal("SOL-USD", strategy="rules", conviction=0.7),
        a_proposal("SOL-USD", strategy="grid", conviction=0.7),
        a_proposal("BTC-USD", strategy="grid", conviction=0.8),
        a_proposal("ADA-USD", strategy="rules", conviction=0.2),
    )

    answers = [allocated(*order) for order in permutations(proposals)]

    assert all(answer == answers[0] for answer in answers)


PROPOSALS = st.builds(
    a_proposal,
    st.sampled_from(["ADA-USD", "BTC-USD", "SOL-USD", "XRP-USD"]),
    side=st.sampled_from(Side),
    strategy=st.sampled_from(["grid", "rules"]),
    conviction=st.integers(0, 10).map(lambda tenths: tenths / 10),
)


@settings(derandomize=True, deadline=None, database=None, max_examples=200)
@given(st.lists(PROPOSALS, max_size=12, unique_by=lambda proposal: proposal.id))
def test_every_proposal_is_either_kept_or_lost_and_no_product_has_two(
    proposals: list[TradeProposal],
) -> None:
    allocation = allocated(*proposals, portfolio=a_portfolio(a_position("SOL-USD")))

    kept = [proposal.id for proposal in allocation.kept]
    assert sorted([*kept, *allocation.lost]) == sorted(proposal.id for proposal in proposals)
    assert len({proposal.symbol for proposal in allocation.kept}) == len(kept)
    for name, budget in BUDGETS.items():
        ours = [proposal for proposal in allocation.kept if proposal.strategy == name]
        assert len(ours) <= budget.proposals_per_cycle_max
    for name, finding in allocation.lost.items():
        if finding.reason is Reason.OUTBID:
            assert finding.limit.rpartition(" of ")[2] in kept, name
