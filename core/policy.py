"""Policy: every limit and threshold of the decision, typed.

Each field is the key of the same path in config/*.yaml, which also holds the
only defaults. Windows are durations; ratios, multiples and money carry their
unit in the text and their type here. At a limit is allowed, beyond it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum

from core.market import Regime
from core.money import Money, Ratio

# Tiers are T1 to T9, T1 best; themes are named by the operator. The loader proves that every
# name has its limits.


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRule:
    """What a product must show to be in a tier. `assets` are in it by name."""

    assets: tuple[str, ...]
    volume_24h_min: Money  # notional in quote currency
    spread_max: Ratio
    depth_min: Money  # within `depth_window` on the thinner side, where a recent depth is known


@dataclass(frozen=True, slots=True, kw_only=True)
class RedFlag:
    asset: str
    reason: str
    until: date | None  # first day on which it no longer counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowlist:
    """Fixes the universe to exactly these symbols; off while `count` is 0."""

    count: int
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hysteresis:
    enter_cycles: int
    exit_cycles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UniversePolicy:
    allowlist: Allowlist
    tiers: Mapping[str, TierRule]  # best first
    discovery: bool  # on: an unnamed product gets the first tier whose thresholds it meets
    depth_window: Ratio
    price_min: Money
    listing_age_min: timedelta
    stable_assets: tuple[str, ...]
    red_flags: tuple[RedFlag, ...]
    themes: Mapping[str, tuple[str, ...]]  # theme -> assets
    hysteresis: Hysteresis


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeMultipliers:
    size: Decimal
    caps: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimePolicy:
    pinned: Regime | None
    reference: str  # asset; the product is its pair with the capital currency
    when_unknown: Regime
    trend_window: timedelta
    trend_bull_min: Ratio
    trend_bear_max: Ratio
    volatility_window: timedelta
    volatility_crash_min: Ratio  # standard deviation of one day's return
    drawdown_window: timedelta
    drawdown_bear_min: Ratio
    drawdown_crash_min: Ratio
    multipliers: Mapping[Regime, RegimeMultipliers]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceMovePolicy:
    """Fires when the close moved by `min` or more, up or down, over `window`."""

    enabled: bool
    window: timedelta
    min: Mapping[Regime, Ratio]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSpikePolicy:
    """Fires when volume per bar over `window` is `min` times that over `baseline`."""

    enabled: bool
    window: timedelta
    baseline: timedelta
    min: Mapping[Regime, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakoutPolicy:
    """Fires when the close lies `min` or more above the highest high of `lookback` before it."""

    enabled: bool
    lookback: timedelta
    min: Mapping[Regime, Ratio]


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumPolicy:
    """Fires when the close rose by `min` over `window` and enough of its bars rose."""

    enabled: bool
    window: timedelta
    consistency_min: Ratio  # share of the window's bars that closed above their predecessor
    min: Mapping[Regime, Ratio]


@dataclass(frozen=True, slots=True, kw_only=True)
class OversoldPolicy:
    """Fires when the close lies `min` standard deviations or more below the mean of `window`."""

    enabled: bool
    window: timedelta
    min: Mapping[Regime, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversalPolicy:
    """Fires when the close fell by `min` or more to the lowest of `lookback`, and has turned."""

    enabled: bool
    lookback: timedelta
    won_back_min: Ratio  # share of the fall that the last close has regained
    low_age_max: timedelta  # since the lowest close: an older turn is no event any more
    min: Mapping[Regime, Ratio]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtrPolicy:
    """Average true range over the close; outside the band a trigger does not count."""

    window: timedelta
    min: Ratio
    max: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierPolicy:
    """A last bar that moves `move_min` ATRs on less than `volume_max` of the mean volume."""

    move_min: Decimal
    volume_max: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggersPolicy:
    price_move_15m: PriceMovePolicy
    price_move_60m: PriceMovePolicy
    volume_spike: VolumeSpikePolicy
    breakout: BreakoutPolicy
    momentum: MomentumPolicy
    oversold: OversoldPolicy
    reversal: ReversalPolicy
    atr: AtrPolicy
    outlier: OutlierPolicy
    score_min: Ratio
    per_cycle_max: int
    gap_share_max: Ratio  # market.gap_share_max

    @property
    def are_off(self) -> bool:
        """No kind is enabled: for strategies that look at every product by themselves."""
        moves, turns = (self.price_move_15m, self.price_move_60m), (self.oversold, self.reversal)
        others = (self.volume_spike, self.breakout, self.momentum)
        return not any(kind.enabled for kind in (*moves, *others, *turns))


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyBudget:
    """What one strategy may ask for in one cycle, and hold in all."""

    proposals_per_cycle_max: int
    exposure_max: Ratio  # of equity: its proposals of the cycle together


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityScaling:
    enabled: bool
    atr_target: Ratio  # size shrinks by target / ATR where the ATR is larger


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingPolicy:
    base: Mapping[str, Ratio]  # tier -> share of equity at full conviction
    volatility_scaling: VolatilityScaling


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPolicy:
    clock_offset_max: timedelta  # our clock against the venue's
    book_age_max: timedelta
    candle_delay_max: timedelta  # how late a bar that should be closed may be
    book_off_candles_max: Ratio  # mid against last close
    spread_max: Mapping[str, Ratio]  # by tier
    depth_window: Ratio
    depth_multiple_min: Decimal  # depth within the window over the order's notional
    impact_max: Mapping[str, Ratio]  # by tier
    cash_min: Ratio  # of equity, must stay as cash
    notional_min: Money
    notional_max: Money
    position_max: Ratio  # of equity, like the next two
    theme_max: Mapping[str, Ratio]
    at_risk_max: Ratio
    positions_max: int
    trades_per_hour_max: int
    trades_per_day_max: int
    spacing_min: timedelta
    cooldown: timedelta
    cooldown_after_stop: timedelta  # of the product that was stopped
    losing_streak_max: int  # sales in a row that lost
    cooldown_after_losses: timedelta  # of all products, once the streak is longer
    adds_per_day_max: int  # further buys of one product in 24 hours
    add_spacing_min: timedelta
    add_only_in_profit: bool
    day_loss_max: Ratio  # of equity net of flows, like the next two
    week_loss_max: Ratio
    drawdown_max: Ratio


class Resting(Enum):
    """Where the stop of a position is: with us, or as an order at the venue."""

    WATCHED = "watched"  # the bot looks once a cycle and sells
    STOP_LIMIT = "stop_limit"
    BRACKET = "bracket"  # stop and target in one order; as STOP_LIMIT where the venue refuses it


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsPolicy:
    """When a position is left, whatever its strategy; gains and losses count from its cost."""

    stop_loss: Ratio  # below the average cost, where the buy brought no stop of its own
    take_profit: Ratio  # above it, likewise
    trailing: Ratio  # below the highest close since entry
    trailing_from: Ratio  # gain at which the trailing stop is armed
    held_max: timedelta
    crash_tighten: Decimal  # what every distance is multiplied with in a crash
    slippage_max: Mapping[str, Ratio]  # by tier: how far below the price seen, at first
    through_max: Ratio  # how far once that was not enough
    resting: Resting
    resting_gap: Ratio  # of a STOP_LIMIT: how far its limit lies below its stop
    resting_drift_min: Ratio  # of its stop or target: what moved by less is not replaced


class Tactic(Enum):
    """How an entry goes to the book. A naked market order is none of the choices."""

    MAKER = "maker"  # post-only at the bid, for a limited time
    IOC = "ioc"  # limit through the ask, within the slippage budget


@dataclass(frozen=True, slots=True, kw_only=True)
class TierExecution:
    tactic: Tactic
    slippage_max: Ratio  # beyond the best price


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionPolicy:
    tiers: Mapping[str, TierExecution]
    maker_ttl: timedelta
    unwanted_cycles_max: int  # how long an entry may rest that its strategy no longer asks for
    reprice_distance_min: Ratio  # of the order's price, from there up to the best bid
    reprice_max: int  # replacements of one intent; 0 is off
    trim_tolerance: Ratio  # of a cap: how far beyond it a position may drift
    trim_slice: Ratio  # of the excess, in one order
    trim_spacing_min: timedelta  # between two slices of a product


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All of it. `quote_currencies` and `capital_currency` come from the app section."""

    capital_currency: str
    quote_currencies: tuple[str, ...]
    universe: UniversePolicy
    regime: RegimePolicy
    triggers: TriggersPolicy
    budgets: Mapping[str, StrategyBudget]  # enabled strategy -> its budget
    sizing: SizingPolicy
    risk: RiskPolicy
    execution: ExecutionPolicy
    exits: ExitsPolicy

    def themes_of(self, base: str) -> tuple[str, ...]:
        return tuple(name for name, assets in self.universe.themes.items() if base in assets)
