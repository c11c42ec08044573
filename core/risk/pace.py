"""Pace: how often may the bot buy, in all and in one product?

Every order counts, buys and sells, from the moment it is approved; an hour is
(at - 1 h, at], so a trade exactly one hour old no longer counts. Trades that
seem to lie ahead, because the clock went back, count too: a wrong clock must not
open the gate.
"""

from __future__ import annotations

from datetime import timedelta

from core.market import base_of
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.risk.facts import Facts
from core.risk.verdict import Approved, Denied, Verdict
from core.state import Closed, Sent
from core.wording import count, span

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def hour_has_room(proposal: TradeProposal, facts: Facts) -> Verdict:
    most, trades = facts.risk.trades_per_hour_max, _trades_with_this(_HOUR, facts)
    if trades <= most:
        return Approved(proposal)
    seen, limit = count(trades, "trade"), count(most, "trade")
    return Denied(proposal, Finding(Reason.HOURLY_PACE, seen, limit, "risk.trades_per_hour_max"))


def day_has_room(proposal: TradeProposal, facts: Facts) -> Verdict:
    most, trades = facts.risk.trades_per_day_max, _trades_with_this(_DAY, facts)
    if trades <= most:
        return Approved(proposal)
    seen, limit = count(trades, "trade"), count(most, "trade")
    return Denied(proposal, Finding(Reason.DAILY_PACE, seen, limit, "risk.trades_per_day_max"))


def spaced(proposal: TradeProposal, facts: Facts) -> Verdict:
    """Time enough since the last trade of any product."""
    since, least = _since_last(facts.usage.trades, facts), facts.risk.spacing_min
    if since is None or since >= least:
        return Approved(proposal)
    return Denied(proposal, Finding(Reason.SPACING, span(since), span(least), "risk.spacing_min"))


def cooled_down(proposal: TradeProposal, facts: Facts) -> Verdict:
    """Time enough since the last trade of this asset, from whichever wallet.

    A stop that rested is no order of this cycle or that; it counts when it has sold.
    """
    base = base_of(proposal.symbol)
    traded: tuple[Sent | Closed, ...] = (*facts.usage.trades, *facts.memory.closed)
    own = tuple(trade for trade in traded if base_of(trade.symbol) == base)
    since, least = _since_last(own, facts), facts.risk.cooldown
    if since is None or since >= least:
        return Approved(proposal)
    return Denied(proposal, Finding(Reason.COOLDOWN, span(since), span(least), "risk.cooldown"))


def _trades_with_this(window: timedelta, facts: Facts) -> int:
    return 1 + sum(trade.at > facts.at - window for trade in facts.usage.trades)


def _since_last(trades: tuple[Sent | Closed, ...], facts: Facts) -> timedelta | None:
    last = max((trade.at for trade in trades), default=None)
    return None if last is None else facts.at - last
