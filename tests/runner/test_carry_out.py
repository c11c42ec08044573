"""Sending: cancels first and always, then orders in the plan's order, each once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from core.decision import Outcome
from core.errors import FatalError
from core.market import Balance
from core.orders import CancelAnswer, Order, OrderStatus, PlannedCancel, PlannedOrder
from core.ports import Answer
from core.reasons import Finding, Reason
from core.state import Controls
from infra.exchange.read_only import ReadOnlyVenue
from runner.carry_out import carry_out
from tests.builders.changes import an_entry
from tests.builders.risk import an_open_order, usd


@dataclass
class Counter:
    """A venue that takes what it is sent, and the kill switch that somebody pulls meanwhile."""

    answers: dict[str, Answer] = field(default_factory=dict)
    kill_after: int | None = None
    cancelled: CancelAnswer = CancelAnswer.ACCEPTED
    sent: list[str] = field(default_factory=list)

    def balances(self) -> tuple[Balance, ...]:
        return ()

    def submit(self, order: PlannedOrder) -> Answer:
        self.sent.append(order.symbol)
        return self.answers.get(order.symbol, Answer(OrderStatus.OPEN, f"x-{order.symbol}"))

    def cancel(self, cancel: PlannedCancel) -> CancelAnswer:
        self.sent.append(f"cancel {cancel.symbol} {cancel.exchange_order_id}")
        return self.cancelled

    def look_up(self, order: PlannedOrder) -> Answer:
        return Answer(OrderStatus.UNKNOWN)

    def read(self) -> Controls:
        return Controls()

    def killed(self) -> bool:
        return self.kill_after is not None and len(self.sent) >= self.kill_after

    def consume_resume(self) -> None: ...


WHY = Finding(Reason.ORDER_UNWANTED, "1 cycle", "0 cycles", "execution.unwanted_cycles_max")


def cancels(*symbols: str) -> tuple[PlannedCancel, ...]:
    return tuple(PlannedCancel(an_entry(name), WHY) for name in symbols)


def intents(*symbols: str) -> tuple[Order, ...]:
    return tuple(an_open_order(name, status=OrderStatus.INTENDED) for name in symbols)


def statuses(orders: tuple[Order, ...]) -> list[str]:
    return [order.status.name for order in orders]


def test_orders_are_sent_once_each_in_the_order_of_the_plan() -> None:
    venue = Counter()
    outcome = carry_out((), intents("XRP-USD", "ADA-USD", "SOL-USD"), venue, venue)
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
    assert statuses(carry_out((), intents("SOL-USD"), venue, venue).orders) == [status.name]


def test_the_kill_switch_is_looked_at_before_every_single_send() -> None:
    venue = Counter(kill_after=1)
    outcome = carry_out((), intents("ADA-USD", "SOL-USD", "XRP-USD"), venue, venue)
    assert venue.sent == ["ADA-USD"]
    assert statuses(outcome.orders) == ["OPEN", "NOT_SENT", "NOT_SENT"]


def test_a_read_only_venue_sends_nothing_and_that_is_final() -> None:
    outcome = carry_out((), intents("SOL-USD"), ReadOnlyVenue((usd("1"),)), Counter())
    assert statuses(outcome.orders) == ["NOT_SENT"]


def test_an_answer_that_no_order_can_have_is_fatal() -> None:
    venue = Counter({"SOL-USD": Answer(OrderStatus.INTENDED)})
    with pytest.raises(FatalError, match="impossible order step"):
        carry_out((), intents("SOL-USD"), venue, venue)


def test_without_a_plan_nothing_is_asked() -> None:
    venue = Counter()
    assert carry_out((), (), venue, venue) == Outcome((), ())
    assert venue.sent == []


def test_cancels_are_sent_before_orders_and_each_is_answered() -> None:
    venue = Counter()
    outcome = carry_out(cancels("BTC-USD", "ETH-USD"), intents("SOL-USD"), venue, venue)
    assert venue.sent == ["cancel BTC-USD X-1", "cancel ETH-USD X-1", "SOL-USD"]
    assert [taken.order.symbol for taken in outcome.cancels] == ["BTC-USD", "ETH-USD"]
    assert {taken.answer for taken in outcome.cancels} == {CancelAnswer.ACCEPTED}


def test_the_kill_switch_stops_orders_and_never_a_cancel() -> None:
    venue = Counter(kill_after=0)
    outcome = carry_out(cancels("BTC-USD", "ETH-USD"), intents("SOL-USD"), venue, venue)
    assert venue.sent == ["cancel BTC-USD X-1", "cancel ETH-USD X-1"]
    assert statuses(outcome.orders) == ["NOT_SENT"]


@pytest.mark.parametrize("answer", list(CancelAnswer))
def test_an_answer_to_a_cancel_says_nothing_yet_about_the_order(answer: CancelAnswer) -> None:
    venue = Counter(cancelled=answer)
    (taken,) = carry_out(cancels("BTC-USD"), (), venue, venue).cancels
    assert (taken.answer, taken.order) == (answer, an_entry("BTC-USD"))


def test_a_venue_that_cannot_send_cannot_cancel_either() -> None:
    outcome = carry_out(cancels("BTC-USD"), (), ReadOnlyVenue((usd("1"),)), Counter())
    assert outcome.cancels[0].answer is CancelAnswer.NOT_SENT
