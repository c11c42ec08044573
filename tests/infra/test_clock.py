"""Two clocks: the machine's, and a market's that moves only when it is set."""

from __future__ import annotations

from datetime import UTC, timedelta

from infra.clock import MarketClock, SystemClock
from tests.builders.market import NOON


def test_the_machines_clock_is_utc_and_its_monotonic_time_never_falls() -> None:
    clock = SystemClock()

    assert clock.now().tzinfo is UTC
    first = clock.monotonic()
    clock.sleep(0)
    assert clock.monotonic() >= first


def test_a_markets_clock_stands_still_until_it_is_set() -> None:
    clock = MarketClock(NOON)

    assert clock.now() == clock.now() == NOON
    clock.set(NOON + timedelta(days=1))
    assert clock.now() == NOON + timedelta(days=1)
