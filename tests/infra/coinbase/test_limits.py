"""Breakers, buckets, workers and the budget of a cycle."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from threading import Event, get_ident

import msgspec
import pytest

from core.errors import FatalError, RetryableError
from core.money import Ratio
from core.state import Breaker, BreakerPosition
from infra.clock import SystemClock
from infra.exchange.coinbase.breakers import Breakers
from infra.exchange.coinbase.buckets import Bucket
from infra.exchange.coinbase.budget import Budget, budget, refusal, room
from infra.exchange.coinbase.link import Group, Urgency
from infra.exchange.coinbase.workers import Workers
from tests.builders.coinbase import NOON, HandClock, terms

WAIT = timedelta(seconds=30)


def broken(times: int = 3, most: int = 3) -> Breakers:
    breakers = Breakers(most, WAIT)
    for _ in range(times):
        breakers.failed(Group.ORDERS, NOON)
    return breakers


def admitted(breakers: Breakers, group: Group, seconds: float, urgency: Urgency) -> bool:
    try:
        breakers.admit(group, urgency, NOON + timedelta(seconds=seconds))
    except RetryableError as error:
        return error.code != "BREAKER_OPEN"
    return True


# Breakers


def test_failures_in_a_row_open_a_breaker_and_one_success_starts_anew() -> None:
    assert admitted(broken(2), Group.ORDERS, 0, Urgency.READ)
    assert not admitted(broken(3), Group.ORDERS, 0, Urgency.READ)

    breakers = broken(2)
    breakers.succeeded(Group.ORDERS)
    breakers.failed(Group.ORDERS, NOON)
    assert admitted(breakers, Group.ORDERS, 0, Urgency.READ)


def test_one_group_that_fails_leaves_the_others_alone() -> None:
    assert admitted(broken(), Group.ACCOUNT, 0, Urgency.READ)
    assert admitted(broken(), Group.MARKET_DATA, 0, Urgency.READ)


@pytest.mark.parametrize(("seconds", "through"), [(29.9, False), (30, True), (31, True)])
def test_after_its_wait_an_open_breaker_lets_one_through(seconds: float, *, through: bool) -> None:
    breakers = broken()

    assert admitted(breakers, Group.ORDERS, seconds, Urgency.READ) is through
    if through:
        assert not admitted(breakers, Group.ORDERS, seconds, Urgency.READ)
        breakers.succeeded(Group.ORDERS)
        assert admitted(breakers, Group.ORDERS, seconds, Urgency.READ)


def test_a_failed_probe_opens_it_for_another_wait() -> None:
    breakers = broken()
    assert admitted(breakers, Group.ORDERS, 30, Urgency.READ)
    breakers.failed(Group.ORDERS, NOON + timedelta(seconds=31))

    assert not admitted(breakers, Group.ORDERS, 60, Urgency.READ)
    assert admitted(breakers, Group.ORDERS, 61, Urgency.READ)


def test_cancels_and_sales_pass_an_open_breaker_and_buys_do_not() -> None:
    assert admitted(broken(), Group.ORDERS, 0, Urgency.EXIT)
    assert not admitted(broken(), Group.ORDERS, 0, Urgency.ENTRY)


def test_breakers_outlive_a_restart() -> None:
    kept = broken().state()
    assert kept[0] == Breaker(Group.ORDERS.value, BreakerPosition.OPEN, 3, NOON)

    again = Breakers(3, WAIT)
    again.restore(msgspec.json.decode(msgspec.json.encode(kept), type=tuple[Breaker, ...]), NOON)

    assert again.state() == kept
    assert not admitted(again, Group.ORDERS, 29, Urgency.READ)
    assert admitted(again, Group.ORDERS, 30, Urgency.READ)


def test_what_has_answered_since_the_start_is_believed_more_than_what_was_kept() -> None:
    again = Breakers(3, WAIT)
    again.succeeded(Group.ORDERS)
    again.restore(broken().state(), NOON)

    assert admitted(again, Group.ORDERS, 0, Urgency.READ)


def test_a_probe_of_a_dead_process_is_nobodys() -> None:
    breakers = broken()
    assert admitted(breakers, Group.ORDERS, 30, Urgency.READ)

    again = Breakers(3, WAIT)
    again.restore(breakers.state(), NOON)

    assert admitted(again, Group.ORDERS, 31, Urgency.READ)


def test_where_the_clock_went_back_nobody_waits_for_the_time_that_was() -> None:
    again = Breakers(3, WAIT)
    again.restore(broken().state(), NOON - timedelta(days=1))

    assert admitted(again, Group.ORDERS, 30 - 86_400, Urgency.READ)


# Buckets


def a_bucket(clock: HandClock, per_second: int = 10, share: str = "0.2") -> Bucket:
    return Bucket(per_second, Ratio(Decimal(share)), clock)


def taken_at_once(bucket: Bucket, clock: HandClock, urgency: Urgency) -> int:
    count = 0
    while True:
        try:
            bucket.take(urgency, clock.monotonic())
        except RetryableError:
            return count
        count += 1


def test_reads_leave_the_reserve_and_exits_take_it() -> None:
    clock = HandClock()
    bucket = a_bucket(clock)

    assert taken_at_once(bucket, clock, Urgency.READ) == 8
    assert taken_at_once(bucket, clock, Urgency.ENTRY) == 0
    assert taken_at_once(bucket, clock, Urgency.EXIT) == 2


@pytest.mark.parametrize(("share", "kept"), [("0", 1), ("0.5", 5), ("1", 9)])
def test_at_least_one_token_is_kept_and_at_least_one_is_not(share: str, kept: int) -> None:
    assert a_bucket(HandClock(), share=share).reserved == kept


def test_a_request_waits_for_its_token_and_never_beyond_its_deadline() -> None:
    clock = HandClock()
    bucket = a_bucket(clock)
    taken_at_once(bucket, clock, Urgency.READ)

    with pytest.raises(RetryableError, match="before the deadline"):
        bucket.take(Urgency.READ, clock.monotonic() + 0.09)
    bucket.take(Urgency.READ, clock.monotonic() + 0.11)

    assert clock.slept == [pytest.approx(0.1)]


def test_a_bucket_never_holds_more_than_a_second() -> None:
    clock = HandClock()
    bucket = a_bucket(clock)
    clock.pass_by(3600)

    assert taken_at_once(bucket, clock, Urgency.READ) == 8


def test_over_ten_seconds_no_more_go_out_than_the_limit_allows() -> None:
    clock = HandClock()
    bucket = a_bucket(clock)
    began = clock.monotonic()
    count = 0
    while clock.monotonic() - began < 10:
        bucket.take(Urgency.READ, clock.monotonic() + 60)
        count += 1

    assert 100 <= count <= 110


def test_a_venue_that_says_too_fast_leaves_the_reserve_alone() -> None:
    clock = HandClock()
    bucket = a_bucket(clock)
    bucket.drain()

    assert taken_at_once(bucket, clock, Urgency.READ) == 0
    assert taken_at_once(bucket, clock, Urgency.EXIT) == 2


# Workers


def pool(most: int = 2) -> Workers:
    return Workers(most, "test", SystemClock())


def soon(seconds: float = 5) -> float:
    return SystemClock().monotonic() + seconds


def test_answers_stand_in_the_order_of_the_questions_and_an_error_is_an_answer() -> None:
    def fails() -> int:
        raise RetryableError("no", code="NO")

    asks: list[Callable[[], int]] = [lambda: 1, fails, lambda: 3]
    first, second, third = pool().ask_all(asks, soon())

    assert (first, third) == (1, 3)
    assert isinstance(second, RetryableError)


def test_no_more_threads_than_the_bound_and_they_are_kept() -> None:
    workers = pool(2)
    seen = [*workers.ask_all([get_ident] * 20, soon()), *workers.ask_all([get_ident] * 20, soon())]

    assert len(set(seen)) <= 2
    assert get_ident() not in seen


def test_who_waits_gives_up_at_the_deadline_whatever_the_other_end_does() -> None:
    workers, never = pool(1), Event()
    try:
        hangs, starved = workers.ask_all([never.wait, lambda: 2], soon(0.05))
        assert isinstance(hangs, RetryableError)
        assert isinstance(starved, RetryableError)
        assert (hangs.code, starved.code) == ("TIMEOUT", "CYCLE_DEADLINE")
        # The next question has a thread all the same.
        assert workers.ask(lambda: 7, soon()) == 7
    finally:
        never.set()


def test_a_fault_of_ours_is_raised_where_it_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    workers = pool()

    with pytest.raises(ZeroDivisionError):
        workers.ask(lambda: 1 // (len(sys.path) - len(sys.path)), soon())
    with pytest.raises(FatalError):
        workers.ask(lambda: (_ for _ in ()).throw(FatalError("look")), soon())
    assert workers.ask(lambda: 7, soon()) == 7


# The budget


def test_a_warm_cycle_asks_four_times_and_for_each_closed_bar_and_some_depths() -> None:
    assert budget(30, 4, signed=True) == Budget(account=3, tops=1, candles=30, depths=4)
    assert budget(0, 0, signed=True).total == 3
    assert budget(150, 4, signed=True).tops == 1
    assert budget(151, 4, signed=True).tops == 2


def test_without_a_key_every_top_is_a_request() -> None:
    assert budget(30, 4, signed=False).total == 64


def test_a_cycle_that_cannot_fit_is_refused_with_the_keys_to_change() -> None:
    given = terms(
        private_requests_per_second_max=10,
        exit_reserve=Ratio(Decimal("0.2")),
        cycle_deadline=timedelta(seconds=2),
    )
    assert room(given, signed=True) == 8 + 20

    assert refusal(Budget(3, 1, 20, 4), given, signed=True) is None
    told = refusal(Budget(3, 1, 21, 4), given, signed=True)
    assert told is not None
    assert "needs 29 requests" in told
    assert "28 fit" in told
    assert "exchange.private_requests_per_second_max" in told


def test_the_shipped_settings_have_room_for_thirty_products_with_a_key_and_without() -> None:
    assert refusal(budget(30, 4, signed=True), terms(), signed=True) is None
    assert refusal(budget(30, 4, signed=False), terms(), signed=False) is None
    assert refusal(budget(300, 4, signed=True), terms(), signed=True) is not None
