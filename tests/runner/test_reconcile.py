"""Orders and fills as the venue tells of them: booked once, believed only as far as they fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import RetryableError
from core.market import Side
from core.money import Money
from core.orders import OrderStatus, TimeInForce, moved
from core.state import Sent
from tests.builders.market import BAR, NOON
from tests.builders.reconciling import SOL, a_wish, bookkeeping


def test_a_fill_is_booked_once_however_often_its_row_comes(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        row = kept.venue.fills_of(name, "3", "100")
        kept.venue.rows += [row, row]
        found = kept.cycle()
        assert [fill.fill_id for fill in found.fills] == [row.fill_id]
        assert kept.cycle().fills == ()
        assert kept.only().status is OrderStatus.FILLED
        assert kept.ledger.expected() == kept.venue.account
        assert kept.ledger.positions()[SOL].quantity.amount == Decimal(3)


def test_a_part_that_fills_makes_the_order_partial_and_the_rest_follows(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        kept.venue.fills_of(name, "1", "100")
        (changed,) = kept.cycle().orders
        assert (changed.status, changed.filled) == (OrderStatus.PARTIAL, Decimal(1))
        kept.venue.fills_of(name, "2", "99")
        (changed,) = kept.cycle().orders
        assert (changed.status, changed.filled) == (OrderStatus.FILLED, Decimal(3))


def test_an_order_is_final_only_once_all_its_fills_are_booked(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        late = kept.venue.fills_of(name, "1", "100", row=False)
        kept.venue.ends(name, OrderStatus.CANCELLED)
        kept.cycle()
        assert kept.only().status is OrderStatus.OPEN
        kept.venue.rows.append(late)
        kept.cycle()
        assert (kept.only().status, kept.only().filled) == (OrderStatus.CANCELLED, Decimal(1))


def test_an_order_that_ended_is_not_believed_to_be_open_again(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        kept.venue.ends(name, OrderStatus.CANCELLED)
        kept.cycle()
        kept.venue.ends(name, OrderStatus.OPEN)  # a listing that lags behind
        found = kept.cycle()
        assert (found.orders, kept.only().status) == ((), OrderStatus.CANCELLED)
        assert found.portfolio.quarantined == {}


def test_a_fill_that_comes_after_the_end_is_booked_all_the_same(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        kept.venue.ends(name, OrderStatus.CANCELLED)
        kept.cycle()
        kept.venue.fills_of(name, "1", "100")
        assert len(kept.cycle().fills) == 1
        assert kept.ledger.positions()[SOL].quantity.amount == Decimal(1)


def test_an_order_that_is_in_no_listing_is_asked_for_by_its_name(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        kept.venue.ends(name, OrderStatus.EXPIRED)
        kept.venue.asked.clear()
        kept.cycle()
        assert kept.venue.asked.count("order") == 1
        assert kept.only().status is OrderStatus.EXPIRED


def test_an_order_that_the_venue_does_not_find_stays_as_it_was(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        kept.venue.ends(name, OrderStatus.EXPIRED)
        kept.venue.hidden = {name}
        kept.cycle()
        assert kept.only().status is OrderStatus.OPEN


@pytest.mark.parametrize("method", ["open_orders", "fills", "order", "find_order"])
def test_what_cannot_be_read_changes_nothing_and_is_read_the_next_time(
    tmp_path: Path, method: str
) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        kept.intends(a_wish("two", symbol="ADA-USD"))
        kept.venue.fills_of(name, "3", "100")
        kept.venue.fails(method)
        found = kept.cycle()
        assert found.portfolio.quarantined == {}
        kept.cycle()
        done = {order.planned.client_order_id: order.status for order in kept.ledger.orders()}
        assert done["one"] is OrderStatus.FILLED
        assert kept.ledger.expected() == kept.venue.account


def test_fills_of_orders_that_are_not_ours_are_left_alone_and_asked_for_once(
    tmp_path: Path,
) -> None:
    with bookkeeping(tmp_path, USD="1000", SOL="5") as kept:
        kept.venue.submit(a_wish("somebody's", Side.SELL))  # by hand, on the same account
        kept.venue.fills_of(kept.venue.newest, "3", "100")
        assert kept.cycle().fills == ()
        kept.venue.asked.clear()
        assert kept.cycle().fills == ()
        assert "order" not in kept.venue.asked


def test_a_fill_of_an_order_that_comes_from_ours_is_ours(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        child = replace(
            kept.venue.orders[name],
            exchange_order_id="X-child",
            client_order_id=None,
            originates_from=name,
        )
        kept.venue.orders["X-child"] = child
        kept.venue.fills_of("X-child", "3", "100")
        (fill,) = kept.cycle().fills
        assert fill.client_order_id == "one"


# Intents without an answer


def test_an_intent_that_the_venue_has_is_found_by_its_id(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.venue.lost_answers = 1
        name = kept.sends(a_wish())
        kept.venue.fills_of(name, "3", "100")
        (changed,) = kept.cycle().orders
        assert (changed.exchange_order_id, changed.status) == (name, OrderStatus.FILLED)
        assert kept.ledger.expected() == kept.venue.account


def test_a_fill_that_is_told_before_its_order_is_found_is_booked_once_it_is(
    tmp_path: Path,
) -> None:
    """The answer to the order is lost, and so is the search for it: its row is no stranger's."""
    with bookkeeping(tmp_path) as kept:
        kept.intends(a_wish())
        kept.venue.submit(a_wish())
        kept.venue.fills_of(kept.venue.newest, "3", "100")
        kept.venue.fails("find_order")
        assert kept.cycle().fills == ()
        assert len(kept.cycle().fills) == 1
        assert kept.only().status is OrderStatus.FILLED


def test_absence_is_proved_by_two_listings_of_two_cycles(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.intends(a_wish())
        first = kept.cycle()
        assert (first.orders, kept.only().status) == ((), OrderStatus.INTENDED)
        assert first.portfolio.open_orders == (kept.only(),)
        (changed,) = kept.cycle().orders
        assert changed.status is OrderStatus.NEVER_REACHED
        assert kept.state.absent == {}


def test_a_listing_that_could_not_be_had_proves_nothing(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.intends(a_wish())
        kept.cycle()
        kept.venue.fails("find_order", RetryableError("no answer"))
        kept.cycle()
        assert kept.only().status is OrderStatus.INTENDED
        kept.cycle()
        assert kept.only().status is OrderStatus.NEVER_REACHED


@pytest.mark.parametrize(("early", "proved"), [(0, False), (1, True)])
def test_an_order_whose_own_end_has_passed_is_absent_at_the_first_look(
    tmp_path: Path, early: int, proved: bool
) -> None:
    with bookkeeping(tmp_path) as kept:
        assert kept.state.at is not None
        end = kept.state.at + BAR - timedelta(microseconds=early)
        kept.intends(replace(a_wish(), time_in_force=TimeInForce.GTD, end_time=end))
        kept.cycle()
        assert (kept.only().status is OrderStatus.NEVER_REACHED) == proved


def test_an_order_that_the_venue_has_named_is_not_absent_at_the_first_look(tmp_path: Path) -> None:
    """It said yes to it once; a listing that is late may hold it in the next cycle."""
    with bookkeeping(tmp_path) as kept:
        assert kept.state.at is not None
        wish = replace(a_wish(), time_in_force=TimeInForce.GTD, end_time=kept.state.at)
        kept.intends(wish)
        unsure = moved(kept.only(), OrderStatus.UNKNOWN)
        kept.ledger.settle((replace(unsure, exchange_order_id="named"),), kept.state.at)
        kept.cycle()
        assert kept.only().status is OrderStatus.UNKNOWN
        kept.cycle()
        assert kept.only().status is OrderStatus.NEVER_REACHED


def test_what_never_arrived_uses_up_no_pace(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        assert kept.state.at is not None
        other = Sent("ADA-USD", Side.BUY, kept.state.at)
        mark = Sent(SOL, Side.BUY, kept.state.at)
        kept.state = replace(kept.state, sent=(other, mark))
        kept.intends(a_wish())
        kept.cycle()
        assert list(kept.state.sent) == [other, mark]
        kept.cycle()
        assert list(kept.state.sent) == [other]


# What does not fit


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"symbol": "ADA-USD"}, "product ADA-USD for SOL-USD"),
        ({"side": Side.SELL}, "side SELL for BUY"),
        ({"price": Decimal("101")}, "price 101 for 100"),
        ({"quantity": Decimal("4")}, "quantity 4 for 3"),
    ],
)
@pytest.mark.parametrize("answered", [True, False])
def test_an_order_that_is_not_the_one_asked_for_stops_its_product(
    tmp_path: Path, change: dict[str, object], told: str, answered: bool
) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.venue.lost_answers = 0 if answered else 1
        name = kept.sends(a_wish())
        kept.venue.orders[name] = replace(kept.venue.orders[name], **change)  # type: ignore[arg-type]
        found = kept.cycle()
        assert told in found.portfolio.quarantined[SOL]
        assert found.orders == ()


def test_an_order_that_is_told_twice_with_different_states_stops_its_product(
    tmp_path: Path,
) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        kept.venue.orders["again"] = replace(
            kept.venue.orders[name], status=OrderStatus.PARTIAL, filled=Decimal(1)
        )
        found = kept.cycle()
        assert "two states of order X-1: OPEN and PARTIAL" in found.portfolio.quarantined[SOL]
        assert kept.only().status is OrderStatus.OPEN


def test_a_status_that_nobody_knows_stops_its_product_until_it_is_known(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        kept.venue.orders[name] = replace(
            kept.venue.orders[name], status=OrderStatus.UNKNOWN, told="status OF_TOMORROW"
        )
        assert "status OF_TOMORROW" in kept.cycle().portfolio.quarantined[SOL]
        kept.venue.orders[name] = replace(kept.venue.orders[name], status=OrderStatus.OPEN, told="")
        assert kept.cycle().portfolio.quarantined == {}
        assert kept.only().status is OrderStatus.OPEN


def test_a_fill_that_is_told_otherwise_the_second_time_stops_its_product_alone(
    tmp_path: Path,
) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        row = kept.venue.fills_of(name, "1", "100")
        kept.cycle()
        kept.venue.rows[0] = replace(row, fee=Money(Decimal(9), "USD"))
        other = kept.sends(a_wish("two", symbol="ADA-USD"))
        kept.venue.fills_of(other, "3", "100")
        found = kept.cycle()
        assert list(found.portfolio.quarantined) == [SOL]
        assert [fill.symbol for fill in found.fills] == ["ADA-USD"]
        assert list(kept.cycle().portfolio.quarantined) == [SOL]


def test_a_row_that_is_booked_and_told_again_is_not_looked_up_again(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.venue.fills_of(kept.sends(a_wish()), "1", "100")
        kept.cycle()
        asked: list[str] = []
        kept.ledger._db.set_trace_callback(asked.append)
        kept.cycle()
        assert not [query for query in asked if "fill_id = " in query]


def test_a_fill_of_another_product_than_its_order_is_not_booked(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        name = kept.sends(a_wish())
        row = kept.venue.fills_of(name, "1", "100")
        kept.venue.rows[0] = replace(row, symbol="ADA-USD")
        found = kept.cycle()
        assert found.fills == ()
        assert "a BUY of ADA-USD, its order a BUY of SOL-USD" in found.portfolio.quarantined[SOL]


def test_sales_are_seen_by_the_decision_of_the_cycle_that_books_them(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.venue.fills_of(kept.sends(a_wish()), "3", "100")
        kept.cycle()
        kept.venue.fills_of(kept.sends(a_wish("two", Side.SELL)), "3", "90")
        found = kept.cycle()
        (sale,) = found.sighting.closed
        assert kept.state.closed == (sale,)
        assert (sale.order, sale.profit.amount < 0) == ("two", True)
        assert kept.ledger.closed_since(NOON - BAR) == (sale,)
