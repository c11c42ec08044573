"""What no rule's parameters may say, whichever rule it is.

Looks at parameters only, once, at start-up. Whether a bar can resolve a window is
not its business: that depends on the market.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Protocol

from core.money import ONE, ZERO, Ratio, added


class RuleParameters(Protocol):
    """What every rule can be asked for."""

    @property
    def enabled(self) -> bool: ...

    @property
    def weights(self) -> Mapping[str, Ratio]:
        """The parts of its conviction by key; together they are the most it can reach."""

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
        if rule.enabled and conviction_min.value <= ONE:
            yield from _out_of_reach(name, rule, conviction_min)


def _beyond_bounds(key: str, ratio: Ratio) -> Iterator[str]:
    if not ZERO <= ratio.value <= ONE:
        yield f"{key}: must lie between 0% and 100%, was {ratio}"


def _out_of_reach(name: str, rule: RuleParameters, conviction_min: Ratio) -> Iterator[str]:
    """A rule that could never be sure enough is a mistake, not a cautious setting."""
    most = Ratio(added(*(weight.value for weight in rule.weights.values())))
    if most < conviction_min:
        yield (
            f"{name}.base: with its weights reaches {most} at most, below conviction_min "
            f"{conviction_min}: the rule could never propose"
        )
