"""EMA cross: the example strategy, whole in one file. Copy it to write your own.

Buys a product while its fast exponential average has crossed the slow one upwards
within the last few bars, and sells what it holds of a product whose fast average lies
below. Buying asks for a cross, because an average that has long been above says
nothing new; selling asks only for the state, so that a sale that did not go through
is asked for again. It looks at closed bars, never at triggers, and sizes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import isnan
from typing import NamedTuple

import numpy as np

from core.indicators import SEEDED_BARS, exponential_averages
from core.market import Regime, Side
from core.money import ONE, ZERO, Ratio
from core.proposals import Proposals, StrategyContext, TradeProposal
from core.reasons import Finding, Reason
from core.wording import count, percent_of
from strategy.rules.buying import entry

STRATEGY = "ema_cross"
RULE = "cross"
KEY = f"strategies.{STRATEGY}.parameters.{RULE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cross:
    """`strategies.ema_cross.parameters.cross`, key by key."""

    regimes: tuple[Regime, ...]  # in which it may buy; it sells in all
    fast_bars: int
    slow_bars: int
    age_max: int  # bars for which a cross is worth buying
    conviction: Ratio
    stop: Ratio  # below the entry
    target: Ratio  # above it


@dataclass(frozen=True, slots=True, kw_only=True)
class EmaCrossParameters:
    """`strategies.ema_cross.parameters`. A contradiction is a ValueError that names its key."""

    cross: Cross

    def __post_init__(self) -> None:
        cross, complaints = self.cross, []
        if cross.fast_bars >= cross.slow_bars:
            complaints.append(
                f"{RULE}.fast_bars: must be fewer than slow_bars, which are {cross.slow_bars}"
            )
        if not ZERO < cross.stop.value < ONE:
            complaints.append(f"{RULE}.stop: must lie between 0% and 100%, was {cross.stop}")
        if cross.target.value <= ZERO:
            complaints.append(f"{RULE}.target: must be above 0%, was {cross.target}")
        if complaints:
            raise ValueError("; ".join(complaints))


class _Gap(NamedTuple):
    """How far the fast average lies above the slow one; NaN while one of them is not ready."""

    last: float
    before: float  # the least of the bars before


@dataclass(frozen=True, slots=True)
class EmaCross:
    """Implements core.proposals.Strategy."""

    parameters: EmaCrossParameters

    @property
    def name(self) -> str:
        return STRATEGY

    def propose(self, context: StrategyContext) -> Proposals:
        """A word on every product it may trade: a proposal, or which average was short."""
        wanted: list[TradeProposal] = []
        declined: dict[str, Finding] = {}
        for symbol, gap in self._gaps(context).items():
            match self._answer(symbol, gap, context):
                case TradeProposal() as proposal:
                    wanted.append(proposal)
                case Finding() as finding:
                    declined[symbol] = finding
        return Proposals(tuple(wanted), declined)

    def _gaps(self, context: StrategyContext) -> Mapping[str, _Gap]:
        """By symbol; of one bar more than a cross may be old, so that each has one to come from."""
        panel, cross = context.panel, self.parameters.cross
        periods = cross.fast_bars, cross.slow_bars
        fast, slow = exponential_averages(panel.close, panel.known, periods, cross.age_max + 1)
        gaps = (fast - slow) / slow
        last, before = gaps[:, -1].tolist(), np.minimum.reduce(gaps[:, :-1], axis=-1).tolist()
        return dict(zip(panel.symbols, map(_Gap, last, before), strict=True))

    def _answer(self, symbol: str, gap: _Gap, context: StrategyContext) -> TradeProposal | Finding:
        cross, now = self.parameters.cross, gap.last
        if isnan(now) or isnan(gap.before):
            row = context.panel.symbols.index(symbol)
            seen = count(int(context.panel.known[row]), "bar")
            needed = count(SEEDED_BARS + cross.age_max, "bar")
            return Finding(Reason.HISTORY_TOO_SHORT, seen, needed, f"{KEY}.slow_bars")
        if now < 0 and symbol in context.positions:
            return self._sale(symbol, now, context)
        if now <= 0 or gap.before > 0:
            return self._no_cross(now)
        regime = context.regime.regime
        if regime not in cross.regimes:
            allowed = ", ".join(one.value for one in cross.regimes)
            return Finding(Reason.RULE_NOT_IN_REGIME, regime.value, allowed, f"{KEY}.regimes")
        return self._buy(symbol, now, context)

    def _no_cross(self, now: float) -> Finding:
        limit = f"a cross upwards within {count(self.parameters.cross.age_max, 'bar')}"
        if now > 0:
            return Finding(Reason.NO_CROSS, "above for longer", limit, f"{KEY}.age_max")
        seen = f"fast average {percent_of(-now)} below the slow one"
        return Finding(Reason.NO_CROSS, seen, limit, f"{KEY}.fast_bars")

    def _buy(self, symbol: str, gap: float, context: StrategyContext) -> TradeProposal:
        cross, price = self.parameters.cross, entry(symbol, context)
        return self._proposal(
            symbol,
            Side.BUY,
            context,
            levels=(price * float(ONE - cross.stop.value), price * float(ONE + cross.target.value)),
            because=f"the average of {cross.fast_bars} bars crossed that of {cross.slow_bars} "
            f"upwards and lies {percent_of(gap)} above it",
        )

    def _sale(self, symbol: str, gap: float, context: StrategyContext) -> TradeProposal:
        cross, price = self.parameters.cross, entry(symbol, context)
        return self._proposal(
            symbol,
            Side.SELL,
            context,
            levels=(price, price),
            because=f"the average of {cross.fast_bars} bars lies {percent_of(-gap)} below "
            f"that of {cross.slow_bars}",
        )

    def _proposal(
        self,
        symbol: str,
        side: Side,
        context: StrategyContext,
        *,
        levels: tuple[float, float],
        because: str,
    ) -> TradeProposal:
        conviction = float(self.parameters.cross.conviction.value)
        return TradeProposal(
            symbol=symbol,
            side=side,
            strategy=STRATEGY,
            rule=RULE,
            tier=context.tiers[symbol],
            conviction=conviction,
            breakdown={RULE: conviction},
            stop_loss=levels[0],
            take_profit=levels[1],
            because=because,
        )


def windows(_parameters: EmaCrossParameters) -> Mapping[str, timedelta]:
    """For start-up: nothing; it counts bars, and the Panel holds more than it looks back on."""
    return {}


def unresolved(_parameters: EmaCrossParameters, _bar: timedelta) -> Mapping[str, str]:
    """For start-up: nothing; every bar resolves itself."""
    return {}
