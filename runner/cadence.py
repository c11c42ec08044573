"""When the next cycle begins, and at which market time.

The grid is fixed on a monotonic clock, so a wall clock that jumps moves nothing.
A cycle that overruns skips the points it missed and never bunches. Jitter is a
hash of the cycle id: never the same twice in a row, always the same again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from core.ports import Clock, Timer

SLICE_SECONDS = 1.0  # of real time: the longest nap between two looks at the kill switch


class Pace(Protocol):
    """Between two cycles."""

    def wait(self, cycle_id: str, delay: timedelta, woken: Callable[[], bool]) -> None:
        """Return when the next cycle is due, at least `delay` from now, or once `woken`."""


class FullSpeed:
    """No waiting at all, for clocks that are simulated."""

    def wait(self, cycle_id: str, delay: timedelta, woken: Callable[[], bool]) -> None:
        """The next cycle is always due."""


@dataclass(slots=True)
class Cadence:
    """One cycle an interval, each a little late by its jitter."""

    timer: Timer
    interval: timedelta
    jitter_max: float  # share of the interval
    slice_seconds: float = SLICE_SECONDS  # by the timer, which may run fast
    _due: float | None = None  # grid point of the cycle that ran last

    def wait(self, cycle_id: str, delay: timedelta, woken: Callable[[], bool]) -> None:
        now = self.timer.monotonic()
        step = self.interval.total_seconds()
        last = now if self._due is None else self._due
        missed = max(0, int((now - last) // step))
        self._due = last + (missed + 1) * step
        jitter = jitter_of(cycle_id) * self.jitter_max * step
        until = max(self._due + jitter, now + delay.total_seconds())
        while (left := until - self.timer.monotonic()) > 0:
            if woken():
                self._due = last  # a cycle out of turn takes no grid point away
                return
            self.timer.sleep(min(left, self.slice_seconds))


def jitter_of(cycle_id: str) -> float:
    """0 to 1, spread evenly, the same for the same cycle."""
    return int.from_bytes(sha256(cycle_id.encode()).digest()[:6], "big") / 2**48


class Schedule(Protocol):
    """At which market times cycles decide."""

    @property
    def start(self) -> datetime:
        """The time of the first cycle of a new folder."""

    @property
    def interval(self) -> timedelta: ...

    def after(self, last: datetime | None) -> datetime | None:
        """The decision time of the cycle that begins now; None when the time is used up."""

    def due(self, last: datetime | None) -> datetime | None:
        """When the cycle after `last` is to be expected, jitter aside; for showing."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """Market times of a simulated clock: one interval a cycle, to the end if there is one."""

    start: datetime
    interval: timedelta
    end: datetime | None

    def after(self, last: datetime | None) -> datetime | None:
        """The next decision time; None when the market's time is used up."""
        at = self.start if last is None else last + self.interval
        return None if self.end is not None and at > self.end else at

    def due(self, last: datetime | None) -> datetime | None:
        """Nothing moves a simulated clock but the cycle itself."""
        return self.after(last)


@dataclass(frozen=True, slots=True)
class PresentTime:
    """Market times of a clock that runs by itself: a cycle decides when it begins."""

    clock: Clock
    interval: timedelta

    @property
    def start(self) -> datetime:
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def after(self, last: datetime | None) -> datetime:  # noqa: ARG002
        """Now, to the millisecond."""
        return self.start

    def due(self, last: datetime | None) -> datetime:
        return self.start if last is None else last + self.interval
