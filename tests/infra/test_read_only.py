"""DRY_RUN's venue: it shows the starting balances and can send nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from core.market import Balance, Side
from core.money import Money, Price, Quantity
from core.orders import FINAL, OrderStatus, OrderType, PlannedOrder, TimeInForce
from core.ports import Unsent, Venue
from infra.exchange.read_only import ReadOnlyVenue
from tests.builders.market import NOON

STARTING = (Money(Decimal("10000"), "USD"), Money(Decimal("0.5"), "BTC"))


def an_order() -> PlannedOrder:
    return PlannedOrder(
        client_order_id="one",
        symbol="BTC-USD",
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTD,
        post_only=True,
        end_time=NOON + timedelta(minutes=30),
        price=Price(Decimal("60000"), "USD"),
        quantity=Quantity(Decimal("0.01"), "BTC"),
        reason="rules:BTC-USD:BUY",
    )


def test_the_balances_are_the_starting_ones_and_nothing_is_held() -> None:
    venue: Venue = ReadOnlyVenue(STARTING)
    assert venue.balances() == (
        Balance("USD", Decimal("10000"), Decimal(0)),
        Balance("BTC", Decimal("0.5"), Decimal(0)),
    )


def test_an_order_is_definitely_not_sent_and_changes_no_balance() -> None:
    venue = ReadOnlyVenue(STARTING)
    before = venue.balances()
    answer = venue.submit(an_order())
    assert answer.status is OrderStatus.NOT_SENT
    assert answer.status in FINAL
    assert answer.exchange_order_id is None
    assert venue.balances() == before


def test_an_intent_that_was_never_answered_was_never_sent() -> None:
    assert ReadOnlyVenue(STARTING).find_order(an_order().client_order_id, NOON) == Unsent()


def test_two_starting_balances_of_one_currency_are_refused() -> None:
    with pytest.raises(ValueError, match="USD, USD"):
        ReadOnlyVenue((Money(Decimal(1), "USD"), Money(Decimal(2), "USD")))
