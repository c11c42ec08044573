"""What no rule's parameters may say, whichever rule it is.

Looks at parameters only, once, at start-up. Whether a bar can resolve a window is
not its business: that depends on the market.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from core.market import Regime
from core.money import ONE, ZERO, Ratio


class RuleParameters(Protocol):
    """What every rule can be asked for."""

    @property
    def enabled(self) -> bool: ...

    @property
    def regimes(self) -> tuple[Regime, ...]:
        """Those in which it may be used."""

    @property
    def weights(self) -> Mapping[str, Ratio]:
        """The parts of its conviction by key."""

    @property
    def conviction_max(self) -> Ratio:
        """The most it can reach."""

    @property
    def windows(self) -> Mapping[str, timedelta]:
        """How far back it looks, by key."""

    @property
    def stop_atr(self) -> Decimal: ...

    @property
    def target_atr(self) -> Decimal: ...


def contradictions(conviction_min: Ratio, rules: Mapping[str, RuleParameters]) -> Iterator[str]:
    """Each mistake as "key: what must be", the key relative to the strategy's parameters."""
    yield from _beyond_bounds("conviction_min", conviction_min)
    if not any(rule.enabled for rule in rules.values()):
        first = next(iter(rules))
        yield f"{first}.enabled: no rule is enabled; enable one or switch the strategy off"
    for name, rule in rules.items():
        for part, weight in rule.weights.items():
            yield from _beyond_bounds(f"{name}.{part}", weight)
        for reach, multiple in (("stop_atr", rule.stop_atr), ("target_atr", rule.target_atr)):
            if multiple <= ZERO:
                yield f"{name}.{reach}: must be above 0x"
        for key, window in rule.windows.items():
            if window <= timedelta(0):
                yield f"{name}.{key}: must be longer than 0s"
        if rule.enabled and not rule.regimes:
            yield f"{name}.regimes: names no regime; name one or switch the rule off"
        if rule.enabled and conviction_min.value <= ONE:
            yield from _out_of_reach(name, rule, conviction_min)


def _beyond_bounds(key: str, ratio: Ratio) -> Iterator[str]:
    if not ZERO <= ratio.value <= ONE:
        yield f"{key}: must lie between 0% and 100%, was {ratio}"


def _out_of_reach(name: str, rule: RuleParameters, conviction_min: Ratio) -> Iterator[str]:
    """A rule that could never be sure enough is a mistake, not a cautious setting."""
    most = rule.conviction_max
    if most < conviction_min:
        yield (
            f"{name}.base: with its weights reaches {most} at most, below conviction_min "
            f"{conviction_min}: the rule could never propose"
        )
