"""The judge of the wire notices what it is there for: one falsehood at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.market import Side
from core.money import Price, Quantity
from core.orders import Order, OrderStatus, PlannedOrder, TimeInForce
from core.orders import OrderType as Kind
from tests.builders.market import BAR, NOON
from tests.crashes.wire.books import OwnBooks, TrueFill, TrueOrder, Truth
from tests.crashes.wire.judge import disagreements

SOL = "SOL-USD"
TWO, ZERO = Decimal(2), Decimal(0)
BUY = TrueOrder("v1", "entry", SOL, "BUY", "FILLED", TWO, TWO, NOON, NOON + BAR)
SELL = TrueOrder("v2", "exit", SOL, "SELL", "OPEN", TWO, ZERO, NOON + 2 * BAR, None)
FILL = TrueFill("f1", "v1", SOL, "BUY", Decimal(100), TWO, Decimal("0.8"), NOON + BAR)
TRUTH = Truth({"SOL": TWO, "USD": Decimal("799.2")}, (BUY, SELL), (FILL,))


def own(order: TrueOrder, status: OrderStatus) -> Order:
    planned = PlannedOrder(
        client_order_id=order.name,
        symbol=order.symbol,
        side=Side[order.side],
        type=Kind.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        end_time=None,
        price=Price(Decimal(100), "USD"),
        quantity=Quantity(order.quantity, "SOL"),
        reason="rules:SOL-USD:buy",
    )
    return Order(
        planned=planned,
        cycle=1,
        status=status,
        exchange_order_id=order.order_id,
        filled=order.filled,
    )


BOUGHT, SOLD = own(BUY, OrderStatus.FILLED), own(SELL, OrderStatus.OPEN)
BOOKS = OwnBooks(
    balances=TRUTH.balances,
    flows={},
    orders=(BOUGHT, SOLD),
    fills=(FILL,),
    plans={1: frozenset({"entry"}), 2: frozenset({"exit"})},
)


def told(truth: Truth = TRUTH, books: OwnBooks = BOOKS) -> str:
    return "\n".join(disagreements(truth, books))


def test_books_that_are_as_the_venue_has_it_are_agreed_with() -> None:
    assert told() == ""


def test_a_last_unit_that_is_missing_is_told() -> None:
    less = {**TRUTH.balances, "SOL": Decimal("1.99999999")}
    assert told(replace(TRUTH, balances=less)) == (
        "SOL: the venue holds 1.99999999, the books say 2"
    )


def test_a_difference_that_was_booked_away_as_a_flow_is_told() -> None:
    assert "nobody paid in or out" in told(books=replace(BOOKS, flows={"USD": Decimal(-200)}))


def test_an_order_that_recovery_sent_again_under_a_new_id_is_told() -> None:
    again = replace(BUY, order_id="v3", name="again", begun=NOON + timedelta(minutes=1))
    lines = told(replace(TRUTH, orders=(BUY, again, SELL)))
    assert "no decision on tape asked for it" in lines
    assert "is not in the ledger" in lines
    assert "bought twice at a time" in lines


def test_two_orders_for_one_intent_are_told() -> None:
    twin = replace(BUY, order_id="v3", begun=NOON + 4 * BAR, ended=NOON + 5 * BAR)
    assert "2 orders at the venue for the one intent entry" in told(
        replace(TRUTH, orders=(BUY, SELL, twin))
    )


@pytest.mark.parametrize(
    "status",
    [OrderStatus.REFUSED, OrderStatus.NEVER_REACHED, OrderStatus.UNKNOWN, OrderStatus.CANCELLED],
)
def test_an_order_that_the_ledger_has_otherwise_is_told(status: OrderStatus) -> None:
    wrong = replace(BOUGHT, status=status)
    assert f"the ledger has it {status.name}" in told(books=replace(BOOKS, orders=(wrong, SOLD)))


def test_an_order_that_the_venue_never_had_is_told() -> None:
    assert "the venue never had it" in told(replace(TRUTH, orders=(BUY,)))


def test_an_intent_that_nobody_settled_is_told() -> None:
    loose = replace(BOUGHT, status=OrderStatus.UNKNOWN)
    assert "BUY SOL-USD entry is not settled" in told(books=replace(BOOKS, orders=(loose, SOLD)))


def test_a_fill_booked_twice_not_at_all_or_otherwise_is_told() -> None:
    twice = replace(BOOKS, fills=(FILL, FILL))
    never = replace(BOOKS, fills=())
    dearer = replace(BOOKS, fills=(replace(FILL, fee=Decimal("0.9")),))
    renamed = replace(BOOKS, fills=(FILL, replace(FILL, fill_id="f1 again")))
    assert "is booked 2 times" in told(books=twice)
    assert "is booked 0 times" in told(books=never)
    assert "is booked 0 times" in told(books=dearer)
    assert "never happened" in told(books=renamed)


def test_two_live_sales_of_one_position_are_told_and_one_after_the_other_is_not() -> None:
    second = replace(SELL, order_id="v3", name="exit 2", begun=NOON + 3 * BAR)
    lines = told(replace(TRUTH, orders=(BUY, SELL, second)))
    assert "sales of 4 SOL-USD at work, and 2 held" in lines
    ended = replace(SELL, status="CANCELLED", ended=second.begun)
    assert "at work, and" not in told(replace(TRUTH, orders=(BUY, ended, second)))


def test_a_sale_that_ended_at_once_was_live_too() -> None:
    at = NOON + 3 * BAR
    now = replace(SELL, order_id="v3", name="now", status="FILLED", filled=TWO, begun=at, ended=at)
    cancelled = replace(SELL, status="CANCELLED", ended=at + timedelta(seconds=1))
    assert "sales of 4 SOL-USD at work" in told(replace(TRUTH, orders=(BUY, cancelled, now)))


def test_a_sale_of_what_was_never_bought_is_told() -> None:
    assert "sales of 2 SOL-USD at work, and 0 held" in told(replace(TRUTH, fills=()))
