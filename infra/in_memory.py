"""Stores that forget when the process ends: for runs whose only product is a report.

They stand behind the ports that the durable ones stand behind, so the loop cannot tell.
Nothing here may be used where a crash would cost anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.state import BotState, Controls

_NOBODY = Controls()


@dataclass(slots=True)
class MemoryStates:
    """core.ports.StateStore: the last state and no other."""

    state: BotState | None = None

    def load(self) -> BotState | None:
        return self.state

    def save(self, state: BotState) -> None:
        self.state = state


@dataclass(frozen=True, slots=True)
class NobodySpeaks:
    """core.ports.ControlFiles: no operator halts or resumes a run over history."""

    def read(self) -> Controls:
        return _NOBODY

    def killed(self) -> bool:
        return False

    def flattening(self) -> bool:
        return False

    def consume_resume(self) -> None:
        """There is none."""

    def consume_flatten(self) -> None:
        """There is none."""

    def ask_to_stop(self, why: str) -> None:
        """A run over history leaves nothing behind."""


class NoHeartbeat:
    """Nobody waits for a sign of life of a run that ends by itself."""

    protection = ""

    is_due = False

    def write(self, state: BotState, *, doing: str, next_at: datetime | None) -> None:
        """Written nowhere."""


@dataclass(slots=True)
class NoLog:
    """Log lines go where the process sends them."""

    cycle: int = 0

    def close(self) -> None:
        """There is no file."""


class NoLock:
    """A run that shares nothing with another one needs none."""

    def release(self) -> None:
        """Nothing is held."""
