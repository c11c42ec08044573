"""Room: as much of a proposal as a limit leaves, or no.

Exists so that every limit that can shrink an order does it in one way: against
the bot, and never to less than is worth its fees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from core.money import Money, Toward, plain, rounded_down, rounded_up
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.risk.facts import Facts, notional_of
from core.risk.verdict import Approved, Denied, Reduced, Verdict
from core.sizing import STEP
from core.wording import percent

_CENT = Decimal("0.01")
_SHOWN = {Toward.FLOOR: rounded_down, Toward.CEILING: rounded_up}


def fitted(
    proposal: TradeProposal, most: Money, denial: Callable[[], Finding], facts: Facts
) -> Verdict:
    """The proposal if its notional is not above `most`, else `most` of it, else `denial`.

    `denial` words the limit's own finding, where it has to speak; its key names who
    shrank the order. For buys: what is left of a sell is never too small.
    """
    asked = notional_of(proposal)
    if asked <= most:
        return Approved(proposal)
    granted, finding = most.down_to(STEP), denial()
    if too_small(granted, facts):
        return Denied(proposal, finding)
    return reduced(replace(proposal, notional=granted), asked, finding.key)


def reduced(granted: TradeProposal, asked: Money, key: str) -> Reduced:
    finding = Finding(Reason.REDUCED, str(asked), str(notional_of(granted)), key)
    return Reduced(granted, finding)


def too_small(notional: Money, facts: Facts) -> bool:
    """Whether what is left of the notional after its fee is below the smallest order."""
    return facts.less_fee(notional) < facts.risk.notional_min


def notional_worth_its_fee(proposal: TradeProposal, facts: Facts) -> Verdict:
    """Last of the money: whatever shrank the order, the rest must be worth sending."""
    notional = notional_of(proposal)
    if not too_small(notional, facts):
        return Approved(proposal)
    seen = shown(facts.less_fee(notional), toward=Toward.FLOOR)
    limit = str(facts.risk.notional_min)
    return Denied(proposal, Finding(Reason.NOTIONAL_TOO_SMALL, seen, limit, "risk.notional_min"))


def shown(money: Money, *, toward: Toward) -> str:
    """Money for a record, to the cent."""
    return f"{plain(_SHOWN[toward](money.amount, _CENT))} {money.currency}"


def of_equity(money: Money, facts: Facts, *, toward: Toward) -> str:
    """A share of equity for a record; the money itself where there is no equity to share."""
    if facts.equity <= Money.zero(facts.equity.currency):
        return shown(money, toward=toward)
    return percent(money.share_of(facts.equity, toward=toward), toward=toward)
