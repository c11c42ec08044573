"""kill -9 of a real process. Hundreds of them: python -m tests.soak --kills N."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.crashes.killing import Killings
from tests.crashes.scenarios import SCENARIOS

PART = 7  # of a scenario's kinds each run of CI kills at one in so many, never the same scenario's


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_process_killed_at_one_point_of_each_kind_is_gone_on_with(place: Path, name: str) -> None:
    killings = Killings(place)
    kinds = list(killings.one_of_each_kind(name, Random(name)))
    for moment in kinds[list(SCENARIOS).index(name) % PART :: PART]:
        killings.kill(name, moment)
    assert killings.deaths.total > 0
