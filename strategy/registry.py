"""Every strategy there is, in one explicit dict: nothing registers itself.

The configuration asks here which parameters a strategy takes; wiring asks for the
strategy itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.proposals import Strategy
from strategy import ema_cross
from strategy.ema_cross import EmaCross, EmaCrossParameters
from strategy.rules.buying import STRATEGY
from strategy.rules_engine import RulesEngine, RulesParameters, unresolved, windows


@dataclass(frozen=True, slots=True)
class StrategyKind:
    """A strategy's parameters as a dataclass, how it is made from them, and what it looks at."""

    parameters: type[Any]
    make: Callable[[Any], Strategy]
    windows: Callable[[Any], Mapping[str, timedelta]]  # key -> how far back it looks
    unresolved: Callable[[Any, timedelta], Mapping[str, str]]  # key -> why the bar is too coarse


REGISTRY: Mapping[str, StrategyKind] = {
    STRATEGY: StrategyKind(RulesParameters, RulesEngine, windows, unresolved),
    ema_cross.STRATEGY: StrategyKind(
        EmaCrossParameters, EmaCross, ema_cross.windows, ema_cross.unresolved
    ),
}


def parameter_types() -> Mapping[str, type[Any]]:
    """Strategy name -> the dataclass whose fields are the keys of its parameters."""
    return {name: kind.parameters for name, kind in REGISTRY.items()}


def make(name: str, parameters: object) -> Strategy:
    """The strategy called `name`. ValueError for a name that is none of ours, TypeError for
    parameters of another strategy.
    """
    kind = REGISTRY.get(name)
    if kind is None:
        raise ValueError(f"strategies.{name}: is no strategy; there are {', '.join(REGISTRY)}")
    if not isinstance(parameters, kind.parameters):
        wants, given = kind.parameters.__name__, type(parameters).__name__
        raise TypeError(f"strategies.{name}.parameters: takes {wants}, was {given}")
    return kind.make(parameters)
