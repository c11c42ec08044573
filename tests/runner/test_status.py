"""Status: what the bot is doing, for people and for machines, also of a bot that is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner import kill, status
from runner.exit_codes import Refusal
from tests.builders.bot import a_bot, cycle, cycles, dies
from tests.builders.stage import Stage

SOL = "SOL-USD"


def arguments(folder: Path, *options: str) -> list[str]:
    return ["--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs"), *options]


def facts(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert status.main(arguments(folder, "--json")) == 0
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)
    return answer


def test_a_running_bot_says_what_it_did_last_and_when_it_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycles(bot, 2)
        told = facts(tmp_path, capsys)
    assert (told["mode"], told["exchange"], told["level"]) == ("DRY_RUN", "embedded", "NORMAL")
    assert (told["cycle"], told["at"]) == (2, "2025-03-02T12:15:00Z")
    assert (told["process"], told["next_cycle"]) == ("RUNNING", "2025-03-02T12:30:00Z")
    assert (told["equity"], told["currency"], told["positions"]) == ("10000", "USD", {})
    assert (told["outcome"], told["eligible"]) == ("NO_TRADE", 2)


def test_a_bot_that_stopped_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycle(bot)
    assert facts(tmp_path, capsys)["process"] == "STOPPED"


def test_a_halt_comes_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        kill.main(["--state-dir", str(tmp_path / "var"), "odd prices"])
        cycle(bot)
    told = facts(tmp_path, capsys)
    assert (told["level"], told["why"]["code"], told["why"]["text"]) == (
        "HALTED",
        "KILL_SWITCH",
        "odd prices",
    )


def test_a_failed_cycle_has_no_portfolio_and_is_told_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(SOL)
    bot = a_bot(tmp_path, stage)
    stage.faults["tops"] = ValueError("odd")
    cycle(bot)
    dies(bot)
    told = facts(tmp_path, capsys)
    assert (told["outcome"], told["equity"], told["open_orders"]) == ("FAILED", None, [])


def test_people_get_a_line_for_each_fact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycle(bot)
    capsys.readouterr()
    assert status.main(arguments(tmp_path)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "level        NORMAL" in lines
    assert "equity       10000" in lines
    assert "positions    none" in lines
    assert "open_orders  none" in lines


def test_where_no_bot_has_run_there_is_no_status(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no bot has run here") as refusal:
        status.main(arguments(tmp_path))
    assert refusal.value.code == 2
