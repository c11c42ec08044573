"""The journal of a backtest: behind the ports of tape and audit log, a chronicle in memory.

No frame is packed and no digest taken: nothing of the run can be replayed from here, for
the recording itself can be played again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.decision import Decision, Outcome
from core.state import BotState
from infra.audit_record import Record
from runner.framing import Seen
from runner.report.chronicle import Chronicle
from runner.report.story import Setting


class NoTape:
    """runner.journals.Tape: keeps nothing."""

    def append(self, seen: Seen, previous: Outcome | None, decision: Decision) -> None:
        """The inputs of a backtest are its recording."""


@dataclass(slots=True)
class Journal:
    """runner.journals.AuditLog: the chronicle, and how long each stage took in all."""

    setting: Setting
    chronicle: Chronicle = field(default_factory=Chronicle)
    timing_ms: dict[str, float] = field(default_factory=dict)

    def record(
        self,
        seen: Seen,
        decision: Decision,
        outcome: Outcome,
        after: BotState,  # noqa: ARG002
        before: Mapping[str, str] | None,  # noqa: ARG002
    ) -> Record:
        self.chronicle.add(seen.portfolio, seen.snapshot.tops, decision, outcome)
        return {}

    def append(self, record: Record, timing_ms: Mapping[str, float], requests: int) -> Record:  # noqa: ARG002
        """Only the record of a failed cycle says anything here."""
        if record.get("outcome") == "FAILED":
            self.chronicle.fail(record["why"]["code"])
        for stage, took in timing_ms.items():
            self.timing_ms[stage] = self.timing_ms.get(stage, 0.0) + took
        return record
