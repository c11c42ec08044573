"""Clocks. The only file of the project that reads the wall clock or sleeps."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal


class SystemClock:
    """The machine's time, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class FastClock:
    """The time of a rehearsal: it runs `speed` times as fast as ours from `at` on."""

    def __init__(self, at: datetime, speed: Decimal) -> None:
        self._speed = float(speed)
        self.set(at)

    def set(self, at: datetime) -> None:
        """It is `at` there now."""
        self._at, self._since = at, time.monotonic()

    def now(self) -> datetime:
        passed = (time.monotonic() - self._since) * self._speed
        return self._at + timedelta(seconds=passed)

    def monotonic(self) -> float:
        """Seconds of the market's time that only ever grow."""
        return time.monotonic() * self._speed

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of the market's time."""
        time.sleep(seconds / self._speed)


@dataclass(slots=True)
class MarketClock:
    """The time of a market that brings its own: it moves only when it is set."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def set(self, at: datetime) -> None:
        self.at = at
