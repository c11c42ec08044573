"""The life of an order: which steps are possible, and what an id says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import FatalError
from core.market import Side
from core.orders import (
    FINAL,
    NEXT,
    REACHED,
    RESTING,
    OrderStatus,
    PlannedCancel,
    client_order_id,
    moved,
    step_of,
)
from core.reasons import Finding, Reason
from tests.builders.changes import an_entry

WHY = Finding(Reason.ORDER_UNWANTED, "1 cycle", "0 cycles", "execution.unwanted_cycles_max")


def test_every_status_has_its_row_in_the_table() -> None:
    assert set(NEXT) == set(OrderStatus)


@pytest.mark.parametrize(
    ("was", "to"),
    [
        (OrderStatus.INTENDED, OrderStatus.NOT_SENT),
        (OrderStatus.INTENDED, OrderStatus.SUBMITTED),
        (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN),
        (OrderStatus.UNKNOWN, OrderStatus.NEVER_REACHED),
        (OrderStatus.UNKNOWN, OrderStatus.FILLED),
        (OrderStatus.OPEN, OrderStatus.PARTIAL),
        (OrderStatus.PARTIAL, OrderStatus.PARTIAL),
        (OrderStatus.PARTIAL, OrderStatus.EXPIRED),
        (OrderStatus.CANCELLED, OrderStatus.FILLED),  # the fill won, and was told later
        (OrderStatus.EXPIRED, OrderStatus.FILLED),
    ],
)
def test_a_possible_step_is_taken(was: OrderStatus, to: OrderStatus) -> None:
    assert moved(replace(an_entry(), status=was), to).status is to


@pytest.mark.parametrize(
    ("was", "to"),
    [
        (OrderStatus.CANCELLED, OrderStatus.OPEN),
        (OrderStatus.CANCELLED, OrderStatus.PARTIAL),
        (OrderStatus.EXPIRED, OrderStatus.OPEN),
        (OrderStatus.OPEN, OrderStatus.NOT_SENT),
        (OrderStatus.OPEN, OrderStatus.UNKNOWN),
        (OrderStatus.SUBMITTED, OrderStatus.NOT_SENT),
        (OrderStatus.NEVER_REACHED, OrderStatus.OPEN),
        (OrderStatus.FILLED, OrderStatus.CANCELLED),
        (OrderStatus.PARTIAL, OrderStatus.OPEN),
    ],
)
def test_an_impossible_step_is_fatal(was: OrderStatus, to: OrderStatus) -> None:
    with pytest.raises(FatalError) as fault:
        moved(replace(an_entry(), status=was), to)

    assert fault.value.code == "IMPOSSIBLE_ORDER_STEP"


def test_nothing_final_comes_back_to_life() -> None:
    assert all(NEXT[status] <= FINAL for status in FINAL)
    assert not RESTING & FINAL
    assert RESTING < REACHED


def test_no_status_leads_back_to_an_intent() -> None:
    assert all(OrderStatus.INTENDED not in steps for steps in NEXT.values())


@pytest.mark.parametrize("step", [0, 1, 3])
def test_an_id_says_which_replacement_its_order_is(step: int) -> None:
    planned = replace(
        an_entry().planned,
        client_order_id=client_order_id("bot-97", "rules", "SOL-USD", Side.BUY, step),
    )

    assert step_of(planned, "bot-97", most=3) == step
    assert step_of(planned, "bot-98", most=3) is None
    assert step_of(planned, "bot-97", most=step - 1) is None


def test_what_is_left_of_an_order_is_what_is_not_filled() -> None:
    assert str(an_entry(quantity="3", filled="1.25").left) == "1.75 SOL"


@pytest.mark.parametrize("status", [status for status in OrderStatus if status not in RESTING])
def test_only_an_order_that_rests_can_be_cancelled(status: OrderStatus) -> None:
    with pytest.raises(ValueError, match="only an order that rests"):
        PlannedCancel(an_entry(status=status), WHY)
