"""Every key of the four YAML files, changed in each direction, changes what the bot does.

The tables of this folder name the scenario in which each change shows. A key without a
row fails, and so does a row that leaves a direction out.
"""

from __future__ import annotations

import pytest

from config.complaints import ConfigError
from tests.keys.directions import direction, directions
from tests.keys.leaves import changed, leaves, value_of
from tests.keys.scenario import (
    Change,
    Effective,
    Refused,
    Scenario,
    calm_outcome,
    configured,
    played,
    shipped,
    value_before,
)
from tests.keys.table import ROOMS, TABLE

CHANGES = [
    pytest.param(key, change, id=f"{key} to {change.to}: {change.scenario.name}")
    for key, row in TABLE.items()
    for change in row
    if isinstance(change, Change)
]
SCENARIOS = list(dict.fromkeys(case.values[1].scenario for case in CHANGES))  # type: ignore[union-attr]
REFUSALS = [
    pytest.param(key, change, id=f"{key} to {change.to}")
    for key, row in TABLE.items()
    for change in row
    if isinstance(change, Refused)
]


@pytest.mark.parametrize(("key", "change"), CHANGES)
def test_a_changed_key_changes_what_the_bot_does(key: str, change: Change) -> None:
    before, name = calm_outcome(change.scenario), change.scenario.name

    after = played(change.scenario, {**change.along, key: change.to})

    was = value_before(key, change)
    assert after != before, f"{key}: {was} or {change.to}, it is all the same in: {name}"


@pytest.mark.parametrize(("key", "change"), REFUSALS)
def test_where_no_value_lies_in_a_direction_the_bot_says_so(key: str, change: Refused) -> None:
    with pytest.raises(ConfigError) as refused:
        configured({key: change.to})

    told = [str(complaint) for complaint in refused.value.complaints]
    assert any(change.says in one for one in told), told


@pytest.mark.parametrize(
    ("key", "change"),
    [case for case in CHANGES if case.values[1].along],  # type: ignore[union-attr]
)
def test_what_changes_along_with_a_key_is_refused_without_it(key: str, change: Change) -> None:
    with pytest.raises(ConfigError):
        played(change.scenario, change.along)
    assert key not in change.along


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_comes_out_the_same_while_nothing_changes(scenario: Scenario) -> None:
    """Or everything would seem to change it."""
    assert played(scenario, {}) == calm_outcome(scenario)


def test_every_key_has_its_scenarios() -> None:
    assert unproved(shipped()) == []


def test_a_key_without_a_scenario_is_found() -> None:
    planted = changed(shipped(), {"gather": {"books_per_cycle_max": 4, "patience": "3s"}})
    assert unproved(planted) == ["gather.patience"]


def test_every_row_is_about_a_key() -> None:
    known = {key for key, _ in leaves(shipped())}
    assert sorted(set(TABLE) - known) == []
    assert sum(map(len, ROOMS)) == len(TABLE), "a key stands in two tables"


@pytest.mark.parametrize("key", sorted(TABLE))
def test_a_key_is_changed_in_every_direction(key: str) -> None:
    gone = {way for one in TABLE[key] for way in direction(key, value_before(key, one), one.to)}
    asked = directions(key, value_of(shipped(), key))
    assert asked - gone == set(), f"{key} is changed {sorted(gone)} only"


def unproved(effective: Effective) -> list[str]:
    """The keys that no scenario answers for."""
    return sorted({key for key, _ in leaves(effective)} - set(TABLE))
