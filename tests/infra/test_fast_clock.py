"""The clock of a rehearsal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from infra.clock import FastClock

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_time_runs_faster_and_waits_are_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds, slept = [100.0], list[float]()
    monkeypatch.setattr("infra.clock.time.monotonic", lambda: seconds[0])
    monkeypatch.setattr("infra.clock.time.sleep", slept.append)
    fast = FastClock(NOON, Decimal(60))

    assert fast.now() == NOON
    began = fast.monotonic()
    seconds[0] += 2
    assert fast.now() == NOON + timedelta(minutes=2)
    assert fast.monotonic() - began == 120
    fast.sleep(90)
    assert slept == [1.5]

    fast.set(NOON)
    assert fast.now() == NOON
