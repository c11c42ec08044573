"""heartbeat.json: the sign of life that an outside watcher can read.

It is renewed after every cycle and in every wait, and says itself when it is overdue, so a
watcher needs to know nothing of intervals. Replaced as a whole and not synced: it is worth
nothing after a power cut.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from core.ports import Clock
from core.state import BotState
from core.wording import instant
from infra.disk import replace_quickly

ENDED = "STOPPED"  # the state after an end of the bot's own choice
_RENEWED = timedelta(minutes=1)
_PATIENCE = timedelta(minutes=5)  # longer than any cycle, and than a renewal


@dataclass(slots=True, kw_only=True)
class Heartbeat:
    path: Path
    clock: Clock
    mode: str
    exchange: str
    run_id: str
    protection: str = ""  # how late an exit may be acted on
    beside: Callable[[], Mapping[str, str]] = dict  # what else is to be told after a cycle
    _written_at: datetime | None = field(default=None, init=False)

    @property
    def is_due(self) -> bool:
        """Whether it is time to write again, although nothing happened."""
        last = self._written_at
        return last is None or not timedelta(0) <= self.clock.now() - last < _RENEWED

    def write(self, state: BotState, *, doing: str, next_at: datetime | None) -> None:
        """After a cycle: which one, at which level, and when the next is due by market time."""
        told = {
            **self._signed(None if doing == ENDED else _PATIENCE),
            "cycle": state.cycle,
            "at": instant(state.at) if state.at is not None else None,
            "level": state.standing.level.name,
            "state": doing,
            "protection": self.protection,
            "next_cycle_at": instant(next_at) if next_at is not None else None,
            **self.beside(),
        }
        self._replace(told)

    def waiting(self, doing: str, why: str, pause: timedelta = timedelta(0)) -> None:
        """Before the first cycle: what is waited for, and for how long before the next sign.

        A sign that cannot be written is none.
        """
        patience = None if doing == ENDED else _PATIENCE + pause
        signed = self._signed(patience)
        told = {**signed, "state": doing, "why": why, "protection": self.protection}
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._replace(told)

    def _signed(self, patience: timedelta | None) -> dict[str, object]:
        now = self._written_at = self.clock.now()
        return {
            "written_at": instant(now),
            "overdue_at": instant(now + patience) if patience is not None else None,
            "mode": self.mode,
            "exchange": self.exchange,
            "run_id": self.run_id,
            "pid": os.getpid(),
        }

    def _replace(self, told: dict[str, object]) -> None:
        replace_quickly(self.path, json.dumps(told, sort_keys=True).encode())
