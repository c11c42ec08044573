"""The whole walk: every scenario, dead at every moment it passes, before, after, and half written.

One run of a scenario leaves an image of the disk at each crash point; from each of them a
new process goes on. The same deaths by an exception that nobody catches, and deaths in the
middle of the recovery from a death, are walked for what is different about them.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from infra.crash_points import CrashPoint, hooked
from tests.builders.bot import Killed
from tests.crashes.images import Image, captured, laid_out
from tests.crashes.scenarios import SCENARIOS
from tests.crashes.walk import Calm, calm, go_on, gone_on, running

# Passed only by a log that is rotated or moved; tests/infra kills there.
_ELSEWHERE = {CrashPoint.ARCHIVE_WRITTEN, CrashPoint.ARCHIVED, CrashPoint.LOG_MOVING}
_EVERY_CUT = "stop exit"  # where the last write is torn in three ways; elsewhere in the middle


def calm_run(place: Path, name: str) -> Calm:
    run = calm(SCENARIOS[name], place / "calm")
    assert tuple(order[0].name for order in run.story.orders) == SCENARIOS[name].statuses
    assert tuple(fill[2].name for fill in run.story.fills) == SCENARIOS[name].fills
    return run


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_death_at_any_moment_loses_nothing_and_repeats_nothing(place: Path, name: str) -> None:
    run = calm_run(place, name)
    outcomes: Counter[str] = Counter()
    for moment in run.moments:
        deaths = [("", moment.image)]
        deaths += [
            (cut, torn) for cut, torn in moment.torn() if name == _EVERY_CUT or cut == "half"
        ]
        for cut, image in deaths:
            folder = place / f"{moment.nth}{cut}"
            try:
                outcomes[gone_on(run, image, folder, moment.cycle)] += 1
            except AssertionError as error:
                where = f"{run.name(moment)} in cycle {moment.cycle}, {cut or 'whole'}"
                raise AssertionError(f"killed at {where}: {error}") from error
    assert outcomes["decided again, the same"] > 0
    assert outcomes["gone on, the same"] > 0


def test_the_scenarios_pass_every_crash_point(place: Path) -> None:
    passed = {moment.point for name in SCENARIOS for moment in calm_run(place / name, name).moments}
    assert set(CrashPoint) - passed == _ELSEWHERE


def test_an_intent_that_was_not_sent_is_never_reached_and_decided_afresh(place: Path) -> None:
    run = calm_run(place, "stop exit")
    due = next(m for m in run.moments if m.point is CrashPoint.SEND_DUE)
    assert gone_on(run, due.image, place / "due", due.cycle) == "never reached, decided afresh"
    after = next(m for m in run.moments if m.point is CrashPoint.SEND_ANSWERED)
    assert gone_on(run, after.image, place / "after", after.cycle) == "gone on, the same"


@pytest.mark.parametrize("name", ["stop exit", "cancel race"])
def test_nothing_catches_the_death(place: Path, name: str) -> None:
    """The exception ends the cycle wherever it is raised, and every object goes with it."""
    run = calm_run(place, name)
    seen: set[tuple[int, str]] = set()
    for moment in run.moments:
        key = (moment.cycle, run.name(moment))
        if key in seen:
            continue
        seen.add(key)
        folder = laid_out(run.begun[moment.cycle], place / f"dead {moment.nth}")
        nth = sum(1 for m in run.moments if m.cycle == moment.cycle and m.nth < moment.nth)
        passed: list[CrashPoint] = []

        def kill_there(
            point: CrashPoint, nth: int = nth, passed: list[CrashPoint] = passed
        ) -> None:
            passed.append(point)
            if len(passed) > nth:
                raise Killed

        with running(run.scenario, folder) as bot, hooked(kill_there), pytest.raises(Killed):
            go_on(bot, run.scenario, moment.cycle)
        assert passed[-1] is moment.point
        gone_on(run, captured(folder), place / f"on {moment.nth}", moment.cycle)


@pytest.mark.parametrize("name", ["stop exit", "lost request"])
def test_a_second_death_in_the_recovery_of_the_first_is_recovered_from(
    place: Path, name: str
) -> None:
    run = calm_run(place, name)
    points = (CrashPoint.LEDGER_COMMITTED, CrashPoint.SEND_ANSWERED, CrashPoint.VENUE_COMMITTED)
    second_deaths = 0
    for moment in run.moments:
        if moment.point not in points:
            continue
        folder = laid_out(moment.image, place / f"first {moment.nth}")
        images: list[Image] = []

        def take(_: CrashPoint, folder: Path = folder, images: list[Image] = images) -> None:
            images.append(captured(folder))

        with hooked(take), running(run.scenario, folder):
            pass
        for number, image in enumerate(images):
            second_deaths += 1
            gone_on(run, image, place / f"{moment.nth}-{number}", moment.cycle)
    assert second_deaths > 0
