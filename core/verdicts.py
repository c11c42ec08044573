"""One answer for every product: the word of the last stage that spoke about it.

Exists because a bot that is silent about a product cannot be trusted about any.
A product that is eligible or held and has no verdict, or one without being
either, is a fault of the program and ends the cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.account import Portfolio
from core.allocation import Allocation
from core.decision import ProductVerdict
from core.errors import FatalError
from core.execution import OrderPlan
from core.proposals import Proposals, Strategy, StrategyContext, TradeProposal
from core.reasons import Finding, Reason
from core.risk.verdict import Approved, Verdict
from core.sizing import Sizes
from core.triggers import Attention
from core.universe import Universe


@dataclass(frozen=True, slots=True)
class Stages:
    """What each stage after the universe said, in the order in which they spoke."""

    attention: Attention
    opinions: Proposals
    allocation: Allocation
    sizes: Sizes
    reviews: tuple[Verdict, ...]
    plan: OrderPlan

    def proposals(self) -> tuple[TradeProposal, ...]:
        """Every proposal in the form it had when it was last touched, by id."""
        latest = {proposal.id: proposal for proposal in self.opinions.wanted}
        latest |= {proposal.id: proposal for proposal in self.sizes.sized}
        return tuple(latest[name] for name in sorted(latest))


def ask(strategies: tuple[Strategy, ...], context: StrategyContext) -> Proposals:
    """All strategies' proposals together; of two words on a trigger the later stays."""
    wanted: list[TradeProposal] = []
    declined: dict[str, Finding] = {}
    for strategy in strategies:
        answer = strategy.propose(context)
        wanted.extend(answer.wanted)
        declined |= answer.declined
    return Proposals(tuple(wanted), declined)


def product_verdicts(
    stages: Stages, universe: Universe, portfolio: Portfolio
) -> Mapping[str, ProductVerdict]:
    """Exactly one verdict for every eligible product and every position, sorted by symbol."""
    verdicts: dict[str, ProductVerdict] = {}
    for symbol, verdict in _spoken(stages, portfolio):
        verdicts[symbol] = verdict
    owed = set(universe.eligible) | set(portfolio.positions)
    if set(verdicts) != owed:
        raise FatalError(
            "the verdicts do not cover the universe",
            code=Reason.BROKEN_RULE.name,
            silent=sorted(owed - set(verdicts)),
            uncalled=sorted(set(verdicts) - owed),
        )
    return {symbol: verdicts[symbol] for symbol in sorted(verdicts)}


def _spoken(stages: Stages, portfolio: Portfolio) -> Iterator[tuple[str, ProductVerdict]]:
    """Everything said about products; what comes later outranks what came before."""
    for findings in (stages.attention.passed, stages.opinions.declined):
        for symbol, finding in findings.items():
            yield symbol, ProductVerdict(finding, None)
    for symbol, position in portfolio.positions.items():
        held = Finding(Reason.HELD, str(position.quantity), "no exit asked for", "exits")
        yield symbol, ProductVerdict(held, None)
    symbols = {proposal.id: proposal.symbol for proposal in stages.opinions.wanted}
    for lost in (stages.allocation.lost, stages.sizes.dropped):
        for name, finding in lost.items():
            yield symbols[name], ProductVerdict(finding, name)
    for review in stages.reviews:
        yield review.proposal.symbol, ProductVerdict(_of(review), review.proposal.id)
    for name, finding in stages.plan.refused.items():
        yield symbols[name], ProductVerdict(finding, name)


def _of(review: Verdict) -> Finding:
    if isinstance(review, Approved):
        asked = str(review.proposal.notional)
        return Finding(Reason.APPROVED, asked, asked, "risk")
    return review.finding
