"""In the bot a crash point does nothing; in a test it is where the process ends."""

from __future__ import annotations

import pytest

from infra.crash_points import CrashPoint, hooked, reached


def test_a_hook_that_was_taken_down_hears_no_point_any_more() -> None:
    seen: list[CrashPoint] = []
    with hooked(seen.append):
        pass

    for point in CrashPoint:
        reached(point)

    assert seen == []


def test_a_hook_sees_the_points_that_are_reached_and_only_within_its_block() -> None:
    seen: list[CrashPoint] = []

    with hooked(seen.append):
        reached(CrashPoint.ASIDE_WRITTEN)
    reached(CrashPoint.REPLACED)

    assert seen == [CrashPoint.ASIDE_WRITTEN]


def test_a_hook_that_raises_is_taken_down_again() -> None:
    def die(point: CrashPoint) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), hooked(die):
        reached(CrashPoint.APPENDED)
    reached(CrashPoint.APPENDED)
