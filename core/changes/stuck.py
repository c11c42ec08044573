"""Stuck orders: own orders that should have got somewhere by now, and have not.

They are counted and shown, never given up: whatever is stuck is asked after in every
cycle, and its cancel ever more rarely.
"""

from __future__ import annotations

from core.account import Portfolio
from core.orders import FINAL, RESTING, Order
from core.state import BotState

ANSWER_DUE = 2  # cycles; absence is proved in two listings a cycle apart
_CANCELS_DUE = 1  # one is asked, the next look sees it done


def stuck_orders(portfolio: Portfolio, state: BotState) -> tuple[Order, ...]:
    """Orders without an answer for more than two cycles, and those that no cancel ends."""
    return tuple(
        order
        for order in portfolio.open_orders
        if is_unanswered(order, state) or resists_cancels(order, state)
    )


def is_unanswered(order: Order, state: BotState) -> bool:
    """For longer than the proof of its absence takes."""
    settled = order.status in FINAL or order.status in RESTING
    return not settled and state.cycle - order.cycle > ANSWER_DUE


def resists_cancels(order: Order, state: BotState) -> bool:
    """It rests on although its cancel was asked for more than once."""
    asked = state.changes.asked.get(order.planned.client_order_id)
    return order.status in RESTING and asked is not None and asked.times > _CANCELS_DUE
