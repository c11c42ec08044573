"""What resting stops leave behind: refusals, stops that sold, and nothing for the pace."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.decision import Outcome
from core.market import Side
from core.money import Price
from core.next_state import counted, next_state, observed
from core.orders import Fill, Order, OrderStatus, PlannedCancel
from core.reasons import Finding, Reason
from core.risk.verdict import Approved
from core.state import Asked, BotState, ChangeMemory, Closed, Refusal, Sighting
from tests.builders.account import a_portfolio, a_position, a_state
from tests.builders.changes import a_stop
from tests.builders.market import NOON
from tests.builders.quiet import a_decision
from tests.builders.risk import a_buy, an_exit, denial, usd, verdict_on
from tests.core.test_exits import a_plan

SOL = "SOL-USD"
HOUR = timedelta(hours=1)
HELD = a_portfolio(a_position(SOL, quantity="1", price="100"))
STATE = a_state(cycle=97)


def after(*orders: Order, state: BotState = STATE, **outcome: object) -> BotState:
    decision = a_decision(exits={SOL: a_plan()})
    return next_state(state, decision, HELD, Outcome(orders, **({"fills": ()} | outcome)))  # type: ignore[arg-type]


def a_new_stop(status: OrderStatus) -> Order:
    return replace(a_stop(status=status), cycle=97, told="NOT_SUPPORTED")


def a_fill(order: Order, price: str = "94") -> Fill:
    return Fill(
        fill_id="F",
        client_order_id=order.planned.client_order_id,
        symbol=SOL,
        side=Side.SELL,
        price=Price(Decimal(price), "USD"),
        quantity=order.planned.quantity,
        fee=usd("0"),
        at=NOON - HOUR,
    )


@pytest.mark.parametrize(
    ("status", "times"),
    [
        (OrderStatus.REFUSED, 1),
        (OrderStatus.CANCELLED, 1),
        (OrderStatus.OPEN, 0),
        (OrderStatus.UNKNOWN, 0),
        (OrderStatus.NOT_SENT, 0),
        (OrderStatus.FILLED, 0),
    ],
)
def test_a_stop_that_the_venue_would_not_let_rest_is_remembered(
    status: OrderStatus, times: int
) -> None:
    refusals = after(a_new_stop(status)).refusals
    assert refusals == ({SOL: Refusal(times, 97, "NOT_SUPPORTED")} if times else {})


def test_refusals_add_up_while_there_is_a_position_and_end_with_it() -> None:
    before = a_state(cycle=97, refusals={SOL: Refusal(2, 90, "no"), "ADA-USD": Refusal(1, 1, "no")})
    assert after(a_new_stop(OrderStatus.REFUSED), state=before).refusals == {
        SOL: Refusal(3, 97, "NOT_SUPPORTED")
    }
    assert after(state=before).refusals == {SOL: Refusal(2, 90, "no")}


def test_a_stop_that_was_taken_back_as_asked_was_not_refused() -> None:
    order = a_new_stop(OrderStatus.CANCELLED)
    asked = {order.planned.client_order_id: Asked(1, 96)}
    before = a_state(cycle=97, changes=ChangeMemory(asked=asked))
    assert after(order, state=before).refusals == {}


def test_a_stop_that_is_taken_back_counts_as_asked() -> None:
    guard = a_stop()
    why = Finding(Reason.STOP_OUTDATED, "stop 90", "stop 95", "exits.resting_drift_min")
    memory = a_decision().changes.remembered((), (PlannedCancel(guard, why),), 97, NOON)
    assert memory.asked == {guard.planned.client_order_id: Asked(1, 97)}


def test_a_stop_that_rests_is_no_trade() -> None:
    assert after(a_new_stop(OrderStatus.OPEN)).sent == ()
    trade = a_new_stop(OrderStatus.OPEN)
    trade = replace(trade, planned=replace(trade.planned, reason=f"exits:{SOL}:SELL"))
    assert [sent.symbol for sent in after(trade).sent] == [SOL]


@pytest.mark.parametrize(("before", "attempts"), [((), 1), (("a-stop",), 0)])
def test_an_exit_that_stood_back_behind_a_stop_was_no_attempt(
    before: tuple[str, ...], attempts: int
) -> None:
    sale = an_exit()
    order = a_new_stop(OrderStatus.NOT_SENT)
    order = replace(order, planned=replace(order.planned, reason=sale.id, after=before))
    decision = a_decision(proposals=(sale,), exits={SOL: a_plan()})
    state = next_state(STATE, decision, HELD, Outcome((order,), ()))
    assert state.exits[SOL].attempts == attempts
    assert (SOL in state.stopped) is bool(attempts)


@pytest.mark.parametrize("by", ["reconciling", "carrying out", "the ledger"])
def test_a_resting_stop_that_sold_makes_the_product_rest(by: str) -> None:
    guard, sold_at = a_stop(), {SOL: NOON - HOUR}
    match by:
        case "reconciling":
            state = observed(STATE, Sighting(stops=sold_at))
        case "the ledger":
            state = counted(STATE, (), (), sold_at, NOON)
        case _:
            resting = replace(HELD, open_orders=(guard,))
            decision = a_decision(exits={SOL: a_plan()})
            state = next_state(STATE, decision, resting, Outcome((), (a_fill(guard),)))
    assert state.stopped == sold_at


def test_an_older_word_never_replaces_a_newer_stop() -> None:
    before = a_state(stopped={SOL: NOON})
    assert observed(before, Sighting(stops={SOL: NOON - HOUR})).stopped == {SOL: NOON}


@pytest.mark.parametrize(("ago", "allowed"), [(1.9, False), (2, True), (2.1, True)])
def test_a_sale_by_the_venue_cools_its_product_down(ago: float, allowed: bool) -> None:
    sale = Closed(SOL, "id-1", NOON - ago * HOUR, usd("1"))
    verdict = verdict_on(a_buy(), memory={"closed": (sale,)})
    assert isinstance(verdict, Approved) is allowed
    if not allowed:
        assert denial(verdict).reason is Reason.COOLDOWN


def test_a_stop_that_rests_holds_up_no_buy_and_one_without_an_answer_does() -> None:
    assert isinstance(verdict_on(a_buy(), portfolio=a_portfolio(open_orders=(a_stop(),))), Approved)
    unknown = a_portfolio(open_orders=(a_stop(status=OrderStatus.UNKNOWN),))
    assert denial(verdict_on(a_buy(), portfolio=unknown)).reason is Reason.ORDER_PENDING
