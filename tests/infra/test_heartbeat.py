"""The sign of life: whole at every moment, and cheap."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

from infra.clock import SystemClock
from infra.disk import fsyncs
from infra.heartbeat import Heartbeat
from tests.builders.account import a_state
from tests.builders.market import NOON


def a_heartbeat(folder: Path) -> Heartbeat:
    return Heartbeat(
        path=folder / "heartbeat.json",
        clock=SystemClock(),
        mode="DRY_RUN",
        exchange="embedded",
        run_id="run-1",
        protection="every 15m",
        breakers=lambda: {"orders": {"position": "open"}},
    )


def test_it_says_who_lives_where_it_stands_and_what_comes_next(tmp_path: Path) -> None:
    next_at = NOON + timedelta(minutes=15)
    a_heartbeat(tmp_path).write(a_state(at=NOON), doing="RUNNING", next_at=next_at)

    told = json.loads((tmp_path / "heartbeat.json").read_bytes())
    assert told.pop("written_at").endswith("Z")
    assert told == {
        "mode": "DRY_RUN",
        "exchange": "embedded",
        "run_id": "run-1",
        "pid": os.getpid(),
        "cycle": 97,
        "at": "2025-03-02T12:00:00Z",
        "level": "NORMAL",
        "protection": "every 15m",
        "breakers": {"orders": {"position": "open"}},
        "state": "RUNNING",
        "next_cycle_at": "2025-03-02T12:15:00Z",
    }


def test_before_the_first_cycle_and_after_the_last_there_is_no_time_to_name(tmp_path: Path) -> None:
    a_heartbeat(tmp_path).write(a_state(at=None), doing="STOPPED", next_at=None)

    told = json.loads((tmp_path / "heartbeat.json").read_bytes())
    assert (told["at"], told["next_cycle_at"], told["state"]) == (None, None, "STOPPED")


def test_it_costs_no_fsync_and_leaves_no_other_file(tmp_path: Path) -> None:
    before = fsyncs()
    for _ in range(3):
        a_heartbeat(tmp_path).write(a_state(), doing="RUNNING", next_at=None)

    assert fsyncs() == before
    assert [path.name for path in tmp_path.iterdir()] == ["heartbeat.json"]
