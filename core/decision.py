"""Decision and Outcome: what the bot chose, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.changes import Changes
from core.execution import OrderPlan
from core.orders import Cancelled, Fill, Order
from core.proposals import TradeProposal
from core.protection import Protection
from core.reasons import Finding
from core.regime import RegimeReading
from core.state import Breaker, Closed, ExitPlan, Standing
from core.triggers import Attention, Trigger
from core.universe import Universe


@dataclass(frozen=True, slots=True)
class ProductVerdict:
    """The one answer about a product in a cycle; `proposal` is its id where there was one."""

    finding: Finding
    proposal: str | None
    exit: Finding | None = None  # of a position: which exit was watched, and how far it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do now and why, with every stage's own words kept."""

    at: datetime
    standing: Standing
    regime: RegimeReading
    universe: Universe
    attention: Attention
    proposals: tuple[TradeProposal, ...]
    verdicts: Mapping[str, ProductVerdict]  # every eligible product and every position
    plan: OrderPlan
    exits: Mapping[str, ExitPlan]  # every position's, as of this cycle
    protections: Mapping[str, Protection]  # likewise: where its stop is
    changes: Changes

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        return self.attention.triggers


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the cycle: every own order that was sent or changed in it, as it now stands.

    `fills` are all that were booked in the cycle; `closed` only what carrying out the plan
    closed, for what reconciling closed before is in the state already, by its Sighting.
    """

    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    cancels: tuple[Cancelled, ...] = ()
    closed: tuple[Closed, ...] = ()
    breakers: tuple[Breaker, ...] = ()  # of a real venue, when all was carried out
