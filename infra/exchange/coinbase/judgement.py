"""What an answer or its absence means: try again, ask first, or a person must look.

Pure. Throttling comes in three dresses here: 429, a 401 in plain text, and a page of
HTML. So a 401 after a success is not yet a bad key, and one beside a clock that is off
is no bad key at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from core.errors import BotError, FatalError, RetryableError
from core.wording import span
from infra.exchange.coinbase.link import Reply
from infra.exchange.coinbase.wire.values import complaint

# A token is valid for 120 s; the venue refuses one from further away.
SKEW_MAX = timedelta(seconds=60)
# So many times in a row, and nothing in between that was let in.
REFUSALS_MAX = 20

# The same request may be answered in a moment.
WORTH_ANOTHER = frozenset(
    {"UNREACHABLE", "TIMEOUT", "CONNECTION_LOST", "THROTTLED", "MAYBE_THROTTLED"}
    | {"SERVER_ERROR", "HTML_ANSWER"}
)
# The venue or the way to it is ill; what it says about one request is none of that.
FAILURES = frozenset(
    {"UNREACHABLE", "TIMEOUT", "CONNECTION_LOST", "TLS_REFUSED", "SERVER_ERROR", "HTML_ANSWER"}
)
# An acting request that was answered so has changed nothing.
DEFINITE = frozenset({400, 401, 403, 404, 422, 429})

_SCOPES = (b"PERMISSION_DENIED", b"Missing required scopes")


@dataclass(frozen=True, slots=True)
class Standing:
    """What we know of our key and our clock when an answer comes."""

    signed: bool
    let_in: bool  # a signed request has succeeded
    refusals: int  # 401s in a row up to now, this one not counted
    offset: timedelta | None  # of the venue's clock against ours


def judged(reply: Reply, standing: Standing) -> BotError | None:
    """The error that an answer is; None for a success."""
    status = reply.status
    words = complaint(reply.body)
    if reply.body[:200].lstrip().startswith(b"<"):
        return RetryableError(f"{status}: a page and no answer", code="HTML_ANSWER")
    if 200 <= status < 300:
        return None
    if status == 401:
        return _unauthorised(words, standing)
    if status == 403 and any(mark in reply.body for mark in _SCOPES):
        return FatalError(f"{status}: {words}", code="KEY_LACKS_PERMISSION")
    return RetryableError(f"{status}: {words}", code=_code(status))


def _code(status: int) -> str:
    if status == 429:
        return "THROTTLED"
    if status == 404:
        return "NOT_FOUND"
    if status >= 500:
        return "SERVER_ERROR"
    return "REQUEST_REFUSED" if status >= 400 else "UNEXPECTED_ANSWER"


def _unauthorised(words: str, standing: Standing) -> BotError:
    """Throttling or a clock that is off come before a bad key."""
    offset = standing.offset
    if offset is not None and abs(offset) > SKEW_MAX:
        told = f"401: {words}; the venue's clock is {span(abs(offset))} from ours, set ours right"
        return RetryableError(told, code="CLOCK_SKEW")
    if not standing.signed or (standing.let_in and standing.refusals < REFUSALS_MAX):
        return RetryableError(f"401: {words}", code="MAYBE_THROTTLED")
    return FatalError(
        f"401: {words}; the venue refuses the key: make a new one, or look whether it was "
        "withdrawn",
        code="KEY_REFUSED",
    )
