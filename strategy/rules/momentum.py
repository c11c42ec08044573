"""Momentum: what rises tends to rise on, for a while.

Acts on momentum and on price moves that went up. A move of a quarter of an hour
inside a fall is no momentum, so the rule asks for a rise over its own fast window
too. It refuses to guess: a window the bars cannot resolve, or a history shorter
than its averages, is said and nothing is proposed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from core.indicators import shown, window_mean
from core.market import Floats, Panel, Regime
from core.money import Ratio
from core.proposals import StrategyContext
from core.reasons import Finding, Reason
from core.triggers import Direction, Trigger, TriggerKind
from core.wording import percent_of, span, times
from strategy.rules.buying import KEYS, Answer, Opinion, buy
from strategy.rules.conviction import conviction, most_of, share
from strategy.rules.resolution import unseen

NAME = "momentum"
KINDS = frozenset({TriggerKind.MOMENTUM, TriggerKind.PRICE_MOVE_15M, TriggerKind.PRICE_MOVE_60M})
DIRECTION = Direction.UP


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumRule:
    enabled: bool
    regimes: tuple[Regime, ...]  # in which it may be used
    base: Ratio
    strength_weight: Ratio
    confidence_weight: Ratio
    trend_weight: Ratio  # earned while the fast average lies above the slow one
    fast: timedelta  # window of the fast average, and of the rise that is asked for
    slow: timedelta
    stop_atr: Decimal
    target_atr: Decimal

    @property
    def weights(self) -> Mapping[str, Ratio]:
        return {
            "base": self.base,
            "strength_weight": self.strength_weight,
            "confidence_weight": self.confidence_weight,
            "trend_weight": self.trend_weight,
        }

    @property
    def conviction_max(self) -> Ratio:
        return most_of(self.weights.values())

    @property
    def windows(self) -> Mapping[str, timedelta]:
        return {"fast": self.fast, "slow": self.slow}


@dataclass(frozen=True, slots=True)
class Course:
    """What the closes of one product did."""

    rise: float  # of the last close over the close `fast` before it, as shown
    trending: bool  # the fast average lies above the slow one


def propose(trigger: Trigger, context: StrategyContext, rule: MomentumRule) -> Answer:
    """A buy of a product that rises; surer while its fast average lies above the slow one."""
    symbol, panel = trigger.symbol, context.panel
    # The slow window holds the close `fast` bars earlier too: fast is at least one bar shorter.
    if trouble := unseen(symbol, panel, NAME, rule, {}):
        return trouble
    row = panel.symbols.index(symbol)
    course = _course(panel.close[row : row + 1], panel, rule)
    if course.rise <= 0:
        return _no_rise(course, rule)
    opinion = Opinion(
        symbol=symbol,
        rule=NAME,
        conviction=conviction(
            trigger, rule, {"trend": share(rule.trend_weight) if course.trending else 0.0}
        ),
        because=(
            f"{trigger.kind.value} at {times(trigger.strength)} its limit, price rose "
            f"{percent_of(course.rise)} over {span(rule.fast)}, "
            f"fast average {'above' if course.trending else 'not above'} the slow one"
        ),
    )
    return buy(opinion, rule, context)


def windows_apart(rule: MomentumRule) -> Iterator[str]:
    """What is wrong with the two windows together, whatever the bar."""
    if rule.fast >= rule.slow:
        yield f"{NAME}.fast: must be shorter than {NAME}.slow"


def _course(closes: Floats, panel: Panel, rule: MomentumRule) -> Course:
    """Of one row of closes [1 x bar]."""
    fast, slow = panel.bars_in(rule.fast), panel.bars_in(rule.slow)
    rise = shown(closes.item(0, -1) / closes.item(0, -fast - 1) - 1.0)
    trending = window_mean(closes, fast).item(0) > window_mean(closes, slow).item(0)
    return Course(rise, trending)


def _no_rise(course: Course, rule: MomentumRule) -> Finding:
    seen = f"price fell {percent_of(-course.rise)}" if course.rise else "price unchanged"
    return Finding(
        Reason.RULE_DECLINED, f"{seen} over {span(rule.fast)}", "a rise", f"{KEYS}.{NAME}.fast"
    )
