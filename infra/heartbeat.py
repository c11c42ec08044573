"""heartbeat.json: the sign of life that an outside watcher can read.

Replaced as a whole and not synced: it is worth nothing after a power cut.
"""

from __future__ import annotations

import json
import os
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

    def write(self, state: BotState, *, doing: str, next_at: datetime | None) -> None:
        """After a cycle: which one, at which level, and when the next is due by market time."""
        told = {
            "written_at": instant(self.clock.now()),
            "mode": self.mode,
            "exchange": self.exchange,
            "run_id": self.run_id,
            "pid": os.getpid(),
            "cycle": state.cycle,
            "at": instant(state.at) if state.at is not None else None,
            "level": state.standing.level.name,
            "state": doing,
            "protection": self.protection,
            "next_cycle_at": instant(next_at) if next_at is not None else None,
        }
        replace_quickly(self.path, json.dumps(told, sort_keys=True).encode())
