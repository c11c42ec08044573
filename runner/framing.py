"""Tape frames: what of this cycle is new, and the digest of all it stood on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from core.account import Portfolio
from core.decision import Decision, Outcome
from core.market import Snapshot
from core.state import BotState, Controls
from infra.audit_record import decision_digest
from infra.codec import pack
from infra.history import History, Reading
from infra.tape import Frame, Keyframe, PackedBars, TapeFolder
from runner.reconcile import Reconciliation


@dataclass(frozen=True)
class Seen:
    """Everything a cycle knew when it decided."""

    reading: Reading
    snapshot: Snapshot
    found: Reconciliation
    state: BotState
    controls: Controls

    @property
    def portfolio(self) -> Portfolio:
        return self.found.portfolio

    @cached_property
    def digest(self) -> str:
        """The digest of all that decide() was given besides the configuration."""
        return inputs_digest(self.snapshot, self.portfolio, self.state)


@dataclass(frozen=True, slots=True)
class Framer:
    """Makes frames for one process; `effective` is its configuration as canonical JSON."""

    history: History
    tape: TapeFolder
    effective: str
    fingerprint: str
    market: Mapping[str, str]

    def frame(self, seen: Seen, previous: Outcome | None, decision: Decision) -> Frame:
        """The frame of one cycle; a keyframe where the file or the chain of outcomes begins."""
        reading = seen.reading
        begins = previous is None or self.tape.needs_keyframe(reading.at)
        return Frame(
            cycle=seen.state.cycle,
            at=reading.at,
            key=self._keyframe(seen.state) if begins else None,
            config=self.fingerprint,
            previous=None if begins else previous,
            controls=seen.controls,
            portfolio=seen.portfolio,
            sighting=seen.found.sighting,
            server_time=reading.server_time,
            products=None if begins else reading.products,
            tops=reading.tops,
            depths={} if begins else reading.depths,
            bars={} if begins else {s: PackedBars.of(bars) for s, bars in reading.bars.items()},
            through={} if begins else reading.through,
            balances=reading.balances,
            fees=reading.fees,
            missing=reading.missing,
            inputs=seen.digest,
            decision=decision_digest(decision),
        )

    def append(self, seen: Seen, previous: Outcome | None, decision: Decision) -> None:
        """runner.journals.Tape: the frame of one cycle, durable on return."""
        self.tape.append(self.frame(seen, previous, decision))

    def _keyframe(self, state: BotState) -> Keyframe:
        """Everything the History holds after this cycle's reading, so the reading adds nothing."""
        held = self.history.remembered()
        return Keyframe(
            state=state,
            products=held.products,
            bars={symbol: PackedBars.of(bars) for symbol, bars in held.bars.items()},
            through=held.through,
            depths=held.depths,
            closed_at=self.history.closed_at,
            length=self.history.length,
            effective=self.effective,
            identity=self.market,
        )


def inputs_digest(snapshot: Snapshot, portfolio: Portfolio, state: BotState) -> str:
    """The digest of everything decide() is given besides the configuration."""
    digest = sha256()
    panel = snapshot.panel
    for grid in (panel.open, panel.high, panel.low, panel.close, panel.volume):
        digest.update(grid.tobytes())
    digest.update(panel.missing.tobytes() + panel.known.tobytes())
    digest.update(
        pack(
            (
                snapshot.at,
                panel.symbols,
                snapshot.products,
                snapshot.tops,
                snapshot.depths,
                snapshot.candles_through,
                snapshot.balances,
                snapshot.fees,
                snapshot.missing,
                portfolio,
                state,
            )
        )
    )
    return f"sha256:{digest.hexdigest()}"
