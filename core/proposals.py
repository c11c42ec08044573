"""Stage 4a: what a strategy may see, what it may say, and the protocol that binds it.

A strategy is pure: the same context gives the same proposals. It can veto
nothing; where it lets a trigger pass, it says why, so that the product's verdict
can name the number that was short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from core.account import Position
from core.market import Panel, Side, TopOfBook
from core.money import Money, Price, Quantity, Ratio
from core.reasons import Finding
from core.regime import RegimeReading
from core.triggers import Trigger


class Purpose(Enum):
    """Why a proposal is made; risk judges an exit by other checks than an entry."""

    ENTRY = "ENTRY"  # a strategy wants to be in
    EXIT = "EXIT"  # a protective exit: no limit on buying may ever hold it up
    TRIM = "TRIM"  # too much of it, or no longer eligible: sold in slices, own lots only


@dataclass(frozen=True, slots=True)
class ExitTerms:
    """What a protective exit sells, and down to where; an entry has none."""

    quantity: Quantity
    price: Price  # what was looked at: the bid, or the best there is without a fresh book
    slippage_max: Ratio  # how far below it the sale may go


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeProposal:
    """Something wanted. `notional` is empty until sizing has looked at it."""

    symbol: str
    side: Side
    strategy: str
    rule: str
    tier: str
    conviction: float  # 0 to 1, at most 4 decimals
    breakdown: Mapping[str, float]  # the parts whose sum is the conviction before its bounds
    stop_loss: float  # price in quote currency, as measured; the plan rounds it to the tick
    take_profit: float
    because: str  # one sentence for people
    notional: Money | None = None
    purpose: Purpose = Purpose.ENTRY
    exit: ExitTerms | None = None  # of purpose EXIT only
    step: int = 0  # above 0 it replaces an order of the same intent that was taken back

    @property
    def id(self) -> str:
        return f"{self.strategy}:{self.symbol}:{self.side.value}"


@dataclass(frozen=True, slots=True)
class Proposals:
    """A strategy's answer: what it wants, and per symbol why it let the rest pass."""

    wanted: tuple[TradeProposal, ...]
    declined: Mapping[str, Finding]

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(proposal.id for proposal in self.wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyContext:
    """All that a strategy may know. Immutable; holds no way to reach anything else."""

    at: datetime
    regime: RegimeReading
    tiers: Mapping[str, str]  # eligible symbol -> tier
    triggers: Mapping[str, tuple[Trigger, ...]]  # symbol -> its triggers, strongest first
    panel: Panel  # the eligible products only
    atr: Mapping[str, float]  # average true range in quote currency, where there is enough history
    tops: Mapping[str, TopOfBook]
    positions: Mapping[str, Position]


class Strategy(Protocol):
    """An opinion about the market."""

    @property
    def name(self) -> str: ...

    def propose(self, context: StrategyContext) -> Proposals: ...
