"""The wait between two cycles: a fixed grid, never a bunch, never deaf to the operator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from runner.cadence import SLICE_SECONDS, Cadence, FullSpeed, Timetable, jitter_of
from tests.builders.timer import HandTimer

STEP = timedelta(seconds=60)
NOW = timedelta(0)
START = datetime(2025, 1, 1, tzinfo=UTC)


def never() -> bool:
    return False


def a_cadence(timer: HandTimer, jitter: float = 0.0) -> Cadence:
    return Cadence(timer, STEP, jitter)


def starts(
    cadence: Cadence, timer: HandTimer, work: list[float], woken: Callable[[], bool] = never
) -> list[float]:
    """When cycles begin, in seconds after the first one ended."""
    began = timer.at
    moments = []
    for number, seconds in enumerate(work):
        cadence.wait(f"bot-{number}", NOW, woken)
        moments.append(round(timer.at - began, 6))
        timer.works(seconds)
    return moments


def test_cycles_begin_on_a_grid_however_long_each_takes() -> None:
    timer = HandTimer()
    assert starts(a_cadence(timer), timer, [1, 59, 30, 0]) == [60, 120, 180, 240]


@pytest.mark.parametrize(
    ("work", "second"),
    [(59.9, 120), (60, 180), (61, 180), (119, 180), (150, 240)],
)
def test_an_overrun_skips_the_points_it_missed_and_never_bunches(
    work: float, second: float
) -> None:
    timer = HandTimer()
    first, then, third = starts(a_cadence(timer), timer, [work, 1, 1])
    assert (first, then, third) == (60, second, second + 60)


def test_no_nap_is_longer_than_a_look_at_the_kill_switch_may_wait() -> None:
    timer = HandTimer()
    starts(a_cadence(timer), timer, [1, 1])
    assert max(timer.naps) <= SLICE_SECONDS == 1.0
    assert sum(timer.naps) == pytest.approx(119)


def test_whoever_wakes_it_is_heard_within_one_nap() -> None:
    timer = HandTimer()
    heard = iter([False, False, True])
    a_cadence(timer).wait("bot-1", NOW, lambda: next(heard))
    assert timer.at == 1002.0


def test_a_cycle_out_of_turn_takes_no_point_of_the_grid_away() -> None:
    timer = HandTimer()
    cadence = a_cadence(timer)
    cadence.wait("bot-1", NOW, never)  # 60
    looks = iter([False] * 10 + [True])
    cadence.wait("bot-2", NOW, lambda: next(looks))
    assert timer.at == 1070.0  # woken ten seconds on
    timer.works(5)
    cadence.wait("bot-3", NOW, never)
    assert timer.at == 1120.0  # the point that was due anyway


def test_a_wait_after_a_failure_holds_back_and_then_returns_to_the_grid() -> None:
    timer = HandTimer()
    cadence = a_cadence(timer)
    cadence.wait("bot-1", timedelta(seconds=150), never)
    assert timer.at == 1150.0
    cadence.wait("bot-2", NOW, never)
    assert timer.at == 1180.0


def test_a_short_wait_after_a_failure_is_lost_in_the_interval() -> None:
    timer = HandTimer()
    a_cadence(timer).wait("bot-1", timedelta(seconds=5), never)
    assert timer.at == 1060.0


def test_jitter_makes_each_cycle_late_by_its_own_share_and_never_by_more_than_a_tenth() -> None:
    timer = HandTimer()
    moments = starts(a_cadence(timer, 0.1), timer, [0] * 200)
    late = [moment - 60 * (number + 1) for number, moment in enumerate(moments)]
    assert all(0 <= seconds <= 6 for seconds in late)
    assert len({round(seconds, 3) for seconds in late}) > 190
    assert late == [
        pytest.approx(6 * jitter_of(f"bot-{number}"), abs=1e-5) for number in range(200)
    ]


def test_jitter_is_the_same_for_the_same_cycle_and_spread_over_its_range() -> None:
    shares = [jitter_of(f"247trader-20250101T000000Z-{number}") for number in range(1000)]
    assert shares == [jitter_of(f"247trader-20250101T000000Z-{number}") for number in range(1000)]
    assert all(0 <= share < 1 for share in shares)
    assert 0.45 < sum(shares) / 1000 < 0.55
    # A value that may never change, for it moves every live bot's schedule.
    assert jitter_of("bot-1") == pytest.approx(0.8388682548930575)


def test_full_speed_does_not_even_look_whether_it_should_wait() -> None:
    looked: list[str] = []

    def woken() -> bool:
        looked.append("once")
        return True

    FullSpeed().wait("bot-1", timedelta(hours=1), woken)
    assert looked == []


def test_a_timetable_gives_one_interval_a_cycle_up_to_its_end() -> None:
    timetable = Timetable(START, STEP, START + 2 * STEP)
    moments = [timetable.after(None), timetable.after(START), timetable.after(START + STEP)]
    assert moments == [START, START + STEP, START + 2 * STEP]
    assert timetable.after(START + 2 * STEP) is None
    assert Timetable(START, STEP, None).after(START + 1000 * STEP) == START + 1001 * STEP
