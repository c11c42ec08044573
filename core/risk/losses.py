"""Losses: what a stop, a losing streak or a position under water says against a buy.

Losses that set the level are core/losses.py; here are those that deny one buy. A
position may be added to, but seldom, spaced, and, where the policy says so, only
while it earns. A first buy of an asset passes all three. Products of one asset are
one position here, whichever wallet paid for them.
"""

from __future__ import annotations

from datetime import datetime

from core.account import Position
from core.losses import losing_streak
from core.market import Side, base_of
from core.money import Money, Toward
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.risk.facts import Facts
from core.risk.room import shown
from core.risk.verdict import Approved, Denied, Verdict
from core.wording import count, span


def rested_after_stop(proposal: TradeProposal, facts: Facts) -> Verdict:
    """Time enough since a stop of this asset was sent, whatever came of it."""
    base, least = base_of(proposal.symbol), facts.risk.cooldown_after_stop
    stops = (at for symbol, at in facts.memory.stopped.items() if base_of(symbol) == base)
    stopped = max(stops, default=None)
    if stopped is None or facts.at - stopped >= least:
        return Approved(proposal)
    seen, key = span(facts.at - stopped), "risk.cooldown_after_stop"
    return Denied(proposal, Finding(Reason.STOPPED_RECENTLY, seen, span(least), key))


def rested_after_losses(proposal: TradeProposal, facts: Facts) -> Verdict:
    """After more losing sales in a row than allowed nothing at all is bought for a while."""
    streak, risk = losing_streak(facts.memory.closed), facts.risk
    if len(streak) <= risk.losing_streak_max:
        return Approved(proposal)
    since, least = facts.at - streak[-1].at, risk.cooldown_after_losses
    if since >= least:
        return Approved(proposal)
    seen = f"{span(since)} since the last of {count(len(streak), 'sale')} that lost"
    key = "risk.cooldown_after_losses"
    return Denied(proposal, Finding(Reason.LOSING_STREAK, seen, span(least), key))


def adds_have_room(proposal: TradeProposal, facts: Facts) -> Verdict:
    """Buys of a position after its first one, in 24 hours, this one included."""
    lots = [lot.opened_at for position in _held(proposal, facts) for lot in position.lots]
    if not lots:
        return Approved(proposal)
    # A buy of the very moment in which the first lot came is the one that opened it.
    adds = 1 + sum(at > min(lots) for at in _buys(proposal, facts))
    most = facts.risk.adds_per_day_max
    if adds <= most:
        return Approved(proposal)
    seen, limit = count(adds, "add"), count(most, "add")
    return Denied(proposal, Finding(Reason.ADDS_FULL, seen, limit, "risk.adds_per_day_max"))


def adds_spaced(proposal: TradeProposal, facts: Facts) -> Verdict:
    """Time enough since the newest lot of the position, and since the last buy that was sent."""
    lots = [lot.opened_at for position in _held(proposal, facts) for lot in position.lots]
    if not lots:
        return Approved(proposal)
    since = facts.at - max((*lots, *_buys(proposal, facts)))
    least = facts.risk.add_spacing_min
    if since >= least:
        return Approved(proposal)
    key = "risk.add_spacing_min"
    return Denied(proposal, Finding(Reason.ADD_SPACING, span(since), span(least), key))


def adds_in_profit(proposal: TradeProposal, facts: Facts) -> Verdict:
    """What the position would bring now, less the fee, against what it cost, fees included."""
    held = _held(proposal, facts)
    if not held or not facts.risk.add_only_in_profit:
        return Approved(proposal)
    worth = cost = Money.zero(facts.portfolio.currency)
    for position in held:
        worth = worth + facts.valued.positions[position.symbol]
        cost = cost + facts.portfolio.cost(position.symbol)
    if cost < worth:
        return Approved(proposal)
    seen = shown(worth, toward=Toward.FLOOR)
    limit = f"above {shown(cost, toward=Toward.CEILING)}"
    key = "risk.add_only_in_profit"
    return Denied(proposal, Finding(Reason.ADD_NOT_IN_PROFIT, seen, limit, key))


def _held(proposal: TradeProposal, facts: Facts) -> tuple[Position, ...]:
    """The positions in the asset, of every wallet."""
    base = base_of(proposal.symbol)
    return tuple(held for held in facts.portfolio.positions.values() if held.base == base)


def _buys(proposal: TradeProposal, facts: Facts) -> tuple[datetime, ...]:
    """When the asset was bought in the last 24 hours."""
    base, trades = base_of(proposal.symbol), facts.usage.trades
    return tuple(t.at for t in trades if t.side is Side.BUY and base_of(t.symbol) == base)
