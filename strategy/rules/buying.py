"""From an opinion to a proposed buy: entry, stop and target around it.

The only place where a rule's answer becomes a proposal, and it proposes buys
only: nothing is ever sold short. It refuses prices that no protection can stand
on, and it does not know how much is bought.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from core.market import Side
from core.proposals import StrategyContext, TradeProposal
from core.reasons import Finding, Reason
from core.wording import percent_of
from strategy.rules.conviction import Conviction

STRATEGY = "rules"
KEYS = "strategies.rules.parameters"

Answer = TradeProposal | Finding  # a rule is asked only about triggers that it acts on


class Reach(Protocol):
    """How far stop and target lie from the entry, in average true ranges."""

    @property
    def stop_atr(self) -> Decimal: ...

    @property
    def target_atr(self) -> Decimal: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """Why a product should be bought, before anybody has put prices to it."""

    symbol: str
    rule: str
    conviction: Conviction
    because: str
    target_max: float | None = None  # price in quote currency beyond which nothing is expected


def buy(opinion: Opinion, reach: Reach, context: StrategyContext) -> TradeProposal | Finding:
    """The opinion as a proposal, or why its stop cannot be placed."""
    key = f"{KEYS}.{opinion.rule}.stop_atr"
    atr = context.atr.get(opinion.symbol)
    if atr is None:
        known = "no average true range"
        return Finding(Reason.HISTORY_TOO_SHORT, known, "one to place the stop by", key)
    price = entry(opinion.symbol, context)
    risked, hoped = float(reach.stop_atr) * atr, price + float(reach.target_atr) * atr
    if not 0 < risked / price < 1:  # also refuses NaN
        seen = f"stop {percent_of(risked / price)} below the entry"
        return Finding(Reason.RULE_DECLINED, seen, "above 0% and below 100%", key)
    return TradeProposal(
        symbol=opinion.symbol,
        side=Side.BUY,
        strategy=STRATEGY,
        rule=opinion.rule,
        tier=context.tiers[opinion.symbol],
        conviction=opinion.conviction.value,
        breakdown=opinion.conviction.breakdown,
        stop_loss=price - risked,
        take_profit=hoped if opinion.target_max is None else min(hoped, opinion.target_max),
        because=opinion.because,
    )


def entry(symbol: str, context: StrategyContext) -> float:
    """What a buyer pays now: the best ask, or the last close where there is no book."""
    top = context.tops.get(symbol)
    if top is not None:
        return float(top.ask)
    return float(context.panel.close[context.panel.symbols.index(symbol), -1])
