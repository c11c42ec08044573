"""Stage 1: which products may be looked at, by tier, and why the rest may not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.reasons import Finding
from core.state import Membership


@dataclass(frozen=True, slots=True)
class Universe:
    """Every listed product is in exactly one of the two."""

    eligible: Mapping[str, str]  # symbol -> tier, sorted by symbol
    excluded: Mapping[str, Finding]  # sorted by symbol
    memberships: Mapping[str, Membership]  # for the next cycle's hysteresis
