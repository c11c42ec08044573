"""Stage 4c: per-strategy budgets; one proposal per product wins, and it is said why.

First each strategy's own limit, then the contest for products. In the other order
a proposal could beat a rival and then fall to its own strategy's limit, leaving
the product to nobody; and how much a strategy may say would depend on what the
others say. So every loser of a contest lost to a proposal that goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.account import Portfolio
from core.market import Side, base_of
from core.money import ZERO
from core.policy import StrategyBudget
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.wording import count, percent_of


@dataclass(frozen=True, slots=True)
class Allocation:
    kept: tuple[TradeProposal, ...]  # strongest first
    lost: Mapping[str, Finding]  # proposal id -> why


def allocate(
    proposals: tuple[TradeProposal, ...],
    budgets: Mapping[str, StrategyBudget],
    portfolio: Portfolio,
) -> Allocation:
    """At most one proposal per product, strongest first: by conviction, then by id.

    Every proposal is either kept or lost. Two proposals with one id are a ValueError:
    a strategy wants a product on a side once.
    """
    ranked = {proposal.id: proposal for proposal in sorted(proposals, key=_strongest_first)}
    if len(ranked) < len(proposals):
        raise ValueError("a strategy proposed the same side of a product twice")
    shorts = _shorts(ranked, portfolio)
    crowded = _beyond_budget(_without(ranked, shorts), budgets)
    outbid = _outbid(_without(ranked, shorts | crowded))
    lost = shorts | crowded | outbid
    return Allocation(tuple(_without(ranked, lost).values()), lost)


def _strongest_first(proposal: TradeProposal) -> tuple[float, str]:
    return -proposal.conviction, proposal.id


def _without(
    ranked: Mapping[str, TradeProposal], lost: Mapping[str, Finding]
) -> Mapping[str, TradeProposal]:
    return {name: proposal for name, proposal in ranked.items() if name not in lost}


def _shorts(ranked: Mapping[str, TradeProposal], portfolio: Portfolio) -> dict[str, Finding]:
    """Sells of what the bot did not buy. Foreign coins are none of its business."""
    return {
        name: Finding(Reason.NO_SHORTS, "0 lots", "1 lot", "portfolio.positions")
        for name, proposal in ranked.items()
        if proposal.side is Side.SELL and not _owns(portfolio, proposal.symbol)
    }


def _owns(portfolio: Portfolio, symbol: str) -> bool:
    position = portfolio.positions.get(symbol)
    return position is not None and position.quantity.amount > ZERO


def _beyond_budget(
    ranked: Mapping[str, TradeProposal], budgets: Mapping[str, StrategyBudget]
) -> dict[str, Finding]:
    """What a strategy says beyond its own number of proposals, weakest first to go."""
    lost: dict[str, Finding] = {}
    ranks: dict[str, int] = {}
    for name, proposal in ranked.items():
        rank = ranks[proposal.strategy] = ranks.get(proposal.strategy, 0) + 1
        most = budgets[proposal.strategy].proposals_per_cycle_max
        if rank > most:
            lost[name] = Finding(
                Reason.STRATEGY_PROPOSALS_FULL,
                f"rank {rank}",
                count(most, "proposal"),
                f"strategies.{proposal.strategy}.budget.proposals_per_cycle_max",
            )
    return lost


def _outbid(ranked: Mapping[str, TradeProposal]) -> dict[str, Finding]:
    """All but the strongest of each asset. The key is the switch of the winner's strategy."""
    lost: dict[str, Finding] = {}
    winners: dict[str, TradeProposal] = {}
    for name, proposal in ranked.items():
        winner = winners.setdefault(base_of(proposal.symbol), proposal)
        if winner is not proposal:
            lost[name] = Finding(
                Reason.OUTBID,
                percent_of(proposal.conviction),
                f"{percent_of(winner.conviction)} of {winner.id}",
                f"strategies.{winner.strategy}.enabled",
            )
    return lost
