"""Whole decisions, without a loop around them: decide() under the shipped configuration."""

from __future__ import annotations

from config.loader import Configuration
from core.account import Portfolio
from core.decide import decide
from core.decision import Decision
from core.market import Snapshot
from core.state import BotState
from strategy import registry
from tests.builders.account import a_portfolio, a_state
from tests.builders.market import NOON, a_depth, a_panel, a_snapshot
from tests.builders.shipped import shipped_configuration

SOL, BTC = "SOL-USD", "BTC-USD"
LENGTH = 350


def a_rising_market(*more: str) -> Snapshot:
    """SOL ends 2.5% above where it was; BTC and the others stand."""
    calm = dict.fromkeys(sorted({BTC, *more}), [100.0] * LENGTH)
    panel = a_panel({**calm, SOL: [97.56] * (LENGTH - 1) + [100.0]}, swing=0.001, closed_at=NOON)
    symbols = panel.symbols
    return a_snapshot(
        *symbols,
        panel=panel,
        depths={
            name: a_depth(name, bids=(("99.98", "300"),), asks=(("100.02", "300"),))
            for name in symbols
        },
    )


def decided(
    snapshot: Snapshot | None = None,
    portfolio: Portfolio | None = None,
    state: BotState | None = None,
    configuration: Configuration | None = None,
) -> Decision:
    chosen = configuration or shipped_configuration()
    strategies = tuple(
        registry.make(name, choice.parameters) for name, choice in chosen.strategies.items()
    )
    return decide(
        snapshot or a_rising_market(),
        portfolio or a_portfolio(),
        state or a_state(at=NOON),
        chosen.policy,
        strategies,
    )
