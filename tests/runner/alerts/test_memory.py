"""What is due to be told: once, again while it lasts, and once when it is over."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from runner.alerts.alert import EVERY, PATIENT, AlertCode, Sight
from runner.alerts.memory import (
    ENTRIES_MAX,
    Memory,
    Phase,
    due,
    in_vain,
    members,
    remembered,
    seen,
    told,
)
from tests.builders.alerts import PATIENCE, a_sight, an_alert, minutes

HALT = an_alert()
SILENCE = an_alert(AlertCode.VENUE_UNREACHABLE)
NOTHING = a_sight()


def said(memory: Memory, at: datetime) -> tuple[Memory, list[Phase]]:
    """Everything that is due then is told."""
    messages = due(memory, at, PATIENCE)
    for message in messages:
        memory = told(memory, message, at)
    return memory, [message.phase for message in messages]


def story(*looks: tuple[float, Sight]) -> list[tuple[float, str]]:
    """What is told at which minute of which looks."""
    memory: Memory = {}
    heard = []
    for at, sight in looks:
        memory = seen(memory, sight, minutes(at))
        memory, phases = said(memory, minutes(at))
        heard += [(at, phase.value) for phase in phases]
    return heard


def test_an_alert_is_told_when_it_begins_and_when_it_is_over_and_not_between() -> None:
    on = a_sight(HALT)
    assert story((0, on), (1, on), (29, on), (30, NOTHING), (31, NOTHING)) == [
        (0, "began"),
        (30, "over"),
    ]


@pytest.mark.parametrize(("at", "again"), [(29.9, False), (30, True), (31, True)])
def test_what_lasts_is_told_again_after_the_time_to_escalate(at: float, again: bool) -> None:
    on = a_sight(HALT)
    assert ((at, "lasts") in story((0, on), (at, on))) is again


@pytest.mark.parametrize(("hours", "again"), [(11.9, False), (12, True)])
def test_and_from_then_on_ever_again(hours: float, again: bool) -> None:
    on, at = a_sight(HALT), 30 + hours * 60
    assert ((at, "lasts") in story((0, on), (30, on), (at, on))) is again


def test_a_blip_of_a_silent_venue_is_never_told() -> None:
    on = a_sight(SILENCE)
    assert story((0, on), (4, on), (5, NOTHING), (60, on), (61, NOTHING)) == []


@pytest.mark.parametrize(("at", "heard"), [(4.9, []), (5, [(5, "began")])])
def test_a_silence_is_told_once_it_has_lasted(at: float, heard: list[tuple[float, str]]) -> None:
    assert story((0, a_sight(SILENCE)), (at, a_sight(SILENCE))) == heard


def test_one_look_is_not_enough_however_long_ago() -> None:
    memory = seen({}, a_sight(SILENCE), minutes(0))
    assert due(memory, minutes(600), PATIENCE) == ()


def test_a_patient_alert_that_was_told_is_also_told_as_over() -> None:
    on = a_sight(SILENCE)
    assert story((0, on), (5, on), (6, NOTHING))[-1] == (6, "over")


def test_an_alert_that_comes_back_after_its_end_is_a_new_one() -> None:
    on = a_sight(HALT)
    assert [phase for _, phase in story((0, on), (1, NOTHING), (2, on))] == [
        "began",
        "over",
        "began",
    ]


def test_two_subjects_of_a_code_are_two_alerts() -> None:
    one = an_alert(AlertCode.BOOKS_OPEN, "SOL-USD")
    other = an_alert(AlertCode.BOOKS_OPEN, "ETH-USD")
    heard = story((0, a_sight(one)), (1, a_sight(one, other)), (2, a_sight(other)))
    assert heard == [(0, "began"), (1, "began"), (2, "over")]


def test_what_was_not_looked_at_is_neither_begun_nor_over() -> None:
    hidden = a_sight(blind=EVERY)
    assert story((0, a_sight(HALT)), (1, hidden), (2, a_sight(HALT))) == [(0, "began")]


def test_an_end_that_nobody_could_be_told_is_no_end_if_the_alert_comes_back() -> None:
    memory, _ = said(seen({}, a_sight(HALT), minutes(0)), minutes(0))
    memory = seen(memory, NOTHING, minutes(1))
    (over,) = due(memory, minutes(1), PATIENCE)
    memory = in_vain(memory, over, minutes(1))
    memory = seen(memory, a_sight(HALT), minutes(1.1))
    assert due(memory, minutes(1.2), PATIENCE) == ()


def test_a_delivery_in_vain_is_tried_again_ever_more_rarely() -> None:
    memory, at, tried = seen({}, a_sight(HALT), minutes(0)), minutes(0), []
    while at < minutes(60):
        for message in due(memory, at, PATIENCE):
            tried.append((at - minutes(0)).seconds)
            memory = in_vain(memory, message, at)
        at += timedelta(seconds=1)
    assert tried[:6] == [0, 10, 30, 70, 150, 310]
    assert tried[-1] - tried[-2] == 900


def test_after_a_day_in_vain_it_is_let_go() -> None:
    memory, at, tries = seen({}, a_sight(HALT), minutes(0)), minutes(0), 0
    for _ in range(100):
        (message,) = due(memory, at, PATIENCE)
        memory, tries = in_vain(memory, message, at), tries + 1
        at += timedelta(minutes=15)
    assert at > minutes(60 * 24)
    assert [message.phase for message in due(memory, at, PATIENCE)] in ([], [Phase.LASTS])


def test_what_ended_before_anybody_could_be_told_is_told_as_over_with_its_beginning() -> None:
    memory = seen({}, a_sight(HALT), minutes(0))
    (message,) = due(memory, minutes(0), PATIENCE)
    memory = seen(in_vain(memory, message, minutes(0)), NOTHING, minutes(5))
    (over,) = due(memory, minutes(5), PATIENCE)
    assert (over.phase, over.since) == (Phase.OVER, minutes(0))


def test_a_storm_has_a_bound() -> None:
    many = [an_alert(AlertCode.BOOKS_OPEN, f"COIN{number}") for number in range(ENTRIES_MAX + 9)]
    assert len(seen({}, a_sight(*many), minutes(0))) == ENTRIES_MAX


def test_the_memory_is_the_same_after_it_was_written_and_read() -> None:
    memory, _ = said(seen({}, a_sight(HALT, SILENCE), minutes(0)), minutes(0))
    memory = seen(memory, a_sight(SILENCE), minutes(1))
    written = json.loads(json.dumps(list(members(memory))))
    assert {entry.alert.key: entry for entry in map(remembered, written)} == memory


@pytest.mark.parametrize(
    "spoilt", [{"code": "NO_SUCH"}, {"told": "shouted"}, {"since": "once"}, {"told": "began"}]
)
def test_a_memory_that_makes_no_sense_is_refused(spoilt: dict[str, str]) -> None:
    (member,) = members(seen({}, a_sight(SILENCE), minutes(0)))
    with pytest.raises((ValueError, KeyError)):
        remembered({**member, **spoilt})


@pytest.mark.parametrize("code", sorted(set(AlertCode) - PATIENT, key=str))
def test_everything_else_is_told_at_the_first_look(code: AlertCode) -> None:
    assert story((0, a_sight(an_alert(code)))) == [(0, "began")]
