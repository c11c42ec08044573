"""What an answer means, and how far two clocks are apart."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import FatalError, RetryableError
from infra.exchange.coinbase.judgement import REFUSALS_MAX, SKEW_MAX, Standing, judged
from infra.exchange.coinbase.link import Reply
from infra.exchange.coinbase.venue_clock import VenueClock
from tests.builders.coinbase import NOON

FRESH = Standing(signed=True, let_in=False, refusals=0, offset=None)
KNOWN = Standing(signed=True, let_in=True, refusals=0, offset=timedelta(0))
HTML = b"\n<!DOCTYPE html><html><body>Just a moment...</body></html>"
LIMITED = b'{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}'
SCOPES = (
    b'{"error":"PERMISSION_DENIED","error_details":"Missing required scopes",'
    b'"message":"Missing required scopes"}'
)


@pytest.mark.parametrize(
    ("status", "body", "standing", "family", "code"),
    [
        (429, LIMITED, KNOWN, RetryableError, "THROTTLED"),
        (429, HTML, KNOWN, RetryableError, "HTML_ANSWER"),
        (200, HTML, KNOWN, RetryableError, "HTML_ANSWER"),
        (403, HTML, KNOWN, RetryableError, "HTML_ANSWER"),
        (500, b'{"error":"INTERNAL"}', KNOWN, RetryableError, "SERVER_ERROR"),
        (502, HTML, KNOWN, RetryableError, "HTML_ANSWER"),
        (503, b"", KNOWN, RetryableError, "SERVER_ERROR"),
        (404, b'{"error":"NOT_FOUND"}', KNOWN, RetryableError, "NOT_FOUND"),
        (400, b'{"error":"INVALID_ARGUMENT"}', KNOWN, RetryableError, "REQUEST_REFUSED"),
        (403, b'{"error":"geofenced"}', KNOWN, RetryableError, "REQUEST_REFUSED"),
        (302, b"", KNOWN, RetryableError, "UNEXPECTED_ANSWER"),
        (403, SCOPES, KNOWN, FatalError, "KEY_LACKS_PERMISSION"),
        (401, b"Unauthorized", KNOWN, RetryableError, "MAYBE_THROTTLED"),
        (401, b"Unauthorized", FRESH, FatalError, "KEY_REFUSED"),
    ],
)
def test_every_answer_has_its_family_and_code(
    status: int, body: bytes, standing: Standing, family: type[Exception], code: str
) -> None:
    error = judged(Reply(status, body, None), standing)

    assert error is not None
    assert isinstance(error, family)
    assert error.code == code


def test_a_success_is_no_error_whatever_it_says() -> None:
    assert judged(Reply(200, b'{"success":false}', None), KNOWN) is None


@pytest.mark.parametrize(
    ("refusals", "code"),
    [(REFUSALS_MAX - 1, "MAYBE_THROTTLED"), (REFUSALS_MAX, "KEY_REFUSED")],
)
def test_a_401_after_a_success_is_throttling_until_it_never_ends(refusals: int, code: str) -> None:
    standing = Standing(signed=True, let_in=True, refusals=refusals, offset=None)

    error = judged(Reply(401, b"Unauthorized", None), standing)

    assert error is not None
    assert error.code == code


@pytest.mark.parametrize("sign", [1, -1])
def test_a_401_beside_a_clock_that_is_off_is_no_bad_key(sign: int) -> None:
    def code(offset: timedelta) -> str:
        standing = Standing(signed=True, let_in=False, refusals=0, offset=offset)
        error = judged(Reply(401, b"Unauthorized", None), standing)
        assert error is not None
        return error.code

    assert code(SKEW_MAX * sign) == "KEY_REFUSED"
    assert code((SKEW_MAX + timedelta(seconds=1)) * sign) == "CLOCK_SKEW"


def test_a_401_without_a_key_cannot_be_a_bad_key() -> None:
    standing = Standing(signed=False, let_in=False, refusals=99, offset=None)
    error = judged(Reply(401, b"Unauthorized", None), standing)

    assert error is not None
    assert error.code == "MAYBE_THROTTLED"


# The venue's clock


def ms(count: int) -> timedelta:
    return timedelta(milliseconds=count)


def test_no_answer_no_offset() -> None:
    assert VenueClock().offset is None


def test_clocks_that_agree_within_a_second_have_no_offset() -> None:
    clock = VenueClock()
    clock.saw(NOON, NOON + ms(900), NOON + ms(980))

    assert clock.offset == timedelta(0)


def test_an_offset_is_what_the_answers_prove_and_no_more() -> None:
    clock = VenueClock()
    # 12:00:05 was cut to the second; we asked at 12:00:00.0 and had it at 12:00:00.1.
    clock.saw(NOON + ms(5000), NOON, NOON + ms(100))
    assert clock.offset == ms(4900)

    # Another answer of the same second, 0.8 s later, narrows nothing from below.
    clock.saw(NOON + ms(6000), NOON + ms(150), NOON + ms(200))
    assert clock.offset == ms(5800)


def test_a_venue_behind_us_has_a_negative_offset() -> None:
    clock = VenueClock()
    clock.saw(NOON - ms(4000), NOON, NOON + ms(100))

    assert clock.offset == ms(-3000)


def test_bounds_that_exclude_each_other_give_way_to_the_newest() -> None:
    clock = VenueClock()
    clock.saw(NOON, NOON, NOON)
    clock.saw(NOON + ms(60_000), NOON, NOON)

    assert clock.offset == ms(60_000)


def test_a_new_cycle_measures_anew() -> None:
    clock = VenueClock()
    clock.saw(NOON + ms(60_000), NOON, NOON)
    clock.forget()

    assert clock.offset is None
