"""Faults on demand: each one does what its name says, and always the same again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from core.errors import FatalError, RetryableError
from core.money import ZERO
from core.orders import (
    CancelAnswer,
    Order,
    OrderStatus,
    PlannedCancel,
    PlannedOrder,
)
from core.ports import Absent, CannotTell, Found
from core.reasons import Finding, Reason
from infra.exchange.simulated.exchange import SimulatedExchange
from infra.exchange.simulated.faults import Fault, FaultPlan, FaultyVenue, Outage
from infra.exchange.simulated.venue import SimulatedVenue
from tests.builders.market import NOON
from tests.builders.venue import HandMarket, a_plan, an_exchange

MINUTE = timedelta(minutes=1)


def faulty(
    *faults: Fault, market: HandMarket | None = None, share: float = 1.0, **plan: object
) -> tuple[FaultyVenue, SimulatedExchange, HandMarket]:
    """A venue on which these faults always strike, with the truth behind it."""
    market = market or HandMarket()
    exchange = an_exchange(market)
    shares = dict.fromkeys(faults, share)
    made = FaultPlan(seed=7, shares=shares, **plan)  # type: ignore[arg-type]
    return FaultyVenue(SimulatedVenue(exchange), made, market.clock), exchange, market


def cancel_of(planned: PlannedOrder, exchange: SimulatedExchange) -> PlannedCancel:
    entry = exchange.order_named(planned.client_order_id)
    assert entry is not None
    order = Order(
        planned=planned,
        cycle=1,
        status=OrderStatus.OPEN,
        exchange_order_id=entry.exchange_order_id,
    )
    return PlannedCancel(order, Finding(Reason.KILL_SWITCH, "seen", "limit", "key"))


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        (Fault.LOST_BEFORE, False),
        (Fault.SERVER_ERROR_BEFORE, False),
        (Fault.LOST_AFTER, True),
        (Fault.SERVER_ERROR_AFTER, True),
        (Fault.HTML_BODY, True),
        (Fault.ARRIVES_LATE, False),
    ],
)
def test_an_order_without_an_answer_is_unknown_and_may_or_may_not_be_there(
    fault: Fault, arrived: bool
) -> None:
    venue, exchange, _ = faulty(fault)

    answer = venue.submit(a_plan("one"))

    assert (answer.status, answer.told) == (OrderStatus.UNKNOWN, fault.value)
    assert answer.exchange_order_id is None
    assert (exchange.order_named("one") is not None) is arrived


def test_a_request_that_is_late_arrives_with_the_next_call() -> None:
    venue, exchange, _ = faulty(Fault.ARRIVES_LATE)
    venue.submit(a_plan("one"))

    venue.open_orders()

    assert exchange.order_named("one") is not None


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.MAINTENANCE])
def test_a_definite_no_is_retryable_and_nothing_was_done(fault: Fault) -> None:
    outage = Outage(NOON, NOON + MINUTE, fault=Fault.MAINTENANCE)
    outages = (outage,) if fault is Fault.MAINTENANCE else ()
    venue, exchange, _ = faulty(Fault.RATE_LIMITED, outages=outages)

    with pytest.raises(RetryableError) as told:
        venue.submit(a_plan("one"))

    assert told.value.code == fault.value
    assert exchange.order_named("one") is None


def test_a_refused_key_is_for_a_person() -> None:
    venue, _, _ = faulty(Fault.KEY_REFUSED)
    with pytest.raises(FatalError):
        venue.balances()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.LOST_AFTER, "TIMEOUT"),
        (Fault.HTML_BODY, "HTML_BODY"),
        (Fault.SERVER_ERROR_BEFORE, "HTTP_503"),
        (Fault.RATE_LIMITED, "HTTP_429"),
    ],
)
def test_a_reading_without_an_answer_is_retryable_with_its_code(fault: Fault, code: str) -> None:
    venue, _, _ = faulty(fault)

    for read in (
        venue.balances,
        venue.open_orders,
        lambda: venue.fills(NOON),
        lambda: venue.order("x"),
        lambda: venue.preview(a_plan()),
    ):
        with pytest.raises(RetryableError) as told:
            read()
        assert told.value.code == code
    assert venue.find_order("one", NOON) == CannotTell(code)


def test_a_cancel_without_an_answer_is_unknown() -> None:
    market = HandMarket()
    venue, exchange, _ = faulty(Fault.LOST_AFTER, market=market)
    planned = a_plan("one")
    venue.submit(planned)

    assert venue.cancel(cancel_of(planned, exchange)) is CancelAnswer.UNKNOWN

    after = exchange.order_named("one")
    assert after is not None
    assert after.status is OrderStatus.CANCELLED


def test_fill_rows_come_twice() -> None:
    venue, _, _ = faulty(Fault.FILLS_TWICE)
    venue.submit(a_plan(price="101"))

    rows = venue.fills(NOON)

    assert len(rows) == 2
    assert rows[0] == rows[1]


def test_a_fill_is_told_a_cycle_after_it_happened() -> None:
    venue, _, market = faulty(Fault.FILL_LATE)
    venue.submit(a_plan(price="101"))
    assert venue.fills(NOON) == ()
    assert venue.fills(NOON) == ()

    market.clock.set(NOON + MINUTE)

    assert len(venue.fills(NOON)) == 1
    assert len(venue.fills(NOON)) == 1


def test_an_order_is_listed_open_once_more_after_it_was_cancelled() -> None:
    venue, exchange, market = faulty(Fault.LISTED_AFTER_END)
    planned = a_plan("one")
    venue.submit(planned)
    before = venue.open_orders()
    venue.cancel(cancel_of(planned, exchange))
    market.clock.set(NOON + MINUTE)

    assert venue.open_orders() == before
    assert venue.open_orders() == ()


def test_an_order_is_not_found_right_after_it_was_placed() -> None:
    venue, _, market = faulty(Fault.NOT_FOUND_YET)
    answer = venue.submit(a_plan("one"))
    assert answer.exchange_order_id is not None
    assert venue.order(answer.exchange_order_id) is None
    assert venue.find_order("one", NOON) == Absent()

    market.clock.set(NOON + MINUTE)

    assert venue.order(answer.exchange_order_id) is not None
    assert isinstance(venue.find_order("one", NOON), Found)


def test_a_partial_outage_leaves_the_other_calls_alone() -> None:
    outage = Outage(NOON, NOON + MINUTE, frozenset({"fills"}))
    venue, _, market = faulty(outages=(outage,))

    assert venue.balances()
    with pytest.raises(RetryableError):
        venue.fills(NOON)
    market.clock.set(NOON + MINUTE)
    assert venue.fills(NOON) == ()


def test_the_clock_of_the_venue_may_be_ahead() -> None:
    venue, _, _ = faulty(skew=timedelta(seconds=7))
    venue.submit(a_plan("one", price="101"))

    (row,) = venue.fills(NOON + timedelta(seconds=7))
    search = venue.find_order("one", NOON)

    assert row.at == NOON + timedelta(seconds=7)
    assert isinstance(search, Found)
    assert search.order.created_at == row.at


def test_faults_stop_at_their_time_or_when_they_are_told_to() -> None:
    venue, _, market = faulty(Fault.LOST_BEFORE, until=NOON + MINUTE)
    assert venue.submit(a_plan("one")).status is OrderStatus.UNKNOWN
    market.clock.set(NOON + MINUTE)
    assert venue.submit(a_plan("one")).status is OrderStatus.OPEN

    venue, exchange, _ = faulty(Fault.ARRIVES_LATE)
    venue.submit(a_plan("two"))
    venue.calm()
    assert exchange.order_named("two") is not None
    assert venue.submit(a_plan("three")).status is OrderStatus.OPEN


def test_faults_strike_in_their_share_and_the_same_again() -> None:
    plan = FaultPlan(seed=5, shares={Fault.LOST_BEFORE: 0.25})

    struck = [plan.strikes(Fault.LOST_BEFORE, str(chance)) for chance in range(2_000)]

    assert 430 < sum(struck) < 570
    assert struck == [plan.strikes(Fault.LOST_BEFORE, str(chance)) for chance in range(2_000)]
    other = FaultPlan(seed=6, shares=plan.shares)
    assert struck != [other.strikes(Fault.LOST_BEFORE, str(chance)) for chance in range(2_000)]
    assert not plan.strikes(Fault.HTML_BODY, "1")


def test_whatever_strikes_no_order_is_placed_twice_and_the_account_stays_whole() -> None:
    faults = (
        *(Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.ARRIVES_LATE, Fault.HTML_BODY),
        *(Fault.FILLS_TWICE, Fault.FILL_LATE, Fault.NOT_FOUND_YET, Fault.LISTED_AFTER_END),
    )
    venue, _, market = faulty(*faults, share=0.3)
    for number in range(60):
        planned = a_plan(f"order {number // 3}", price="101", quantity="0.1")
        venue.submit(planned)
        market.clock.set(market.clock.now() + MINUTE)
    venue.calm()

    rows = venue.fills(NOON - MINUTE)
    assert len({row.exchange_order_id for row in rows}) == len(rows) <= 20
    bought = sum((row.quantity.amount for row in rows), ZERO)
    (sol,) = [row.total for row in venue.balances() if row.currency == "SOL"]
    assert sol == Decimal(50) + bought
    assert venue.struck.keys() >= {Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.ARRIVES_LATE}
