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
from core.changes import Changes
from core.decision import ProductVerdict
from core.errors import FatalError
from core.execution import OrderPlan
from core.exits import Exits
from core.proposals import Proposals, Purpose, Strategy, StrategyContext, TradeProposal
from core.reasons import Finding, Reason
from core.risk.verdict import Approved, Denied, Verdict
from core.sizing import Sizes
from core.triggers import Attention
from core.universe import Universe
from core.wallets import Choice


@dataclass(frozen=True, slots=True)
class Stages:
    """What each stage after the universe said, in the order in which they spoke."""

    wallets: Choice
    attention: Attention
    opinions: Proposals
    exits: Exits
    kept_out: Mapping[str, Finding]  # proposal id -> the exit that goes first
    allocation: Allocation
    sizes: Sizes
    changes: Changes
    reviews: tuple[Verdict, ...]
    plan: OrderPlan

    def proposals(self) -> tuple[TradeProposal, ...]:
        """Every proposal in the form it had when it was last touched, by id."""
        latest = {proposal.id: proposal for proposal in self.opinions.wanted}
        latest |= {proposal.id: proposal for proposal in self.changes.proposals}
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
    for symbol, verdict in _spoken(stages, universe, portfolio):
        verdicts[symbol] = verdict
    owed = set(universe.eligible) | set(portfolio.positions)
    if set(verdicts) != owed:
        raise FatalError(
            "the verdicts do not cover the universe",
            code=Reason.BROKEN_RULE.name,
            silent=sorted(owed - set(verdicts)),
            uncalled=sorted(set(verdicts) - owed),
        )
    watched = stages.exits.watched
    for symbol, finding in watched.items():
        last = verdicts[symbol]
        verdicts[symbol] = ProductVerdict(last.finding, last.proposal, exit=finding)
    return {symbol: verdicts[symbol] for symbol in sorted(verdicts)}


def _spoken(
    stages: Stages, universe: Universe, portfolio: Portfolio
) -> Iterator[tuple[str, ProductVerdict]]:
    """Everything said about products; what comes later outranks what came before."""
    for trigger in stages.attention.triggers:
        unheard = Finding(Reason.NO_RULE, trigger.kind.value, "a strategy that acts", "strategies")
        yield trigger.symbol, ProductVerdict(unheard, None)
    for findings in (stages.wallets.passed, stages.attention.passed, stages.opinions.declined):
        for symbol, finding in findings.items():
            yield symbol, ProductVerdict(finding, None)
    for symbol, finding in stages.exits.watched.items():
        yield symbol, ProductVerdict(finding, None)
    for symbol, finding in stages.changes.findings.items():
        if symbol in universe.eligible or symbol in portfolio.positions:
            yield symbol, ProductVerdict(finding, None)
    symbols = {proposal.id: proposal.symbol for proposal in stages.proposals()}
    for lost in (stages.kept_out, stages.allocation.lost, stages.sizes.dropped):
        for name, finding in lost.items():
            yield symbols[name], ProductVerdict(finding, name)
    # Of two proposals for a product the one that is carried out has the last word.
    for review in sorted(stages.reviews, key=lambda review: not isinstance(review, Denied)):
        yield review.proposal.symbol, ProductVerdict(_of(review, stages.exits), review.proposal.id)
    for name, finding in stages.plan.refused.items():
        yield symbols[name], ProductVerdict(finding, name)


def _of(review: Verdict, exits: Exits) -> Finding:
    """An exit that may go is told by what fired it."""
    if isinstance(review, Approved):
        if review.proposal.purpose is Purpose.EXIT:
            return exits.watched[review.proposal.symbol]
        asked = str(review.proposal.notional)
        return Finding(Reason.APPROVED, asked, asked, "risk")
    return review.finding
