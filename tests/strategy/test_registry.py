"""The registry names every strategy and makes it from its own parameters only."""

from __future__ import annotations

import pytest

from strategy.ema_cross import EmaCrossParameters
from strategy.registry import REGISTRY, make, parameter_types
from strategy.rules_engine import RulesEngine, RulesParameters
from tests.builders.crosses import a_cross
from tests.builders.proposals import the_rules

GIVEN = {"rules": the_rules(), "ema_cross": a_cross()}


def test_the_rules_engine_is_made_by_name() -> None:
    strategy = make("rules", the_rules())

    assert strategy == RulesEngine(the_rules())


def test_every_strategy_answers_to_the_name_it_is_registered_under() -> None:
    assert {name: make(name, given).name for name, given in GIVEN.items()} == {
        name: name for name in REGISTRY
    }


def test_the_configuration_learns_which_parameters_a_strategy_takes() -> None:
    assert parameter_types() == {"rules": RulesParameters, "ema_cross": EmaCrossParameters}


def test_a_name_that_is_no_strategy_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ValueError, match=r"strategies\.rulez: is no strategy; there are rules, ema_cross"
    ):
        make("rulez", the_rules())


def test_parameters_of_something_else_are_refused() -> None:
    with pytest.raises(TypeError, match=r"takes RulesParameters, was dict"):
        make("rules", {})
