"""What stops all buying: the kill switch, a fatal error, and the stricter levels."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import FatalError
from core.state import Level, Standing
from infra.tape import frames
from runner import kill, resume
from runner.bot import Bot
from tests.builders.bot import (
    a_bot,
    answer,
    audited,
    cycle,
    cycles,
    dies,
    interpose,
    nothing_planned,
    replayed,
    the_places,
    verified,
)
from tests.builders.stage import Stage, decision_time

SOL = "SOL-USD"


def ordered(folder: Path, *what: str) -> list[str]:
    """The arguments of kill and resume."""
    return ["--state-dir", str(the_places(folder).state_dir), *what]


def at_level(bot: Bot, level: Level, code: str, *, until: int | None = None) -> None:
    """Put the bot at a level, as a cause that a later issue brings would."""
    ends = decision_time(until) if until is not None else None
    standing = Standing(level, code, "a test put it there", decision_time(1), ends)
    bot.last = replace(bot.last, state=replace(bot.last.state, standing=standing))


def test_a_product_that_rises_is_bought_when_nothing_speaks_against_it(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=2)
    with a_bot(tmp_path, stage) as bot:
        calm, risen = cycles(bot, 2)
        assert (calm["outcome"], risen["outcome"]) == ("NO_TRADE", "PLANNED")
        assert answer(risen, SOL)[0] == "APPROVED"
        (planned,) = risen["plan"]
        (order,) = risen["orders"]
        assert (planned["side"], planned["symbol"], order["status"]) == ("BUY", SOL, "NOT_SENT")
        assert bot.stores.ledger.orders_of(2)[0].planned.client_order_id == order["client_order_id"]
    assert replayed(tmp_path)["differences"] == 0


def test_the_kill_switch_stops_a_buy_and_names_the_operators_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=2)
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        kill.main(ordered(tmp_path, "the exchange behaves oddly"))
        record = cycle(bot)
        assert answer(record, SOL) == ("KILL_SWITCH", "HALTED", "NORMAL", "level")
        assert (record["outcome"], record["level"]) == ("HALTED", "HALTED")
        assert record["why"]["code"] == "KILL_SWITCH"
        assert record["why"]["text"] == "the exchange behaves oddly"
        assert nothing_planned(bot, record)


def test_only_resume_ends_a_kill_and_the_record_says_who_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=4)
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        kill.main(ordered(tmp_path, "odd"))
        cycle(bot)
        (the_places(tmp_path).state_dir / "KILL").unlink()
        assert cycle(bot)["level"] == "HALTED"  # the file gone by itself ends nothing
        resume.main(ordered(tmp_path, "seen to"))
        record = cycle(bot)
        assert (record["level"], record["standing"]["text"]) == ("NORMAL", "resumed: seen to")
        assert record["outcome"] == "PLANNED"
    assert [frame.controls.resume for frame in frames(the_places(tmp_path).tape)][3] == "seen to"
    assert replayed(tmp_path)["differences"] == 0


def test_a_resume_file_is_used_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with a_bot(tmp_path, Stage()) as bot:
        cycle(bot)
        resume.main(ordered(tmp_path, "for nothing"))
        cycle(bot)
        assert not (the_places(tmp_path).state_dir / "RESUME").exists()
        kill.main(ordered(tmp_path, "now"))
        assert [record["level"] for record in cycles(bot, 2)] == ["HALTED", "HALTED"]


def test_a_kill_during_a_cycle_stops_what_was_not_sent_yet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=1)
    with a_bot(tmp_path, stage) as bot:
        sent: list[str] = []
        interpose(bot, "venue", "submit", before=lambda: sent.append("submit"))
        interpose(bot, "ledger", "intend", after=lambda: void(kill.main(ordered(tmp_path, "stop"))))
        (order,) = cycle(bot)["orders"]
        assert (sent, order["status"]) == ([], "NOT_SENT")
        assert cycle(bot)["level"] == "HALTED"


def void(_: object) -> None:
    """A program's exit code is of no interest here."""


def test_a_fatal_error_halts_and_the_halt_outlives_the_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=3)
    bot = a_bot(tmp_path, stage)
    cycle(bot)
    stage.faults["server_time"] = FatalError("the venue speaks another language", code="ODD_WIRE")
    failed = cycle(bot)
    assert (failed["outcome"], failed["why"]["code"]) == ("FAILED", "ODD_WIRE")
    assert failed["level"] == "HALTED"
    stage.faults.clear()
    dies(bot)

    with a_bot(tmp_path, stage) as bot:
        halted = cycle(bot)
        assert halted["why"]["code"] == "ODD_WIRE"
        assert answer(halted, SOL) == ("HALTED", "HALTED", "NORMAL", "level")
        assert nothing_planned(bot, halted)
        resume.main(ordered(tmp_path, "the venue was mended"))
        assert cycle(bot)["outcome"] == "PLANNED"  # the rise is still worth a buy
    assert verified(tmp_path).why is None
    assert replayed(tmp_path)["differences"] == 0


def test_reduce_only_stops_buys(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=1)
    with a_bot(tmp_path, stage) as bot:
        at_level(bot, Level.REDUCE_ONLY, "BOOKS_OPEN")
        record = cycle(bot)
        assert answer(record, SOL) == ("REDUCE_ONLY", "REDUCE_ONLY", "NORMAL", "level")
        assert record["level"] == "REDUCE_ONLY"
        assert nothing_planned(bot, record)


def test_a_pause_stops_buys_until_the_time_it_names(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=2)
    with a_bot(tmp_path, stage) as bot:
        at_level(bot, Level.PAUSED, "LOSING_STREAK", until=3)
        cycle(bot)
        paused, ended = cycles(bot, 2)
        assert answer(paused, SOL) == ("PAUSED", "PAUSED", "NORMAL", "level")
        assert nothing_planned(bot, paused)
        assert (ended["level"], ended["outcome"]) == ("NORMAL", "PLANNED")
        assert ended["standing"]["text"] == "LOSING_STREAK ended"
    assert replayed(tmp_path)["differences"] == 0


def test_a_pause_without_an_end_and_a_halt_do_not_end_by_themselves(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage()) as bot:
        at_level(bot, Level.HALTED, "DRAWDOWN")
        levels = {record["level"] for record in cycles(bot, 5)}
        assert levels == {"HALTED"}
        assert bot.last.state.at == decision_time(1) + 4 * timedelta(minutes=15)
    assert {line["why"]["code"] for line in audited(tmp_path)} == {"DRAWDOWN"}
