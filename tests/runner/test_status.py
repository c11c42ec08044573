"""Status: what the bot is doing, for people and for machines, also of a bot that is gone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner import kill, status
from runner.exit_codes import Refusal
from runner.status import overdue
from tests.builders.bot import a_bot, cycle, cycles, dies, the_places
from tests.builders.lots import hand_lots_to
from tests.builders.market import NOON
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


def test_a_bot_whose_sign_of_life_is_overdue_is_called_dead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycle(bot)
        assert facts(tmp_path, capsys)["overdue"] is None
        beat = the_places(tmp_path).heartbeat
        told = {**json.loads(beat.read_bytes()), "overdue_at": "2025-03-02T12:00:00.5Z"}
        beat.write_text(json.dumps(told), encoding="utf-8")
        assert facts(tmp_path, capsys)["overdue"] == "2025-03-02T12:00:00.5Z"
        status.main(arguments(tmp_path))
        assert "its sign of life is overdue since 2025-03-02 12:00:00" in capsys.readouterr().out


def test_an_older_bot_owes_no_time(tmp_path: Path) -> None:
    assert overdue({}, NOON) is None
    assert overdue({"overdue_at": None}, NOON) is None


@pytest.mark.parametrize(("seconds", "late"), [(-1, False), (0, False), (1, True)])
def test_a_sign_is_overdue_beyond_its_time(seconds: int, late: bool) -> None:
    due = {"overdue_at": NOON.isoformat()}
    assert (overdue(due, NOON + timedelta(seconds=seconds)) is not None) is late


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


def test_people_get_the_page_of_the_live_view(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycle(bot)
    capsys.readouterr()
    assert status.main(arguments(tmp_path)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "DRY_RUN on embedded  NORMAL  cycle 1  STOPPED"
    assert lines[1].startswith("market time 2025-03-02 12:00:00  next cycle none")
    assert "equity 10,000.00 USD  day +0.00  drawdown 0%  week loss 0%" in lines
    assert "positions: none" in lines
    assert "planned orders: none" in lines


def test_a_position_is_told_with_the_exit_it_is_nearest_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        hand_lots_to(bot).holds(SOL)
        record = cycles(bot, 2)[-1]
    told = facts(tmp_path, capsys)
    status.main(arguments(tmp_path))
    page = capsys.readouterr().out
    assert told["positions"][SOL]["value"] == record["portfolio"]["positions"][SOL]["value"]
    assert told["positions"][SOL]["exit"]["limit"] == "stop 95 USD, 4.9809% away"
    assert "positions: 1\n" in page
    assert "HELD  4.9809% away  stop 95 USD; bid 99.98 USD" in page


def test_the_last_sign_of_life_names_the_next_cycle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycle(bot)
        status.main(arguments(tmp_path))
    assert "next cycle 2025-03-02 12:15:00" in capsys.readouterr().out


def test_machines_get_the_verdicts_grouped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        record = cycle(bot)
        nearest = bot.last.state.nearest
    told = facts(tmp_path, capsys)
    assert sum(group["count"] for group in told["verdicts"]) == len(record["verdicts"])
    assert nearest[0] in [group["symbol"] for group in told["verdicts"]]


def test_a_pipe_gets_whole_lines_without_colours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycle(bot)
    status.main(arguments(tmp_path))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) > 40
    assert "\x1b" not in out


@pytest.mark.parametrize("damage", [b"", b"{", b"{}", b'{"state": null}', b'{"state": []}'])
def test_a_damaged_state_costs_only_the_order_of_nearness(
    damage: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycle(bot)
    (the_places(tmp_path).folder / "state.json").write_bytes(damage)
    assert facts(tmp_path, capsys)["cycle"] == 1


def test_it_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycle(bot)
    before = {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))}
    facts(tmp_path, capsys)
    assert {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))} == before


def test_where_no_cycle_is_on_record_it_says_so(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycle(bot)
    with pytest.raises(Refusal, match="no cycle is on record there"):
        status.main([*arguments(tmp_path), "--log-dir", str(tmp_path / "elsewhere")])


def test_a_bot_that_waits_for_its_venue_for_the_first_time_says_so(tmp_path: Path) -> None:
    sign = the_places(tmp_path).heartbeat
    sign.parent.mkdir(parents=True)
    sign.write_text('{"state": "WAITING_FOR_VENUE", "why": "UNREACHABLE: refused"}')

    with pytest.raises(Refusal, match="on record there; the bot says WAITING_FOR_VENUE: UNREACH"):
        status.main(arguments(tmp_path))


def test_where_no_bot_has_run_there_is_no_status(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no bot has run here") as refusal:
        status.main(arguments(tmp_path))
    assert refusal.value.code == 2
