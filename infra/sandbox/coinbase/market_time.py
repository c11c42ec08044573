"""The sandbox's clock: begins where the market begins and may run fast.

It never goes back, also over a restart: the venue's own books stand in its time.
Tokens, rate limits and waiting have nothing to do with it; those are of the wall.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from core.ports import Timer
from infra.disk import replace_durably


class MarketTime:
    """A Clock whose seconds last `speed` times shorter than ours; speed 0 stands still."""

    def __init__(self, begins: datetime, speed: float, timer: Timer) -> None:
        self._timer = timer
        self._at = begins
        self._since = timer.monotonic()
        self._speed = speed

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> datetime:
        passed = self._timer.monotonic() - self._since
        return self._at + timedelta(seconds=passed * self._speed)

    def set_speed(self, speed: float) -> None:
        self._at, self._since = self.now(), self._timer.monotonic()
        self._speed = speed

    def move_to(self, at: datetime) -> None:
        """Jump forward. Raises ValueError for a time that has been."""
        now = self.now()
        if at < now:
            raise ValueError(f"{at.isoformat()} is past; the market is at {now.isoformat()}")
        self._at, self._since = at, self._timer.monotonic()


class ClockFile:
    """The time that a restart must not fall behind.

    While the clock runs, a time shortly ahead of it is kept, so that also a killed sandbox
    comes back later than any time it has shown.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> datetime | None:
        """None where no clock has run. Raises ValueError for a damaged file."""
        if not self._path.exists():
            return None
        return datetime.fromisoformat(self._path.read_text(encoding="utf-8").strip())

    def reserve(self, clock: MarketTime) -> None:
        """To be called at least once a second of real time, and when the clock is set."""
        ahead = timedelta(seconds=clock.speed * _RESERVE)
        self.keep(clock.now() + ahead)

    def keep(self, at: datetime) -> None:
        replace_durably(self._path, f"{at.isoformat()}\n".encode())


_RESERVE = 3.0  # seconds of real time
