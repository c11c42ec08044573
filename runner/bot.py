"""Bot: everything main_loop drives, and how all of it is given back."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol

from config.settings import Settings
from core.market import Side
from core.reasons import Reason
from core.state import BotState
from infra.clock import MarketClock
from infra.heartbeat import ENDED
from infra.ledger import SqliteLedger
from runner.alerts.outside import Outside, nobody
from runner.cadence import Pace, Schedule
from runner.cycle import Turn, World
from runner.markets import RealVenue

STARTING, FAILED = "STARTING", "FAILED"
log = logging.getLogger("runner")


class Beats(Protocol):
    """A sign of life after each cycle, and beside it how late a protection can be."""

    @property
    def protection(self) -> str: ...

    @property
    def is_due(self) -> bool:
        """Whether another sign is due although nothing happened."""

    def write(self, state: BotState, *, doing: str, next_at: datetime | None) -> None: ...


class Log(Protocol):
    """Where log lines go; `cycle` is what they are about from now on."""

    cycle: int

    def close(self) -> None: ...


class Lock(Protocol):
    """What keeps a second bot out."""

    def release(self) -> None: ...


class Open(Protocol):
    """Stores that are given back at the end."""

    @property
    def ledger(self) -> SqliteLedger: ...

    def close(self) -> None: ...


@dataclass(slots=True, kw_only=True)
class Bot:
    """Everything main_loop drives. Leaving the context gives every file and lock back."""

    world: World
    last: Turn
    timetable: Schedule
    pace: Pace
    clock: MarketClock | None  # None where the time of the market moves by itself
    beats: Beats
    logs: Log
    lock: Lock
    stores: Open
    notices: tuple[str, ...]
    settings: Settings
    real: RealVenue | None = None
    outside: Outside = field(default_factory=nobody)

    def begin(self, cycle: int, at: datetime) -> None:
        """The market's clock moves on; every log line from here carries the cycle."""
        if self.clock is not None:
            self.clock.set(at)
        if self.real is not None:
            hurried = self._is_called()
            self.real.begin(f"{self.last.state.name}-{cycle}", hurried=hurried)
        self.logs.cycle = cycle

    def _is_called(self) -> bool:
        """Whether the operator wants orders back, and no cycle has obeyed yet."""
        controls, known = self.world.controls, self.last.state.standing.code
        killed = controls.killed() and known not in (Reason.KILL_SWITCH.name, Reason.FLATTEN.name)
        return killed or controls.flattening()

    def has_entries_out(self) -> bool:
        """Whether a real venue may still fill a buy of ours."""
        unsettled = self.world.ledger.unsettled()
        return self.real is not None and any(o.planned.side is Side.BUY for o in unsettled)

    def beat(self, state: BotState, doing: str = "RUNNING") -> None:
        """A sign of life that cannot be written is no reason to stop living."""
        due = self.timetable.due(state.at) if doing == "RUNNING" else None
        try:
            self.beats.write(state, doing=doing, next_at=due)
        except OSError as error:
            log.warning("heartbeat not written: %s", error)

    def alive(self) -> None:
        """Said in every slice of a wait: the bot waits on purpose."""
        self.outside.alive()
        if self.beats.is_due:
            self.beat(self.last.state)

    def backoff(self, failures: int) -> timedelta:
        """Nothing after a cycle that went well; doubling with every failure in a row."""
        if not failures:
            return timedelta(0)
        loop = self.settings.loop
        doubled: timedelta = loop.backoff_first * 2 ** min(failures - 1, 16)
        return min(doubled, loop.backoff_max)

    def __enter__(self) -> Bot:
        self.beat(self.last.state, STARTING)
        self.outside.started()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.outside.close()
        self.beat(self.last.state, ENDED if error is None else FAILED)
        self.stores.close()
        self.logs.close()
        self.lock.release()
