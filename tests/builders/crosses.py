"""The example strategy's parameters as shipped, and closes that cross when a test wants it."""

from __future__ import annotations

from collections.abc import Sequence

from core.market import Panel, Regime
from strategy.ema_cross import Cross, EmaCross, EmaCrossParameters
from tests.builders.market import a_panel
from tests.builders.proposals import a_ratio

LENGTH = 350


def a_cross(**changes: object) -> EmaCrossParameters:
    """The parameters of config/strategies.yaml."""
    fields: dict[str, object] = {
        "regimes": (Regime.BULL, Regime.CHOP, Regime.BEAR),
        "fast_bars": 12,
        "slow_bars": 26,
        "age_max": 3,
        "conviction": a_ratio("100"),
        "stop": a_ratio("10"),
        "target": a_ratio("100"),
    }
    return EmaCrossParameters(cross=Cross(**(fields | changes)))  # type: ignore[arg-type]


def the_ema_cross(**changes: object) -> EmaCross:
    return EmaCross(a_cross(**changes))


def closes(*ends: float, symbol: str = "SOL-USD", length: int = LENGTH) -> Panel:
    """A product that rested at 100 and then closed at `ends`, bar after bar."""
    return panel_of([100.0] * (length - len(ends)) + list(ends), symbol)


def panel_of(values: Sequence[float], symbol: str = "SOL-USD") -> Panel:
    return a_panel({symbol: values})
