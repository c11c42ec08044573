"""The teller: nothing that happens to a delivery is felt by whoever reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Event

import pytest

from infra.clock import MarketClock, SystemClock
from infra.sd_notify import Supervisor
from runner.alerts.alert import AlertCode
from runner.alerts.memory import Message
from runner.alerts.outside import Outside
from runner.alerts.teller import MemoryFile, Teller, Undelivered
from tests.builders.alerts import PATIENCE, Ear, a_sight, a_teller, an_alert, minutes
from tests.builders.bot import a_bot, cycles, the_places
from tests.builders.market import NOON
from tests.builders.stage import Stage

LONG = 60.0  # seconds, in which whatever is waited for happens many times over
HALT = an_alert()


@dataclass
class Slow:
    """A delivery that hangs until it may go on, and then works or fails."""

    fails: bool = False
    begun: Event = field(default_factory=Event)
    may_end: Event = field(default_factory=Event)
    heard: list[str] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)

    def deliver(self, message: Message) -> None:
        self.begun.set()
        assert self.may_end.wait(LONG)
        if self.fails:
            raise Undelivered("nobody is there")
        with self.changed:
            self.heard.append(f"{message.alert.code.name} {message.phase.value}")
            self.changed.notify_all()

    def wait_for(self, *heard: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.heard == list(heard), LONG), self.heard


@contextmanager
def threaded(folder: Path, slow: Slow) -> Iterator[Teller]:
    file = MemoryFile(folder / "alerts.json")
    teller = Teller(slow, file, PATIENCE, MarketClock(NOON))
    try:
        yield teller
    finally:
        slow.may_end.set()
        teller.close(LONG)


def test_cycles_go_on_while_a_delivery_hangs(tmp_path: Path) -> None:
    slow = Slow()
    with threaded(tmp_path, slow) as teller, a_bot(tmp_path, Stage()) as bot:
        supervisor = Supervisor("", 0.0, SystemClock())
        bot.outside = Outside(supervisor=supervisor, teller=teller, drain=LONG)
        bot.world.controls.write_kill("a drill")  # type: ignore[attr-defined]
        cycles(bot, 1)
        assert slow.begun.wait(LONG)
        cycles(bot, 3)  # each of them ends, although nobody was told yet
        assert (bot.last.state.cycle, slow.heard) == (4, [])
        slow.may_end.set()
        slow.wait_for("HALTED began")


def test_a_delivery_that_fails_fails_no_cycle_and_is_told_by_the_next_process(
    tmp_path: Path,
) -> None:
    slow = Slow(fails=True)
    slow.may_end.set()
    folder = the_places(tmp_path).folder
    with threaded(folder, slow) as teller, a_bot(tmp_path, Stage()) as bot:
        bot.outside = Outside(supervisor=Supervisor("", 0.0, SystemClock()), teller=teller)
        bot.world.controls.write_kill("a drill")  # type: ignore[attr-defined]
        assert [record["outcome"] for record in cycles(bot, 3)] == ["HALTED"] * 3
    assert slow.begun.is_set()
    ear = Ear()
    a_teller(ear, folder, MarketClock(minutes(45))).tell()
    assert ear.told == [("HALTED", "began")]


def test_what_is_due_at_the_end_is_told_before_the_process_goes(tmp_path: Path) -> None:
    slow = Slow()
    slow.may_end.set()
    with threaded(tmp_path, slow) as teller:
        teller.report(a_sight(HALT))
        teller.close(LONG)
        assert slow.heard == ["HALTED began"]


def test_an_end_does_not_wait_for_a_delivery_that_hangs(tmp_path: Path) -> None:
    slow = Slow()
    with threaded(tmp_path, slow) as teller:
        teller.report(a_sight(HALT))
        assert slow.begun.wait(LONG)
        teller.close(0.0)
        assert slow.heard == []
    assert "HALTED" in (tmp_path / "alerts.json").read_text(encoding="utf-8")


def test_more_reports_than_there_is_room_for_lose_the_oldest(tmp_path: Path) -> None:
    slow = Slow()
    with threaded(tmp_path, slow) as teller:
        teller.report(a_sight(HALT))
        assert slow.begun.wait(LONG)
        for _ in range(2000):
            teller.report(a_sight(HALT))
        teller.report(a_sight())
        slow.may_end.set()
        slow.wait_for("HALTED began", "HALTED over")


@dataclass
class Broken:
    """A delivery with a fault in it, once."""

    ear: Ear = field(default_factory=Ear)
    faults: int = 1

    def deliver(self, message: Message) -> None:
        if self.faults:
            self.faults -= 1
            raise ZeroDivisionError("a fault of the program")
        self.ear.deliver(message)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_in_the_thread_silences_it_only_until_the_next_report(tmp_path: Path) -> None:
    broken = Broken()
    teller = Teller(broken, MemoryFile(tmp_path / "alerts.json"), PATIENCE, MarketClock(NOON))
    teller.report(a_sight(HALT))
    assert teller._thread is not None
    teller._thread.join(LONG)
    teller.report(a_sight(HALT))
    teller.close(LONG)
    assert broken.ear.told == [("HALTED", "began")]


def test_a_bot_that_nobody_is_told_of_starts_no_thread(tmp_path: Path) -> None:
    with threaded(tmp_path, Slow()) as teller:
        assert teller._thread is None
    assert list(tmp_path.iterdir()) == []


def test_what_was_told_is_not_told_again_after_a_restart(tmp_path: Path) -> None:
    clock, first, second = MarketClock(NOON), Ear(), Ear()
    a_teller(first, tmp_path, clock).report(a_sight(HALT))
    after = a_teller(second, tmp_path, clock)
    after.report(a_sight(HALT))
    assert (first.told, second.told) == ([("HALTED", "began")], [])
    after.report(a_sight())
    assert second.told == [("HALTED", "over")]


def test_a_damaged_memory_is_no_memory(tmp_path: Path) -> None:
    for text in ("{", "[1]", '[{"code": "NO_SUCH"}]', "null", "\xff"):
        (tmp_path / "alerts.json").write_text(text, encoding="utf-8")
        ear = Ear()
        a_teller(ear, tmp_path, MarketClock(NOON)).report(a_sight(HALT))
        assert ear.told == [("HALTED", "began")], text


def test_a_memory_that_cannot_be_written_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    (tmp_path / "alerts.json.tmp").mkdir()  # where it would be written
    ear = Ear()
    a_teller(ear, tmp_path, MarketClock(NOON)).report(a_sight(an_alert(AlertCode.DISK_FULL)))
    assert ear.told == [("DISK_FULL", "began")]


def test_an_alert_that_lasts_is_told_again_between_two_cycles(tmp_path: Path) -> None:
    clock, ear = MarketClock(NOON), Ear()
    teller = a_teller(ear, tmp_path, clock)
    teller.report(a_sight(HALT))
    clock.set(minutes(30))
    teller.tell()  # as the thread does every second
    assert ear.told == [("HALTED", "began"), ("HALTED", "lasts")]
