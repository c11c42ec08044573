"""The cycle in which a process died: it is on the tape, and the state does not know of it.

Its decision is made again from the tape. Were its intents durable, the state is grown
over it with what the ledger knows of its orders. Were they not, nothing was sent, and
the same market time is decided again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from config.complaints import ConfigError
from core.decision import Outcome
from core.errors import FatalError
from core.next_state import next_state
from core.orders import Order
from core.state import BotState
from infra.tape import last_frame, newest_frames
from runner.exit_codes import Refusal
from runner.replay import Replayed, replayed_cycles


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A cycle that began to act, or might have."""

    cycle: int
    at: datetime
    replayed: Replayed | None  # None where it cannot be decided again as it was

    def regrown(self, state: BotState, orders: tuple[Order, ...]) -> BotState:
        """The state to go on from. `orders` are those that the cycle intended, as known now."""
        if self.replayed is None:  # another version wrote the tape: at least the time stands
            return replace(state, cycle=self.cycle, at=self.at)
        if self.replayed.decision.plan.orders and not orders:
            return replace(state, cycle=self.cycle)
        stand, decision = self.replayed.stand, self.replayed.decision
        return next_state(stand.state, decision, stand.portfolio, Outcome(orders, fills=()))


def interrupted(tape: Path, state: BotState) -> Interrupted | None:
    """The last cycle of the tape, where the state ends before it."""
    frame = last_frame(tape)
    if frame is None or frame.cycle <= state.cycle:
        return None
    return Interrupted(frame.cycle, frame.at, _decided_again(tape, frame.cycle))


def _decided_again(tape: Path, cycle: int) -> Replayed | None:
    try:
        replayed = list(replayed_cycles(newest_frames(tape), cycle))[-1]
    except (FatalError, ConfigError, Refusal):
        return None
    return None if any(replayed.differences()) else replayed
