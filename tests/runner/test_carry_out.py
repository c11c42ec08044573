"""Sending: in the plan's order, each once, and never past the kill switch."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from core.errors import FatalError
from core.market import Balance
from core.orders import Order, OrderStatus, PlannedOrder
from core.ports import Answer
from core.state import Controls
from infra.exchange.read_only import ReadOnlyVenue
from runner.carry_out import carry_out
from tests.builders.risk import an_open_order, usd


@dataclass
class Counter:
    """A venue that takes what it is sent, and the kill switch that somebody pulls meanwhile."""

    answers: dict[str, Answer] = field(default_factory=dict)
    kill_after: int | None = None
    sent: list[str] = field(default_factory=list)

    def balances(self) -> tuple[Balance, ...]:
        return ()

    def submit(self, order: PlannedOrder) -> Answer:
        self.sent.append(order.symbol)
        return self.answers.get(order.symbol, Answer(OrderStatus.OPEN, f"x-{order.symbol}"))

    def look_up(self, order: PlannedOrder) -> Answer:
        return Answer(OrderStatus.UNKNOWN)

    def read(self) -> Controls:
        return Controls()

    def killed(self) -> bool:
        return self.kill_after is not None and len(self.sent) >= self.kill_after

    def consume_resume(self) -> None: ...


def intents(*symbols: str) -> tuple[Order, ...]:
    return tuple(an_open_order(name, status=OrderStatus.INTENDED) for name in symbols)


def statuses(orders: tuple[Order, ...]) -> list[str]:
    return [order.status.name for order in orders]


def test_orders_are_sent_once_each_in_the_order_of_the_plan() -> None:
    venue = Counter()
    outcome = carry_out(intents("XRP-USD", "ADA-USD", "SOL-USD"), venue, venue)
    assert venue.sent == ["XRP-USD", "ADA-USD", "SOL-USD"]
    assert [order.exchange_order_id for order in outcome.orders] == [
        "x-XRP-USD",
        "x-ADA-USD",
        "x-SOL-USD",
    ]
    assert outcome.fills == ()


@pytest.mark.parametrize("status", [OrderStatus.OPEN, OrderStatus.REFUSED, OrderStatus.UNKNOWN])
def test_an_order_ends_as_the_venue_said(status: OrderStatus) -> None:
    venue = Counter({"SOL-USD": Answer(status)})
    assert statuses(carry_out(intents("SOL-USD"), venue, venue).orders) == [status.name]


def test_the_kill_switch_is_looked_at_before_every_single_send() -> None:
    venue = Counter(kill_after=1)
    outcome = carry_out(intents("ADA-USD", "SOL-USD", "XRP-USD"), venue, venue)
    assert venue.sent == ["ADA-USD"]
    assert statuses(outcome.orders) == ["OPEN", "NOT_SENT", "NOT_SENT"]


def test_a_read_only_venue_sends_nothing_and_that_is_final() -> None:
    outcome = carry_out(intents("SOL-USD"), ReadOnlyVenue((usd("1"),)), Counter())
    assert statuses(outcome.orders) == ["NOT_SENT"]


def test_an_answer_that_no_order_can_have_is_fatal() -> None:
    venue = Counter({"SOL-USD": Answer(OrderStatus.INTENDED)})
    with pytest.raises(FatalError, match="impossible order step"):
        carry_out(intents("SOL-USD"), venue, venue)


def test_without_a_plan_nothing_is_asked() -> None:
    venue = Counter()
    assert carry_out((), venue, venue).orders == ()
    assert venue.sent == []
