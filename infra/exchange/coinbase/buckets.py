"""Token buckets: never faster than the venue's limits, and exits never wait for reads.

A bucket holds one second's worth. Reads and entries leave its reserve alone; cancels
and sales may take the last token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from core.errors import RetryableError
from core.money import Ratio
from core.ports import Timer
from infra.exchange.coinbase.link import Urgency


@dataclass(slots=True)
class Bucket:
    """Requests of one limit; `per_second` flow in."""

    per_second: int
    reserve: Ratio
    timer: Timer
    _tokens: float = field(init=False)
    _at: float = field(init=False)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._tokens, self._at = float(self.per_second), self.timer.monotonic()

    @property
    def reserved(self) -> int:
        """Tokens that only exits may take; a bucket that has several keeps one at least."""
        share = int(self.reserve.value * self.per_second)
        return min(max(share, 1), self.per_second - 1)

    def take(self, urgency: Urgency, until: float) -> None:
        """Wait for a token; RATE_BUDGET where none comes before `until`: nothing was sent."""
        floor = 0 if urgency is Urgency.EXIT else self.reserved
        while (wait := self._taken(floor)) > 0:
            if self.timer.monotonic() + wait > until:
                raise RetryableError("no request is free before the deadline", code="RATE_BUDGET")
            self.timer.sleep(wait)

    def drain(self) -> None:
        """The venue said that we are too fast: begin again with the reserve alone."""
        with self._lock:
            self._tokens = min(self._tokens, float(self.reserved))

    def _taken(self, floor: int) -> float:
        """0 where a token was taken, else the seconds until there may be one."""
        with self._lock:
            now = self.timer.monotonic()
            flown = self._tokens + (now - self._at) * self.per_second
            self._tokens, self._at = min(float(self.per_second), flown), now
            lacking = floor + 1 - self._tokens
            if lacking > 1e-9:
                return lacking / self.per_second
            self._tokens -= 1
            return 0.0
