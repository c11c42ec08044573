"""Halts: whatever the numbers say, may an order of this product go out at all?

The level, the product's status, and an order that is still out. A kill switch and a
loss rule are named as such, so that nobody looks for another cause.
"""

from __future__ import annotations

from core.market import ProductStatus, Side, base_of, quote_of
from core.money import ZERO, Quantity
from core.orders import FINAL
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.risk.facts import Facts
from core.risk.verdict import Approved, Denied, Verdict
from core.state import Level

_FORBIDS_BUYS = {
    Level.REDUCE_ONLY: Reason.REDUCE_ONLY,
    Level.PAUSED: Reason.PAUSED,
    Level.HALTED: Reason.HALTED,
}
_FORBIDS_SELLS = {
    Level.PAUSED: Reason.PAUSED,
    Level.HALTED: Reason.HALTED,
}
# A sell is a limit order that takes what is there, so post-only would refuse it.
_SELLABLE = (ProductStatus.ONLINE, ProductStatus.LIMIT_ONLY)


def level_allows_buys(proposal: TradeProposal, facts: Facts) -> Verdict:
    reason = _FORBIDS_BUYS.get(facts.standing.level)
    return _by_level(proposal, facts, reason, Level.NORMAL.name)


def level_allows_sells(proposal: TradeProposal, facts: Facts) -> Verdict:
    """A strategy's sell. Protective exits do not come this way; no level stops them."""
    reason = _FORBIDS_SELLS.get(facts.standing.level)
    allowed = f"{Level.NORMAL.name} or {Level.REDUCE_ONLY.name}"
    return _by_level(proposal, facts, reason, allowed)


def _by_level(
    proposal: TradeProposal, facts: Facts, reason: Reason | None, allowed: str
) -> Verdict:
    if facts.standing.code == Reason.KILL_SWITCH.name:
        reason = Reason.KILL_SWITCH
    if reason is None:
        return Approved(proposal)
    standing = facts.standing
    if standing.key:
        finding = Finding(Reason[standing.code], standing.seen, standing.limit, standing.key)
        return Denied(proposal, finding)
    return Denied(proposal, Finding(reason, standing.level.name, allowed, "level"))


def product_online(proposal: TradeProposal, facts: Facts) -> Verdict:
    return _by_status(proposal, facts, (ProductStatus.ONLINE,))


def product_sellable(proposal: TradeProposal, facts: Facts) -> Verdict:
    return _by_status(proposal, facts, _SELLABLE)


def _by_status(
    proposal: TradeProposal, facts: Facts, allowed: tuple[ProductStatus, ...]
) -> Verdict:
    product = facts.snapshot.products.get(proposal.symbol)
    if product is not None and product.status in allowed:
        return Approved(proposal)
    seen = "not listed" if product is None else product.status.value
    limit = " or ".join(status.value for status in allowed)
    finding = Finding(Reason.PRODUCT_NOT_ONLINE, seen, limit, "product.status")
    return Denied(proposal, finding)


def books_closed(proposal: TradeProposal, facts: Facts) -> Verdict:
    """Nothing is bought or sold, not even to protect, whose books are not understood.

    A wallet that is not understood pays for nothing, and still takes what a sale brings.
    """
    quarantined, symbol = facts.portfolio.quarantined, proposal.symbol
    names = (symbol, quote_of(symbol)) if proposal.side is Side.BUY else (symbol,)
    for name in names:
        if name in quarantined:
            finding = Finding(Reason.QUARANTINED, quarantined[name], "books that close", "ledger")
            return Denied(proposal, finding)
    return Approved(proposal)


def nothing_pending(proposal: TradeProposal, facts: Facts) -> Verdict:
    """While an order may still fill, nobody knows what we hold: of the asset, for a buy.

    A sell waits for orders of its own product only: its lots are nobody else's. A stop that
    rests is no such order: a sale takes it back first, and after a buy it is placed anew.
    """
    own = base_of if proposal.side is Side.BUY else str
    asked = own(proposal.symbol)
    for order in facts.portfolio.open_orders:
        if own(order.symbol) == asked and order.status not in FINAL and not order.guards:
            seen = f"{order.planned.side.value} {order.status.name}"
            finding = Finding(Reason.ORDER_PENDING, seen, "no open order", "order.status")
            return Denied(proposal, finding)
    return Approved(proposal)


def no_sell_pending(proposal: TradeProposal, facts: Facts) -> Verdict:
    """Two live sells could sell more than there is. A pending buy holds up no exit.

    Nor does a stop that rests: it is taken back, and seen final, before the exit is sent.
    """
    for order in facts.portfolio.open_orders:
        if order.symbol != proposal.symbol or order.planned.side is not Side.SELL:
            continue
        if order.status not in FINAL and not order.guards:
            seen = f"{order.planned.side.value} {order.status.name}"
            finding = Finding(Reason.ORDER_PENDING, seen, "no open sell", "order.status")
            return Denied(proposal, finding)
    return Approved(proposal)


def only_own_lots(proposal: TradeProposal, facts: Facts) -> Verdict:
    """An exit sells a quantity, and never more than the bot itself bought."""
    position, terms = facts.portfolio.positions.get(proposal.symbol), proposal.exit
    base = facts.snapshot.products[proposal.symbol].base
    own = position.quantity if position is not None else Quantity(ZERO, base)
    asked = terms.quantity if terms is not None else Quantity(ZERO, base)
    if ZERO < asked.amount <= own.amount:
        return Approved(proposal)
    finding = Finding(Reason.NO_SHORTS, str(own), str(asked), "portfolio.positions")
    return Denied(proposal, finding)
