"""The README's rehearsal of LIVE: its own commands, in their order, end as it says."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from tests.rehearsal.acting import Failed, Rehearsing
from tests.rehearsal.counted import ANEW, KINDS, MOVED, PARTLY, STOPPED_HERE, STOPPED_THERE, counted
from tests.rehearsal.counted import FILLED as ENTRIES_FILLED

CYCLES = 3


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_what_the_readme_says_of_live_can_be_done_though_it_is_killed(tmp_path: Path) -> None:
    rehearsing = Rehearsing(tmp_path, CYCLES)
    with rehearsing.sandbox():
        rehearsing.prepare()
        rehearsing.live(1, Random(1))
        rehearsing.conclude()
    flat, closes, _, replayed, agree = rehearsing.told
    assert flat.startswith("nothing of ours is held")
    assert closes.startswith("the books close: ")
    assert " 0 fills" not in closes
    assert replayed.endswith(" cycles, 0 differences")
    assert agree.startswith("the books and the venue agree")
    assert counted(rehearsing.records)[ENTRIES_FILLED] > 0


def test_a_command_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="no bot has run"):
        Rehearsing(tmp_path, CYCLES).do(".venv/bin/python -m runner.ledger check")


def an_order(name: str, side: str, status: str, **more: object) -> dict[str, object]:
    return {
        **{"client_order_id": name, "symbol": "SOL-USD", "side": side, "status": status},
        **{"type": "LIMIT", "time_in_force": "GTD", "stop": None, "price": "100", "reason": "x"},
        **more,
    }


def a_fill(name: str, price: str) -> dict[str, object]:
    return {"client_order_id": name, "symbol": "SOL-USD", "side": "SELL", "price": price}


def a_line(**members: object) -> dict[str, object]:
    return {"orders": [], "fills": [], "plan": [], "verdicts": {}, **members}


def test_nothing_is_counted_that_did_not_happen() -> None:
    lines = [
        a_line(orders=[an_order("a", "BUY", "REFUSED"), an_order("b", "BUY", "NEVER_REACHED")]),
        a_line(orders=[an_order("c", "SELL", "FILLED")], fills=[a_fill("c", "100")]),
        a_line(orders=[an_order("d", "SELL", "FILLED", stop="90")], fills=[a_fill("d", "100")]),
    ]
    happened = counted(lines)
    assert {kind for kind in KINDS if happened[kind]} == {"stops laid at the venue"}


def test_every_kind_is_counted_by_its_own_mark() -> None:
    away = an_order("a", "BUY", "OPEN", type="CANCEL", reason="BOOK_MOVED_AWAY")
    verdicts = {"SOL-USD": {"code": "STOP_LOSS"}}
    guard = an_order("g", "SELL", "CANCELLED", stop="90")
    sold = an_order("h", "SELL", "FILLED", stop="90")
    lines = [
        a_line(plan=[away]),
        a_line(plan=[an_order("b", "BUY", "OPEN")]),
        a_line(orders=[guard, sold], fills=[a_fill("h", "90"), a_fill("h", "89")]),
        a_line(
            orders=[an_order("i", "SELL", "FILLED")], fills=[a_fill("i", "9")], verdicts=verdicts
        ),
    ]
    happened = counted(lines)
    for kind in (ANEW, PARTLY, MOVED, STOPPED_THERE, STOPPED_HERE):
        assert happened[kind] == 1, kind
