"""A stop that rests at the venue survives the death of the process at any effect.

The story of test_paper_crashes with one more order in it: the stop, which is placed, rests
and sells. A second one may never be found beside it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios import test_paper_crashes as walk


@pytest.mark.parametrize("part", [1, 4])
def test_a_death_at_any_point_leaves_one_stop_and_sells_once(
    tmp_path: Path, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(walk.PAPER, "exits.resting", "stop_limit")
    walk.test_a_death_at_any_point_changes_nothing_that_was_bought_or_sold(tmp_path, part)
