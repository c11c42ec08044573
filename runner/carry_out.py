"""Step 5, carry out: send what was planned, in its order, and learn what came of it.

Cancels go first, and nothing stops them: taking an order back is always safe. The
intents are durable before this begins. The kill switch is looked at before every
send; what it stops stays NOT_SENT, a definite and final answer.
"""

from __future__ import annotations

from dataclasses import replace

from core.decision import Outcome
from core.orders import Cancelled, Order, OrderStatus, PlannedCancel, moved
from core.ports import Answer, ControlFiles, Desk


def carry_out(
    cancels: tuple[PlannedCancel, ...],
    intents: tuple[Order, ...],
    venue: Desk,
    controls: ControlFiles,
) -> Outcome:
    """Each cancel and each intent is sent at most once, and ends with what the venue said."""
    taken_back = tuple(Cancelled(cancel.order, venue.cancel(cancel)) for cancel in cancels)
    sent = tuple(_sent(order, venue, controls) for order in intents)
    return Outcome(sent, fills=(), cancels=taken_back)


def _sent(order: Order, venue: Desk, controls: ControlFiles) -> Order:
    stopped = controls.killed()
    answer = Answer(OrderStatus.NOT_SENT) if stopped else venue.submit(order.planned)
    return replace(moved(order, answer.status), exchange_order_id=answer.exchange_order_id)
