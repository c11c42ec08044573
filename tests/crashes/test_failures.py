"""One effect fails, the nth of them for every n: the loop goes on, and nothing is lost.

CI fails every write of one scenario, every request of it after it took effect, and a
sample of all else; what is not sampled in one scenario is in another. With TRADER_FULL=1
every effect of every scenario fails.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crashes.failing import HOW, Failing
from tests.crashes.scenarios import SCENARIOS

WHOLE = "stop exit"
STRIDE = 1 if os.environ.get("TRADER_FULL") == "1" else 29
NAMES = sorted(SCENARIOS)


def every(total: int) -> range:
    return range(total)


def some(name: str, total: int, shift: int = 0) -> range:
    """Which effects of a scenario fail in CI; others than those of the scenario before."""
    return range((7 * NAMES.index(name) + 11 * shift) % STRIDE, total, STRIDE)


@pytest.mark.parametrize("name", NAMES)
def test_a_write_that_fails_on_a_full_disk_loses_nothing(place: Path, name: str) -> None:
    whole = Failing(SCENARIOS[name], place / "whole")
    whole.write(-1)
    assert whole.made > 50
    for nth in every(whole.made) if name == WHOLE else some(name, whole.made):
        one = Failing(SCENARIOS[name], place / str(nth))
        one.write(nth)
        assert one.failed


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", NAMES)
def test_a_request_that_fails_loses_nothing(place: Path, name: str, how: str) -> None:
    whole = Failing(SCENARIOS[name], place / "whole")
    whole.request(-1, how)
    assert whole.made > 20
    whole_walk = name == WHOLE and how == "lost after"
    shift = HOW.index(how)
    for nth in every(whole.made) if whole_walk else some(name, whole.made, shift):
        one = Failing(SCENARIOS[name], place / str(nth))
        one.request(nth, how)
        assert one.made > nth, "the request that was to fail was never made"


@pytest.mark.parametrize("name", NAMES)
def test_a_reading_of_the_market_that_fails_loses_nothing(place: Path, name: str) -> None:
    whole = Failing(SCENARIOS[name], place / "whole")
    whole.reading(-1)
    assert whole.made > 20
    for nth in some(name, whole.made):
        one = Failing(SCENARIOS[name], place / str(nth))
        one.reading(nth)
        assert one.made > nth, "the reading that was to fail was never made"
