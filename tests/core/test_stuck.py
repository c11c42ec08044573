"""Stuck orders: at and beyond what an answer or a cancel may take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.changes.stuck import stuck_orders
from core.orders import OrderStatus
from core.state import Asked, ChangeMemory
from tests.builders.account import a_portfolio, a_state
from tests.builders.changes import an_entry


@pytest.mark.parametrize(("cycles", "stuck"), [(1, False), (2, False), (3, True)])
@pytest.mark.parametrize("status", [OrderStatus.UNKNOWN, OrderStatus.SUBMITTED])
def test_an_order_without_an_answer_is_stuck_after_two_cycles(
    status: OrderStatus, cycles: int, stuck: bool
) -> None:
    order = an_entry(status=status)
    state = replace(a_state(), cycle=order.cycle + cycles)
    assert bool(stuck_orders(a_portfolio(open_orders=(order,)), state)) is stuck


@pytest.mark.parametrize(("times", "stuck"), [(0, False), (1, False), (2, True)])
def test_an_order_is_stuck_once_a_second_cancel_was_needed(times: int, stuck: bool) -> None:
    order = an_entry()
    asked = {order.planned.client_order_id: Asked(times, 96)} if times else {}
    state = a_state(changes=ChangeMemory(asked=asked))
    assert bool(stuck_orders(a_portfolio(open_orders=(order,)), state)) is stuck
