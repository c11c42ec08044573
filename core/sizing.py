"""Stage 4d: conviction, tier and regime to a notional. Risk may only shrink it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.proposals import TradeProposal
from core.reasons import Finding


@dataclass(frozen=True, slots=True)
class Sizes:
    sized: tuple[TradeProposal, ...]  # in the order given, each with its notional
    dropped: Mapping[str, Finding]  # proposal id -> why
