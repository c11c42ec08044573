"""heartbeat.json: the sign of life that an outside watcher can read.

Replaced as a whole and not synced: it is worth nothing after a power cut.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.ports import Clock
from core.state import BotState
from core.wording import instant
from infra.disk import replace_quickly


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    path: Path
    clock: Clock
    mode: str
    exchange: str
    run_id: str
    protection: str = ""  # how late an exit may be acted on
    # Groups of a venue's endpoints that are left alone for a while, and since when.
    breakers: Callable[[], Mapping[str, object]] = dict

    def write(self, state: BotState, *, doing: str, next_at: datetime | None) -> None:
        """After a cycle: which one, at which level, and when the next is due by market time."""
        told = {
            **self._signed(),
            "cycle": state.cycle,
            "at": instant(state.at) if state.at is not None else None,
            "level": state.standing.level.name,
            "state": doing,
            "protection": self.protection,
            "breakers": self.breakers(),
            "next_cycle_at": instant(next_at) if next_at is not None else None,
        }
        self._replace(told)

    def waiting(self, doing: str, why: str) -> None:
        """Before the first cycle: what is waited for. A sign that cannot be written is none."""
        told = {**self._signed(), "state": doing, "why": why, "protection": self.protection}
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._replace(told)

    def _signed(self) -> dict[str, object]:
        return {
            "written_at": instant(self.clock.now()),
            "mode": self.mode,
            "exchange": self.exchange,
            "run_id": self.run_id,
            "pid": os.getpid(),
        }

    def _replace(self, told: dict[str, object]) -> None:
        replace_quickly(self.path, json.dumps(told, sort_keys=True).encode())
