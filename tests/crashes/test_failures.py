"""One effect fails, the nth of them for every n: the loop goes on, and nothing is lost.

CI fails every effect of one scenario and every seventh of the others.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crashes.failing import HOW, Failing
from tests.crashes.scenarios import SCENARIOS

WHOLE = "stop exit"
STRIDE = 11
NAMES = sorted(SCENARIOS)


def effects(name: str, total: int, shift: int) -> range:
    """Which effects of a scenario fail in CI; others than those of the scenario before."""
    return (
        range(total)
        if name == WHOLE
        else range((NAMES.index(name) + shift) % STRIDE, total, STRIDE)
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_write_that_fails_on_a_full_disk_loses_nothing(place: Path, name: str) -> None:
    whole = Failing(SCENARIOS[name], place / "whole")
    whole.write(-1)
    assert whole.made > 50
    for nth in effects(name, whole.made, 0):
        one = Failing(SCENARIOS[name], place / str(nth))
        one.write(nth)
        assert one.failed


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", NAMES)
def test_a_request_that_fails_loses_nothing(place: Path, name: str, how: str) -> None:
    whole = Failing(SCENARIOS[name], place / "whole")
    whole.request(-1, how)
    assert whole.made > 20
    for nth in effects(name, whole.made, HOW.index(how)):
        Failing(SCENARIOS[name], place / str(nth)).request(nth, how)


@pytest.mark.parametrize("name", NAMES)
def test_a_reading_of_the_market_that_fails_loses_nothing(place: Path, name: str) -> None:
    whole = Failing(SCENARIOS[name], place / "whole")
    whole.reading(-1)
    for nth in range(NAMES.index(name) % STRIDE, whole.made, STRIDE):
        Failing(SCENARIOS[name], place / str(nth)).reading(nth)
