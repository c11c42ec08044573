"""The sign of life: whole at every moment, and cheap."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.ports import Clock
from infra.clock import MarketClock, SystemClock
from infra.disk import fsyncs
from infra.heartbeat import Heartbeat
from tests.builders.account import a_state
from tests.builders.market import NOON


def a_heartbeat(folder: Path, clock: Clock | None = None) -> Heartbeat:
    return Heartbeat(
        path=folder / "heartbeat.json",
        clock=clock or SystemClock(),
        mode="DRY_RUN",
        exchange="embedded",
        run_id="run-1",
        protection="every 15m",
    )


def test_it_says_who_lives_where_it_stands_and_what_comes_next(tmp_path: Path) -> None:
    next_at = NOON + timedelta(minutes=15)
    a_heartbeat(tmp_path).write(a_state(at=NOON), doing="RUNNING", next_at=next_at)

    told = json.loads((tmp_path / "heartbeat.json").read_bytes())
    written_at, overdue_at = (
        datetime.fromisoformat(told.pop(name)) for name in ("written_at", "overdue_at")
    )
    assert overdue_at - written_at == timedelta(minutes=5)
    assert told == {
        "mode": "DRY_RUN",
        "exchange": "embedded",
        "run_id": "run-1",
        "pid": os.getpid(),
        "cycle": 97,
        "at": "2025-03-02T12:00:00Z",
        "level": "NORMAL",
        "protection": "every 15m",
        "state": "RUNNING",
        "next_cycle_at": "2025-03-02T12:15:00Z",
    }


def test_before_the_first_cycle_and_after_the_last_there_is_no_time_to_name(tmp_path: Path) -> None:
    a_heartbeat(tmp_path).write(a_state(at=None), doing="STOPPED", next_at=None)

    told = json.loads((tmp_path / "heartbeat.json").read_bytes())
    assert (told["at"], told["next_cycle_at"], told["state"]) == (None, None, "STOPPED")


def test_one_that_ended_owes_no_further_sign(tmp_path: Path) -> None:
    a_heartbeat(tmp_path).write(a_state(), doing="STOPPED", next_at=None)

    assert json.loads((tmp_path / "heartbeat.json").read_bytes())["overdue_at"] is None


def test_a_wait_before_the_first_cycle_is_added_to_the_time_until_it_is_overdue(
    tmp_path: Path,
) -> None:
    a_heartbeat(tmp_path).waiting("WAITING_FOR_VENUE", "silence", timedelta(hours=1))

    told = json.loads((tmp_path / "heartbeat.json").read_bytes())
    due, at = (datetime.fromisoformat(told[name]) for name in ("overdue_at", "written_at"))
    assert due - at == timedelta(hours=1, minutes=5)


@pytest.mark.parametrize(("seconds", "due"), [(59, False), (60, True), (-1, True)])
def test_another_sign_is_due_a_minute_after_the_last(
    tmp_path: Path, seconds: int, due: bool
) -> None:
    clock = MarketClock(NOON)
    beats = a_heartbeat(tmp_path, clock)
    assert beats.is_due
    beats.write(a_state(), doing="RUNNING", next_at=None)
    clock.set(NOON + timedelta(seconds=seconds))
    assert beats.is_due is due


def test_it_costs_no_fsync_and_leaves_no_other_file(tmp_path: Path) -> None:
    before = fsyncs()
    for _ in range(3):
        a_heartbeat(tmp_path).write(a_state(), doing="RUNNING", next_at=None)

    assert fsyncs() == before
    assert [path.name for path in tmp_path.iterdir()] == ["heartbeat.json"]
