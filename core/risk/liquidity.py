"""Liquidity: can the book bear this order without being moved by it?

Looks at the side that a buy would take. A book nobody saw recently bears nothing.
"""

from __future__ import annotations

from decimal import Decimal

from core.market import Depth, Side, quote_of
from core.money import Money, Ratio, Toward, divided, multiplied, plain, rounded_down
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.risk.facts import Facts, notional_of
from core.risk.room import fitted
from core.risk.verdict import Approved, Denied, Verdict
from core.wording import count, percent, span


def spread_within_limit(proposal: TradeProposal, facts: Facts) -> Verdict:
    most, top = facts.risk.spread_max[proposal.tier], facts.top(proposal)
    if top is not None and not top.wider_than(most):
        return Approved(proposal)
    seen = "no book" if top is None else percent(top.spread, toward=Toward.CEILING)
    key = f"risk.spread_max.{proposal.tier}"
    return Denied(proposal, Finding(Reason.SPREAD_BEYOND_LIMIT, seen, percent(most), key))


def depth_known(proposal: TradeProposal, facts: Facts) -> Verdict:
    if _recent_depth(proposal, facts) is not None:
        return Approved(proposal)
    depth = facts.snapshot.depths.get(proposal.symbol)
    seen = "never" if depth is None else span(facts.at - depth.seen_at)
    limit = span(facts.risk.book_age_max)
    return Denied(proposal, Finding(Reason.DEPTH_UNKNOWN, seen, limit, "risk.book_age_max"))


def depth_bears_notional(proposal: TradeProposal, facts: Facts) -> Verdict:
    """The book holds a multiple of the order; of a thinner one it takes what that bears."""
    depth = _recent_depth(proposal, facts)
    if depth is None:
        return depth_known(proposal, facts)
    multiple, notional = facts.risk.depth_multiple_min, notional_of(proposal)
    within = depth.notional_within(Side.BUY, facts.risk.depth_window)
    there = facts.portfolio.rates.worth(Money(within, quote_of(proposal.symbol))).amount
    if multiplied(multiple, notional.amount) <= there:
        return Approved(proposal)

    def denial() -> Finding:
        ratio = divided(there, notional.amount, toward=Toward.FLOOR)
        seen = f"{plain(rounded_down(ratio, Decimal('0.0001')))}x"
        key = "risk.depth_multiple_min"
        return Finding(Reason.DEPTH_TOO_SMALL, seen, f"{plain(multiple)}x", key)

    most = Money(divided(there, multiple, toward=Toward.FLOOR), notional.currency)
    return fitted(proposal, most, denial, facts)


def impact_within_limit(proposal: TradeProposal, facts: Facts) -> Verdict:
    """How far the order would push its own price; beyond the levels we see is too far."""
    depth = _recent_depth(proposal, facts)
    if depth is None:
        return depth_known(proposal, facts)
    most = facts.risk.impact_max[proposal.tier]
    spent = facts.portfolio.rates.paid_in(
        quote_of(proposal.symbol), notional_of(proposal), toward=Toward.CEILING
    )
    impact = depth.impact(Side.BUY, spent.amount)
    if impact is not None and impact <= most:
        return Approved(proposal)
    seen = _impact_seen(impact, depth)
    key = f"risk.impact_max.{proposal.tier}"
    return Denied(proposal, Finding(Reason.IMPACT_TOO_HIGH, seen, percent(most), key))


def _impact_seen(impact: Ratio | None, depth: Depth) -> str:
    if impact is None:
        return f"beyond the {count(len(depth.asks), 'level')} seen"
    return percent(impact, toward=Toward.CEILING)


def _recent_depth(proposal: TradeProposal, facts: Facts) -> Depth | None:
    depth = facts.snapshot.depths.get(proposal.symbol)
    if depth is None or facts.at - depth.seen_at > facts.risk.book_age_max:
        return None
    return depth
