"""Stage 2: bull, chop, bear or crash, read from the reference product."""

from __future__ import annotations

from dataclasses import dataclass

from core.market import Regime


@dataclass(frozen=True, slots=True)
class RegimeReading:
    """The regime and what was seen of the reference product."""

    regime: Regime
    because: str  # one sentence with the numbers
