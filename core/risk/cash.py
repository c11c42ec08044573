"""Cash: which wallet pays, what must stay in all of them, and in which currency.

Every limit is in the capital currency and every order in its product's own; an
approved buy crosses from the one to the other here, as the last thing that risk does
to it. Money without a recent rate is worth something and buys nothing.
"""

from __future__ import annotations

from dataclasses import replace

from core.market import Side, Snapshot, quote_of
from core.money import Money, Toward
from core.proposals import TradeProposal
from core.rates import Rates
from core.reasons import Finding, Reason
from core.risk.facts import Facts, notional_of
from core.risk.room import fitted, of_equity, shown
from core.risk.verdict import Approved, Denied, Verdict
from core.wording import percent, span

_BUFFER = "risk.cash_min"
_WALLETS = "app.quote_currencies"


def rate_known(proposal: TradeProposal, facts: Facts) -> Verdict:
    """The wallet can be valued now, and whatever else we hold or ordered was at least once."""
    quote, rates = quote_of(proposal.symbol), facts.portfolio.rates
    most, age = facts.risk.book_age_max, rates.age(quote, facts.at)
    if age is None or age > most:
        seen = f"{quote} never" if age is None else span(age)
        return _unvalued(proposal, seen, span(most))
    for symbol in facts.symbols_out:
        if not rates.knows(quote_of(symbol)):
            return _unvalued(proposal, f"{symbol} never", span(most))
    return Approved(proposal)


def _unvalued(proposal: TradeProposal, seen: str, limit: str) -> Denied:
    return Denied(proposal, Finding(Reason.RATE_UNKNOWN, seen, limit, "risk.book_age_max"))


def cash_stays(proposal: TradeProposal, facts: Facts) -> Verdict:
    """The buffer lies in all wallets together, and stays in any regime.

    What open orders may take is as good as spent, and a wallet without a recent rate
    is no cash.
    """
    free = Money.zero(facts.portfolio.currency)
    for left in facts.wallets.values():
        free = free + facts.portfolio.rates.worth(left)
    buffer = facts.risk.cash_min.of(facts.equity)
    return _left_after(proposal, free, facts, room=free - buffer)


def wallet_pays(proposal: TradeProposal, facts: Facts) -> Verdict:
    """A wallet never goes below zero, however much lies in another.

    Where no wallet has enough, the order shrinks to what its own one has.
    """
    quote, rates = quote_of(proposal.symbol), facts.portfolio.rates
    cost, free = facts.cost(notional_of(proposal)), facts.free(quote)
    takes = rates.paid_in(quote, cost, toward=Toward.CEILING)
    if takes <= free:
        return Approved(proposal)
    for other, left in facts.wallets.items():
        if other != quote and cost <= rates.worth(left):
            seen = shown(free, toward=Toward.FLOOR)
            there = shown(left, toward=Toward.FLOOR)
            limit = f"{shown(takes, toward=Toward.CEILING)} (the {other} wallet has {there})"
            return Denied(proposal, Finding(Reason.WRONG_WALLET, seen, limit, _WALLETS))
    worth = rates.worth(free)
    return _left_after(proposal, worth, facts, room=worth)


def _left_after(proposal: TradeProposal, free: Money, facts: Facts, *, room: Money) -> Verdict:
    """The proposal, as much of it as `room` pays, or CASH_BUFFER with what would be left."""

    def denial() -> Finding:
        left = free - facts.cost(notional_of(proposal))
        seen = of_equity(left, facts, toward=Toward.FLOOR)
        return Finding(Reason.CASH_BUFFER, seen, percent(facts.risk.cash_min), _BUFFER)

    return fitted(proposal, facts.affordable(room), denial, facts)


def in_wallet_currency(
    verdicts: tuple[Verdict, ...], snapshot: Snapshot, rates: Rates
) -> tuple[Verdict, ...]:
    """What was approved, in the currency in which each product is paid.

    A buy never spends more than was approved. A sell is in its product's currency from
    the start, for what its lots bring is no share of equity; rounding would leave dust.
    """
    return tuple(_crossed(verdict, snapshot, rates) for verdict in verdicts)


def _crossed(verdict: Verdict, snapshot: Snapshot, rates: Rates) -> Verdict:
    proposal = verdict.proposal
    product, notional = snapshot.products.get(proposal.symbol), notional_of(proposal)
    if isinstance(verdict, Denied) or product is None or proposal.side is Side.SELL:
        return verdict
    spent = rates.paid_in(product.quote, notional, toward=Toward.FLOOR)
    return replace(verdict, proposal=replace(proposal, notional=spent))
