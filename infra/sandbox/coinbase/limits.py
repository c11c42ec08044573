"""Rate limits as the venue is known to set them, in real seconds.

A bucket for each key and one for the public: a burst of a second's worth, then the rate.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.ports import Timer

PRIVATE_PER_SECOND = 30  # per user
PUBLIC_PER_SECOND = 10  # per address


@dataclass(slots=True)
class Bucket:
    """Tokens that flow back at `per_second`, never more than a second's worth."""

    per_second: int
    timer: Timer
    left: float
    seen: float

    @classmethod
    def full(cls, per_second: int, timer: Timer) -> Bucket:
        return cls(per_second, timer, float(per_second), timer.monotonic())

    def take(self) -> bool:
        """Whether one more request is within the limit."""
        now = self.timer.monotonic()
        self.left = min(float(self.per_second), self.left + (now - self.seen) * self.per_second)
        self.seen = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


class RateLimits:
    """Every caller's bucket."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._buckets: dict[str | None, Bucket] = {}

    def bucket_of(self, key: str | None) -> Bucket:
        """The bucket of a key; None is everybody without one."""
        if key not in self._buckets:
            rate = PUBLIC_PER_SECOND if key is None else PRIVATE_PER_SECOND
            self._buckets[key] = Bucket.full(rate, self._timer)
        return self._buckets[key]
