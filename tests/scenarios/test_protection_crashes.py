"""A stop that rests at the venue survives the death of the process at any effect.

The story of test_paper_crashes with one more order in it: the stop, which is placed, rests
and sells. A second one may never be found beside it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.bot import audited
from tests.scenarios import test_paper_crashes as walk


@pytest.mark.parametrize("part", [1, 4])
def test_a_death_at_any_point_leaves_one_stop_and_sells_once(
    tmp_path: Path, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(walk.PAPER, "exits.resting", "stop_limit")
    walk.test_a_death_at_any_point_changes_nothing_that_was_bought_or_sold(tmp_path, part)
    assert stopped(tmp_path / "calm") == {"STOP_LIMIT"}
    dead = [folder for folder in tmp_path.iterdir() if folder.name.isdecimal()]
    assert len(dead) > 10
    for folder in dead:
        assert len(sellers(folder)) == 1, folder.name
        # One that had to be decided afresh is bought in the very bar that falls.
        if not entered_late(folder):
            assert stopped(folder) == {"STOP_LIMIT"}, folder.name


def stopped(folder: Path) -> set[str]:
    """The types of the stops that rested."""
    orders = [order for line in audited(folder) for order in line["orders"]]
    return {order["type"] for order in orders if order["side"] == "SELL"} - {"LIMIT"}


def sellers(folder: Path) -> set[str]:
    """The orders that sold."""
    fills = [fill for line in audited(folder) for fill in line["fills"]]
    return {fill["client_order_id"] for fill in fills if fill["side"] == "SELL"}


def entered_late(folder: Path) -> bool:
    orders = [order for line in audited(folder) for order in line["orders"]]
    return any(order["status"] == "NEVER_REACHED" for order in orders)
