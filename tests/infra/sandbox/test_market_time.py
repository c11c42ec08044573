"""The sandbox's clock runs as fast as asked and never goes back, restarts included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.sandbox.coinbase.limits import PRIVATE_PER_SECOND, PUBLIC_PER_SECOND, RateLimits
from infra.sandbox.coinbase.market_time import ClockFile, MarketTime
from tests.builders.timer import HandTimer

START = datetime(2025, 1, 1, tzinfo=UTC)


def test_a_fast_clock_makes_an_hour_of_a_minute() -> None:
    timer = HandTimer()
    clock = MarketTime(START, 60, timer)
    timer.sleep(60)
    assert clock.now() == START + timedelta(hours=1)


def test_a_new_speed_counts_from_now_on() -> None:
    timer = HandTimer()
    clock = MarketTime(START, 60, timer)
    timer.sleep(1)
    clock.set_speed(0)
    timer.sleep(100)
    assert clock.now() == START + timedelta(seconds=60)


def test_a_clock_can_be_moved_forward_and_not_back() -> None:
    timer = HandTimer()
    clock = MarketTime(START, 1, timer)
    clock.move_to(START + timedelta(days=1))
    timer.sleep(5)

    assert clock.now() == START + timedelta(days=1, seconds=5)
    with pytest.raises(ValueError, match="is past"):
        clock.move_to(START)


def test_a_killed_sandbox_comes_back_later_than_any_time_it_showed(tmp_path: Path) -> None:
    timer, file = HandTimer(), ClockFile(tmp_path / "clock")
    clock = MarketTime(START, 1000, timer)
    assert file.read() is None

    file.reserve(clock)
    timer.sleep(1.2)  # more than the second between two reservations

    again = file.read()
    assert again is not None
    assert again > clock.now()


@pytest.mark.parametrize(("key", "rate"), [(None, PUBLIC_PER_SECOND), ("k", PRIVATE_PER_SECOND)])
def test_a_caller_gets_its_rate_and_no_more(key: str | None, rate: int) -> None:
    timer = HandTimer()
    limits = RateLimits(timer)

    burst = [limits.bucket_of(key).take() for _ in range(rate + 1)]
    timer.sleep(0.5)
    later = [limits.bucket_of(key).take() for _ in range(rate // 2 + 1)]

    assert burst == [True] * rate + [False]
    assert later == [True] * (rate // 2) + [False]
    assert limits.bucket_of("another").take()
