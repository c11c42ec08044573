"""Where a cycle is written down: the tape before it acts, the audit log after.

Two ports and what stands behind them in a run that lasts. A backtest keeps a chronicle
in memory instead (`runner.report.journal`), and the cycle cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from core.decision import Decision, Outcome
from core.state import BotState
from infra.audit_log import AuditFile
from infra.audit_record import (
    Footprint,
    Identity,
    Record,
    changed_exclusions,
    cost_members,
    decided_record,
)
from infra.process import resident_mb
from runner.framing import Seen


class Tape(Protocol):
    """The exact inputs of every cycle."""

    def append(self, seen: Seen, previous: Outcome | None, decision: Decision) -> None:
        """What this cycle knows, durable on return; without `previous` all of it."""


class AuditLog(Protocol):
    """What was seen, decided, sent and filled, for people."""

    def record(
        self,
        seen: Seen,
        decision: Decision,
        outcome: Outcome,
        after: BotState,
        before: Mapping[str, str] | None,
    ) -> Record:
        """The record of a cycle that decided, without its cost; `before` are the exclusions of
        the cycle before, None where this one begins a process.
        """

    def append(self, record: Record, timing_ms: Mapping[str, float], requests: int) -> Record:
        """Durable on return, which is the record with its cost."""


@dataclass(slots=True)
class AuditTrail:
    """The audit log of one process, in its file. Each file tells every exclusion once in full,
    in its first line of a cycle that decided.
    """

    identity: Identity
    file: AuditFile
    _told_in: str = ""  # the day of the file

    def record(
        self,
        seen: Seen,
        decision: Decision,
        outcome: Outcome,
        after: BotState,
        before: Mapping[str, str] | None,
    ) -> Record:
        made = decided_record(
            self.identity, after, decision, seen.portfolio, outcome, inputs=seen.digest
        )
        told = self._told_in == self.file.day and not self.file.rotates_at(made["at"][:10])
        known = before if told else None
        made["universe"]["changed"] = changed_exclusions(decision.universe, known)
        return made

    def append(self, record: Record, timing_ms: Mapping[str, float], requests: int) -> Record:
        cost = Footprint(timing_ms=timing_ms, requests=requests, rss_mb=resident_mb())
        whole = record | cost_members(cost)
        self.file.append(whole)
        if whole["decision"] is not None:
            self._told_in = self.file.day
        return whole
