"""Exposure: how much may be in one asset, in one theme, and in all?

Positions count at their worth, open orders and approvals at their worst cost, and
the proposal itself with its taker fee. Products of one asset are one exposure,
whichever wallet paid for them. Caps are shares of equity, made smaller by the
regime; foreign coins are in none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.market import base_of
from core.money import Money, Price, Ratio, Toward
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.risk.facts import Facts, Stake, notional_of
from core.risk.room import fitted, of_equity, reduced, shown
from core.risk.verdict import Approved, Denied, Verdict
from core.wording import count, percent

_OWN_LOTS = "portfolio.positions"


@dataclass(frozen=True, slots=True)
class Cap:
    """A share of equity that a sum of stakes may not exceed."""

    reason: Reason
    key: str
    share: Ratio  # before the regime


def positions_have_room(proposal: TradeProposal, facts: Facts) -> Verdict:
    """An asset counts once, whether it is held, on order, or approved a moment ago."""
    assets = {stake.base for stake in facts.stakes} | {base_of(proposal.symbol)}
    most = facts.risk.positions_max
    if len(assets) <= most:
        return Approved(proposal)
    seen, limit = count(len(assets), "position"), count(most, "position")
    finding = Finding(Reason.POSITIONS_FULL, seen, limit, "risk.positions_max")
    return Denied(proposal, finding)


def notional_within_limit(proposal: TradeProposal, facts: Facts) -> Verdict:
    most = facts.risk.notional_max

    def denial() -> Finding:
        seen = shown(facts.cost(notional_of(proposal)), toward=Toward.CEILING)
        return Finding(Reason.NOTIONAL_TOO_LARGE, seen, str(most), "risk.notional_max")

    return fitted(proposal, facts.affordable(most), denial, facts)


def position_has_room(proposal: TradeProposal, facts: Facts) -> Verdict:
    base = base_of(proposal.symbol)
    own = tuple(stake for stake in facts.stakes if stake.base == base)
    cap = Cap(Reason.POSITION_FULL, "risk.position_max", facts.risk.position_max)
    return _under(cap, own, proposal, facts)


def themes_have_room(proposal: TradeProposal, facts: Facts) -> Verdict:
    """Of several themes the one with the least room speaks."""
    base = base_of(proposal.symbol)
    spoken = (_theme_has_room(theme, proposal, facts) for theme in facts.policy.themes_of(base))
    return min(spoken, key=_granted, default=Approved(proposal))


def _theme_has_room(theme: str, proposal: TradeProposal, facts: Facts) -> Verdict:
    assets = facts.policy.universe.themes[theme]
    alike = tuple(stake for stake in facts.stakes if stake.base in assets)
    cap = Cap(Reason.THEME_FULL, f"risk.theme_max.{theme}", facts.risk.theme_max[theme])
    return _under(cap, alike, proposal, facts)


def _granted(verdict: Verdict) -> Money:
    if isinstance(verdict, Denied):
        return Money.zero(notional_of(verdict.proposal).currency)
    return notional_of(verdict.proposal)


def portfolio_has_room(proposal: TradeProposal, facts: Facts) -> Verdict:
    cap = Cap(Reason.AT_RISK_FULL, "risk.at_risk_max", facts.risk.at_risk_max)
    return _under(cap, facts.stakes, proposal, facts)


def _under(cap: Cap, stakes: tuple[Stake, ...], proposal: TradeProposal, facts: Facts) -> Verdict:
    """As much of the proposal as fits under `cap` beside `stakes`."""
    share = cap.share.times(facts.caps)
    used = _sum(stakes, facts.equity.currency)

    def denial() -> Finding:
        wanted = used + facts.cost(notional_of(proposal))
        seen = of_equity(wanted, facts, toward=Toward.CEILING)
        return Finding(cap.reason, seen, percent(share), cap.key)

    return fitted(proposal, facts.affordable(share.of(facts.equity) - used), denial, facts)


def own_lots_cover(proposal: TradeProposal, facts: Facts) -> Verdict:
    """Only lots that the bot bought are sold, and each only once. At the bid, in its currency."""
    position, top = facts.portfolio.positions.get(proposal.symbol), facts.top(proposal)
    if position is None or top is None:
        return _nothing_to_sell(proposal)
    selling = tuple(stake for stake in facts.usage.selling if stake.symbol == proposal.symbol)
    owned = Price(top.bid, position.quote).of(position.quantity)
    left = owned - _sum(selling, position.quote)
    asked = notional_of(proposal)
    if left <= Money.zero(left.currency):
        return _nothing_to_sell(proposal)
    if asked <= left:
        return Approved(proposal)
    # Exactly, not rounded: a step less would leave a lot that is too small to sell.
    return reduced(replace(proposal, notional=left), asked, _OWN_LOTS)


def _nothing_to_sell(proposal: TradeProposal) -> Denied:
    nothing = shown(Money.zero(notional_of(proposal).currency), toward=Toward.FLOOR)
    asked = str(notional_of(proposal))
    return Denied(proposal, Finding(Reason.NO_SHORTS, nothing, asked, _OWN_LOTS))


def _sum(stakes: tuple[Stake, ...], currency: str) -> Money:
    total = Money.zero(currency)
    for stake in stakes:
        total = total + stake.worth
    return total
