"""The way to the venue and back: everything that stands between a request and its answer.

Reads are tried again, with waits that a hash makes uneven; what acts is sent once. Every
request passes its group's breaker and its limit's bucket, has a deadline, and is judged
by one judge. Reads of one cycle share one deadline. What acts does not: a market that
does not answer never keeps a cancel or a sale from being sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from threading import Lock, local
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from core.errors import BotError, RetryableError, UnknownOutcomeError
from core.ports import Clock, Timer
from infra.exchange.coinbase.breakers import Breakers
from infra.exchange.coinbase.buckets import Bucket
from infra.exchange.coinbase.judgement import (
    DEFINITE,
    FAILURES,
    WORTH_ANOTHER,
    Standing,
    judged,
)
from infra.exchange.coinbase.link import Group, Link, LinkError, Reply, Request
from infra.exchange.coinbase.terms import Terms
from infra.exchange.coinbase.venue_clock import VenueClock
from infra.exchange.coinbase.wire.values import read
from infra.exchange.coinbase.workers import Workers

Answer = TypeVar("Answer")
Made = TypeVar("Made")

# Whoever waits for a thread gives it so long to find out by itself that time is up.
_GRACE = 0.2


@dataclass(slots=True)
class _Tally:
    requests: int = 0
    let_in: bool = False
    refusals: int = 0
    cycle: str = ""
    reads_until: float | None = None


@dataclass(slots=True)
class Transport:
    """One venue, one key or none. `now` is the bot's clock, `timer` the machine's."""

    links: Callable[[], Link]
    signed: bool
    terms: Terms
    now: Clock
    timer: Timer
    breakers: Breakers
    bucket: Bucket
    keeps_time: bool = True  # whether the Date header follows the market's clock
    venue_clock: VenueClock = field(default_factory=VenueClock)
    _tally: _Tally = field(default_factory=_Tally)
    _mine: local = field(default_factory=local)
    _lock: Lock = field(default_factory=Lock)
    _reading: Workers = field(init=False)
    _acting: Workers = field(init=False)

    def __post_init__(self) -> None:
        self._reading = Workers(self.terms.workers_max, "read", self.timer)
        self._acting = Workers(1, "act", self.timer)

    @property
    def requests(self) -> int:
        """How many requests were sent since the start, second tries among them."""
        return self._tally.requests

    def begin_cycle(self, cycle: str, most: timedelta | None = None) -> None:
        """From here reads share exchange.cycle_deadline, and the clocks are compared anew."""
        self._tally.cycle = cycle
        deadline = self.terms.cycle_deadline
        within = deadline if most is None else min(most, deadline)
        self._tally.reads_until = self.timer.monotonic() + _seconds(within)
        self.venue_clock.forget()

    def read(self, request: Request, decode: Callable[[bytes], Made]) -> Made:
        """The answer in our types. RetryableError or FatalError where there is none."""
        until = self._until()
        reply = self._through(self._reading, lambda: self._tried(request, until), until)
        return read(reply.body, decode)

    def read_all(
        self, calls: Sequence[Callable[[], Answer]]
    ) -> tuple[Answer | RetryableError, ...]:
        """Reads side by side; answers stand in the order of the calls. Fatal errors are raised."""
        given: list[Answer | RetryableError] = []
        for answer in self._reading.ask_all(calls, self._until() + _GRACE):
            if isinstance(answer, BotError) and not isinstance(answer, RetryableError):
                raise answer
            given.append(answer)
        return tuple(given)

    def act(self, request: Request) -> Reply:
        """Send once. A reply is a success or a definite no.

        RetryableError: nothing was sent. UnknownOutcomeError: it may have been done.
        """
        terms = self.terms
        seconds = _seconds(terms.connect_timeout + terms.read_timeout)
        until = self.timer.monotonic() + seconds
        try:
            return self._through(self._acting, lambda: self._acted(request, until), until)
        except RetryableError as error:
            if error.code == "TIMEOUT":
                raise UnknownOutcomeError(f"{error}", code="TIMEOUT") from None
            raise

    def _until(self) -> float:
        """The deadline of the cycle's reads; without a cycle, of this one."""
        until = self._tally.reads_until
        if until is None:
            return self.timer.monotonic() + _seconds(self.terms.cycle_deadline)
        return until

    def _through(self, workers: Workers, call: Callable[[], Answer], until: float) -> Answer:
        return call() if self._reading.is_one() else workers.ask(call, until + _GRACE)

    def _tried(self, request: Request, until: float) -> Reply:
        """One read, again and again while that may help and there is time."""
        enough = stop_after_attempt(self.terms.attempts_max)

        def is_over(state: RetryCallState) -> bool:
            return enough(state) or self.timer.monotonic() + state.upcoming_sleep >= until

        retrying = Retrying(
            stop=is_over,
            wait=lambda state: self._pause(request, state.attempt_number),
            retry=retry_if_exception(_is_worth_another),
            sleep=self.timer.sleep,
            reraise=True,
        )
        return retrying(self._judged, request, until)

    def _pause(self, request: Request, attempt: int) -> float:
        """Full jitter: anything from nothing to the doubled wait, always the same again."""
        most = min(self.terms.retry_wait_first * 2 ** (attempt - 1), self.terms.retry_wait_max)
        name = f"{self._tally.cycle}|{request.name}|{attempt}"
        share = int.from_bytes(sha256(name.encode()).digest()[:8]) / 2**64
        return _seconds(most) * share

    def _judged(self, request: Request, until: float) -> Reply:
        try:
            reply = self._sent(request, until)
        except LinkError as error:
            self._failed(request, error.code)
            raise RetryableError(f"{error}", code=error.code) from None
        wrong = self._judge(request, reply)
        if wrong is not None:
            raise wrong
        return reply

    def _acted(self, request: Request, until: float) -> Reply:
        try:
            reply = self._sent(request, until)
        except LinkError as error:
            self._failed(request, error.code)
            kind = UnknownOutcomeError if error.sent else RetryableError
            raise kind(f"{error}", code=error.code) from None
        wrong = self._judge(request, reply)
        if wrong is None or reply.status in DEFINITE:
            return reply
        raise UnknownOutcomeError(f"{wrong}", code=wrong.code) from None

    def _sent(self, request: Request, until: float) -> Reply:
        """Past the breaker, past the bucket, over the link."""
        self.breakers.admit(request.group, request.urgency, self.now.now())
        self.bucket.take(request.urgency, until)
        most = _seconds(self.terms.connect_timeout + self.terms.read_timeout)
        left = min(most, until - self.timer.monotonic())
        if left <= 0:
            raise RetryableError("the time of this cycle is used up", code="CYCLE_DEADLINE")
        with self._lock:
            self._tally.requests += 1
        sent = self.now.now()
        reply = self._link().send(request, left)
        if reply.dated is not None and self.keeps_time:
            self.venue_clock.saw(reply.dated, sent, self.now.now())
        return reply

    def _link(self) -> Link:
        """The connection of this thread."""
        link: Link | None = getattr(self._mine, "link", None)
        if link is None:
            link = self._mine.link = self.links()
        return link

    def _judge(self, request: Request, reply: Reply) -> BotError | None:
        tally = self._tally
        with self._lock:
            wrong = judged(
                reply,
                Standing(self.signed, tally.let_in, tally.refusals, self.venue_clock.offset),
            )
            if reply.status == 401:
                tally.refusals += 1
            elif wrong is None and request.group is not Group.MARKET_DATA:
                # What anybody may ask, as the time, says nothing of a key.
                tally.refusals, tally.let_in = 0, True
        if wrong is None or wrong.code not in FAILURES:
            self.breakers.succeeded(request.group)
        else:
            self._failed(request, wrong.code)
        if wrong is not None and wrong.code in ("THROTTLED", "MAYBE_THROTTLED"):
            self.bucket.drain()
        return wrong

    def _failed(self, request: Request, code: str) -> None:
        if code in FAILURES:
            self.breakers.failed(request.group, self.now.now())


def _is_worth_another(error: BaseException) -> bool:
    return isinstance(error, RetryableError) and error.code in WORTH_ANOTHER


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
