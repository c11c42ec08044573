"""Freshness: is what we see of the product recent, and does it fit together?

An old price is a wrong price. What was never seen is as bad as what is too old,
and says "never".
"""

from __future__ import annotations

from datetime import UTC, datetime

from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.risk.facts import Facts
from core.risk.verdict import Approved, Denied, Verdict
from core.wording import percent, percent_of, span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def clocks_agree(proposal: TradeProposal, facts: Facts) -> Verdict:
    """Ages, bars and end times mean nothing where two clocks tell different times."""
    most, told = facts.risk.clock_offset_max, facts.snapshot.server_time
    if told is None:
        return _denied(proposal, Reason.CLOCK_OFF, "never", span(most), "clock_offset_max")
    off = abs(told - facts.at)
    if off <= most:
        return Approved(proposal)
    return _denied(proposal, Reason.CLOCK_OFF, span(off), span(most), "clock_offset_max")


def products_current(proposal: TradeProposal, facts: Facts) -> Verdict:
    """A list that was due and could not be had may hide that a product was halted."""
    why = facts.snapshot.missing.get("products")
    if why is None:
        return Approved(proposal)
    code = why.partition(":")[0]
    finding = Finding(Reason.PRODUCTS_TOO_OLD, code, "an answer", "exchange.products_age_max")
    return Denied(proposal, finding)


def candles_fresh(proposal: TradeProposal, facts: Facts) -> Verdict:
    """The oldest closed bar that we lack is not later than risk.candle_delay_max.

    Bars lie on a grid from the epoch. A bar may be asked for once it closed; how
    late it is counts from its close.
    """
    most, key = facts.risk.candle_delay_max, "candle_delay_max"
    through = facts.snapshot.candles_through.get(proposal.symbol)
    if through is None:
        return _denied(proposal, Reason.CANDLES_TOO_OLD, "never", span(most), key)
    bar = facts.snapshot.panel.bar
    next_close = _EPOCH + ((through - _EPOCH) // bar + 1) * bar
    late = facts.at - next_close
    if late <= most:
        return Approved(proposal)
    return _denied(proposal, Reason.CANDLES_TOO_OLD, span(late), span(most), key)


def book_fresh(proposal: TradeProposal, facts: Facts) -> Verdict:
    most = facts.risk.book_age_max
    top = facts.top(proposal)
    if top is None:
        return _denied(proposal, Reason.BOOK_TOO_OLD, "never", span(most), "book_age_max")
    age = facts.at - top.seen_at
    if age <= most:
        return Approved(proposal)
    return _denied(proposal, Reason.BOOK_TOO_OLD, span(age), span(most), "book_age_max")


def book_near_candles(proposal: TradeProposal, facts: Facts) -> Verdict:
    """The middle of the book against the last close: far off, one of the two is wrong.

    Measured in floats, as candles are; nothing here becomes money.
    """
    most = facts.risk.book_off_candles_max
    reason, key = Reason.BOOK_OFF_CANDLES, "book_off_candles_max"
    top, close = facts.top(proposal), facts.closes.get(proposal.symbol)
    if top is None or close is None or not close > 0:
        lacking = "no book" if top is None else "no close"
        return _denied(proposal, reason, lacking, percent(most), key)
    off = abs(float(top.mid) - close)
    # As a product, because a quotient would put a book exactly at the limit beyond it.
    if off <= float(most.value) * close:
        return Approved(proposal)
    return _denied(proposal, reason, percent_of(off / close), percent(most), key)


def _denied(proposal: TradeProposal, reason: Reason, seen: str, limit: str, name: str) -> Denied:
    return Denied(proposal, Finding(reason, seen, limit, f"risk.{name}"))
