"""Reversal: a price that fell and turned tends to go on, if the turn is real.

Acts on reversal triggers. A bounce is not a turn, so the rule counts confirmations:
the close above the volume-weighted average price, a higher low since the low, the
RSI back through its middle, and a bounce of some size. How many it takes is policy,
and each one that is there makes it surer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from core.indicators import SEEDED_BARS, average_price, relative_strength, shown_ratio
from core.market import Floats, Panel, Regime
from core.money import Ratio
from core.proposals import StrategyContext
from core.reasons import Finding, Reason
from core.triggers import Direction, Trigger, TriggerKind
from core.wording import count, percent_of, times
from strategy.rules.buying import KEYS, Answer, Opinion, buy
from strategy.rules.conviction import conviction, most_of, share
from strategy.rules.resolution import unseen

NAME = "reversal"
KINDS = frozenset({TriggerKind.REVERSAL})
DIRECTION = Direction.UP
CONFIRMATIONS = ("vwap", "higher_low", "rsi", "bounce")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversalRule:
    enabled: bool
    regimes: tuple[Regime, ...]  # in which it may be used
    base: Ratio
    strength_weight: Ratio
    confidence_weight: Ratio
    confirmation_weight: Ratio  # earned by each confirmation
    confirmations_min: int
    window: timedelta  # of the VWAP, the RSI and the low that confirmations are about
    rsi_min: Ratio
    bounce_min: Ratio  # of the close above that low
    stop_atr: Decimal
    target_atr: Decimal

    @property
    def weights(self) -> Mapping[str, Ratio]:
        return {
            "base": self.base,
            "strength_weight": self.strength_weight,
            "confidence_weight": self.confidence_weight,
            "confirmation_weight": self.confirmation_weight,
        }

    @property
    def conviction_max(self) -> Ratio:
        others = [self.confirmation_weight] * (len(CONFIRMATIONS) - 1)
        return most_of((*self.weights.values(), *others))

    @property
    def windows(self) -> Mapping[str, timedelta]:
        return {"window": self.window}


class Confirmation(NamedTuple):
    """One sign that the turn is real, and what is said where it is missing."""

    name: str
    seen: bool
    otherwise: str


def propose(trigger: Trigger, context: StrategyContext, rule: ReversalRule) -> Answer:
    """A buy of a product that fell and turned, once enough confirms it."""
    symbol, panel = trigger.symbol, context.panel
    if trouble := unseen(symbol, panel, NAME, rule, {"window": SEEDED_BARS}):
        return trouble
    signs = _confirmations(panel.rows((symbol,)), rule)
    there = [sign.name for sign in signs if sign.seen]
    if len(there) < rule.confirmations_min:
        return _unconfirmed(signs, rule)
    weight = share(rule.confirmation_weight)
    opinion = Opinion(
        symbol=symbol,
        rule=NAME,
        conviction=conviction(
            trigger, rule, {sign.name: weight if sign.seen else 0.0 for sign in signs}
        ),
        because=(
            f"reversal at {times(trigger.strength)} its limit, confirmed by "
            f"{', '.join(there) or 'nothing'}"
        ),
    )
    return buy(opinion, rule, context)


def too_many_asked(rule: ReversalRule) -> Iterator[str]:
    """Whether more confirmations are asked for than there are."""
    most, asked = len(CONFIRMATIONS), rule.confirmations_min
    if not 0 <= asked <= most:
        yield f"{NAME}.confirmations_min: must lie between 0 and {most}, was {asked}"


def _confirmations(panel: Panel, rule: ReversalRule) -> tuple[Confirmation, ...]:
    """All of them, of a panel of one product, in the order of CONFIRMATIONS."""
    bars, close = panel.bars_in(rule.window), panel.close[:, -1]
    lows = panel.low[:, -bars:]
    low = lows.min(axis=-1)
    vwap = average_price(panel, bars)
    above = float(shown_ratio((close - vwap) / vwap)[0])
    rsi = float(shown_ratio(relative_strength(panel.close, panel.known, bars))[0])
    bounce = float(shown_ratio((close - low) / low)[0])
    off = f"close {percent_of(-above)} below VWAP" if above == above else "nothing was traded"
    return (
        Confirmation("vwap", above > 0, off),
        Confirmation("higher_low", _higher_low(lows[0]), "no higher low"),
        Confirmation("rsi", rsi >= share(rule.rsi_min), f"RSI {percent_of(rsi)}"),
        Confirmation("bounce", bounce >= share(rule.bounce_min), f"bounce {percent_of(bounce)}"),
    )


def _higher_low(lows: Floats) -> bool:
    """Whether the price dipped after its low, held above it and has left the dip behind.

    A dip is a bar whose low lies below its predecessor's; behind it lies the last bar.
    """
    since = lows[len(lows) - 1 - int(lows[::-1].argmin()) :]
    dips = since[1:-1][since[1:-1] < since[:-2]]
    return bool((dips < since[-1]).any())


def _unconfirmed(signs: tuple[Confirmation, ...], rule: ReversalRule) -> Finding:
    missing = [sign.otherwise for sign in signs if not sign.seen]
    seen = f"{count(len(signs) - len(missing), 'confirmation')}: {', '.join(missing)}"
    asked = count(rule.confirmations_min, "confirmation")
    return Finding(Reason.RULE_DECLINED, seen, asked, f"{KEYS}.{NAME}.confirmations_min")
