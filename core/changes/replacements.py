"""An entry that was taken back because the book moved: placed anew, for what is left.

Cancel and replace are two decisions in two cycles. Between them stands the proof that
the old order has ended: while it may still fill, risk denies every order of its
product. The replacement is the strategy's own proposal of the later cycle, so a wish
that is gone is not chased; it asks for no more than the old order left unfilled, and
it goes through risk as one step more of the same intent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from core.changes.entries import Entries, step_now
from core.changes.scene import Scene
from core.money import ZERO, Money, added, multiplied, rounded_down, subtracted
from core.orders import PlannedCancel
from core.proposals import TradeProposal
from core.reasons import Reason
from core.state import Chase


def kept_chases(scene: Scene, entries: Entries) -> Mapping[str, Chase]:
    """Interrupted entries for the next cycle: those begun now, and those still waiting.

    Once the old order has ended, its chase is good for that cycle alone.
    """
    waiting = {
        symbol: chase
        for symbol, chase in scene.state.changes.chases.items()
        if scene.pending(symbol)
    }
    for cancel in entries.cancels:
        waiting.pop(cancel.symbol, None)  # whatever else takes an order back ends the chase
        if cancel.why.reason is Reason.BOOK_MOVED_AWAY:
            waiting[cancel.symbol] = _begun(cancel, scene)
    return dict(sorted(waiting.items()))


def _begun(cancel: PlannedCancel, scene: Scene) -> Chase:
    order, step = cancel.order, step_now(cancel.order, scene)
    assert step is not None  # or it would not have been taken back for this
    left = order.left.amount
    return Chase(order.planned.reason, step, left, added(_held(order.symbol, scene), left))


def continued(proposal: TradeProposal, scene: Scene) -> TradeProposal:
    """The proposal as the next step of its interrupted entry, or as it is.

    What filled while the cancel was under way is in the position, so the holding is
    brought at most to where the first order would have brought it. A product of which
    something was sold since has a new story, and its cooldown counts.
    """
    chase = scene.state.changes.chases.get(proposal.symbol)
    if chase is None or chase.proposal != proposal.id or scene.pending(proposal.symbol):
        return proposal
    most, asked = _worth_of_the_rest(chase, proposal.symbol, scene), proposal.notional
    if most is None or asked is None:
        return proposal
    return replace(proposal, step=chase.step + 1, notional=min(most, asked))


def _worth_of_the_rest(chase: Chase, symbol: str, scene: Scene) -> Money | None:
    """What the unfilled rest costs now; None where there is none, or nobody can tell.

    In the capital currency, at the lowest price at which the plan may value it, so that it
    never buys more than that.
    """
    product, top = scene.snapshot.products.get(symbol), scene.snapshot.tops.get(symbol)
    if product is None or top is None:
        return None
    rest = subtracted(chase.reach, _held(symbol, scene))
    lowest = rounded_down(top.bid, product.price_increment)
    if not ZERO < rest <= chase.left or lowest <= ZERO:
        return None
    return scene.worth(Money(multiplied(rest, lowest), product.quote))


def _held(symbol: str, scene: Scene) -> Decimal:
    position = scene.portfolio.positions.get(symbol)
    return ZERO if position is None else position.quantity.amount
