"""The regime and triggers policies of the shipped policy.yaml, and a market to try them on.

The market is flat at 100 with a thousand base units a bar and a range of 0.2%, so
that exactly what a test changes happens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from core.indicators import average_true_range
from core.market import Panel, Regime
from core.money import Ratio
from core.policy import (
    AtrPolicy,
    BreakoutPolicy,
    MomentumPolicy,
    OutlierPolicy,
    OversoldPolicy,
    PriceMovePolicy,
    RegimeMultipliers,
    RegimePolicy,
    ReversalPolicy,
    TriggersPolicy,
    VolumeSpikePolicy,
)
from core.reasons import Finding
from core.triggers import Attention, Trigger, TriggerKind, find_triggers
from tests.builders.market import a_panel

SOL = "SOL-USD"
KINDS = tuple(kind.value for kind in TriggerKind)
BULL, CHOP, BEAR, CRASH = Regime.BULL, Regime.CHOP, Regime.BEAR, Regime.CRASH


def a_ratio(text: str) -> Ratio:
    """2% -> Ratio(0.02), exactly."""
    return Ratio(Decimal(text.removesuffix("%")).scaleb(-2))


def by_regime(bull: str, chop: str, bear: str, crash: str) -> dict[Regime, Ratio]:
    return {
        BULL: a_ratio(bull),
        CHOP: a_ratio(chop),
        BEAR: a_ratio(bear),
        CRASH: a_ratio(crash),
    }


def a_regime_policy(**changes: object) -> RegimePolicy:
    sizes = {BULL: ("1.2", "1"), CHOP: ("1", "1"), BEAR: ("0.6", "0.8"), CRASH: ("0.3", "0.5")}
    fields: dict[str, object] = {
        "pinned": None,
        "reference": "BTC",
        "when_unknown": BEAR,
        "trend_window": timedelta(hours=24),
        "trend_bull_min": a_ratio("1%"),
        "trend_bear_max": a_ratio("-1%"),
        "volatility_window": timedelta(hours=24),
        "volatility_crash_min": a_ratio("8%"),
        "drawdown_window": timedelta(hours=72),
        "drawdown_bear_min": a_ratio("7%"),
        "drawdown_crash_min": a_ratio("15%"),
        "multipliers": {
            regime: RegimeMultipliers(size=Decimal(size), caps=Decimal(caps))
            for regime, (size, caps) in sizes.items()
        },
    }
    return RegimePolicy(**(fields | changes))  # type: ignore[arg-type]


def a_price_move(**changes: object) -> PriceMovePolicy:
    """That of 60 minutes."""
    fields: dict[str, object] = {
        "enabled": True,
        "window": timedelta(minutes=60),
        "min": by_regime("1.5%", "2%", "2.5%", "4%"),
    }
    return PriceMovePolicy(**(fields | changes))  # type: ignore[arg-type]


def a_volume_spike(**changes: object) -> VolumeSpikePolicy:
    fields: dict[str, object] = {
        "enabled": True,
        "window": timedelta(hours=1),
        "baseline": timedelta(hours=24),
        "min": {
            BULL: Decimal("2.5"),
            CHOP: Decimal("2.5"),
            BEAR: Decimal(3),
            CRASH: Decimal(4),
        },
    }
    return VolumeSpikePolicy(**(fields | changes))  # type: ignore[arg-type]


def a_breakout(**changes: object) -> BreakoutPolicy:
    fields: dict[str, object] = {
        "enabled": True,
        "lookback": timedelta(hours=24),
        "min": by_regime("0.1%", "0.2%", "0.4%", "1%"),
    }
    return BreakoutPolicy(**(fields | changes))  # type: ignore[arg-type]


def a_momentum(**changes: object) -> MomentumPolicy:
    fields: dict[str, object] = {
        "enabled": True,
        "window": timedelta(hours=6),
        "consistency_min": a_ratio("55%"),
        "min": by_regime("2%", "2.5%", "3.5%", "6%"),
    }
    return MomentumPolicy(**(fields | changes))  # type: ignore[arg-type]


def an_oversold(**changes: object) -> OversoldPolicy:
    fields: dict[str, object] = {
        "enabled": True,
        "window": timedelta(hours=24),
        "min": {BULL: Decimal("2.5"), CHOP: Decimal("2.5"), BEAR: Decimal(3), CRASH: Decimal(4)},
    }
    return OversoldPolicy(**(fields | changes))  # type: ignore[arg-type]


def a_reversal(**changes: object) -> ReversalPolicy:
    fields: dict[str, object] = {
        "enabled": True,
        "lookback": timedelta(hours=24),
        "won_back_min": a_ratio("33%"),
        "low_age_max": timedelta(hours=3),
        "min": by_regime("5%", "5%", "6%", "10%"),
    }
    return ReversalPolicy(**(fields | changes))  # type: ignore[arg-type]


def a_triggers_policy(**changes: object) -> TriggersPolicy:
    fields: dict[str, object] = {
        "price_move_15m": a_price_move(
            window=timedelta(minutes=15), min=by_regime("0.8%", "1%", "1.4%", "2.5%")
        ),
        "price_move_60m": a_price_move(),
        "volume_spike": a_volume_spike(),
        "breakout": a_breakout(),
        "momentum": a_momentum(),
        "oversold": an_oversold(),
        "reversal": a_reversal(),
        "atr": AtrPolicy(window=timedelta(hours=4), min=a_ratio("0.1%"), max=a_ratio("6%")),
        "outlier": OutlierPolicy(move_min=Decimal(8), volume_max=a_ratio("25%")),
        "score_min": a_ratio("100%"),
        "per_cycle_max": 8,
        "gap_share_max": a_ratio("20%"),
    }
    return TriggersPolicy(**(fields | changes))  # type: ignore[arg-type]


def only(kind: str, *, also: Mapping[str, object] | None = None, **rule: object) -> TriggersPolicy:
    """The shipped policy with one kind switched on; `rule` changes it, `also` the rest."""
    policy = a_triggers_policy(**(also or {}))
    rules = {name: replace(getattr(policy, name), enabled=name == kind) for name in KINDS}
    rules[kind] = replace(rules[kind], **rule)
    return replace(policy, **rules)


def a_market(*last: float, volumes: Sequence[float] = (), length: int = 350) -> Panel:
    """SOL at 100 until its last closes; `volumes` are those of the last bars."""
    closes = [100.0] * (length - len(last)) + list(last)
    traded = [1000.0] * (length - len(volumes)) + list(volumes)
    return a_panel({SOL: closes}, volumes={SOL: traded}, swing=0.001)


def attention(
    panel: Panel, policy: TriggersPolicy | None = None, regime: Regime = Regime.CHOP
) -> Attention:
    rules = policy or a_triggers_policy()
    atr = average_true_range(panel, panel.bars_in(rules.atr.window))
    return find_triggers(panel, atr, regime, rules)


def the_trigger(panel: Panel, policy: TriggersPolicy, regime: Regime = Regime.CHOP) -> Trigger:
    (trigger,) = attention(panel, policy, regime).triggers
    return trigger


def the_finding(
    panel: Panel, policy: TriggersPolicy | None = None, regime: Regime = Regime.CHOP
) -> Finding:
    found = attention(panel, policy, regime)
    assert found.triggers == ()
    return found.passed[SOL]
