"""Stage 4c: per-strategy budgets; one proposal per product wins, and it is said why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.proposals import TradeProposal
from core.reasons import Finding


@dataclass(frozen=True, slots=True)
class Allocation:
    kept: tuple[TradeProposal, ...]  # strongest first
    lost: Mapping[str, Finding]  # proposal id -> why
