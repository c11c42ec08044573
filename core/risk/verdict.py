"""Approved, Reduced or Denied: what risk may say of a proposal, always with its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from core.proposals import TradeProposal
from core.reasons import Finding


@dataclass(frozen=True, slots=True)
class Approved:
    """Nothing speaks against the proposal as it stands."""

    proposal: TradeProposal


@dataclass(frozen=True, slots=True)
class Reduced:
    """Approved for less: `proposal` carries the smaller notional, `finding` who shrank it."""

    proposal: TradeProposal
    finding: Finding


@dataclass(frozen=True, slots=True)
class Denied:
    proposal: TradeProposal
    finding: Finding


Verdict = Approved | Reduced | Denied
