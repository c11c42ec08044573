"""Triggers, contexts and proposals to test on, and the policies that judge them.

The parameters are those of config/strategies.yaml.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import cast

from core.account import Position
from core.market import Panel, Regime, Side, TopOfBook
from core.money import Money, Ratio
from core.policy import (
    ExecutionPolicy,
    ExitsPolicy,
    Policy,
    RegimeMultipliers,
    RegimePolicy,
    RiskPolicy,
    SizingPolicy,
    StrategyBudget,
    Tactic,
    TierExecution,
    TriggersPolicy,
    UniversePolicy,
    VolatilityScaling,
)
from core.proposals import StrategyContext, TradeProposal
from core.regime import RegimeReading
from core.triggers import Direction, Trigger, TriggerKind
from strategy.rules.breakout import BreakoutRule
from strategy.rules.mean_reversion import MeanReversionRule
from strategy.rules.momentum import MomentumRule
from strategy.rules.reversal import ReversalRule
from strategy.rules_engine import RulesParameters
from tests.builders.market import NOON, a_flat_panel


def a_ratio(percent: str) -> Ratio:
    """A ratio by its per cents: a_ratio("35") is 35%."""
    return Ratio(Decimal(percent).scaleb(-2))


def a_trigger(
    kind: TriggerKind = TriggerKind.MOMENTUM,
    symbol: str = "SOL-USD",
    *,
    strength: float = 1.4,
    confidence: float = 0.6,
    direction: Direction | None = None,
) -> Trigger:
    """A trigger that went the way of its kind; a price move went up."""
    ways = {TriggerKind.VOLUME_SPIKE: Direction.NONE, TriggerKind.OVERSOLD: Direction.DOWN}
    way = direction or ways.get(kind, Direction.UP)
    return Trigger(symbol, kind, way, strength, confidence, "3.5% in 6h")


def a_context(
    *triggers: Trigger,
    panel: Panel | None = None,
    atr: Mapping[str, float] | None = None,
    tops: Mapping[str, TopOfBook] | None = None,
    positions: Iterable[Position] = (),
    regime: Regime = Regime.CHOP,
) -> StrategyContext:
    """What a strategy sees of the triggered products: an ATR of 1, no books, a flat market."""
    symbols = sorted({trigger.symbol for trigger in triggers} or {"SOL-USD"})
    return StrategyContext(
        at=NOON,
        regime=RegimeReading(regime, "the weather"),
        tiers=dict.fromkeys(symbols, "T2"),
        triggers={
            symbol: tuple(trigger for trigger in triggers if trigger.symbol == symbol)
            for symbol in sorted({trigger.symbol for trigger in triggers})
        },
        panel=panel if panel is not None else a_flat_panel(*symbols),
        atr=dict.fromkeys(symbols, 1.0) if atr is None else atr,
        tops=tops or {},
        positions={position.symbol: position for position in positions},
    )


def a_momentum_rule(**changes: object) -> MomentumRule:
    fields: dict[str, object] = {
        "enabled": True,
        "regimes": (Regime.BULL, Regime.CHOP),
        "base": a_ratio("30"),
        "strength_weight": a_ratio("25"),
        "confidence_weight": a_ratio("25"),
        "trend_weight": a_ratio("20"),
        "fast": timedelta(hours=3),
        "slow": timedelta(hours=12),
        "stop_atr": Decimal(2),
        "target_atr": Decimal(4),
    }
    return MomentumRule(**(fields | changes))  # type: ignore[arg-type]


def a_breakout_rule(**changes: object) -> BreakoutRule:
    fields: dict[str, object] = {
        "enabled": True,
        "regimes": (Regime.BULL, Regime.CHOP),
        "base": a_ratio("35"),
        "strength_weight": a_ratio("25"),
        "confidence_weight": a_ratio("20"),
        "volume_weight": a_ratio("20"),
        "stop_atr": Decimal("1.5"),
        "target_atr": Decimal("4.5"),
    }
    return BreakoutRule(**(fields | changes))  # type: ignore[arg-type]


def a_mean_reversion_rule(**changes: object) -> MeanReversionRule:
    fields: dict[str, object] = {
        "enabled": True,
        "regimes": (Regime.BULL, Regime.CHOP),
        "base": a_ratio("35"),
        "strength_weight": a_ratio("20"),
        "confidence_weight": a_ratio("25"),
        "volume_weight": a_ratio("20"),
        "rsi_window": timedelta(hours=4),
        "rsi_max": a_ratio("30"),
        "close_in_range_min": a_ratio("60"),
        "mean_window": timedelta(hours=24),
        "stop_atr": Decimal(3),
        "target_atr": Decimal(5),
    }
    return MeanReversionRule(**(fields | changes))  # type: ignore[arg-type]


def a_reversal_rule(**changes: object) -> ReversalRule:
    fields: dict[str, object] = {
        "enabled": True,
        "regimes": (Regime.CHOP, Regime.BEAR),
        "base": a_ratio("20"),
        "strength_weight": a_ratio("20"),
        "confidence_weight": a_ratio("20"),
        "confirmation_weight": a_ratio("10"),
        "confirmations_min": 3,
        "window": timedelta(hours=6),
        "rsi_min": a_ratio("50"),
        "bounce_min": a_ratio("3"),
        "stop_atr": Decimal(3),
        "target_atr": Decimal(6),
    }
    return ReversalRule(**(fields | changes))  # type: ignore[arg-type]


def the_rules(
    *,
    conviction_min: str = "35",
    momentum: MomentumRule | None = None,
    breakout: BreakoutRule | None = None,
    mean_reversion: MeanReversionRule | None = None,
    reversal: ReversalRule | None = None,
) -> RulesParameters:
    return RulesParameters(
        conviction_min=a_ratio(conviction_min),
        momentum=momentum or a_momentum_rule(),
        breakout=breakout or a_breakout_rule(),
        mean_reversion=mean_reversion or a_mean_reversion_rule(),
        reversal=reversal or a_reversal_rule(),
    )


def a_proposal(
    symbol: str = "SOL-USD",
    *,
    side: Side = Side.BUY,
    strategy: str = "rules",
    tier: str = "T2",
    conviction: float = 0.5,
    notional: str | None = None,
) -> TradeProposal:
    """A proposal around 100; `notional` in USD, or none as before sizing."""
    return TradeProposal(
        symbol=symbol,
        side=side,
        strategy=strategy,
        rule="momentum",
        tier=tier,
        conviction=conviction,
        breakdown={"base": conviction},
        stop_loss=98.0,
        take_profit=104.0,
        because="a test wants it",
        notional=None if notional is None else Money(Decimal(notional), "USD"),
    )


def a_budget(*, proposals: int = 4, exposure_max: str = "20") -> StrategyBudget:
    return StrategyBudget(proposals_per_cycle_max=proposals, exposure_max=a_ratio(exposure_max))


def a_sizing_policy(
    *, scaling: str | None = None, base: Mapping[str, str] | None = None
) -> SizingPolicy:
    """The shipped base sizes; `scaling` is the ATR target in per cent, or None for off."""
    shares = base or {"T1": "5", "T2": "3", "T3": "1.5"}
    return SizingPolicy(
        base={tier: a_ratio(percent) for tier, percent in shares.items()},
        volatility_scaling=VolatilityScaling(
            enabled=scaling is not None, atr_target=a_ratio(scaling or "0.8")
        ),
    )


def a_policy_to_size_by(
    sizing: SizingPolicy | None = None,
    *,
    budgets: Mapping[str, StrategyBudget] | None = None,
    multipliers: Mapping[Regime, str] | None = None,
) -> Policy:
    """Only what sizing may read: sizing, budgets and the regime's multipliers.

    The rest is absent, so a stage that reached for it would fail its tests.
    """
    sizes = {Regime.BULL: "1.2", Regime.CHOP: "1", Regime.BEAR: "0.6", Regime.CRASH: "0.3"}
    sizes |= multipliers or {}
    return Policy(
        capital_currency="USD",
        quote_currencies=("USD",),
        universe=cast(UniversePolicy, None),
        regime=_only_multipliers(sizes),
        triggers=cast(TriggersPolicy, None),
        budgets=budgets or {"rules": a_budget()},
        sizing=sizing or a_sizing_policy(),
        risk=cast(RiskPolicy, None),
        execution=cast(ExecutionPolicy, None),
        exits=cast(ExitsPolicy, None),
    )


def _only_multipliers(sizes: Mapping[Regime, str]) -> RegimePolicy:
    return RegimePolicy(
        pinned=None,
        reference="BTC",
        when_unknown=Regime.BEAR,
        trend_window=timedelta(hours=24),
        trend_bull_min=a_ratio("1"),
        trend_bear_max=a_ratio("-1"),
        volatility_window=timedelta(hours=24),
        volatility_crash_min=a_ratio("8"),
        drawdown_window=timedelta(hours=72),
        drawdown_bear_min=a_ratio("7"),
        drawdown_crash_min=a_ratio("15"),
        multipliers={
            regime: RegimeMultipliers(size=Decimal(multiple), caps=Decimal(1))
            for regime, multiple in sizes.items()
        },
    )


def an_execution_policy(
    *, maker_ttl: timedelta = timedelta(minutes=22, seconds=30), **tiers: TierExecution
) -> ExecutionPolicy:
    """The shipped tactics; a tier given by name replaces its own."""
    shipped = {
        "T1": TierExecution(tactic=Tactic.MAKER, slippage_max=a_ratio("0.1")),
        "T2": TierExecution(tactic=Tactic.MAKER, slippage_max=a_ratio("0.2")),
        "T3": TierExecution(tactic=Tactic.IOC, slippage_max=a_ratio("0.4")),
    }
    return ExecutionPolicy(
        tiers=shipped | tiers,
        maker_ttl=maker_ttl,
        unwanted_cycles_max=0,
        reprice_distance_min=a_ratio("0.25"),
        reprice_max=3,
        trim_tolerance=a_ratio("10"),
        trim_slice=a_ratio("50"),
        trim_spacing_min=timedelta(hours=1),
    )


def sized(proposal: TradeProposal, notional: str) -> TradeProposal:
    return replace(proposal, notional=Money(Decimal(notional), "USD"))
