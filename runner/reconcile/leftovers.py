"""Positions that no order can end: too little to be sold alone, or without a cost to watch.

The first are closed into the dust account, and the next buy of the product takes them
back. The second stop their product and halt the bot, while all others are still watched.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from core.account import Position
from core.market import Product, Snapshot
from core.money import ONE, ZERO, multiplied, plain, rounded_down, subtracted
from core.policy import ExitsPolicy
from core.ports import Books
from core.reasons import Reason
from core.state import Halt


def sweep(ledger: Books, snapshot: Snapshot, policy: ExitsPolicy, at: datetime) -> tuple[str, ...]:
    """Set every position aside that cannot be sold alone now; their symbols."""
    waiting = {order.symbol for order in ledger.unsettled()}
    swept = tuple(
        symbol
        for symbol, position in ledger.positions().items()
        if symbol not in waiting and is_dust(position, snapshot, policy)
    )
    for symbol in swept:
        ledger.to_dust(symbol, at)
    return swept


def is_dust(position: Position, snapshot: Snapshot, policy: ExitsPolicy) -> bool:
    """Whether the venue's minimum forbids its last exit. Unknown minimums forbid nothing."""
    product = snapshot.products.get(position.symbol)
    if product is None:
        return False
    sellable = rounded_down(position.quantity.amount, product.base_increment)
    if sellable < max(product.smallest_quantity, product.base_increment):
        return True
    return _below_notional(product, sellable, snapshot, policy)


def _below_notional(
    product: Product, sellable: Decimal, snapshot: Snapshot, policy: ExitsPolicy
) -> bool:
    top = snapshot.tops.get(product.symbol)
    if top is None:
        return False
    lowest = multiplied(top.bid, subtracted(ONE, policy.through_max.value))
    return multiplied(lowest, sellable) < product.quote_min


def unwatchable(positions: Mapping[str, Position]) -> Mapping[str, str]:
    """Symbol -> why no exit can be watched there."""
    return {
        symbol: f"its {plain(position.quantity.amount)} {position.base} have no cost"
        for symbol, position in positions.items()
        if not position.cost.amount > ZERO
    }


def halt_for(unwatched: Mapping[str, str]) -> Halt | None:
    if not unwatched:
        return None
    told = "; ".join(f"{symbol}: {why}" for symbol, why in sorted(unwatched.items()))
    return Halt(Reason.NO_EXIT_PLAN.name, f"{Reason.NO_EXIT_PLAN.sentence} {told}")
