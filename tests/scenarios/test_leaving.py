"""Leaving: by flatten, kill switch or signal. No entry stays behind, every order is told."""

from __future__ import annotations

import json
import time
from contextlib import redirect_stderr
from decimal import Decimal
from io import StringIO
from pathlib import Path
from threading import Timer

import pytest

from core.market import Side
from infra.audit_log import newest_first
from infra.audit_record import Record
from infra.clock import SystemClock
from infra.console import finish
from infra.control_files import ControlFolder
from runner import flatten, main_loop
from runner.bot import Bot
from runner.exit_codes import ExitCode
from runner.main_loop import Stop, rest, turn
from runner.screen import Lines, Silence
from runner.shutdown import farewell
from tests.builders.rehearsal import Rehearsal, a_rehearsal, step
from tests.builders.terminal import Answer, a_pipe_nobody_reads, asked


def environment(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in rehearsal.environment().items():
        monkeypatch.setenv(name, value)


def until_an_entry_rests(rehearsal: Rehearsal, bot: Bot) -> str:
    """Its client order id."""
    for _ in range(12):
        for order in step(bot)["orders"]:
            if (order["side"], order["status"]) == ("BUY", "OPEN"):
                return str(order["client_order_id"])
        rehearsal.move()
    raise AssertionError("no entry came to rest")


def at_the_venue(rehearsal: Rehearsal, name: str) -> str:
    orders = rehearsal.venue.admin("truth")["orders"]
    return next(str(o["status"]) for o in orders if o["client_order_id"] == name)


def coins(rehearsal: Rehearsal) -> dict[str, Decimal]:
    told = rehearsal.venue.admin("truth")["balances"]
    held = {name: Decimal(b["available"]) + Decimal(b["hold"]) for name, b in told.items()}
    return {n: a for n, a in held.items() if a and n not in ("USD", "USDC")}


# Flatten

CYCLES = 107  # of PAPER, until something is held


def paper(folder: Path, *arguments: object) -> tuple[object, ...]:
    where = ("--state-dir", folder / "var", "--log-dir", folder / "logs")
    return (*where, "--mode", "PAPER", "--exchange", "embedded", "--seed", 21, *arguments)


def test_flatten_sells_what_paper_holds_and_halts(tmp_path: Path) -> None:
    asked(main_loop.main, *paper(tmp_path, "--fast", "--quiet", "--max-cycles", CYCLES))
    answer = asked(flatten.main, *paper(tmp_path, "going away", "--json"))
    assert (answer.code, answer.err) == (ExitCode.FINISHED, "")
    assert json.loads(answer.out)["flat"] is True
    records = [*newest_first(tmp_path / "logs" / "paper")][::-1]
    before, after = records[CYCLES - 1], records[CYCLES:]
    assert before["portfolio"]["positions"], "the test needs something to sell"
    assert {record["level"] for record in after} == {"HALTED"}
    sold = {fill["symbol"] for record in after for fill in record["fills"]}
    assert sold == set(before["portfolio"]["positions"])
    codes = {verdict["code"] for record in after for verdict in record["verdicts"].values()}
    assert "FLATTEN" in codes
    assert not (tmp_path / "var" / "FLATTEN").exists()


def test_flatten_says_of_which_bot_and_needs_one(tmp_path: Path) -> None:
    answer = asked(flatten.main, "why", "--state-dir", tmp_path)
    assert (answer.code, answer.told[:7]) == (ExitCode.USAGE, "--mode:")
    answer = asked(flatten.main, *paper(tmp_path, "why"))
    assert answer.code == ExitCode.USAGE
    assert "no bot has run here" in answer.told


def test_a_running_bot_is_told_to_flatten_and_sells_at_the_venue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_rehearsal(tmp_path) as rehearsal, rehearsal.bot() as bot:
        environment(rehearsal, monkeypatch)
        step(bot)
        assert coins(rehearsal)
        given = [flag for flag in rehearsal.arguments("out") if flag != "--quiet"]
        answer = asked(flatten.main, *given)
        assert (answer.code, "FLATTEN is written" in answer.out) == (ExitCode.FINISHED, True)
        for _ in range(3):
            rehearsal.move(60)
            step(bot)
        assert bot.world.ledger.positions() == {}
        assert set(coins(rehearsal)) == set(bot.world.ledger.dust())
        assert bot.last.state.standing.code == "FLATTEN"


def test_flatten_without_a_bot_runs_the_cycles_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_rehearsal(tmp_path) as rehearsal:
        environment(rehearsal, monkeypatch)
        with rehearsal.bot() as bot:
            step(bot)
        assert coins(rehearsal)
        rehearsal.move(60)
        given = [flag for flag in rehearsal.arguments("out") if flag != "--quiet"]
        refused = asked(flatten.main, *given)
        assert refused.code == ExitCode.GATE, "real coins are sold: its gates are those of LIVE"
        rehearsal.venue.admin("clock", {"speed": 60})
        answer = asked(flatten.main, "--confirm-live", *given)
        assert (answer.code, answer.err) == (ExitCode.FINISHED, "")
        assert coins(rehearsal) == {}


# Kill


def test_a_kill_takes_entries_back_within_ten_seconds_though_the_market_is_silent(
    tmp_path: Path,
) -> None:
    with a_rehearsal(tmp_path) as rehearsal, rehearsal.bot() as bot:
        name = until_an_entry_rests(rehearsal, bot)
        silence(rehearsal)
        ControlFolder(tmp_path / "var").write_kill("the market is silent")
        begun = time.monotonic()
        rest(bot, Stop(), 0)
        assert time.monotonic() - begun < 3, "the kill was not seen in the wait"
        record = at_once(bot)
        rehearsal.venue.admin("faults", {})
        assert at_the_venue(rehearsal, name) == "CANCELLED"
        assert time.monotonic() - begun < 10
        assert record["level"] == "HALTED"
        assert name in {order["client_order_id"] for order in record["orders"]}


def test_a_kill_in_the_middle_of_a_cycle_is_obeyed_by_that_cycle(tmp_path: Path) -> None:
    with a_rehearsal(tmp_path) as rehearsal, rehearsal.bot() as bot:
        name = until_an_entry_rests(rehearsal, bot)
        silence(rehearsal)
        rehearsal.move(1)
        said: list[float] = []
        killed = Timer(0.3, lambda: said.append(kill(tmp_path)))  # while it waits for the market
        killed.start()
        record = at_once(bot)
        killed.join()
        rehearsal.venue.admin("faults", {})
        assert at_the_venue(rehearsal, name) == "CANCELLED"
        assert time.monotonic() - said[0] < 10
        assert record["level"] == "HALTED"
        assert name in {order["client_order_id"] for order in record["orders"]}


def test_an_entry_that_a_kill_could_not_take_back_is_tried_again_soon(tmp_path: Path) -> None:
    with a_rehearsal(tmp_path) as rehearsal, rehearsal.bot() as bot:
        name = until_an_entry_rests(rehearsal, bot)
        rehearsal.move(1)
        path = "POST /api/v3/brokerage/orders/batch_cancel"
        once = {"kind": "status", "on": path, "status": 503, "count": 1}
        rehearsal.venue.admin("faults", {"seed": 1, "rules": [once]})
        killed = kill(tmp_path)
        step(bot)
        assert at_the_venue(rehearsal, name) == "OPEN"
        rest(bot, Stop(), 0)
        rehearsal.move(1)
        step(bot)
        assert at_the_venue(rehearsal, name) == "CANCELLED"
        assert time.monotonic() - killed < 10


def kill(folder: Path) -> float:
    ControlFolder(folder / "var").write_kill("in the middle")
    return time.monotonic()


def at_once(bot: Bot) -> Record:
    """One cycle, without asking the venue for its time before."""
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    bot.last = turn(bot, at)
    assert bot.last.record is not None
    return bot.last.record


def silence(rehearsal: Rehearsal) -> None:
    """From here on the market tells nothing; the account does."""
    silent = [
        {"kind": "slow", "on": f"GET /api/v3/brokerage/{path}", "seconds": 30}
        for path in ("best_bid_ask", "products", "product_book", "time", "market")
    ]
    rehearsal.venue.admin("faults", {"seed": 1, "rules": silent})


# The graceful end


def left(bot: Bot) -> ExitCode:
    return farewell(bot, turn, Silence(), SystemClock())


def parting_words(bot: Bot) -> list[str]:
    """What is said after the last cycle."""
    out = StringIO()
    assert farewell(bot, turn, Lines(out), SystemClock()) == ExitCode.FINISHED
    return out.getvalue().splitlines()


def test_a_graceful_end_leaves_no_entry_at_the_venue(tmp_path: Path) -> None:
    with a_rehearsal(tmp_path) as rehearsal:
        with rehearsal.bot() as bot:
            name = until_an_entry_rests(rehearsal, bot)
            rehearsal.move(1)
            held = bot.world.ledger.positions()
            told = parting_words(bot)
            assert at_the_venue(rehearsal, name) == "CANCELLED"
            assert any(line.endswith(f"({name}): CANCELLED") for line in told)
            bare = [line.split(":")[0] for line in told if line.endswith("nobody watches it")]
            assert bare == sorted(held), "the test needs something that is held"
            assert bot.last.record is not None
            (order,) = bot.last.record["orders"]
            assert (order["client_order_id"], order["status"]) == (name, "CANCELLED")
            assert bot.last.state.standing.code == "STOPPING"
        rehearsal.move()
        with rehearsal.bot() as bot:
            assert step(bot)["level"] == "NORMAL"


def test_an_end_leaves_the_stops_that_rest_and_says_so(tmp_path: Path) -> None:
    with a_rehearsal(tmp_path) as rehearsal:
        policy = rehearsal.config / "policy.yaml"
        watched = policy.read_text(encoding="utf-8")
        policy.write_text(watched.replace("resting: watched ", "resting: bracket "))
        with rehearsal.bot() as bot:
            for _ in range(12):
                step(bot)
                rehearsal.move(30)
                if guards := [order for order in bot.world.ledger.unsettled() if order.guards]:
                    break
            told = parting_words(bot)
        kept = [line for line in told if line.endswith("stays at the venue")]
        names = [order.planned.client_order_id for order in guards]
        assert all(name in "\n".join(kept) for name in names)
        assert {at_the_venue(rehearsal, name) for name in names} == {"OPEN"}


def test_an_end_without_entries_takes_no_further_cycle(tmp_path: Path) -> None:
    with a_rehearsal(tmp_path) as rehearsal, rehearsal.bot() as bot:
        step(bot)
        assert not [o for o in bot.world.ledger.unsettled() if o.planned.side is Side.BUY]
        cycle = bot.last.state.cycle
        assert left(bot) == ExitCode.FINISHED
        assert bot.last.state.cycle == cycle


def test_an_entry_whose_end_cannot_be_proved_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_rehearsal(tmp_path) as rehearsal, rehearsal.bot() as bot:
        name = until_an_entry_rests(rehearsal, bot)
        rehearsal.venue.stop()
        code = left(bot)
        assert code == ExitCode.UNPROVED
        told = capsys.readouterr().err
        assert name in told
        assert "unproved, ends by itself at 2025-01-02" in told
        with a_pipe_nobody_reads() as gone, redirect_stderr(gone):
            assert left(bot) == ExitCode.UNPROVED, "the code is what a supervisor goes by"
            finish(gone)


def test_a_bot_that_ends_because_it_is_halted_names_an_entry_that_has_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_rehearsal(tmp_path) as rehearsal:
        environment(rehearsal, monkeypatch)
        with rehearsal.bot() as bot:
            name = until_an_entry_rests(rehearsal, bot)
        rehearsal.move(1)
        slow = {"kind": "cancel_slow", "seconds": 3600}
        rehearsal.venue.admin("faults", {"seed": 1, "rules": [slow]})
        ControlFolder(tmp_path / "var").write_kill("enough")
        answer = asked(main_loop.main, *rehearsal.arguments("--confirm-live", "--stop-on-halt"))
        assert answer.code == ExitCode.UNPROVED
        assert f"({name}): OPEN, unproved, ends by itself at" in answer.told


def test_a_signal_ends_the_program_with_its_entries_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asks_to_end(bot: Bot, stop: Stop, failures: int) -> None:
        rehearsal.move()
        assert bot.real is not None
        bot.real.meet()
        stop.asked = any(o.planned.side is Side.BUY for o in bot.world.ledger.unsettled())

    monkeypatch.setattr(main_loop, "rest", asks_to_end)
    with a_rehearsal(tmp_path) as rehearsal:
        environment(rehearsal, monkeypatch)
        answer: Answer = asked(
            main_loop.main, *rehearsal.arguments("--confirm-live", "--max-cycles", "12")
        )
        assert (answer.code, answer.err) == (ExitCode.FINISHED, "")
        entries = [o for o in rehearsal.venue.admin("truth")["orders"] if o["side"] == "BUY"]
        assert entries
        assert {order["status"] for order in entries} <= {"FILLED", "CANCELLED", "EXPIRED"}
