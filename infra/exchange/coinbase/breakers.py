"""Circuit breakers: a group of endpoints that keeps failing is left alone for a while.

Closed lets everything through, open nothing, half-open one request to see. Exits and
cancels go through an open breaker: they are worth the try, and they are its probe. The
state is a value, so it is kept over a restart: as plain JSON in the sign of life, for a
breaker that a power cut forgets costs a few requests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from core.errors import RetryableError
from core.state import Breaker, BreakerPosition
from core.wording import instant
from infra.exchange.coinbase.link import Group, Urgency


@dataclass(slots=True)
class Breakers:
    """The breakers of all groups, by the bot's clock."""

    failures_max: int  # in a row; this many open it
    wait: timedelta  # how long it stays open
    _now: dict[Group, Breaker] = field(
        default_factory=lambda: {group: Breaker(group.value) for group in Group}
    )
    _heard: set[Group] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def state(self) -> tuple[Breaker, ...]:
        """All of them as they stand, in a fixed order; for keeping and for showing."""
        with self._lock:
            return tuple(self._now[group] for group in Group)

    def restore(self, kept: Iterable[Breaker], at: datetime) -> None:
        """As they were before a restart. Nobody waits for a probe of another process, nor, where
        a clock went back, for longer than for a breaker that opens now.

        What has answered since the start is believed more than what was kept.
        """
        unheard = {group.value for group in Group} - {group.value for group in self._heard}
        with self._lock:
            for breaker in kept:
                if breaker.group not in unheard:
                    continue
                probing = breaker.position is BreakerPosition.HALF_OPEN
                position = BreakerPosition.OPEN if probing else breaker.position
                since = breaker.opened_at and min(breaker.opened_at, at)
                known = replace(breaker, position=position, opened_at=since)
                self._now[Group(breaker.group)] = known

    def admit(self, group: Group, urgency: Urgency, at: datetime) -> None:
        """Let a request through, or BREAKER_OPEN: nothing was sent."""
        with self._lock:
            breaker = self._now[group]
            if breaker.position is BreakerPosition.CLOSED or urgency is Urgency.EXIT:
                return
            assert breaker.opened_at is not None
            until = breaker.opened_at + self.wait
            if breaker.position is BreakerPosition.HALF_OPEN or at < until:
                raise RetryableError(
                    f"{breaker.failures} failures in a row; asked again after {instant(until)}",
                    code="BREAKER_OPEN",
                    group=group.value,
                )
            self._now[group] = replace(breaker, position=BreakerPosition.HALF_OPEN)

    def succeeded(self, group: Group) -> None:
        with self._lock:
            self._heard.add(group)
            self._now[group] = Breaker(group.value)

    def failed(self, group: Group, at: datetime) -> None:
        """One more in a row; a failed probe opens it again."""
        with self._lock:
            breaker = self._now[group]
            failures = breaker.failures + 1
            if breaker.position is BreakerPosition.CLOSED and failures < self.failures_max:
                self._now[group] = replace(breaker, failures=failures)
            else:
                self._now[group] = Breaker(group.value, BreakerPosition.OPEN, failures, at)
