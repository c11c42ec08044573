"""Stage 4e: what of our own has to change: orders taken back, entries placed anew, slices sold.

Exists so that nothing of ours is left standing that would not be decided again today.
It touches own orders and own lots only, and it cannot loop: a cancel is asked for
ever more rarely, an entry is placed anew a bounded number of times, and a product
is sold in slices with time between them. It approves nothing: what it proposes goes
through risk like any other proposal. Only cancels need nobody's leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from core.changes.entries import Entries, review_entries
from core.changes.replacements import continued, kept_chases
from core.changes.scene import Scene
from core.changes.slices import Slices, cut_slices
from core.market import Side
from core.orders import PlannedCancel, PlannedOrder
from core.proposals import Purpose, TradeProposal
from core.reasons import Finding
from core.state import Asked, ChangeMemory

__all__ = ["Changes", "Scene", "plan_changes"]


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of one cycle."""

    cancels: tuple[PlannedCancel, ...]
    proposals: tuple[TradeProposal, ...]  # what was sized, in its order, then the slices
    findings: Mapping[str, Finding]  # symbol -> what was seen of an own order or position
    memory: ChangeMemory

    def remembered(
        self,
        orders: tuple[PlannedOrder, ...],
        cancels: tuple[PlannedCancel, ...],
        cycle: int,
        at: datetime,
    ) -> ChangeMemory:
        """The memory for the next cycle, once it is known which slices became orders.

        A slice counts when it is planned, whatever comes of it: a venue that refuses one
        is not to be asked again every cycle. A stop that is to be taken back counts as asked.
        """
        slices = {
            proposal.id: proposal.symbol
            for proposal in self.proposals
            if proposal.purpose is Purpose.TRIM
        }
        sold = {slices[order.reason]: at for order in orders if order.reason in slices}
        trimmed = {**self.memory.trimmed, **sold}
        asked = dict(self.memory.asked)
        for cancel in cancels:
            if cancel.order.guards:
                name = cancel.client_order_id
                asked[name] = Asked(asked[name].times + 1 if name in asked else 1, cycle)
        return replace(self.memory, asked=asked, trimmed=dict(sorted(trimmed.items())))


def plan_changes(scene: Scene, wanted: frozenset[str], sized: tuple[TradeProposal, ...]) -> Changes:
    """What to take back, what to place anew and what to sell off.

    `wanted` holds the ids of everything proposed in this cycle, also of what lost later;
    `sized` what goes on to risk. A product that is to be sold anyway gets no slice.
    """
    sales = {proposal.symbol: proposal for proposal in sized if proposal.side is Side.SELL}
    entries: Entries = review_entries(scene, wanted, sales)
    slices: Slices = cut_slices(scene, frozenset(sales))
    memory = ChangeMemory(
        asked=entries.asked,
        unwanted=entries.unwanted,
        chases=kept_chases(scene, entries),
        trimmed=slices.trimmed,
    )
    anew = tuple(continued(proposal, scene) for proposal in sized)
    findings = {**entries.findings, **slices.findings}
    # Slices come last: a sale makes no room for a buy in its own cycle, nor takes its place.
    return Changes(entries.cancels, anew + slices.wanted, findings, memory)
