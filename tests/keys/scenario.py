"""Scenarios: what the bot does in one situation, as a function of its configuration.

A row of the tables names, for each key, the changes that must show and the scenario
in which each shows. What is compared is what the bot does (orders, cancels, codes,
levels), never its words: a limit that is only quoted in a sentence has no effect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from config.complaints import ConfigError
from config.loader import Configuration, rebuild
from config.tree import Plain
from core.decision import Decision
from strategy import registry
from tests.builders.shipped import shipped_configuration
from tests.keys.leaves import changed, magnitude, scaled, value_of

Effective = Mapping[str, Plain]


@dataclass(frozen=True, eq=False)
class Scenario:
    """A situation with a name. `settings` are the keys that it needs otherwise than shipped."""

    name: str
    outcome: Callable[[Configuration], object]
    settings: Mapping[str, Plain] = field(default_factory=dict)
    refused: bool = False  # the bot does not start in it, and what counts is which keys it names
    decided: Callable[[Configuration], Decision] | None = None  # where it is one decision, that


@dataclass(frozen=True)
class Change:
    """The key set to `to` must change the scenario's outcome.

    `along` are keys that cannot stay when it changes; by themselves they are refused, so
    the outcome is this key's doing.
    """

    to: Plain
    scenario: Scenario
    along: Mapping[str, Plain] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """No legal value lies in this direction: the bot does not start with `to`, and says this."""

    to: Plain
    says: str


Row = tuple[Change | Refused, ...]


def shipped() -> Effective:
    return shipped_configuration().effective


@cache
def _configured(text: str) -> Configuration:
    return rebuild(json.loads(text), strategies=registry.parameter_types())


def configured(changes: Mapping[str, Plain]) -> Configuration:
    """The shipped configuration with some keys set; ConfigError where that may not be."""
    return _configured(json.dumps(changed(shipped(), changes), sort_keys=True))


@cache
def calm_outcome(scenario: Scenario) -> object:
    """What happens before the key is changed."""
    return played(scenario, {})


def played(scenario: Scenario, changes: Mapping[str, Plain]) -> object:
    """What happens with these keys changed on top of what the scenario needs."""
    settings = {**scenario.settings, **changes}
    if not scenario.refused:
        return scenario.outcome(configured(settings))
    try:
        configured(settings)
    except ConfigError as error:
        return sorted(complaint.key for complaint in error.complaints)
    return "it starts"


def value_before(key: str, change: Change | Refused) -> Plain:
    """What the key holds in the scenario before it is changed."""
    if isinstance(change, Change) and key in change.scenario.settings:
        return change.scenario.settings[key]
    return value_of(shipped(), key)


def around(key: str, situation: Callable[[float], Scenario]) -> Row:
    """Both ways for a limit: halved it bites at 75% of itself, doubled it lets 150% pass.

    `situation` makes a market in which the limited number is what it is given, in the base
    unit of the key: a share, a multiple, seconds, an amount.
    """
    value = value_of(shipped(), key)
    limit = magnitude(value)
    assert limit is not None, f"{key} is no number"
    return (
        Change(scaled(value, "0.5"), situation(float(limit) * 0.75)),
        Change(scaled(value, "2"), situation(float(limit) * 1.5)),
    )


def both(low: Plain, high: Plain, scenario: Scenario) -> Row:
    """A lower and a higher value, both of which show in one scenario."""
    return Change(low, scenario), Change(high, scenario)
