"""Situations to decide in: a market, an account and a memory, given to decide() as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from config.loader import Configuration
from config.tree import Plain
from core.account import Portfolio
from core.decide import decide
from core.decision import Decision
from core.market import Side, Snapshot
from core.proposals import Proposals, Strategy, StrategyContext, TradeProposal
from core.state import BotState, Membership
from strategy import registry
from tests.builders.account import a_portfolio, a_state
from tests.builders.market import NOON, a_depth, a_panel, a_snapshot
from tests.keys.scenario import Scenario

BTC, ETH, SOL, ADA = "BTC-USD", "ETH-USD", "SOL-USD", "ADA-USD"
LENGTH = 350
QUIET = 20.0  # base units a bar at 100: the lowest tier
DEEP = "100000"  # base units at the best price


@dataclass(frozen=True)
class Wishing:
    """A strategy that is sure of the same buys whatever it sees, where they are eligible."""

    symbols: tuple[str, ...]
    name: str = "rules"  # whose budget it has

    def propose(self, context: StrategyContext) -> Proposals:
        wanted = tuple(
            TradeProposal(
                symbol=symbol,
                side=Side.BUY,
                strategy=self.name,
                rule="momentum",
                tier=context.tiers[symbol],
                conviction=1.0,
                breakdown={"base": 1.0},
                stop_loss=95.0,
                take_profit=110.0,
                because="a test wishes it",
            )
            for symbol in self.symbols
            if symbol in context.tiers
        )
        return Proposals(wanted, {})


def a_market(
    *symbols: str,
    closes: Mapping[str, Sequence[float]] | None = None,
    volumes: Mapping[str, Sequence[float]] | None = None,
    swing: float = 0.001,
    **changes: object,
) -> Snapshot:
    """Everything liquid and flat at 100, BTC too, but for the last closes and volumes given."""
    given, traded = closes or {}, volumes or {}
    names = sorted({BTC, *symbols, *given})
    panel = a_panel(
        {name: _ending(100.0, given.get(name, ())) for name in names},
        volumes={name: _ending(1000.0, traded.get(name, ())) for name in names},
        swing=swing,
    )
    deep = {
        name: a_depth(name, bids=(("99.98", DEEP),), asks=(("100.02", DEEP),)) for name in names
    }
    for part in ("tops", "depths", "products", "candles_through"):
        base = deep if part == "depths" else getattr(a_snapshot(*names), part)
        changes[part] = base | changes.get(part, {})  # type: ignore[operator]
    at = changes.pop("at", NOON)
    assert isinstance(at, datetime)
    return a_snapshot(*names, at=at, **({"panel": panel} | changes))


def _ending(calm: float, last: Sequence[float]) -> list[float]:
    return [calm] * (LENGTH - len(last)) + list(last)


def members(**tiers: str) -> Mapping[str, Membership]:
    """Products that are in the universe and stay there for a while, whatever they show."""
    return {f"{base}-USD": Membership(tier, 0) for base, tier in tiers.items()}


def deciding(
    name: str,
    snapshot: Snapshot,
    *,
    wishes: tuple[str, ...] | None = None,
    portfolio: Portfolio | None = None,
    state: BotState | None = None,
    settings: Mapping[str, Plain] | None = None,
) -> Scenario:
    """One decision. With `wishes` a strategy asks for these buys; else the real ones look."""

    def decided(configuration: Configuration) -> Decision:
        strategies: tuple[Strategy, ...] = tuple(
            registry.make(chosen, choice.parameters)
            for chosen, choice in configuration.strategies.items()
        )
        if wishes is not None:
            strategies = (Wishing(wishes),)
        return decide(
            snapshot,
            portfolio or a_portfolio(),
            state or a_state(),
            configuration.policy,
            strategies,
        )

    return Scenario(name, lambda chosen: acts_of(decided(chosen)), settings or {}, decided=decided)


def acts_of(decision: Decision) -> Mapping[str, object]:
    """What a decision does, without the sentences in which it says so."""
    return {
        "level": decision.standing.level.name,
        "regime": decision.regime.regime.value,
        "tiers": dict(decision.universe.eligible),
        "excluded": {s: found.reason.name for s, found in decision.universe.excluded.items()},
        "triggers": sorted((t.symbol, t.kind.value) for t in decision.triggers),
        "verdicts": {
            symbol: (said.finding.reason.name, said.exit and said.exit.reason.name)
            for symbol, said in decision.verdicts.items()
        },
        "orders": [
            (
                order.side.name,
                order.symbol,
                str(order.quantity.amount),
                str(order.price.amount),
                order.time_in_force.name,
                order.post_only,
                str(order.end_time),
                order.type.name,
                order.stop and str(order.stop.amount),
            )
            for order in decision.plan.orders
        ],
        "cancels": [(cancel.symbol, cancel.why.reason.name) for cancel in decision.plan.cancels],
        "protection": [
            (wanted.symbol, f"{wanted.stop_loss:.6g}", f"{wanted.take_profit:.6g}")
            for wanted in decision.proposals
            if wanted.side is Side.BUY
        ],
    }


def amount(number: float) -> str:
    """A number as a decimal text without noise."""
    return format(Decimal(f"{number:.10g}"), "f")
