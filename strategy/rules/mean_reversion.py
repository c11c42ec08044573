"""Mean reversion: a price stretched far below its mean tends to come back to it.

Acts on oversold triggers, and only once the selling is exhausted: before the last
bar the RSI was low, the last bar turned it up, and it closed high in its range. A
stretch alone is bought by those who catch falling knives. It expects no more than
the mean: the target never lies beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import numpy as np

from core.indicators import SEEDED_BARS, relative_strength, shown_ratio, window_mean
from core.market import Panel, Regime
from core.money import Ratio
from core.proposals import StrategyContext
from core.reasons import Finding, Reason
from core.triggers import Direction, Trigger, TriggerKind
from core.wording import percent, percent_of, times
from strategy.rules.buying import KEYS, Answer, Opinion, buy, entry
from strategy.rules.conviction import conviction, most_of, share
from strategy.rules.resolution import unseen

NAME = "mean_reversion"
KINDS = frozenset({TriggerKind.OVERSOLD})
DIRECTION = Direction.DOWN
_KEY = f"{KEYS}.{NAME}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanReversionRule:
    enabled: bool
    regimes: tuple[Regime, ...]  # in which it may be used
    base: Ratio
    strength_weight: Ratio
    confidence_weight: Ratio
    volume_weight: Ratio  # earned while the last bar traded no more than a bar of `rsi_window`
    rsi_window: timedelta
    rsi_max: Ratio  # before the last bar
    close_in_range_min: Ratio  # where in its range the last bar closed, 100% is its high
    mean_window: timedelta  # of the mean that the price is expected to return to
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
        return {"rsi_window": self.rsi_window, "mean_window": self.mean_window}


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """How the last bar ended the fall of one product. Ratios are rounded to what is shown."""

    rsi_before: float  # one bar ago
    rsi: float
    close_in_range: float  # 0 at the low of the last bar, 1 at its high; 0 without a range
    calm: bool  # the last bar traded no more than a bar of the window on average
    mean: float  # price in quote currency


def propose(trigger: Trigger, context: StrategyContext, rule: MeanReversionRule) -> Answer:
    """A buy of a product that fell far below its mean, once its sellers are exhausted."""
    symbol, panel = trigger.symbol, context.panel
    seeds = {"rsi_window": SEEDED_BARS + 1}  # for the RSI before the last bar as well
    if trouble := unseen(symbol, panel, NAME, rule, seeds):
        return trouble
    seen = _exhaustion(panel.rows((symbol,)), rule)
    short = _still_selling(seen, rule) or _nothing_to_gain(seen, entry(symbol, context))
    if short:
        return short
    opinion = Opinion(
        symbol=symbol,
        rule=NAME,
        conviction=conviction(
            trigger, rule, {"volume": share(rule.volume_weight) if seen.calm else 0.0}
        ),
        because=(
            f"oversold at {times(trigger.strength)} its limit, RSI turned up from "
            f"{percent_of(seen.rsi_before)} to {percent_of(seen.rsi)}, close at "
            f"{percent_of(seen.close_in_range)} of its bar's range, "
            f"volume {'calm' if seen.calm else 'still high'}"
        ),
        target_max=seen.mean,
    )
    return buy(opinion, rule, context)


def _exhaustion(panel: Panel, rule: MeanReversionRule) -> Exhaustion:
    """Of a panel of one product."""
    periods, closes = panel.bars_in(rule.rsi_window), panel.close
    before = relative_strength(closes[:, :-1], panel.known - 1, periods)
    after = relative_strength(closes, panel.known, periods)
    low, stretch = panel.low[:, -1], panel.high[:, -1] - panel.low[:, -1]
    place = np.divide(closes[:, -1] - low, stretch, out=np.zeros_like(low), where=stretch > 0)
    calm = panel.volume[:, -1] <= window_mean(panel.volume, periods)
    return Exhaustion(
        rsi_before=float(shown_ratio(before)[0]),
        rsi=float(shown_ratio(after)[0]),
        close_in_range=float(shown_ratio(place)[0]),
        calm=bool(calm[0]),
        mean=float(window_mean(closes, panel.bars_in(rule.mean_window))[0]),
    )


def _still_selling(seen: Exhaustion, rule: MeanReversionRule) -> Finding | None:
    """The first sign of exhaustion that is not there."""
    rsi, before = percent_of(seen.rsi), percent_of(seen.rsi_before)
    if seen.rsi_before > share(rule.rsi_max):
        said = f"RSI {before} before the last bar"
        return Finding(Reason.RULE_DECLINED, said, percent(rule.rsi_max), f"{_KEY}.rsi_max")
    if seen.rsi <= seen.rsi_before:
        said = f"RSI {rsi} after {before}"
        return Finding(Reason.RULE_DECLINED, said, "a rise", f"{_KEY}.rsi_window")
    if seen.close_in_range < share(rule.close_in_range_min):
        said = f"close at {percent_of(seen.close_in_range)} of its bar's range"
        least = percent(rule.close_in_range_min)
        return Finding(Reason.RULE_DECLINED, said, least, f"{_KEY}.close_in_range_min")
    return None


def _nothing_to_gain(seen: Exhaustion, price: float) -> Finding | None:
    """A mean at or below the entry: the price has nowhere to return to."""
    if price < seen.mean:
        return None
    said = f"mean {percent_of((price - seen.mean) / price)} below the entry"
    return Finding(Reason.RULE_DECLINED, said, "above the entry", f"{_KEY}.mean_window")
