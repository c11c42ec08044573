"""Policies with the values of config/*.yaml, and proposals for them to judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from core.account import Portfolio
from core.market import Regime, Side, Snapshot, quote_of
from core.money import Money, Price, Quantity, Ratio
from core.orders import (
    Order,
    OrderStatus,
    OrderType,
    PlannedOrder,
    TimeInForce,
)
from core.policy import (
    Allowlist,
    ExecutionPolicy,
    ExitsPolicy,
    Hysteresis,
    Policy,
    Resting,
    RiskPolicy,
    SizingPolicy,
    StrategyBudget,
    Tactic,
    TierExecution,
    TierRule,
    UniversePolicy,
    VolatilityScaling,
)
from core.proposals import ExitTerms, Purpose, TradeProposal
from core.reasons import Finding
from core.regime import RegimeReading
from core.risk import RiskManager
from core.risk.verdict import Approved, Denied, Reduced, Verdict
from core.state import BotState, Closed, Sent, Standing
from tests.builders.account import a_portfolio, a_standing, a_state
from tests.builders.market import NOON, a_snapshot
from tests.builders.signals import a_regime_policy, a_triggers_policy

HOUR = timedelta(hours=1)


def percent(text: str) -> Ratio:
    return Ratio(Decimal(text) / 100)


def bps(text: str) -> Ratio:
    return Ratio(Decimal(text) / 10_000)


def usd(text: str) -> Money:
    return Money(Decimal(text), "USD")


def a_universe_policy(**changes: object) -> UniversePolicy:
    fields: dict[str, object] = {
        "allowlist": Allowlist(count=0, symbols=()),
        "tiers": {
            "T1": a_tier("BTC", "ETH", volume="5000000", spread="15", depth="20000"),
            "T2": a_tier("SOL", "XRP", volume="1000000", spread="40", depth="5000"),
            "T3": a_tier(volume="100000", spread="80", depth="1000"),
        },
        "discovery": True,
        "depth_window": bps("20"),
        "price_min": usd("0.000001"),
        "listing_age_min": timedelta(days=14),
        "stable_assets": ("USD", "USDC", "USDT", "DAI", "PYUSD", "EURC", "GUSD"),
        "red_flags": (),
        "themes": {
            "layer1": ("BTC", "ETH", "SOL", "ADA", "AVAX", "DOT", "NEAR", "ATOM"),
            "defi": ("UNI", "AAVE", "LINK", "ZRX"),
            "meme": ("DOGE", "SHIB", "BONK", "PEPE"),
            "payments": ("XRP", "LTC", "BCH", "XLM", "ZEC"),
        },
        "hysteresis": Hysteresis(enter_cycles=2, exit_cycles=4),
    }
    return UniversePolicy(**(fields | changes))  # type: ignore[arg-type]


def a_tier(*assets: str, volume: str, spread: str, depth: str) -> TierRule:
    return TierRule(
        assets=assets, volume_24h_min=usd(volume), spread_max=bps(spread), depth_min=usd(depth)
    )


def a_risk_policy(**changes: object) -> RiskPolicy:
    fields: dict[str, object] = {
        "clock_offset_max": timedelta(seconds=5),
        "book_age_max": timedelta(seconds=30),
        "candle_delay_max": timedelta(minutes=2),
        "book_off_candles_max": percent("5"),
        "spread_max": {"T1": bps("15"), "T2": bps("40"), "T3": bps("80")},
        "depth_window": bps("20"),
        "depth_multiple_min": Decimal(3),
        "impact_max": {"T1": bps("10"), "T2": bps("20"), "T3": bps("40")},
        "cash_min": percent("20"),
        "notional_min": usd("25"),
        "notional_max": usd("1000"),
        "position_max": percent("8"),
        "theme_max": {
            "layer1": percent("20"),
            "defi": percent("12"),
            "meme": percent("5"),
            "payments": percent("12"),
        },
        "at_risk_max": percent("60"),
        "positions_max": 10,
        "trades_per_hour_max": 6,
        "trades_per_day_max": 24,
        "spacing_min": timedelta(minutes=5),
        "cooldown": 2 * HOUR,
        "cooldown_after_stop": 12 * HOUR,
        "losing_streak_max": 3,
        "cooldown_after_losses": 6 * HOUR,
        "adds_per_day_max": 1,
        "add_spacing_min": 4 * HOUR,
        "add_only_in_profit": True,
        "day_loss_max": percent("4"),
        "week_loss_max": percent("8"),
        "drawdown_max": percent("15"),
    }
    return RiskPolicy(**(fields | changes))  # type: ignore[arg-type]


def an_exits_policy(**changes: object) -> ExitsPolicy:
    fields: dict[str, object] = {
        "stop_loss": percent("5"),
        "take_profit": percent("10"),
        "trailing": percent("4"),
        "trailing_from": percent("5"),
        "held_max": timedelta(days=7),
        "crash_tighten": Decimal("0.5"),
        "slippage_max": {"T1": bps("30"), "T2": bps("60"), "T3": bps("120")},
        "through_max": percent("5"),
        "resting": Resting.WATCHED,
        "resting_gap": percent("2"),
        "resting_drift_min": bps("25"),
    }
    return ExitsPolicy(**(fields | changes))  # type: ignore[arg-type]


def a_policy(**changes: object) -> Policy:
    """The shipped policy; `universe`, `risk` and the other sections may be replaced."""
    fields: dict[str, object] = {
        "capital_currency": "USD",
        "quote_currencies": ("USD", "USDC"),
        "universe": a_universe_policy(),
        "regime": a_regime_policy(),
        "triggers": a_triggers_policy(),
        "budgets": {"rules": StrategyBudget(proposals_per_cycle_max=4, exposure_max=percent("20"))},
        "sizing": SizingPolicy(
            base={"T1": percent("5"), "T2": percent("3"), "T3": percent("1.5")},
            volatility_scaling=VolatilityScaling(enabled=True, atr_target=percent("0.8")),
        ),
        "risk": a_risk_policy(),
        "execution": ExecutionPolicy(
            tiers={
                "T1": TierExecution(tactic=Tactic.MAKER, slippage_max=bps("10")),
                "T2": TierExecution(tactic=Tactic.MAKER, slippage_max=bps("20")),
                "T3": TierExecution(tactic=Tactic.IOC, slippage_max=bps("40")),
            },
            maker_ttl=timedelta(minutes=22, seconds=30),
            unwanted_cycles_max=0,
            reprice_distance_min=bps("25"),
            reprice_max=3,
            trim_tolerance=percent("10"),
            trim_slice=percent("50"),
            trim_spacing_min=HOUR,
        ),
        "exits": an_exits_policy(),
    }
    return Policy(**(fields | changes))  # type: ignore[arg-type]


def a_reading(regime: Regime = Regime.CHOP) -> RegimeReading:
    return RegimeReading(regime, "as the test wants it")


def a_buy(
    symbol: str = "SOL-USD", *, notional: str = "300", tier: str = "T2", **changes: object
) -> TradeProposal:
    return _a_proposal(symbol, Side.BUY, notional, tier, **changes)


def a_sell(
    symbol: str = "SOL-USD", *, notional: str = "50", tier: str = "T2", **changes: object
) -> TradeProposal:
    return _a_proposal(symbol, Side.SELL, notional, tier, **changes)


def an_exit(quantity: str = "1", *, symbol: str = "SOL-USD", price: str = "94") -> TradeProposal:
    """A protective exit as core/exits.py proposes it."""
    base, quote = symbol.split("-")
    terms = ExitTerms(
        Quantity(Decimal(quantity), base), Price(Decimal(price), quote), percent("0.6")
    )
    notional = terms.price.of(terms.quantity)
    exiting = a_sell(symbol, strategy="exits", rule="stop_loss", notional="0")
    return replace(exiting, purpose=Purpose.EXIT, exit=terms, notional=notional)


def _a_proposal(
    symbol: str, side: Side, notional: str, tier: str, **changes: object
) -> TradeProposal:
    fields: dict[str, object] = {
        "strategy": "rules",
        "rule": "momentum",
        "conviction": 0.6,
        "breakdown": {"base": 0.6},
        "stop_loss": 95.0,
        "take_profit": 110.0,
        "because": "a test asked for it",
        # A sell is in its product's own currency, a buy in the capital currency.
        "notional": usd(notional)
        if side is Side.BUY
        else Money(Decimal(notional), quote_of(symbol)),
    }
    return TradeProposal(symbol=symbol, side=side, tier=tier, **(fields | changes))  # type: ignore[arg-type]


def an_open_order(
    symbol: str = "ETH-USD",
    *,
    side: Side = Side.BUY,
    price: str = "100",
    quantity: str = "1",
    filled: str = "0",
    status: OrderStatus = OrderStatus.OPEN,
) -> Order:
    base, quote = symbol.split("-")
    planned = PlannedOrder(
        client_order_id=f"{symbol}-{side.value}",
        symbol=symbol,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        post_only=False,
        end_time=None,
        price=Price(Decimal(price), quote),
        quantity=Quantity(Decimal(quantity), base),
        reason=f"rules:{symbol}:{side.value}",
    )
    return Order(planned=planned, cycle=96, status=status, filled=Decimal(filled))


def a_trade(
    symbol: str = "ETH-USD", *, ago: timedelta = timedelta(0), side: Side = Side.BUY
) -> Sent:
    """A trade that counts for pace, so long before NOON."""
    return Sent(symbol, side, NOON - ago)


def a_sale(profit: str, *, ago: timedelta = timedelta(0), symbol: str = "ETH-USD") -> Closed:
    """A sale so long before NOON, with its profit in USD."""
    return Closed(symbol, f"{symbol}-{ago}-{profit}", NOON - ago, usd(profit))


def verdicts_on(
    *proposals: TradeProposal,
    snapshot: Snapshot | None = None,
    portfolio: Portfolio | None = None,
    sent: tuple[Sent, ...] = (),
    standing: Standing | None = None,
    regime: Regime = Regime.CHOP,
    memory: Mapping[str, object] | None = None,
    **risk: object,
) -> tuple[Verdict, ...]:
    """What the shipped policy says, with the risk keys given changed, in a calm market.

    `memory` is what else the state remembers: stops, sales.
    """
    symbols = sorted({proposal.symbol for proposal in proposals})
    state: BotState = a_state(sent=sent, **(memory or {}))  # type: ignore[arg-type]
    manager = RiskManager(
        snapshot or a_snapshot(*symbols),
        state,
        standing or a_standing(),
        a_policy(risk=a_risk_policy(**risk)),
    )
    return manager.check_all(proposals, (portfolio or a_portfolio()).valued(), a_reading(regime))


def verdict_on(proposal: TradeProposal, **world: object) -> Verdict:
    (verdict,) = verdicts_on(proposal, **world)  # type: ignore[arg-type]
    return verdict


def denial(verdict: Verdict) -> Finding:
    assert isinstance(verdict, Denied), f"not denied: {verdict}"
    return verdict.finding


def reduction(verdict: Verdict) -> Finding:
    assert isinstance(verdict, Reduced), f"not reduced: {verdict}"
    return verdict.finding


def granted(verdict: Verdict) -> Money | None:
    """The notional that may be ordered; None for a denial."""
    match verdict:
        case Approved(proposal=proposal) | Reduced(proposal=proposal):
            return proposal.notional
        case Denied():
            return None
