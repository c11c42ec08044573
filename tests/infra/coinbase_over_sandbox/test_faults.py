"""Whatever the wire does, an order is sent once and its fate is found; nothing is made up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import FatalError, RetryableError
from core.market import Side
from core.orders import CancelAnswer, Order, OrderStatus, PlannedCancel
from core.ports import Absent, CannotTell, Found
from core.reasons import Finding, Reason
from infra.exchange.coinbase.exchange import CoinbaseExchange
from infra.sandbox.coinbase.faults import Kind, Rule
from infra.sandbox.coinbase.limits import PRIVATE_PER_SECOND, Bucket
from tests.builders.coinbase import HandClock
from tests.builders.venue import a_plan, a_request
from tests.infra.coinbase_over_sandbox.hall import rule
from tests.infra.coinbase_over_sandbox.world import WireWorld

CREATE, CANCEL = "POST /orders", "POST /orders/batch_cancel"
ACCOUNTS = "GET /accounts"
DAY = timedelta(days=1)
SHORT = timedelta(seconds=0.3)


def named(value: object) -> str | None:
    """A case by its fault."""
    if not isinstance(value, Rule):
        return None
    told = f"{value.kind.value} {value.body}" if value.kind is Kind.STATUS else value.kind.value
    return f"{told} after acting" if value.after else told


def created(**fields: Any) -> Rule:
    """A rule for creating an order, and for no other request about orders."""
    return rule(on=CREATE, count=1, **fields)


def placed(world: WireWorld) -> list[Mapping[str, Any]]:
    """Requests that were to create an order, as the venue saw them."""
    path = "/api/v3/brokerage/orders"
    return [row for row in world.hall.asked(CREATE) if row["path"] == path]


def in_truth(world: WireWorld) -> list[str]:
    """Own ids of the orders that exist."""
    floor = world.hall.sandbox.floor
    orders = world.hall.inside(floor.all_orders)
    return [order.entry.request.client_order_id or "" for order in orders]


def a_cancel(exchange_order_id: str | None) -> PlannedCancel:
    order = Order(
        planned=a_plan(), cycle=1, status=OrderStatus.OPEN, exchange_order_id=exchange_order_id
    )
    return PlannedCancel(order, Finding(Reason.KILL_SWITCH, "seen", "limit", "key"))


def settled(world: WireWorld) -> CoinbaseExchange:
    """An adapter whose key has been let in once."""
    exchange = world.hall.exchange(read_timeout=SHORT, connect_timeout=SHORT)
    exchange.balances()
    return exchange


# Reading: tried again, and an error of ours where that does not help

READING_FAULTS = [
    (rule(Kind.RATE_LIMITED, ACCOUNTS), "THROTTLED", 3),
    (rule(Kind.UNAUTHORIZED, ACCOUNTS), "MAYBE_THROTTLED", 3),
    (rule(Kind.STATUS, ACCOUNTS, status=500), "SERVER_ERROR", 3),
    (rule(Kind.STATUS, ACCOUNTS, status=502, body="html"), "HTML_ANSWER", 3),
    (rule(Kind.STATUS, ACCOUNTS, status=503, body="text", after=True), "SERVER_ERROR", 3),
    (rule(Kind.STATUS, ACCOUNTS, status=400), "REQUEST_REFUSED", 1),
    (rule(Kind.STATUS, ACCOUNTS, status=404), "NOT_FOUND", 1),
    (rule(Kind.HTML, ACCOUNTS), "HTML_ANSWER", 3),
    (rule(Kind.EMPTY, ACCOUNTS), "ANSWER_UNREADABLE", 1),
    (rule(Kind.CUT, ACCOUNTS), "CONNECTION_LOST", 3),
    (rule(Kind.SLOW, ACCOUNTS, seconds=0.6), "TIMEOUT", 3),
]


@pytest.mark.parametrize(("fault", "code", "tries"), READING_FAULTS, ids=named)
def test_a_read_that_goes_wrong_is_retryable_and_says_how(
    world: WireWorld, fault: Rule, code: str, tries: int
) -> None:
    exchange = settled(world)
    world.hall.strike(fault)
    before = exchange.requests

    with pytest.raises(RetryableError) as refused:
        exchange.balances()

    assert refused.value.code == code
    assert exchange.requests - before == tries


@pytest.mark.parametrize(
    "fault", [fault for fault, _, tries in READING_FAULTS if tries > 1], ids=named
)
def test_a_read_that_goes_wrong_once_is_answered_by_the_next_try(
    world: WireWorld, fault: Rule
) -> None:
    exchange = settled(world)
    balances = exchange.balances()
    once = Rule(**{name: getattr(fault, name) for name in Rule.__struct_fields__} | {"count": 1})
    world.hall.strike(once)

    assert exchange.balances() == balances


def test_a_key_that_was_never_let_in_is_refused_for_good(world: WireWorld) -> None:
    world.hall.strike(rule(Kind.UNAUTHORIZED))
    with pytest.raises(FatalError) as refused:
        world.venue.balances()
    assert refused.value.code == "KEY_REFUSED"


def test_a_clock_that_is_off_is_named_and_is_no_bad_key(world: WireWorld) -> None:
    world.hall.strike(rule(Kind.CLOCK_SKEW, seconds=600))
    with pytest.raises(RetryableError) as refused:
        world.venue.balances()
    assert refused.value.code == "CLOCK_SKEW"


def test_the_shipped_rate_stays_below_the_venues_limit(world: WireWorld) -> None:
    """The venue's own bucket, asked at the times at which the requests came."""
    exchange = world.hall.exchange(private_requests_per_second_max=25)
    for _ in range(3):
        exchange.read_all([exchange.balances] * 15)
    came = [datetime.fromisoformat(row["at"]).timestamp() for row in world.hall.asked(ACCOUNTS)]
    clock = HandClock(seconds=came[0])
    bucket = Bucket.full(PRIVATE_PER_SECOND, clock)

    for at in came:
        clock.seconds = at
        assert bucket.take()
    assert len(came) == 45


# Acting: sent once, whatever becomes of the answer

NOT_DONE = [
    (created(kind=Kind.RATE_LIMITED), OrderStatus.REFUSED),
    (created(kind=Kind.UNAUTHORIZED), OrderStatus.REFUSED),
    (created(kind=Kind.STATUS, status=500), OrderStatus.UNKNOWN),
    (created(kind=Kind.STATUS, status=503, body="html"), OrderStatus.UNKNOWN),
    (created(kind=Kind.CUT), OrderStatus.UNKNOWN),
]
DONE = [
    created(kind=Kind.STATUS, status=502, body="html", after=True),
    created(kind=Kind.STATUS, status=503, body="text", after=True),
    created(kind=Kind.CUT, after=True),
    created(kind=Kind.SLOW, seconds=0.9),
    created(kind=Kind.HTML),
    created(kind=Kind.EMPTY),
]


@pytest.mark.parametrize(("fault", "status"), NOT_DONE, ids=named)
def test_an_order_that_never_arrived_is_sent_once_and_not_found(
    world: WireWorld, fault: Rule, status: OrderStatus
) -> None:
    exchange = settled(world)
    world.hall.strike(fault)

    answer = exchange.submit(a_plan("one"))

    assert answer.status is status
    assert len(placed(world)) == 1
    assert exchange.find_order("one", world.now() - DAY) == Absent()
    assert in_truth(world) == []


@pytest.mark.parametrize("fault", DONE, ids=named)
def test_an_order_whose_answer_was_lost_is_found_and_never_placed_twice(
    world: WireWorld, fault: Rule
) -> None:
    exchange = settled(world)
    world.hall.strike(fault)
    before = exchange.requests

    answer = exchange.submit(a_plan("one", quantity="2"))

    assert answer.status is OrderStatus.UNKNOWN
    assert answer.told
    assert exchange.requests - before == 1
    found = exchange.find_order("one", world.now())
    assert isinstance(found, Found)
    assert (found.order.status, found.order.quantity) == (OrderStatus.OPEN, Decimal(2))
    # Even a sending that nobody should make is answered with the order that exists.
    again = exchange.submit(a_plan("one", quantity="2"))
    assert (again.status, again.exchange_order_id) == (
        OrderStatus.OPEN,
        found.order.exchange_order_id,
    )
    assert in_truth(world) == ["one"]


@pytest.mark.parametrize("kind", [Kind.NULLS, Kind.NEW_FIELDS])
def test_an_answer_of_another_form_is_still_understood(world: WireWorld, kind: Kind) -> None:
    exchange = settled(world)
    world.hall.strike(created(kind=kind))

    answer = exchange.submit(a_plan("one"))

    assert answer.status is OrderStatus.OPEN
    assert in_truth(world) == ["one"]


def test_a_success_that_echoes_another_order_than_the_one_that_exists_is_not_believed(
    world: WireWorld,
) -> None:
    """The venue echoes the new request and means the old order; so the order is looked at."""
    world.venue.submit(a_plan("one", quantity="1"))

    again = world.venue.submit(a_plan("one", quantity="3"))

    assert (again.status, again.exchange_order_id) == (OrderStatus.UNKNOWN, None)
    assert in_truth(world) == ["one"]


def test_a_lost_order_that_the_venue_does_not_list_yet_is_absent_now_and_found_later(
    world: WireWorld,
) -> None:
    """So one look proves nothing, and whoever asks has to look again."""
    exchange = settled(world)
    world.hall.strike(
        created(kind=Kind.CUT, after=True), rule(Kind.ORDER_LATE, CREATE, seconds=5, count=1)
    )

    assert exchange.submit(a_plan("one")).status is OrderStatus.UNKNOWN
    assert exchange.find_order("one", world.now()) == Absent()
    world.hall.timer.skip(5)

    assert isinstance(exchange.find_order("one", world.now()), Found)
    assert len(placed(world)) == 1


def test_a_new_order_that_is_not_found_yet_is_no_error(world: WireWorld) -> None:
    world.hall.strike(rule(Kind.ORDER_LATE, CREATE, seconds=5))

    answer = world.venue.submit(a_plan("one"))

    assert answer.status is OrderStatus.OPEN
    assert answer.exchange_order_id is not None
    assert world.venue.order(answer.exchange_order_id) is None
    assert world.venue.open_orders() == ()
    world.hall.timer.skip(5)
    there = world.venue.order(answer.exchange_order_id)
    assert there is not None
    assert there.client_order_id == "one"


@pytest.mark.parametrize(
    "kind", [Kind.STATUS, Kind.HTML, Kind.EMPTY, Kind.NULLS, Kind.CUT, Kind.RATE_LIMITED]
)
def test_a_listing_that_cannot_be_had_is_never_read_as_absent(world: WireWorld, kind: Kind) -> None:
    exchange = settled(world)
    world.hall.strike(rule(kind, "GET /orders/historical/batch", status=503))

    assert isinstance(exchange.find_order("one", world.now()), CannotTell)
    with pytest.raises(RetryableError):
        exchange.open_orders()


def test_an_order_is_found_behind_two_hundred_and_fifty_newer_ones_or_not_told_as_absent(
    world: WireWorld,
) -> None:
    exchange = settled(world)
    exchange.submit(a_plan("the oldest", price="50", quantity="0.03"))
    since = world.now()
    floor = world.hall.sandbox.floor
    for number in range(250):
        asked = a_request(price="50", quantity="0.03", client_order_id=f"newer {number}")
        world.hall.inside(lambda asked=asked: floor.place(asked, {}))  # type: ignore[misc]

    assert isinstance(exchange.find_order("the oldest", since), Found)
    assert len(exchange.open_orders()) == 251
    world.hall.strike(rule(Kind.STATUS, "GET /orders/historical/batch", status=503, skip=1))
    assert isinstance(exchange.find_order("the oldest", since), CannotTell)


# Cancels


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        (rule(Kind.RATE_LIMITED, CANCEL), False),
        (rule(Kind.CUT, CANCEL), False),
        (rule(Kind.STATUS, CANCEL, status=503), False),
        (rule(Kind.CUT, CANCEL, after=True), True),
        (rule(Kind.STATUS, CANCEL, status=502, body="html", after=True), True),
        (rule(Kind.HTML, CANCEL), True),
        (rule(Kind.EMPTY, CANCEL), True),
    ],
    ids=named,
)
def test_a_cancel_whose_answer_was_lost_is_unknown_and_the_order_tells(
    world: WireWorld, fault: Rule, done: bool
) -> None:
    exchange = settled(world)
    name = exchange.submit(a_plan("one")).exchange_order_id
    assert name is not None
    world.hall.strike(fault)

    assert exchange.cancel(a_cancel(name)) is CancelAnswer.UNKNOWN

    assert len(world.hall.asked(CANCEL)) == 1
    there = exchange.order(name)
    assert there is not None
    assert there.status is (OrderStatus.CANCELLED if done else OrderStatus.OPEN)


def test_an_order_that_is_cancelled_may_be_told_as_open_for_a_while(world: WireWorld) -> None:
    name = world.venue.submit(a_plan("one")).exchange_order_id
    assert name is not None
    world.hall.strike(rule(Kind.OPEN_AFTER_CANCEL, CANCEL, seconds=5))

    assert world.venue.cancel(a_cancel(name)) is CancelAnswer.ACCEPTED

    assert [row.status for row in world.venue.open_orders()] == [OrderStatus.OPEN]
    assert world.venue.cancel(a_cancel(name)) is CancelAnswer.REFUSED
    world.hall.timer.skip(5)
    assert world.venue.open_orders() == ()
    there = world.venue.order(name)
    assert there is not None
    assert there.status is OrderStatus.CANCELLED


def test_a_queued_cancel_is_accepted_again_still_listed_and_a_fill_may_win(
    world: WireWorld,
) -> None:
    name = world.venue.submit(a_plan("one", price="99")).exchange_order_id
    assert name is not None
    world.hall.strike(rule(Kind.CANCEL_SLOW, CANCEL, seconds=60))

    answers = [world.venue.cancel(a_cancel(name)) for _ in range(2)]

    assert answers == [CancelAnswer.ACCEPTED] * 2
    assert [row.exchange_order_id for row in world.venue.open_orders()] == [name]
    world.set_book("98", "98.04")
    there = world.venue.order(name)
    assert there is not None
    assert there.status is OrderStatus.FILLED
    assert len(world.venue.fills(world.now() - DAY)) == 1


# Fills


def test_a_fill_row_that_comes_twice_is_one_fill(world: WireWorld) -> None:
    world.venue.submit(a_plan("one", price="101", quantity="2"))
    once = world.venue.fills(world.now() - DAY)
    world.hall.strike(rule(Kind.TWICE, "GET /orders/historical/fills"))

    assert world.venue.fills(world.now() - DAY) == once
    assert len(once) == 1


def test_a_fill_that_is_told_late_is_told_by_the_order_first(world: WireWorld) -> None:
    world.hall.strike(Rule(kind=Kind.FILLS_LATE, on="FILL ", seconds=5))
    answer = world.venue.submit(a_plan("one", price="101", quantity="2"))
    assert answer.exchange_order_id is not None

    there = world.venue.order(answer.exchange_order_id)
    assert there is not None
    assert (there.status, there.filled) == (OrderStatus.FILLED, Decimal(2))
    assert world.venue.fills(world.now() - DAY) == ()
    world.hall.timer.skip(5)
    assert len(world.venue.fills(world.now() - DAY)) == 1


def test_a_state_that_nobody_has_heard_of_is_unknown_and_not_over(world: WireWorld) -> None:
    name = world.venue.submit(a_plan("one")).exchange_order_id
    assert name is not None
    world.hall.strike(rule(Kind.STRANGE_STATUS))

    there = world.venue.order(name)

    assert there is not None
    assert (there.status, there.told) == (
        OrderStatus.UNKNOWN,
        "status ORDER_STATUS_OF_TOMORROW",
    )


def test_a_key_that_may_not_trade_is_told_so(world: WireWorld) -> None:
    exchange = world.hall.exchange(key_file="coinbase_view_key.json")

    answer = exchange.submit(a_plan("one", side=Side.BUY))

    assert answer.status is OrderStatus.REFUSED
    assert "Missing required scopes" in answer.told
    assert exchange.permissions().can_trade is False
