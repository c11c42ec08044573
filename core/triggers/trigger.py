"""Trigger and Attention: what was noticed, and what the cycle looks at because of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from core.reasons import Finding


class TriggerKind(Enum):
    PRICE_MOVE_15M = "price_move_15m"
    PRICE_MOVE_60M = "price_move_60m"
    VOLUME_SPIKE = "volume_spike"
    BREAKOUT = "breakout"
    MOMENTUM = "momentum"
    OVERSOLD = "oversold"
    REVERSAL = "reversal"


class Direction(Enum):
    """Which way the price went to make a trigger fire; NONE where that says nothing about it."""

    UP = "up"
    DOWN = "down"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something noticed about one product."""

    symbol: str
    kind: TriggerKind
    direction: Direction
    strength: float  # seen / limit, at most 4 decimals; 1 is exactly at the limit
    confidence: float  # 0 to 1: how much of what would confirm it is there
    seen: str


@dataclass(frozen=True, slots=True)
class Attention:
    """What the cycle looks at, and why each other eligible product is passed over."""

    triggers: tuple[Trigger, ...]  # strongest product first, and within it strongest kind first
    passed: Mapping[str, Finding]  # every eligible product without a trigger here
    nearest: tuple[str, ...]  # every eligible product, nearest to a trigger (or beyond) first

    def by_symbol(self) -> Mapping[str, tuple[Trigger, ...]]:
        """The triggers of each product, in the order they have here."""
        found: dict[str, tuple[Trigger, ...]] = {}
        for trigger in self.triggers:
            found[trigger.symbol] = (*found.get(trigger.symbol, ()), trigger)
        return found
