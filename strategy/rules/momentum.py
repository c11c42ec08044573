"""Momentum: what rises tends to rise on, for a while.

Acts on price moves and momentum, upwards only. A trigger does not say which way
the price went, so the rule measures that itself on the closes it is shown. It
refuses to guess: a window the bars cannot resolve, or a history shorter than its
averages, is said and nothing is proposed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from core.indicators import shown_ratio, window_mean
from core.market import Panel
from core.money import Ratio
from core.proposals import StrategyContext
from core.reasons import Finding, Reason
from core.triggers import Trigger, TriggerKind
from core.wording import count, percent_of, span, times
from strategy.rules.buying import KEYS, Answer, Opinion, buy
from strategy.rules.conviction import conviction, share

NAME = "momentum"
KINDS = frozenset({TriggerKind.MOMENTUM, TriggerKind.PRICE_MOVE_15M, TriggerKind.PRICE_MOVE_60M})


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumRule:
    enabled: bool
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


@dataclass(frozen=True, slots=True)
class Course:
    """What the closes of one product did. Ratios are rounded to what is shown."""

    rise: float  # of the last close over the close `fast` before it
    below_high: float  # of the last close under the highest one since then
    trending: bool  # the fast average lies above the slow one


def propose(symbol: str, context: StrategyContext, rule: MomentumRule) -> Answer:
    """A buy of a product that rises; surer while its fast average lies above the slow one."""
    fired = tuple(trigger for trigger in context.triggers[symbol] if trigger.kind in KINDS)
    if not fired:
        return None
    course = _course(symbol, context.panel, rule)
    if isinstance(course, Finding):
        return course
    trigger = _rising(fired, course, rule)
    if isinstance(trigger, Finding):
        return trigger
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
    """What is wrong with the two windows, whatever the bar."""
    if rule.fast <= timedelta(0):
        yield f"{NAME}.fast: must be longer than 0s"
    if rule.fast >= rule.slow:
        yield f"{NAME}.fast: must be shorter than {NAME}.slow"


def windows(rule: MomentumRule) -> Mapping[str, timedelta]:
    """How far back the rule looks, by key."""
    return {f"{KEYS}.{NAME}.fast": rule.fast, f"{KEYS}.{NAME}.slow": rule.slow}


def unresolved(rule: MomentumRule, bar: timedelta) -> Iterator[tuple[str, str]]:
    """Each window that is no whole number of bars: its key, and the sentence that says so."""
    for key, window in windows(rule).items():
        if window % bar:
            yield key, f"{span(window)} is no whole number of {span(bar)} bars"


def _course(symbol: str, panel: Panel, rule: MomentumRule) -> Course | Finding:
    blurred = next(unresolved(rule, panel.bar), None)
    if blurred is not None:
        key, sentence = blurred
        return Finding(Reason.RULE_DECLINED, sentence, "a whole number of bars", key)
    fast, slow = panel.bars_in(rule.fast), panel.bars_in(rule.slow)
    row = panel.symbols.index(symbol)
    known = int(panel.known[row])
    # The slow window holds the close `fast` bars earlier too: fast is at least one bar shorter.
    if known < slow:
        return Finding(
            Reason.HISTORY_TOO_SHORT, count(known, "bar"), count(slow, "bar"), f"{KEYS}.{NAME}.slow"
        )
    closes = panel.close[row : row + 1]
    since = closes[:, -fast - 1 :]
    rise = shown_ratio(closes[:, -1] / since[:, 0] - 1.0)
    below_high = shown_ratio(1.0 - closes[:, -1] / since.max(axis=-1))
    trending = window_mean(closes, fast) > window_mean(closes, slow)
    return Course(float(rise[0]), float(below_high[0]), bool(trending[0]))


def _rising(fired: tuple[Trigger, ...], course: Course, rule: MomentumRule) -> Trigger | Finding:
    """The strongest trigger that went up, or what the price did instead.

    A momentum trigger looks upwards by definition. A price move fires both ways over a
    window unknown here: a price that has risen for hours may have dropped in the last
    quarter. At the high of its fast window it cannot have dropped over any part of it.
    """
    key, window = f"{KEYS}.{NAME}.fast", span(rule.fast)
    if course.rise <= 0:
        seen = f"price fell {percent_of(-course.rise)}" if course.rise else "price unchanged"
        return Finding(Reason.RULE_DECLINED, f"{seen} over {window}", "a rise", key)
    for trigger in fired:
        if trigger.kind is TriggerKind.MOMENTUM or course.below_high <= 0:
            return trigger
    seen = f"price {percent_of(course.below_high)} below its highest close of {window}"
    return Finding(Reason.RULE_DECLINED, seen, "at its highest close", key)
