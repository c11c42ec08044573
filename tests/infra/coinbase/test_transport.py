"""What stands between a request and its answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.errors import FatalError, RetryableError, UnknownOutcomeError
from infra.exchange.coinbase.link import Group, LinkError, Reply, Request, Urgency
from tests.builders.coinbase import NOON, Scene, a_scene, lost, said

TIME = Request(method="GET", path="/time", group=Group.MARKET_DATA)
WALLETS = Request(method="GET", path="/accounts", group=Group.ACCOUNT)
PUT = Request(method="POST", path="/orders", group=Group.ORDERS, body={}, urgency=Urgency.ENTRY)
OFF = PUT.__class__(
    method="POST", path="/orders", group=Group.ORDERS, body={}, urgency=Urgency.EXIT
)
BUSY = said({"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}, 429)
ILL = said({"error": "INTERNAL"}, 500)


def code_of(scene: Scene, request: Request = TIME) -> str:
    with pytest.raises(RetryableError) as caught:
        scene.transport.read(request, bytes)
    return caught.value.code


# Reads


@pytest.mark.parametrize(
    "first", [lost("TIMEOUT"), lost("UNREACHABLE", sent=False), BUSY, ILL, said(b"<html>", 502)]
)
def test_a_read_is_tried_again_where_that_may_help(first: Reply | LinkError) -> None:
    scene = a_scene({"GET /time": [first, said(b"now")]})

    assert scene.transport.read(TIME, bytes) == b"now"
    assert scene.transport.requests == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (said({"error": "NOT_FOUND"}, 404), "NOT_FOUND"),
        (said({"error": "INVALID_ARGUMENT"}, 400), "REQUEST_REFUSED"),
        (lost("TLS_REFUSED", sent=False), "TLS_REFUSED"),
    ],
)
def test_a_read_is_not_tried_again_where_it_cannot_help(
    answer: Reply | LinkError, code: str
) -> None:
    scene = a_scene({"GET /time": answer})

    assert code_of(scene) == code
    assert scene.transport.requests == 1


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_a_read_is_given_up_after_exchange_attempts_max(attempts: int) -> None:
    scene = a_scene({"GET /time": ILL}, attempts_max=attempts)

    assert code_of(scene) == "SERVER_ERROR"
    assert scene.transport.requests == attempts


def waits(cycle: str, **changed: Any) -> list[float]:
    scene = a_scene({"GET /time": ILL}, attempts_max=4, breaker_failures=100, **changed)
    scene.transport.begin_cycle(cycle)
    code_of(scene)
    return scene.clock.slept


def test_waits_are_uneven_bounded_and_always_the_same_again() -> None:
    first, second, third = waits("bot-1")

    assert 0 <= first <= 0.2
    assert 0 <= second <= 0.4
    assert 0 <= third <= 0.8
    assert waits("bot-1") == [first, second, third]
    assert waits("bot-2") != [first, second, third]


def test_the_longest_wait_is_exchange_retry_wait_max() -> None:
    short = timedelta(seconds=0.01)
    slow = waits("bot-1", retry_wait_first=timedelta(seconds=2))

    assert max(slow) > 0.2
    assert max(waits("bot-1", retry_wait_first=short, retry_wait_max=short)) <= 0.01


def test_all_reads_of_a_cycle_share_its_deadline_and_a_new_cycle_has_its_own() -> None:
    scene = a_scene({"GET /time": said(b"now")}, cycle_deadline=timedelta(seconds=8))
    scene.transport.begin_cycle("bot-1")
    scene.clock.pass_by(7.9)
    assert scene.transport.read(TIME, bytes) == b"now"

    scene.clock.pass_by(0.1)
    assert code_of(scene) == "CYCLE_DEADLINE"

    scene.transport.begin_cycle("bot-2")
    assert scene.transport.read(TIME, bytes) == b"now"


def test_outside_of_a_cycle_each_read_has_its_own_deadline() -> None:
    scene = a_scene({"GET /time": said(b"now")})
    scene.clock.pass_by(3600)

    assert scene.transport.read(TIME, bytes) == b"now"


def test_a_read_does_not_wait_beyond_the_deadline_for_another_attempt() -> None:
    scene = a_scene(
        {"GET /time": ILL},
        cycle_deadline=timedelta(milliseconds=500),
        retry_wait_first=timedelta(seconds=8),
        retry_wait_max=timedelta(seconds=8),
        attempts_max=9,
    )
    scene.transport.begin_cycle("bot-1")

    assert code_of(scene) == "SERVER_ERROR"
    assert sum(scene.clock.slept) < 0.5


def test_one_answer_may_take_the_time_to_connect_and_to_read_and_not_the_whole_cycle() -> None:
    given: list[float] = []
    scene = a_scene({"GET /time": said(b"now")})
    plain = scene.link.send

    def measured(request: Request, seconds: float) -> Reply:
        given.append(seconds)
        return plain(request, seconds)

    scene.link.send = measured  # type: ignore[method-assign]
    scene.transport.begin_cycle("bot-1")
    scene.transport.read(TIME, bytes)
    scene.clock.pass_by(5)
    scene.transport.read(TIME, bytes)

    assert given == [6, 3]  # 2 s + 4 s, and what is left of 8 s


def test_an_answer_that_cannot_be_read_is_no_answer() -> None:
    def refuses(body: bytes) -> bytes:
        raise ValueError(f"{len(body)} bytes of nonsense")

    scene = a_scene({"GET /time": said(b"now")})
    with pytest.raises(RetryableError, match="3 bytes of nonsense") as caught:
        scene.transport.read(TIME, refuses)

    assert caught.value.code == "ANSWER_UNREADABLE"


def test_reads_side_by_side_stand_in_the_order_of_the_questions() -> None:
    scene = a_scene({"GET /time": said(b"now"), "GET /gone": said({"error": "NOT_FOUND"}, 404)})
    gone = Request(method="GET", path="/gone", group=Group.MARKET_DATA)

    def ask(request: Request) -> bytes:
        return scene.transport.read(request, bytes)

    asks = [lambda r=request: ask(r) for request in (TIME, gone, TIME)]
    first, second, third = scene.transport.read_all(asks)

    assert (first, third) == (b"now", b"now")
    assert isinstance(second, RetryableError)
    assert second.code == "NOT_FOUND"


def test_a_fatal_answer_among_many_is_raised() -> None:
    scene = a_scene({"GET /time": said(b"Unauthorized", 401)})

    with pytest.raises(FatalError) as caught:
        scene.transport.read_all([lambda: scene.transport.read(TIME, bytes)])
    assert caught.value.code == "KEY_REFUSED"


# What acts


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lost("TIMEOUT"), "TIMEOUT"),
        (lost("CONNECTION_LOST"), "CONNECTION_LOST"),
        (ILL, "SERVER_ERROR"),
        (said(b"<html>", 200), "HTML_ANSWER"),
        (said(b"<html>", 502), "HTML_ANSWER"),
        (said(b"", 408), "REQUEST_REFUSED"),
        (said(b"", 409), "REQUEST_REFUSED"),
    ],
)
def test_what_acts_is_sent_once_and_without_a_clear_answer_it_is_unknown(
    answer: Reply | LinkError, code: str
) -> None:
    scene = a_scene({"POST /orders": answer})

    with pytest.raises(UnknownOutcomeError) as caught:
        scene.transport.act(PUT)
    assert caught.value.code == code
    assert scene.transport.requests == 1


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 422, 429])
def test_a_definite_answer_is_handed_on_as_it_is(status: int) -> None:
    scene = a_scene({"POST /orders": said({"error": "X"}, status)})

    assert scene.transport.act(PUT).status == status


def test_a_request_that_never_left_is_no_unknown() -> None:
    scene = a_scene({"POST /orders": lost("UNREACHABLE", sent=False)})

    with pytest.raises(RetryableError) as caught:
        scene.transport.act(PUT)
    assert caught.value.code == "UNREACHABLE"


def test_a_market_that_used_up_the_cycle_keeps_no_order_from_being_sent() -> None:
    scene = a_scene({"POST /orders": said(b"{}")})
    scene.transport.begin_cycle("bot-1")
    scene.clock.pass_by(60)

    assert scene.transport.act(OFF).status == 200


# Breakers and buckets on the way


def test_a_group_that_keeps_failing_is_left_alone_and_says_so() -> None:
    scene = a_scene({"GET /time": ILL, "POST /orders": said(b"{}")}, attempts_max=1)
    for _ in range(scene.transport.terms.breaker_failures):
        assert code_of(scene) == "SERVER_ERROR"

    assert code_of(scene) == "BREAKER_OPEN"
    assert scene.transport.requests == scene.transport.terms.breaker_failures
    assert scene.transport.act(OFF).status == 200  # another group

    scene.clock.pass_by(scene.transport.terms.breaker_wait.total_seconds())
    scene.link.script["GET /time"] = said(b"now")
    assert scene.transport.read(TIME, bytes) == b"now"


def test_what_the_venue_says_about_one_request_breaks_nothing() -> None:
    scene = a_scene({"GET /time": said({"error": "NOT_FOUND"}, 404)})
    for _ in range(20):
        code_of(scene)

    assert scene.transport.requests == 20


def test_a_buy_behind_an_open_breaker_was_not_sent_and_a_sale_is() -> None:
    scene = a_scene({"POST /orders": ILL}, breaker_failures=1)
    with pytest.raises(UnknownOutcomeError):
        scene.transport.act(PUT)

    with pytest.raises(RetryableError) as caught:
        scene.transport.act(PUT)
    assert caught.value.code == "BREAKER_OPEN"
    assert scene.transport.requests == 1
    scene.link.script["POST /orders"] = said(b"{}")
    assert scene.transport.act(OFF).status == 200
    assert scene.transport.act(PUT).status == 200


def test_after_429_reads_wait_and_an_exit_does_not() -> None:
    scene = a_scene({"GET /time": BUSY, "POST /orders": said(b"{}")}, attempts_max=1)
    assert code_of(scene) == "THROTTLED"

    scene.transport.act(OFF)
    assert scene.clock.slept == []
    code_of(scene)
    assert sum(scene.clock.slept) > 0


@pytest.mark.parametrize(("signed", "rate"), [(True, 25), (False, 8)])
def test_no_more_requests_in_a_second_than_the_limit_of_its_kind(
    *, signed: bool, rate: int
) -> None:
    scene = a_scene({"GET": said(b"now")}, signed=signed)
    began = scene.clock.monotonic()
    count = 0
    while scene.clock.monotonic() - began < 4:
        scene.transport.read(TIME, bytes)
        count += 1

    assert rate * 4 <= count <= rate * 5


# Keys and clocks


def test_a_401_after_a_success_is_throttling_and_is_tried_again() -> None:
    scene = a_scene({"GET /accounts": [said(b"now"), said(b"Unauthorized", 401), said(b"again")]})

    assert scene.transport.read(WALLETS, bytes) == b"now"
    assert scene.transport.read(WALLETS, bytes) == b"again"


def test_a_key_that_is_withdrawn_is_fatal_in_the_end() -> None:
    scene = a_scene({"GET /accounts": [said(b"now"), said(b"Unauthorized", 401)]})
    scene.transport.read(WALLETS, bytes)

    codes = []
    for _ in range(12):
        scene.clock.pass_by(60)
        with pytest.raises((RetryableError, FatalError)) as caught:
            scene.transport.read(WALLETS, bytes)
        codes.append(caught.value.code)

    assert codes[0] == "MAYBE_THROTTLED"
    assert codes[-1] == "KEY_REFUSED"


def test_what_anybody_may_ask_proves_no_key() -> None:
    scene = a_scene({"GET /time": said(b"now"), "GET /accounts": said(b"Unauthorized", 401)})
    scene.transport.read(TIME, bytes)

    with pytest.raises(FatalError) as caught:
        scene.transport.read(WALLETS, bytes)

    assert caught.value.code == "KEY_REFUSED"


def test_the_clocks_are_compared_by_every_answer_of_a_cycle() -> None:
    scene = a_scene({"GET /time": said(b"now", dated=NOON + timedelta(seconds=9))})
    scene.transport.begin_cycle("bot-1")
    assert scene.exchange.clock_offset is None

    scene.transport.read(TIME, bytes)
    assert scene.exchange.clock_offset == timedelta(seconds=9)

    scene.transport.begin_cycle("bot-2")
    assert scene.exchange.clock_offset is None


def test_a_clock_of_another_speed_is_not_read_off_the_date() -> None:
    scene = a_scene({"GET /time": said(b"now", dated=NOON + timedelta(seconds=9))})
    scene.transport.keeps_time = False
    scene.transport.read(TIME, bytes)

    assert scene.exchange.clock_offset is None
