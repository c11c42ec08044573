"""Stage 5: may this proposal become an order?

Exists so that no strategy, however sure of itself, can spend more than the policy
allows. It reads one cycle's facts; it never asks the venue, and it never makes an
order larger.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.account import Valued
from core.market import Snapshot
from core.policy import Policy
from core.proposals import TradeProposal
from core.regime import RegimeReading
from core.risk.checks import reviewed
from core.risk.facts import facts_of
from core.risk.verdict import Denied, Verdict
from core.state import BotState, Standing


@dataclass(frozen=True, slots=True)
class RiskManager:
    """The last word on every proposal of one cycle."""

    snapshot: Snapshot
    state: BotState
    level: Standing
    policy: Policy

    def check_all(
        self,
        proposals: tuple[TradeProposal, ...],
        valued: Valued,
        regime: RegimeReading,
    ) -> tuple[Verdict, ...]:
        """One verdict for each proposal, in order; what one uses up counts for the next."""
        if not proposals:
            return ()
        facts = facts_of(self.snapshot, self.state, self.level, self.policy, valued, regime)
        verdicts: list[Verdict] = []
        for proposal in proposals:
            verdict = reviewed(proposal, facts)
            verdicts.append(verdict)
            if not isinstance(verdict, Denied):
                facts = facts.after(verdict.proposal)
        return tuple(verdicts)
