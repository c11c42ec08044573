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
from infra.history import History
from infra.tape import days, last_frame
from runner.exit_codes import Refusal
from runner.replay import Replayed, replayed_cycles


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A cycle that began to act, or might have."""

    cycle: int
    at: datetime
    replayed: Replayed | None  # None where it cannot be decided again as it was

    def committed(self, orders: tuple[Order, ...]) -> bool:
        """Whether its intents were durable. `orders` are those that the ledger has of it."""
        return bool(orders) or self.replayed is None or not self.replayed.decision.plan.orders

    def regrown(self, state: BotState, orders: tuple[Order, ...]) -> BotState:
        """The state to go on from. `orders` are those that the cycle intended, as known now."""
        if self.replayed is None:  # another version wrote the tape: at least the time stands
            return replace(state, cycle=self.cycle, at=self.at)
        if not self.committed(orders):
            return replace(state, cycle=self.cycle)
        stand, decision = self.replayed.stand, self.replayed.decision
        outcome = Outcome(orders, fills=(), breakers=stand.state.breakers)
        return next_state(stand.state, decision, stand.portfolio, outcome)


def interrupted(tape: Path, state: BotState) -> Interrupted | None:
    """The last cycle of the tape, where the state ends before it."""
    frame = last_frame(tape)
    if frame is None or frame.cycle <= state.cycle:
        return None
    return Interrupted(frame.cycle, frame.at, _decided_again(tape, frame.cycle))


def _decided_again(tape: Path, cycle: int) -> Replayed | None:
    try:
        replayed = list(replayed_cycles(next(days(tape)), cycle))[-1]
    except (FatalError, ConfigError, Refusal):
        return None
    return None if any(replayed.differences()) else replayed


def recall(history: History, tape: Path, through: int) -> None:
    """Remember what was read up to that cycle, so that a restart reads on where it left off.

    Where another length of history is asked for now, everything is read anew.
    """
    for day in days(tape):
        known = False
        for frame in day:
            if frame.cycle > through:
                break
            if frame.key is not None:
                if frame.key.length != history.length:
                    return
                history.restore(frame.key.remembered(), frame.key.closed_at)
            history.absorb(frame.reading())
            known = True
        if known:
            return
