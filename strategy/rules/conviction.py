"""Conviction: how sure a rule is, as a sum of named parts.

The arithmetic of every rule, in one place, so that two rules' convictions can be
compared. It knows no rule and no market; what a weight rewards is the rule's own
business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from core.money import Ratio, added
from core.triggers import Trigger

DIGITS = 4  # what a record carries; rounding here keeps record and decision the same number


class Weights(Protocol):
    """What every rule pays for."""

    @property
    def base(self) -> Ratio: ...

    @property
    def strength_weight(self) -> Ratio: ...

    @property
    def confidence_weight(self) -> Ratio: ...


@dataclass(frozen=True, slots=True)
class Conviction:
    """`value` is the sum of the breakdown within its bounds, 0 and 1."""

    value: float
    breakdown: Mapping[str, float]


def most_of(weights: Iterable[Ratio]) -> Ratio:
    """What a rule's weights come to when every one of them is earned in full."""
    return Ratio(added(*(weight.value for weight in weights)))


def share(ratio: Ratio) -> float:
    """A weight as the float that convictions are made of."""
    return float(ratio.value)


def conviction(trigger: Trigger, weights: Weights, earned: Mapping[str, float]) -> Conviction:
    """Base, strength beyond the limit (one more limit at most), confidence, and what was earned.

    `earned` names the rule's own part: its weight where it holds, 0 where it does not.
    """
    parts = {
        "base": share(weights.base),
        "strength": share(weights.strength_weight) * min(1.0, trigger.strength - 1.0),
        "confidence": share(weights.confidence_weight) * trigger.confidence,
        **earned,
    }
    breakdown = {name: _rounded(part) for name, part in parts.items()}
    return Conviction(min(1.0, max(0.0, _rounded(sum(breakdown.values())))), breakdown)


def _rounded(value: float) -> float:
    return round(value, DIGITS) + 0.0  # never -0.0, which a record would show
