"""What every venue promises to the bot, whoever runs it.

Written against core.ports.Venue and a small driver of the world: no test here may know
what is behind them.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from core.market import Balance, Side
from core.money import ZERO
from core.orders import (
    FINAL,
    CancelAnswer,
    Order,
    OrderStatus,
    OrderType,
    PlannedCancel,
    PlannedOrder,
    TimeInForce,
    VenueFill,
    VenueOrder,
)
from core.ports import Absent, Found
from core.reasons import Finding, Reason
from tests.builders.venue import a_plan
from tests.contracts.world import START_SOL, START_USD, SYMBOL, World

LONG_AGO = timedelta(days=1)


def balance(world: World, currency: str) -> Balance:
    return next(row for row in world.venue.balances() if row.currency == currency)


def fills(world: World) -> tuple[VenueFill, ...]:
    return world.venue.fills(world.now() - LONG_AGO)


def seen(world: World, planned: PlannedOrder) -> VenueOrder:
    search = world.venue.find_order(planned.client_order_id, world.now() - LONG_AGO)
    assert isinstance(search, Found)
    return search.order


def cancel_of(world: World, planned: PlannedOrder) -> PlannedCancel:
    there = seen(world, planned)
    order = Order(
        planned=planned,
        cycle=1,
        status=OrderStatus.OPEN,
        exchange_order_id=there.exchange_order_id,
    )
    return PlannedCancel(order, Finding(Reason.KILL_SWITCH, "seen", "limit", "key"))


def sums(world: World, planned: PlannedOrder) -> tuple[Decimal, Decimal, Decimal]:
    """Quantity, notional and fees of an order's fills."""
    name = seen(world, planned).exchange_order_id
    rows = {row.fill_id: row for row in fills(world) if row.exchange_order_id == name}
    return (
        sum((row.quantity.amount for row in rows.values()), ZERO),
        sum((row.price.of(row.quantity).amount for row in rows.values()), ZERO),
        sum((row.fee.amount for row in rows.values()), ZERO),
    )


# Orders


def test_an_order_away_from_the_book_rests_as_it_was_asked_for(world: World) -> None:
    planned = a_plan(price="99", quantity="2", post_only=True)

    answer = world.venue.submit(planned)

    assert answer.status is OrderStatus.OPEN
    order = seen(world, planned)
    assert order.exchange_order_id == answer.exchange_order_id
    assert (order.symbol, order.side, order.type) == (SYMBOL, Side.BUY, OrderType.LIMIT)
    assert (order.price, order.quantity) == (Decimal(99), Decimal(2))
    assert (order.filled, order.time_in_force) == (ZERO, TimeInForce.GTC)
    assert [row.exchange_order_id for row in world.venue.open_orders()] == [
        answer.exchange_order_id
    ]


def test_an_order_that_takes_gets_the_books_price_and_pays_the_takers_fee(world: World) -> None:
    planned = a_plan(price="101", quantity="2")

    assert world.venue.submit(planned).status in (OrderStatus.FILLED, OrderStatus.OPEN)

    assert seen(world, planned).status is OrderStatus.FILLED
    quantity, notional, fee = sums(world, planned)
    assert (quantity, notional) == (Decimal(2), Decimal("200.04"))
    assert fee == Decimal("200.04") * world.fees.taker.value
    assert balance(world, "USD").total == START_USD - notional - fee
    assert balance(world, "SOL").total == START_SOL + 2


def test_a_resting_order_that_the_book_comes_to_fills_at_its_own_price_as_maker(
    world: World,
) -> None:
    planned = a_plan(side=Side.SELL, price="101", quantity="2", post_only=True)
    world.venue.submit(planned)

    world.set_book("102", "102.04")

    assert seen(world, planned).status is OrderStatus.FILLED
    quantity, notional, fee = sums(world, planned)
    assert (quantity, notional) == (Decimal(2), Decimal(202))
    assert fee == notional * world.fees.maker.value


def test_immediate_or_cancel_takes_what_is_there_and_drops_the_rest(world: World) -> None:
    world.set_book("99.98", "100.02", each="3")
    planned = a_plan(price="100.02", quantity="5", time_in_force=TimeInForce.IOC)

    world.venue.submit(planned)

    order = seen(world, planned)
    assert (order.status, order.filled) == (OrderStatus.CANCELLED, Decimal(3))
    assert balance(world, "USD").held == ZERO


def test_immediate_or_cancel_beyond_the_book_gets_nothing(world: World) -> None:
    planned = a_plan(price="99", time_in_force=TimeInForce.IOC)

    world.venue.submit(planned)

    assert (seen(world, planned).status, fills(world)) == (OrderStatus.CANCELLED, ())


def test_a_partial_fill_leaves_the_rest_working(world: World) -> None:
    world.set_book("99.98", "100.02", each="3")
    planned = a_plan(price="100.02", quantity="5")

    world.venue.submit(planned)

    order = seen(world, planned)
    assert (order.status, order.filled) == (OrderStatus.PARTIAL, Decimal(3))
    assert [row.filled for row in world.venue.open_orders()] == [Decimal(3)]


def test_an_order_with_an_end_expires_there(world: World) -> None:
    end = world.now() + timedelta(minutes=10)
    planned = a_plan(time_in_force=TimeInForce.GTD, end_time=end)
    world.venue.submit(planned)

    world.pass_time(timedelta(minutes=9))
    assert seen(world, planned).status is OrderStatus.OPEN
    world.pass_time(timedelta(minutes=1))
    assert seen(world, planned).status is OrderStatus.EXPIRED
    assert world.venue.open_orders() == ()
    assert balance(world, "USD").held == ZERO


def test_a_stop_limit_waits_for_its_stop_and_sells_then(world: World) -> None:
    planned = a_plan(side=Side.SELL, type=OrderType.STOP_LIMIT, stop="95", price="94", quantity="2")
    world.venue.submit(planned)
    world.set_book("95.01", "95.05")
    assert seen(world, planned).status is OrderStatus.OPEN

    world.set_book("94.90", "94.94")

    assert seen(world, planned).status is OrderStatus.FILLED
    assert sums(world, planned)[1] == Decimal("189.80")


@pytest.mark.parametrize(("bid", "ask"), [("111", "111.04"), ("94", "94.04")])
def test_a_bracket_sells_once_at_its_target_or_at_its_stop(
    world: World, bid: str, ask: str
) -> None:
    planned = a_plan(side=Side.SELL, type=OrderType.BRACKET, stop="95", price="110", quantity="2")
    world.venue.submit(planned)
    assert balance(world, "SOL").held == 2

    world.set_book(bid, ask)
    assert seen(world, planned).status is OrderStatus.FILLED
    world.set_book("94", "94.04")

    assert balance(world, "SOL").total == START_SOL - 2


# At most once


def test_the_same_client_order_id_is_the_same_order(world: World) -> None:
    first = world.venue.submit(a_plan("one", quantity="1"))
    again = world.venue.submit(a_plan("one", quantity="1"))

    assert (again.status, again.exchange_order_id) == (OrderStatus.OPEN, first.exchange_order_id)
    assert len(world.venue.open_orders()) == 1


def test_another_order_under_a_client_order_id_that_was_used_is_never_placed(
    world: World,
) -> None:
    """Whether it is told as the first one or as UNKNOWN is the venue's; a second one it is not."""
    first = world.venue.submit(a_plan("one", quantity="1"))
    again = world.venue.submit(a_plan("one", quantity="3"))

    assert again.exchange_order_id in (first.exchange_order_id, None)
    assert (again.exchange_order_id is None) == (again.status is OrderStatus.UNKNOWN)
    (order,) = world.venue.open_orders()
    assert (order.exchange_order_id, order.quantity) == (first.exchange_order_id, Decimal(1))


def test_an_order_is_found_by_its_client_order_id_also_when_it_has_ended(world: World) -> None:
    planned = a_plan("one", price="101")
    world.venue.submit(planned)

    assert seen(world, planned).client_order_id == "one"
    assert world.venue.find_order("two", world.now() - LONG_AGO) == Absent()


def test_an_order_that_nobody_placed_is_not_known(world: World) -> None:
    assert world.venue.order("00000000-0000-0000-0000-000000000000") is None


def test_everything_is_still_there_for_the_next_process(world: World) -> None:
    filled, rests = a_plan("one", price="101"), a_plan("two", price="99")
    world.venue.submit(filled)
    world.venue.submit(rests)
    before = (world.venue.balances(), world.venue.open_orders(), fills(world))

    world.reopen()

    assert (world.venue.balances(), world.venue.open_orders(), fills(world)) == before
    assert seen(world, filled).status is OrderStatus.FILLED


# Cancels


def test_a_cancel_is_accepted_and_then_done_and_frees_what_was_held(world: World) -> None:
    planned = a_plan()
    world.venue.submit(planned)

    assert world.venue.cancel(cancel_of(world, planned)) is CancelAnswer.ACCEPTED
    world.pass_time(timedelta(minutes=1))

    assert seen(world, planned).status is OrderStatus.CANCELLED
    assert world.venue.open_orders() == ()
    assert balance(world, "USD").held == ZERO


def test_a_fill_may_win_against_the_cancel_and_the_cancel_says_so(world: World) -> None:
    planned = a_plan(price="99")
    world.venue.submit(planned)
    cancel = cancel_of(world, planned)

    world.set_book("98", "98.04")

    assert world.venue.cancel(cancel) is CancelAnswer.REFUSED
    assert seen(world, planned).status is OrderStatus.FILLED


def test_an_order_that_has_ended_cannot_be_cancelled_again(world: World) -> None:
    planned = a_plan()
    world.venue.submit(planned)
    cancel = cancel_of(world, planned)
    world.venue.cancel(cancel)
    world.pass_time(timedelta(minutes=1))

    assert world.venue.cancel(cancel) is CancelAnswer.REFUSED


# Refusals


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": "1000"}, "INSUFFICIENT_FUND"),
        ({"quantity": "1.00001"}, "INVALID_SIZE_PRECISION"),
        ({"price": "99.001"}, "INVALID_PRICE_PRECISION"),
        ({"quantity": "0.0001"}, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
        ({"price": "100.02", "post_only": True}, "INVALID_LIMIT_PRICE_POST_ONLY"),
        ({"side": Side.SELL, "quantity": "50.0001", "price": "101"}, "INSUFFICIENT_FUND"),
    ],
)
def test_what_cannot_be_is_refused_in_the_venues_words_and_a_preview_says_the_same(
    world: World, changes: dict[str, object], code: str
) -> None:
    planned = a_plan(**changes)  # type: ignore[arg-type]

    told = world.venue.preview(planned)
    answer = world.venue.submit(planned)

    assert answer.status is OrderStatus.REFUSED
    assert code in answer.told
    assert code in told
    assert world.venue.open_orders() == ()
    assert world.venue.balances()[0].held == ZERO


def test_a_preview_of_a_good_order_objects_to_nothing_and_holds_nothing(world: World) -> None:
    assert world.venue.preview(a_plan()) == ""
    assert balance(world, "USD").held == ZERO
    assert world.venue.open_orders() == ()


# Money


def test_a_buy_holds_its_cost_with_the_takers_fee_and_a_sale_its_base(world: World) -> None:
    world.venue.submit(a_plan("one", price="99", quantity="2"))
    world.venue.submit(a_plan("two", side=Side.SELL, price="101", quantity="3"))

    assert balance(world, "USD").held == 198 * (1 + world.fees.taker.value)
    assert balance(world, "SOL").held == 3
    assert balance(world, "USD").total == START_USD


def test_what_is_held_cannot_be_spent_twice(world: World) -> None:
    world.venue.submit(a_plan("one", price="99", quantity="100"))

    assert world.venue.submit(a_plan("two", price="99", quantity="2")).status is OrderStatus.REFUSED


def test_balances_are_the_start_and_what_the_fills_say(world: World) -> None:
    world.venue.submit(a_plan("one", price="101", quantity="3"))
    world.venue.submit(a_plan("two", side=Side.SELL, price="99", quantity="1.2345"))
    world.venue.submit(a_plan("three", price="98", quantity="1"))
    world.set_book("97", "97.04")

    usd, sol = START_USD, START_SOL
    for row in fills(world):
        sign = 1 if row.side is Side.BUY else -1
        usd -= sign * row.price.of(row.quantity).amount + row.fee.amount
        sol += sign * row.quantity.amount
    assert len(fills(world)) == 3
    assert (balance(world, "USD").total, balance(world, "SOL").total) == (usd, sol)


# Fills


def test_fills_come_oldest_first_each_with_its_own_id_and_only_since_when_asked(
    world: World,
) -> None:
    world.venue.submit(a_plan("one", price="101"))
    first = fills(world)
    world.pass_time(timedelta(minutes=5))
    world.venue.submit(a_plan("two", price="101"))

    rows = fills(world)
    assert rows[: len(first)] == first
    assert len({row.fill_id for row in rows}) == len(rows) == 2
    assert world.venue.fills(rows[-1].at) == rows[1:]
    assert [row.at for row in rows] == sorted(row.at for row in rows)


# A person on the same account


def test_a_persons_orders_and_fills_are_told_like_any_other(world: World) -> None:
    by_hand = world.place_by_hand(Side.SELL, "105", "1")
    bought = world.buy_by_hand("50")

    (resting,) = world.venue.open_orders()
    assert resting.exchange_order_id == by_hand
    order = world.venue.order(bought)
    assert order is not None
    assert order.status in FINAL
    assert (order.type, order.quantity) == (None, None)
    (row,) = fills(world)
    assert row.exchange_order_id == bought
    spent = row.price.of(row.quantity).amount + row.fee.amount
    assert Decimal("49.99") < spent <= 50


def test_requests_are_counted(world: World) -> None:
    world.venue.open_orders()  # the first look may take more than one request
    before = world.venue.requests
    world.venue.balances()
    world.venue.open_orders()
    assert world.venue.requests == before + 2
