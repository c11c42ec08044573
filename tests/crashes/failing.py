"""The same scenarios, and one effect of them fails: the nth request, or the nth write.

A write fails as on a full disk, a request as a venue fails: with a definite no, without
having arrived, or having taken effect without an answer.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import RetryableError
from core.orders import CancelAnswer, OrderStatus
from core.ports import Answer, CannotTell, Clock, Venue
from infra.crash_points import CrashPoint, hooked
from runner.bot import Bot
from tests.builders.bot import a_bot, dies
from tests.builders.paper import in_front
from tests.builders.stage import Stage
from tests.crashes.scenarios import Scenario
from tests.crashes.walk import agreed, go_on, proved

# Where a full disk shows: the file itself, or SQLite's word for it.
WRITES = {
    CrashPoint.ASIDE_BEGUN: OSError,
    CrashPoint.PREVIOUS_KEPT: OSError,
    CrashPoint.REPLACED: OSError,
    CrashPoint.APPEND_BEGUN: OSError,
    CrashPoint.APPENDED: OSError,
    CrashPoint.LEDGER_WRITTEN: sqlite3.OperationalError,
    CrashPoint.VENUE_WRITTEN: sqlite3.OperationalError,
}
HOW = ("refused", "lost before", "lost after")
EXTRA = 5


@dataclass
class Countdown:
    """Which effect fails; counted over all that the process does."""

    nth: int
    done: int = 0

    def strikes(self) -> bool:
        self.done += 1
        return self.done - 1 == self.nth


@dataclass
class FailingVenue:
    """A venue of which the nth request fails, in one of the three ways."""

    venue: Venue
    count: Countdown
    how: str

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.venue, name)
        return self._around(name, real) if callable(real) else real

    def _around(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            if not self.count.strikes():
                return real(*given)
            if self.how == "lost after":
                real(*given)
            return _no_answer(name, self.how)

        return call


def _no_answer(name: str, how: str) -> Any:
    if how == "refused":
        raise RetryableError("too many requests", code="HTTP_429")
    match name:
        case "submit":
            return Answer(OrderStatus.UNKNOWN)
        case "cancel":
            return CancelAnswer.UNKNOWN
        case "find_order":
            return CannotTell("TIMEOUT")
    raise RetryableError("no answer", code="TIMEOUT")


class FailingStage(Stage):
    """A market of which the nth reading fails."""

    count: Countdown = Countdown(-1)

    def _ask(self, piece: str) -> None:
        if self.count.strikes():
            raise RetryableError("the market did not answer", code="TIMED_OUT")
        super()._ask(piece)


@dataclass
class Failing:
    """A scenario with one failure in it. `made` counts the effects that there were."""

    scenario: Scenario
    folder: Path
    made: int = 0
    failed: list[str] = field(default_factory=list)

    def write(self, nth: int) -> None:
        count = Countdown(nth)

        def full(point: CrashPoint) -> None:
            error = WRITES.get(point)
            if error is not None and count.strikes():
                self.failed.append(point.name)
                raise _disk_full(error)

        with self._running(self.scenario.stage()) as bot, hooked(full):
            go_on(bot, self.scenario, self.scenario.cycles + EXTRA)
        self.made = count.done

    def request(self, nth: int, how: str) -> None:
        count = Countdown(nth)

        def front(venue: Venue, clock: Clock) -> Venue:
            inner = self.scenario.front(venue, clock)
            return FailingVenue(inner, count, how)

        with in_front(front), self._running(self.scenario.stage()) as bot:
            go_on(bot, self.scenario, self.scenario.cycles + EXTRA)
        self.made = count.done

    def reading(self, nth: int) -> None:
        stage = self.scenario.stage()
        failing = FailingStage(*self.scenario.symbols)
        failing.roles, failing.count = stage.roles, Countdown(nth)
        with in_front(self.scenario.front), self._running(failing) as bot:
            go_on(bot, self.scenario, self.scenario.cycles + EXTRA)
        self.made = failing.count.done

    @contextmanager
    def _running(self, stage: Stage) -> Iterator[Bot]:
        """The bot, and after the block, once it has been started again, the proof."""
        bot = a_bot(self.folder, stage, **self.scenario.settings)
        try:
            yield bot
        finally:
            dies(bot)
        again = a_bot(self.folder, self.scenario.stage(), **self.scenario.settings)
        agreed(again, self.folder)
        for symbol in again.stores.ledger.positions():
            bid = again.world.gatherer.market.tops([symbol])[symbol].bid
            assert bid > again.last.state.exits[symbol].stop.price, "a stop was not carried out"
        dies(again)
        proved(self.folder)


def _disk_full(kind: type[Exception]) -> Exception:
    if kind is OSError:
        return OSError(errno.ENOSPC, "No space left on device")
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error
