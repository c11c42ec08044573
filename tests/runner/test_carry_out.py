"""Sending: cancels first and always, then orders in the plan's order, each once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.decision import Outcome
from core.errors import FatalError, RetryableError, UnknownOutcomeError
from core.execution import OrderPlan
from core.market import Balance, Side
from core.orders import (
    CancelAnswer,
    Order,
    OrderStatus,
    PlannedCancel,
    PlannedOrder,
    TimeInForce,
    intended,
    moved,
)
from core.ports import Answer
from core.rates import Rates
from core.reasons import Finding, Reason
from core.state import Controls
from infra.exchange.read_only import ReadOnlyVenue
from infra.ledger import Owner, SqliteLedger
from runner.account import Account
from runner.carry_out import LOOKS_MAX, Carrier
from runner.reconcile.fills import FillReader
from tests.builders.changes import a_stop, an_entry
from tests.builders.market import NOON
from tests.builders.risk import an_open_order, usd
from tests.builders.scripted import ScriptedVenue

WHY = Finding(Reason.ORDER_UNWANTED, "1 cycle", "0 cycles", "execution.unwanted_cycles_max")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    made = SqliteLedger(
        tmp_path / "ledger.sqlite",
        Owner(mode="PAPER", exchange="embedded"),
        quote_currencies=("USD",),
        capital_max=usd("100000"),
    )
    with closing(made):
        made.open_books((Balance("USD", Decimal(10000), Decimal(0)),), Rates("USD", {}), NOON)
        yield made


@dataclass
class Operator:
    """Pulls the kill switch once the venue has been sent so many orders."""

    venue: ScriptedVenue
    kill_after: int | None = None

    def read(self) -> Controls:
        return Controls()

    def killed(self) -> bool:
        return self.kill_after is not None and len(self.venue.sent) >= self.kill_after

    def flattening(self) -> bool:
        return False

    def consume_resume(self) -> None: ...

    def consume_flatten(self) -> None: ...

    def ask_to_stop(self, why: str) -> None: ...


def a_venue() -> ScriptedVenue:
    return ScriptedVenue({"USD": Decimal(10000)})


def carried(
    ledger: SqliteLedger,
    venue: ScriptedVenue,
    *orders: PlannedOrder,
    cancels: tuple[PlannedCancel, ...] = (),
    kill_after: int | None = None,
) -> Outcome:
    """A plan, intended and carried out."""
    intents = tuple(intended(order, cycle=1) for order in orders)
    ledger.intend(intents, NOON)
    account = Account(venue, ledger)
    carrier = Carrier(account, FillReader(account), Operator(venue, kill_after))
    return carrier.carry_out(OrderPlan(orders, {}, cancels), intents, NOON)


def resting(symbol: str = "SOL-USD") -> PlannedOrder:
    """A maker buy with an end."""
    return an_open_order(symbol).planned


def prompt(symbol: str = "SOL-USD", side: Side = Side.BUY) -> PlannedOrder:
    """Immediate or cancel."""
    return replace(
        an_open_order(symbol).planned,
        side=side,
        time_in_force=TimeInForce.IOC,
        post_only=False,
        end_time=None,
    )


def open_at_the_venue(ledger: SqliteLedger, venue: ScriptedVenue, symbol: str) -> Order:
    """An entry of an earlier cycle that rests, in the ledger and at the venue."""
    planned = an_entry(symbol).planned
    ledger.intend((intended(planned, cycle=96),), NOON)
    answer = venue.submit(planned)
    venue.sent.clear()
    order = replace(
        moved(intended(planned, cycle=96), OrderStatus.OPEN),
        exchange_order_id=answer.exchange_order_id,
    )
    ledger.settle((order,), NOON)
    return order


def statuses(orders: tuple[Order, ...]) -> list[str]:
    return [order.status.name for order in orders]


def test_orders_are_sent_once_each_in_the_order_of_the_plan(ledger: SqliteLedger) -> None:
    venue = a_venue()
    outcome = carried(ledger, venue, *map(resting, ("XRP-USD", "ADA-USD", "SOL-USD")))
    assert [order.symbol for order in venue.sent] == ["XRP-USD", "ADA-USD", "SOL-USD"]
    assert [order.exchange_order_id for order in outcome.orders] == ["X-1", "X-2", "X-3"]
    assert statuses(outcome.orders) == ["OPEN"] * 3
    assert ledger.unsettled() == outcome.orders
    assert outcome.fills == ()


def test_the_kill_switch_is_looked_at_before_every_single_send(ledger: SqliteLedger) -> None:
    venue = a_venue()
    orders = map(resting, ("ADA-USD", "SOL-USD", "XRP-USD"))
    outcome = carried(ledger, venue, *orders, kill_after=1)
    assert [order.symbol for order in venue.sent] == ["ADA-USD"]
    assert statuses(outcome.orders) == ["OPEN", "NOT_SENT", "NOT_SENT"]


def test_a_read_only_venue_sends_nothing_and_that_is_final(ledger: SqliteLedger) -> None:
    order, venue = intended(resting(), cycle=1), ReadOnlyVenue((usd("1"),))
    ledger.intend((order,), NOON)
    account = Account(venue, ledger)
    carrier = Carrier(account, FillReader(account), Operator(a_venue()))
    outcome = carrier.carry_out(OrderPlan((order.planned,), {}), (order,), NOON)
    assert statuses(outcome.orders) == ["NOT_SENT"]
    assert ledger.unsettled() == ()


@pytest.mark.parametrize(
    ("status", "error"), [(OrderStatus.REFUSED, None), (OrderStatus.INTENDED, FatalError)]
)
def test_an_order_ends_as_the_venue_said_if_an_order_can(
    ledger: SqliteLedger, status: OrderStatus, error: type[Exception] | None
) -> None:
    venue = a_venue()
    venue.submit = lambda order: Answer(status, told="too dear")  # type: ignore[method-assign]
    if error is not None:
        with pytest.raises(error, match="impossible order step"):
            carried(ledger, venue, resting())
        return
    (order,) = carried(ledger, venue, resting()).orders
    assert (order.status, order.told) == (status, "too dear")


def test_what_surely_was_not_sent_never_reached_the_venue(ledger: SqliteLedger) -> None:
    venue = a_venue()
    venue.fails("submit", RetryableError("no route"))
    (order,) = carried(ledger, venue, resting()).orders
    assert order.status is OrderStatus.NEVER_REACHED
    assert ledger.unsettled() == ()


def test_an_answer_that_is_lost_leaves_a_buy_unknown_and_it_is_sent_once(
    ledger: SqliteLedger,
) -> None:
    venue = a_venue()
    venue.fails("submit", UnknownOutcomeError("reset by peer"))
    (order,) = carried(ledger, venue, resting()).orders
    assert (order.status, venue.asked.count("submit")) == (OrderStatus.UNKNOWN, 1)
    assert statuses(ledger.unsettled()) == ["UNKNOWN"]


def test_a_sale_whose_answer_is_lost_is_asked_for_again_at_once_and_is_one_order(
    ledger: SqliteLedger,
) -> None:
    venue = a_venue()
    venue.lost_answers = 1
    (order,) = carried(ledger, venue, prompt(side=Side.SELL)).orders
    assert (order.status, order.exchange_order_id) == (OrderStatus.OPEN, "X-1")
    assert (venue.asked.count("submit"), len(venue.orders)) == (2, 1)


def test_a_no_to_the_second_sending_of_a_sale_says_nothing_of_the_first(
    ledger: SqliteLedger,
) -> None:
    """The first took effect and its answer was lost; the second never left."""
    venue = a_venue()
    venue.lost_answers = 1

    def the_next_is_not_sent(_: PlannedOrder) -> bool:
        venue.fails("submit", RetryableError("too many requests"))
        return False

    venue.fills_at_once = the_next_is_not_sent
    (order,) = carried(ledger, venue, prompt(side=Side.SELL)).orders
    assert (order.status, len(venue.orders)) == (OrderStatus.UNKNOWN, 1)
    assert statuses(ledger.unsettled()) == ["UNKNOWN"]


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "ADA-USD"},
        {"side": Side.SELL},
        {"price": Decimal("1.5")},
        {"quantity": Decimal("7")},
    ],
)
def test_an_order_that_is_not_the_one_asked_for_is_unknown(
    ledger: SqliteLedger, change: dict[str, object]
) -> None:
    venue = a_venue()
    take = venue.submit

    def otherwise(order: PlannedOrder) -> Answer:
        answer = take(order)
        venue.orders["X-1"] = replace(venue.orders["X-1"], **change)  # type: ignore[arg-type]
        return answer

    venue.submit = otherwise  # type: ignore[method-assign]
    (order,) = carried(ledger, venue, resting()).orders
    assert order.status is OrderStatus.UNKNOWN


def test_an_order_that_the_venue_took_and_cannot_show_is_unknown(ledger: SqliteLedger) -> None:
    venue = a_venue()
    venue.hidden = {"X-1"}
    assert statuses(carried(ledger, venue, resting()).orders) == ["UNKNOWN"]


def test_what_fills_at_once_is_booked_in_the_same_cycle(ledger: SqliteLedger) -> None:
    venue = a_venue()
    venue.fills_at_once = lambda _: True
    outcome = carried(ledger, venue, prompt())
    assert statuses(outcome.orders) == ["FILLED"]
    (fill,) = outcome.fills
    assert fill.client_order_id == outcome.orders[0].planned.client_order_id
    assert fill.quantity == outcome.orders[0].planned.quantity
    assert ledger.expected() == venue.account
    assert ledger.unsettled() == ()


def test_an_order_whose_fill_row_is_late_is_not_final_yet(ledger: SqliteLedger) -> None:
    venue = a_venue()
    take = venue.submit

    def filled_without_a_row(order: PlannedOrder) -> Answer:
        answer = take(order)
        amount = str(order.quantity.amount)
        venue.fills_of("X-1", amount, str(order.price.amount), row=False)
        return answer

    venue.submit = filled_without_a_row  # type: ignore[method-assign]
    outcome = carried(ledger, venue, prompt())
    assert (statuses(outcome.orders), outcome.fills) == (["OPEN"], ())
    assert venue.asked.count("order") <= 1 + LOOKS_MAX


def test_without_a_plan_nothing_is_asked(ledger: SqliteLedger) -> None:
    venue = a_venue()
    assert carried(ledger, venue) == Outcome((), ())
    assert venue.asked == []


def test_cancels_are_sent_before_orders_and_stand_as_they_came_out(ledger: SqliteLedger) -> None:
    venue = a_venue()
    open_now = [open_at_the_venue(ledger, venue, name) for name in ("BTC-USD", "ETH-USD")]
    cancels = tuple(PlannedCancel(order, WHY) for order in open_now)
    venue.asked.clear()
    outcome = carried(ledger, venue, resting(), cancels=cancels)
    assert [name for name in venue.asked if name != "order"] == ["cancel", "cancel", "submit"]
    assert [taken.order.symbol for taken in outcome.cancels] == ["BTC-USD", "ETH-USD"]
    assert {taken.answer for taken in outcome.cancels} == {CancelAnswer.ACCEPTED}
    assert {taken.order.status for taken in outcome.cancels} == {OrderStatus.CANCELLED}


def test_the_kill_switch_stops_orders_and_never_a_cancel(ledger: SqliteLedger) -> None:
    venue = a_venue()
    cancel = PlannedCancel(open_at_the_venue(ledger, venue, "BTC-USD"), WHY)
    outcome = carried(ledger, venue, resting(), cancels=(cancel,), kill_after=0)
    assert venue.cancelled == ["X-1"]
    assert statuses(outcome.orders) == ["NOT_SENT"]


def test_a_fill_that_wins_against_the_cancel_is_booked(ledger: SqliteLedger) -> None:
    venue = a_venue()
    order = open_at_the_venue(ledger, venue, "BTC-USD")
    venue.fills_of("X-1", "3", "99.98")
    outcome = carried(ledger, venue, cancels=(PlannedCancel(order, WHY),))
    (taken,) = outcome.cancels
    assert (taken.answer, taken.order.status) == (CancelAnswer.REFUSED, OrderStatus.FILLED)
    assert len(outcome.fills) == 1


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (RetryableError("no route"), CancelAnswer.NOT_SENT),
        (UnknownOutcomeError("reset"), CancelAnswer.UNKNOWN),
    ],
)
def test_a_cancel_without_an_answer_says_nothing_about_the_order(
    ledger: SqliteLedger, error: Exception, answer: CancelAnswer
) -> None:
    venue = a_venue()
    order = open_at_the_venue(ledger, venue, "BTC-USD")
    venue.fails("cancel", error)  # type: ignore[arg-type]
    (taken,) = carried(ledger, venue, cancels=(PlannedCancel(order, WHY),)).cancels
    assert (taken.answer, taken.order.status) == (answer, OrderStatus.OPEN)


def a_resting_stop(ledger: SqliteLedger, venue: ScriptedVenue) -> Order:
    """A stop of an earlier cycle with its lots, in the ledger and at the venue."""
    bought = replace(prompt(), client_order_id="bought")
    venue.fills_at_once = lambda order: order.side is Side.BUY
    carried(ledger, venue, bought)
    planned = a_stop().planned
    order = replace(
        intended(planned, cycle=1),
        status=OrderStatus.OPEN,
        exchange_order_id=venue.submit(planned).exchange_order_id,
    )
    ledger.intend((intended(planned, cycle=1),), NOON)
    ledger.settle((order,), NOON)
    venue.sent.clear()
    return order


def a_sale_after(stop: Order) -> PlannedOrder:
    return replace(
        prompt(side=Side.SELL),
        client_order_id="sale",
        after=(stop.planned.client_order_id,),
        quantity=stop.planned.quantity,
    )


def test_a_sale_is_sent_once_the_stop_before_it_has_ended(
    ledger: SqliteLedger,
) -> None:
    venue = a_venue()
    stop = a_resting_stop(ledger, venue)

    outcome = carried(ledger, venue, a_sale_after(stop), cancels=(PlannedCancel(stop, WHY),))

    assert [order.client_order_id for order in venue.sent] == ["sale"]
    assert outcome.cancels[0].order.status is OrderStatus.CANCELLED


def test_a_sale_stands_back_while_the_stop_before_it_has_not_ended(
    ledger: SqliteLedger,
) -> None:
    venue = a_venue()
    stop = a_resting_stop(ledger, venue)
    venue.cancel = lambda _: CancelAnswer.ACCEPTED  # type: ignore[method-assign, assignment]

    outcome = carried(ledger, venue, a_sale_after(stop), cancels=(PlannedCancel(stop, WHY),))

    assert venue.sent == []
    assert outcome.orders[0].status is OrderStatus.NOT_SENT
    assert "has not ended" in outcome.orders[0].told


def test_a_sale_stands_back_when_the_stop_before_it_sold_first(ledger: SqliteLedger) -> None:
    """The cancel races a fill, and the fill wins: a second sale would sell what is gone."""
    venue = a_venue()
    stop = a_resting_stop(ledger, venue)
    name = stop.exchange_order_id
    assert name is not None

    def too_late(_: PlannedCancel) -> CancelAnswer:
        venue.fills_of(name, "0.4", "94")
        venue.ends(name, OrderStatus.CANCELLED)
        return CancelAnswer.ACCEPTED

    venue.cancel = too_late  # type: ignore[method-assign, assignment]
    outcome = carried(ledger, venue, a_sale_after(stop), cancels=(PlannedCancel(stop, WHY),))

    assert venue.sent == []
    assert outcome.orders[0].status is OrderStatus.NOT_SENT
    assert [str(fill.quantity.amount) for fill in outcome.fills] == ["0.4"]


@pytest.mark.parametrize(
    ("reason", "goes"),
    [
        ("exits:SOL-USD:SELL", True),
        ("protect:SOL-USD:SELL", True),
        ("rules:SOL-USD:SELL", False),
        ("trims:SOL-USD:SELL", False),
    ],
)
def test_the_kill_switch_stops_wishes_and_no_stop(
    ledger: SqliteLedger, reason: str, goes: bool
) -> None:
    venue = a_venue()
    order = replace(prompt(side=Side.SELL), reason=reason)
    carried(ledger, venue, order, kill_after=0)
    assert bool(venue.sent) is goes
