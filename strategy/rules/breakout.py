"""Breakout: a product that leaves its range upwards tends to go on.

Acts on breakout triggers alone, which look upwards by definition. A volume spike
beside one confirms it; a spike without one says nothing about direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from core.market import Regime
from core.money import Ratio
from core.proposals import StrategyContext
from core.triggers import Direction, Trigger, TriggerKind
from core.wording import times
from strategy.rules.buying import Answer, Opinion, buy
from strategy.rules.conviction import conviction, most_of, share

NAME = "breakout"
KINDS = frozenset({TriggerKind.BREAKOUT})
DIRECTION = Direction.UP


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakoutRule:
    enabled: bool
    regimes: tuple[Regime, ...]  # in which it may be used
    base: Ratio
    strength_weight: Ratio
    confidence_weight: Ratio
    volume_weight: Ratio  # earned when a volume spike comes with it
    stop_atr: Decimal
    target_atr: Decimal

    @property
    def weights(self) -> Mapping[str, Ratio]:
        return {
            "base": self.base,
            "strength_weight": self.strength_weight,
            "confidence_weight": self.confidence_weight,
            "volume_weight": self.volume_weight,
        }

    @property
    def conviction_max(self) -> Ratio:
        return most_of(self.weights.values())

    @property
    def windows(self) -> Mapping[str, timedelta]:
        return {}  # its trigger has looked for it


def propose(trigger: Trigger, context: StrategyContext, rule: BreakoutRule) -> Answer:
    """A buy of a product that broke out; surer when volume came with it."""
    kinds = {fired.kind for fired in context.triggers[trigger.symbol]}
    confirmed = TriggerKind.VOLUME_SPIKE in kinds
    opinion = Opinion(
        symbol=trigger.symbol,
        rule=NAME,
        conviction=conviction(
            trigger, rule, {"volume": share(rule.volume_weight) if confirmed else 0.0}
        ),
        because=(
            f"breakout at {times(trigger.strength)} its limit, "
            f"{'with' if confirmed else 'without'} a volume spike"
        ),
    )
    return buy(opinion, rule, context)
