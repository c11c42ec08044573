"""Conviction adds up: every part is named, and the record's sum is the decision's number."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategy.rules.conviction import conviction
from tests.builders.proposals import a_momentum_rule, a_ratio, a_trigger


@pytest.mark.parametrize(
    ("strength", "confidence", "earned", "value"),
    [
        (1.0, 0.0, 0.0, 0.30),  # exactly at the limit: the base alone
        (1.4, 0.0, 0.0, 0.40),
        (2.0, 0.0, 0.0, 0.55),
        (9.0, 0.0, 0.0, 0.55),  # more than one limit beyond it counts as one
        (1.0, 0.5, 0.0, 0.425),
        (1.0, 0.0, 0.2, 0.50),
        (2.0, 1.0, 0.2, 1.0),
    ],
)
def test_conviction_is_the_sum_of_what_each_part_earned(
    strength: float, confidence: float, earned: float, value: float
) -> None:
    trigger = a_trigger(strength=strength, confidence=confidence)

    sure = conviction(trigger, a_momentum_rule(), {"trend": earned})

    assert sure.value == value
    assert list(sure.breakdown) == ["base", "strength", "confidence", "trend"]


def test_conviction_never_leaves_0_to_1_and_the_breakdown_shows_the_sum_before() -> None:
    bold = a_momentum_rule(base=a_ratio("90"))
    sure = conviction(a_trigger(strength=2.0, confidence=1.0), bold, {"trend": 0.2})
    assert sure.value == 1.0
    assert sure.breakdown == {"base": 0.9, "strength": 0.25, "confidence": 0.25, "trend": 0.2}

    timid = a_momentum_rule(base=a_ratio("0"))
    unsure = conviction(a_trigger(strength=0.2, confidence=0.0), timid, {"trend": 0.0})
    assert unsure.value == 0.0
    assert unsure.breakdown["strength"] == -0.2


@settings(derandomize=True, deadline=None, database=None, max_examples=200)
@given(strength=st.floats(1, 50), confidence=st.floats(0, 1), earned=st.sampled_from([0.0, 0.2]))
def test_the_parts_a_person_reads_add_up_to_the_conviction(
    strength: float, confidence: float, earned: float
) -> None:
    trigger = a_trigger(strength=strength, confidence=confidence)

    sure = conviction(trigger, a_momentum_rule(), {"trend": earned})

    parts = sure.breakdown.values()
    assert all(part == round(part, 4) for part in parts)
    assert sure.value == min(1.0, round(sum(parts), 4))


def test_a_part_that_is_nothing_is_zero_and_never_minus_zero() -> None:
    sure = conviction(a_trigger(strength=0.99999), a_momentum_rule(), {"trend": 0.0})

    assert str(sure.breakdown["strength"]) == "0.0"
