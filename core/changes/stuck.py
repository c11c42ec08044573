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
    return tuple(order for order in portfolio.open_orders if _is_stuck(order, state))


def _is_stuck(order: Order, state: BotState) -> bool:
    if order.status in FINAL:
        return False
    if order.status not in RESTING:
        return state.cycle - order.cycle > ANSWER_DUE
    asked = state.changes.asked.get(order.planned.client_order_id)
    return asked is not None and asked.times > _CANCELS_DUE
