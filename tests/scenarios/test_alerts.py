"""Every alert, through the whole bot: told once when it is so, and as over when it ends.

PAPER on a stage at the simulated venue; what is wrong is brought about as it would come,
by the market, the venue, the disk or an operator. How an alert is remembered, repeated and
delivered is tested beside runner/alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.errors import FatalError, RetryableError
from core.market import ProductStatus
from core.orders import CancelAnswer, OrderStatus, OrderType, PlannedCancel, PlannedOrder
from core.ports import Answer, CannotTell
from core.state import Level
from infra.clock import SystemClock
from runner.alerts.alert import AlertCode
from runner.bot import Bot
from runner.exit_codes import ExitCode
from runner.main_loop import turn
from runner.screen import Silence
from runner.shutdown import farewell
from tests.builders.alerts import Listened, listened
from tests.builders.bot import audited, cycle, cycles, interpose, raising, replayed, verified
from tests.builders.resting import resting
from tests.builders.stage import Stage
from tests.scenarios.test_halts import at_level

SOL = "SOL-USD"
PAPER = {"app.mode": "PAPER", "regime.pinned": "chop"}
STOP_LIMIT = {**PAPER, "exits.resting": "stop_limit"}
ONCE = ["began", "over"]


@dataclass
class IllVenue:
    """The simulated venue, with the illnesses that a test gives it."""

    venue: Any
    lacks: Decimal = Decimal(0)  # SOL that it no longer has
    silent: bool = False  # takes nothing, and nobody can tell
    deaf: bool = False  # accepts cancels that come to nothing
    refuses: set[OrderType] = field(default_factory=set)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.venue, name)

    def balances(self) -> Any:
        return tuple(
            replace(one, total=one.total - self.lacks) if one.currency == "SOL" else one
            for one in self.venue.balances()
        )

    def submit(self, order: PlannedOrder) -> Any:
        if self.silent:
            return Answer(OrderStatus.UNKNOWN)
        if order.type in self.refuses:
            return Answer(OrderStatus.REFUSED, told="NOT_TODAY")
        return self.venue.submit(order)

    def find_order(self, *given: Any) -> Any:
        return CannotTell("asleep") if self.silent else self.venue.find_order(*given)

    def cancel(self, cancel: PlannedCancel) -> Any:
        return CancelAnswer.ACCEPTED if self.deaf else self.venue.cancel(cancel)


def ill(bot: Bot) -> IllVenue:
    venue = IllVenue(bot.world.venue)
    gatherer = replace(bot.world.gatherer, venue=venue)
    bot.world = replace(bot.world, venue=venue, gatherer=gatherer)
    return venue


def a_stage() -> Stage:
    """SOL is bought in cycle 2 and held from cycle 3 on."""
    stage = Stage(SOL)
    stage.rises(SOL, cycle=2)
    stage.rises(SOL, cycle=3, share=-0.003)
    return stage


@contextmanager
def a_holder(folder: Path, stage: Stage, **overrides: str) -> Iterator[Listened]:
    """A bot after cycle 3, which holds SOL. Nothing of all that is told is in the records."""
    with listened(folder, stage, **(overrides or PAPER)) as heard:
        cycles(heard.bot, 3)
        assert SOL in heard.bot.world.ledger.positions()
        assert heard.ear.told == []
        yield heard
    assert verified(folder).ok
    assert replayed(folder)["differences"] == 0


def resumed(bot: Bot) -> None:
    bot.world.controls.write_resume("seen to")  # type: ignore[attr-defined]
    cycle(bot)


def killed(bot: Bot) -> None:
    bot.world.controls.write_kill("a drill")  # type: ignore[attr-defined]


# Levels


def test_a_halt_is_told_once_with_its_reason_and_again_once_it_was_resumed(tmp_path: Path) -> None:
    with listened(tmp_path, Stage(), **PAPER) as heard:
        killed(heard.bot)
        cycles(heard.bot, 2)
        (message,) = heard.ear.heard
        assert message.alert.text == "KILL_SWITCH: a drill"
        resumed(heard.bot)
        assert heard.ear.told == [("HALTED", "began"), ("HALTED", "over")]


def test_a_halt_that_outlives_the_process_is_not_told_again(tmp_path: Path) -> None:
    with listened(tmp_path, Stage(), **PAPER) as heard:
        killed(heard.bot)
        cycle(heard.bot)
    with listened(tmp_path, Stage(), **PAPER) as again:
        cycle(again.bot)
        assert again.ear.told == []
        resumed(again.bot)
        assert again.ear.told == [("HALTED", "over")]


def test_a_halt_that_lasts_is_told_again(tmp_path: Path) -> None:
    with listened(tmp_path, Stage(), **PAPER) as heard:
        killed(heard.bot)
        cycles(heard.bot, 4)  # three quarters of an hour
        assert heard.ear.of(AlertCode.HALTED) == ["began", "lasts"]


@pytest.mark.parametrize("level", [Level.REDUCE_ONLY, Level.PAUSED])
def test_a_stricter_level_is_told(tmp_path: Path, level: Level) -> None:
    with listened(tmp_path, Stage(), **PAPER) as heard:
        at_level(heard.bot, level, "PREFLIGHT_FAILED")
        cycles(heard.bot, 2)
        resumed(heard.bot)
        assert heard.ear.of(AlertCode[level.name]) == ONCE


def test_an_end_that_was_asked_for_is_no_alert(tmp_path: Path) -> None:
    with listened(tmp_path, a_stage(), **PAPER) as heard:
        cycles(heard.bot, 2)  # an entry rests
        code = farewell(heard.bot, turn, Silence(), SystemClock())
        heard.bot.outside.leaving(code)
        assert heard.bot.last.state.standing.code == "STOPPING"
        assert heard.ear.told == []


# Orders


def test_an_order_of_which_nobody_knows_is_told_after_two_cycles(tmp_path: Path) -> None:
    with listened(tmp_path, a_stage(), **PAPER) as heard:
        venue = ill(heard.bot)
        venue.silent = True
        cycles(heard.bot, 4)  # sent in the second
        assert heard.ear.of(AlertCode.ORDER_UNKNOWN) == []
        cycle(heard.bot)
        (unknown,) = heard.bot.world.ledger.unsettled()
        (message,) = heard.ear.heard
        assert message.alert.subject == unknown.planned.client_order_id
        venue.silent = False
        cycles(heard.bot, 3)
        assert heard.ear.of(AlertCode.ORDER_UNKNOWN) == ONCE


def test_an_order_that_no_cancel_ends_is_told(tmp_path: Path) -> None:
    longer = {"execution.maker_ttl": "24h", "market.matching.volume_share_max": "1%"}
    with listened(tmp_path, a_stage(), **{**PAPER, **longer}) as heard:
        venue, holdings = resting(heard.bot)
        cycles(heard.bot, 2)
        assert holdings.unsettled()
        venue.deaf = True
        while not heard.ear.told:
            assert cycle(heard.bot)["cycle"] < 20
        assert (heard.ear.told, len(venue.cancelled)) == ([("ORDER_STUCK", "began")], 2)
        venue.deaf = False
        while "over" not in heard.ear.of(AlertCode.ORDER_STUCK):
            assert cycle(heard.bot)["cycle"] < 40
        assert holdings.unsettled() == ()


def test_an_order_that_is_unproved_at_the_end_is_told_until_the_next_start_settles_it(
    tmp_path: Path,
) -> None:
    with listened(tmp_path, a_stage(), **PAPER) as heard:
        ill(heard.bot).silent = True
        cycles(heard.bot, 2)
        code = farewell(heard.bot, turn, Silence(), SystemClock())
        heard.bot.outside.leaving(code)
        assert code is ExitCode.UNPROVED
        assert ("UNPROVED", "began") in heard.ear.told
    with listened(tmp_path, a_stage(), **PAPER) as again:
        cycle(again.bot)
        assert again.ear.of(AlertCode.UNPROVED) == ["over"]


# Positions


def test_a_position_that_nobody_sees_the_price_of_is_told(tmp_path: Path) -> None:
    stage = a_stage()
    with a_holder(tmp_path, stage) as heard:
        stage.falls_silent("tops")
        cycles(heard.bot, 2)
        assert heard.ear.of(AlertCode.EXIT_MISSING) == ["began"]
        stage.faults.clear()
        cycle(heard.bot)
        assert heard.ear.of(AlertCode.EXIT_MISSING) == ONCE
        assert heard.ear.of(AlertCode.VENUE_UNREACHABLE) == ONCE


def test_a_stop_that_rests_at_the_venue_needs_nobody_to_see_the_price(tmp_path: Path) -> None:
    stage = a_stage()
    with a_holder(tmp_path, stage, **STOP_LIMIT) as heard:
        cycle(heard.bot)
        stage.falls_silent("tops")
        cycles(heard.bot, 2)
        assert heard.ear.of(AlertCode.EXIT_MISSING) == []
        assert heard.ear.of(AlertCode.VENUE_UNREACHABLE) == ["began"]


def test_a_position_is_unwatched_while_cycles_fail(tmp_path: Path) -> None:
    with a_holder(tmp_path, a_stage()) as heard:
        full = RetryableError("full", code="DISK_FULL")
        undo = interpose(heard.bot, "disk", "check", before=raising(full))
        cycles(heard.bot, 2)
        assert heard.ear.of(AlertCode.EXIT_MISSING) == ["began"]
        undo()
        cycle(heard.bot)
        assert heard.ear.of(AlertCode.EXIT_MISSING) == ONCE


def test_an_exit_that_cannot_go_out_is_told_at_once(tmp_path: Path) -> None:
    stage = a_stage()
    stage.rises(SOL, cycle=4, share=-0.12)
    with a_holder(tmp_path, stage) as heard:
        stage.becomes(SOL, ProductStatus.HALTED)
        cycle(heard.bot)
        (message,) = heard.ear.heard
        assert message.alert.code is AlertCode.EXIT_BLOCKED
        assert "STOP_LOSS has fired" in message.alert.text
        assert "PRODUCT_NOT_ONLINE" in message.alert.text
        stage.becomes(SOL, ProductStatus.ONLINE)
        cycles(heard.bot, 2)
        assert SOL not in heard.bot.world.ledger.positions()
        assert heard.ear.of(AlertCode.EXIT_BLOCKED) == ONCE


def test_an_exit_that_goes_out_and_sells_nothing_is_told(tmp_path: Path) -> None:
    stage = a_stage()
    stage.rises(SOL, cycle=4, share=-0.12)
    with a_holder(tmp_path, stage) as heard:
        venue = ill(heard.bot)
        venue.refuses = {OrderType.LIMIT}
        cycle(heard.bot)
        (message,) = heard.ear.heard
        assert "the venue refuses its sale: NOT_TODAY" in message.alert.text
        venue.refuses = set()
        cycle(heard.bot)
        assert heard.ear.told == [("EXIT_BLOCKED", "began"), ("EXIT_BLOCKED", "over")]


def test_an_exit_that_sells_a_part_at_a_time_is_told(tmp_path: Path) -> None:
    stage = a_stage()
    stage.rises(SOL, cycle=4, share=-0.12)
    with a_holder(tmp_path, stage) as heard:
        stage.roles[SOL].quantity = "0.2"
        cycles(heard.bot, 2)
        (message,) = heard.ear.heard
        assert "2 sales left some of it" in message.alert.text
        stage.roles[SOL].quantity = "300"
        cycle(heard.bot)
        assert heard.ear.told == [("EXIT_BLOCKED", "began"), ("EXIT_BLOCKED", "over")]


def test_a_stop_that_the_venue_will_not_let_rest_is_told(tmp_path: Path) -> None:
    with listened(tmp_path, a_stage(), **STOP_LIMIT) as heard:
        venue = ill(heard.bot)
        venue.refuses = {OrderType.STOP_LIMIT}
        cycles(heard.bot, 4)
        (message,) = heard.ear.heard
        assert message.alert.code is AlertCode.STOP_REFUSED
        assert "NOT_TODAY" in message.alert.text
        venue.refuses = set()
        cycles(heard.bot, 3)
        assert heard.ear.told == [("STOP_REFUSED", "began"), ("STOP_REFUSED", "over")]


def test_books_that_do_not_close_are_told_with_what_is_missing(tmp_path: Path) -> None:
    with a_holder(tmp_path, a_stage()) as heard:
        venue = ill(heard.bot)
        venue.lacks = Decimal("0.5")
        cycles(heard.bot, 2)
        texts = {m.alert.code: m.alert.text for m in heard.ear.heard}
        assert "the venue holds 0.5 SOL less than our books" in texts[AlertCode.BOOKS_OPEN]
        assert "it stands still" in texts[AlertCode.EXIT_MISSING]
        venue.lacks = Decimal(0)
        cycles(heard.bot, 2)
        assert heard.ear.of(AlertCode.BOOKS_OPEN) == ONCE
        assert heard.ear.of(AlertCode.EXIT_MISSING) == ONCE


def test_a_ledger_that_contradicts_itself_is_told_beside_the_halt_it_brings(
    tmp_path: Path,
) -> None:
    with listened(tmp_path, Stage(), **PAPER) as heard:
        odd = FatalError("legs do not sum to zero", code="BOOKS_OPEN")
        undo = interpose(heard.bot, "ledger", "prove", before=raising(odd))
        cycle(heard.bot)
        assert heard.ear.told == [("BOOKS_OPEN", "began"), ("HALTED", "began")]
        undo()
        resumed(heard.bot)
        assert heard.ear.told[2:] == [("BOOKS_OPEN", "over"), ("HALTED", "over")]


# The machine, the venue and the process


def test_a_start_after_a_crash_is_told_and_over_once_a_cycle_has_decided(tmp_path: Path) -> None:
    with listened(tmp_path, Stage(), **PAPER) as heard:
        cycle(heard.bot)
        heartbeat = heard.bot.beats.path.read_bytes()  # type: ignore[attr-defined]
    # A killed process leaves its last sign of life as it was.
    heard.bot.beats.path.write_bytes(heartbeat)  # type: ignore[attr-defined]
    with listened(tmp_path, Stage(), **PAPER) as again:
        assert again.ear.told == [("CRASHED", "began")]
        cycle(again.bot)
        assert again.ear.of(AlertCode.CRASHED) == ONCE


def test_a_death_before_the_first_cycle_is_a_crash_too(tmp_path: Path) -> None:
    with listened(tmp_path, Stage(), **PAPER):
        pass
    heard = listened(tmp_path, Stage(), **PAPER)
    with heard as first:
        started = first.bot.beats.path.read_bytes()  # type: ignore[attr-defined]
        assert first.ear.told == []
    first.bot.beats.path.write_bytes(started)  # type: ignore[attr-defined]
    with listened(tmp_path, Stage(), **PAPER) as again:
        assert again.ear.told == [("CRASHED", "began")]


Fault = Callable[[Bot], Callable[[], None]]


def breaking(port: str, method: str, error: Exception) -> Fault:
    return lambda bot: interpose(bot, port, method, before=raising(error))


FAULTS: dict[AlertCode, tuple[Fault, int]] = {
    # what breaks, and in how many cycles it is told
    AlertCode.DISK_FULL: (breaking("disk", "check", RetryableError("full", code="DISK_FULL")), 1),
    AlertCode.NOT_WRITTEN: (breaking("states", "save", OSError(28, "no room")), 1),
    AlertCode.CYCLE_FAILED: (breaking("tape", "append", RetryableError("odd", code="ODD")), 2),
}


@pytest.mark.parametrize("code", FAULTS, ids=lambda code: str(code.name))
def test_a_cycle_that_fails_is_told_by_what_failed_it(tmp_path: Path, code: AlertCode) -> None:
    breaks, looks = FAULTS[code]
    with listened(tmp_path, Stage(), **PAPER) as heard:
        cycle(heard.bot)
        undo = breaks(heard.bot)
        for _ in range(looks):
            assert heard.ear.of(code) == []
            failing(heard.bot)
        assert heard.ear.of(code) == ["began"]
        undo()
        cycle(heard.bot)
        assert heard.ear.told == [(code.name, "began"), (code.name, "over")]


def failing(bot: Bot) -> None:
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    bot.last = turn(bot, at)
    assert bot.last.outcome is None


def test_a_key_that_is_refused_is_told_beside_the_halt_it_brings(tmp_path: Path) -> None:
    stage = Stage(SOL)
    with listened(tmp_path, stage, **PAPER) as heard:
        cycle(heard.bot)
        stage.faults["server_time"] = FatalError("401: Unauthorized", code="KEY_REFUSED")
        cycle(heard.bot)
        assert heard.ear.told == [("HALTED", "began"), ("KEY_REFUSED", "began")]
        stage.faults.clear()
        cycle(heard.bot)
        assert heard.ear.told[2:] == [("KEY_REFUSED", "over")]
        resumed(heard.bot)
        assert heard.ear.told[-1] == ("HALTED", "over")


def test_one_reading_in_vain_wakes_nobody(tmp_path: Path) -> None:
    stage = Stage(SOL)
    with listened(tmp_path, stage, **PAPER) as heard:
        cycle(heard.bot)
        stage.falls_silent("tops")
        cycle(heard.bot)
        stage.faults.clear()
        cycle(heard.bot)
        assert heard.ear.told == []


def test_a_cycle_that_sees_nothing_ends_no_alert_about_the_books(tmp_path: Path) -> None:
    with a_holder(tmp_path, a_stage()) as heard:
        ill(heard.bot).lacks = Decimal("0.5")
        cycle(heard.bot)
        undo = interpose(
            heard.bot, "disk", "check", before=raising(RetryableError("full", code="DISK_FULL"))
        )
        cycle(heard.bot)
        assert heard.ear.of(AlertCode.BOOKS_OPEN) == ["began"]
        undo()


def test_nothing_that_is_told_stands_in_the_records_or_changes_them(tmp_path: Path) -> None:
    with listened(tmp_path / "told", a_stage(), **PAPER) as heard:
        cycles(heard.bot, 5)
    with listened(tmp_path / "untold", a_stage(), **PAPER) as silent:
        silent.bot.outside.teller = None
        cycles(silent.bot, 5)
    apart = {"run_id", "timing_ms", "rss_mb", "prev", "hash"}
    one, other = (
        [{name: value for name, value in line.items() if name not in apart} for line in lines]
        for lines in (audited(tmp_path / "told"), audited(tmp_path / "untold"))
    )
    assert one == other


def test_every_alert_has_its_scenario() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    start = (Path(__file__).parent / "test_alerts_at_the_start.py").read_text(encoding="utf-8")
    assert [code.name for code in AlertCode if code.name not in text + start] == []
