"""runner.backtest: the bot itself over a recording, the same to the last byte each time."""

from __future__ import annotations

import ast
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from config.shipped import FOLDER
from runner import main_loop
from runner.exit_codes import ExitCode
from tests.architecture.sources import ROOT
from tests.builders.backtests import FILES, a_recording, backtested
from tests.builders.terminal import asked

CASH = ("--cash", "10000 USD")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_recording(tmp_path_factory.mktemp("waves"))


@pytest.fixture(scope="module")
def report(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    answer = backtested(recording, folder, *CASH)
    assert (answer.code, answer.out.splitlines()[0][:7]) == (ExitCode.FINISHED, "The bot")
    return folder


def told(report: Path) -> dict[str, Any]:
    members: dict[str, Any] = json.loads((report / "report.json").read_text())
    return members


def trades(report: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((report / "trades.csv").read_text().splitlines()))


def test_it_trades_what_the_example_strategy_sees(report: Path) -> None:
    summary, made = told(report)["summary"], trades(report)

    assert summary["strategies"] == ["ema_cross"]
    assert (summary["cycles"], summary["failed"]) == (151, {})
    assert summary["fills"] == len(made) >= 4
    assert {"BUY", "SELL"} == {row["side"] for row in made}
    assert "crossed that of 26 upwards" in made[0]["because"]


def test_two_runs_are_identical_byte_for_byte(
    recording: Path, report: Path, tmp_path: Path
) -> None:
    assert backtested(recording, tmp_path, *CASH).code == ExitCode.FINISHED

    for name in FILES:
        assert (tmp_path / name).read_bytes() == (report / name).read_bytes(), name


def test_it_leaves_nothing_but_its_report(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert backtested(recording, tmp_path / "out", *CASH).code == ExitCode.FINISHED

    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)


def test_a_bot_in_paper_on_the_same_recording_does_the_same_to_the_last_unit(
    recording: Path, tmp_path: Path
) -> None:
    config = ("--config", FOLDER, "--profile", "ema_cross")
    backtested(recording, tmp_path / "report")
    paper = asked(
        main_loop.main,
        *("--fast", "--quiet", "--mode", "PAPER", "--exchange", "recorded", *config),
        *("--recording", recording, "--bar", "1h"),
        *("--state-dir", tmp_path / "var", "--log-dir", tmp_path / "logs"),
    )

    assert (paper.code, paper.err) == (ExitCode.FINISHED, "")
    logs = sorted((tmp_path / "logs" / "paper").glob("audit*"))
    filled = [fill for record in records(logs) for fill in record["fills"]]
    mine = [
        (row["at"], row["symbol"], row["side"], row["price"], row["quantity"], row["fee"])
        for row in trades(tmp_path / "report")
    ]
    assert mine == [
        (f["at"], f["symbol"], f["side"], f["price"], f["quantity"], f["fee"]) for f in filled
    ]
    assert len(mine) >= 4


def records(logs: list[Path]) -> list[dict[str, Any]]:
    import gzip

    lines: list[bytes] = []
    for path in logs:
        raw = path.read_bytes()
        lines.extend((gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines())
    return sorted((json.loads(line) for line in lines), key=lambda record: int(record["cycle"]))


def test_it_ends_where_it_is_told_to(recording: Path, tmp_path: Path) -> None:
    answer = backtested(
        recording, tmp_path, "--start", "2025-03-16", "--end", "2025-03-16T05:00:00Z", "--json"
    )

    summary = json.loads(answer.out)
    assert (summary["from"], summary["to"]) == ("2025-03-16T00:00:00Z", "2025-03-16T05:00:00Z")
    assert summary["cycles"] == 6


def test_it_begins_with_the_cash_it_is_given(recording: Path, tmp_path: Path) -> None:
    answer = backtested(recording, tmp_path, "--end", "2025-03-16", "--cash", "2500 USD", "--json")

    summary = json.loads(answer.out)
    assert (summary["cash"], summary["start_equity"]) == ("2500 USD", "2500.00")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (("--mode", "LIVE"), "--mode: a backtest is PAPER; leave it out"),
        (("--exchange", "embedded"), "--exchange: a backtest is recorded; leave it out"),
        (("--cash", "10000 EUR"), "--cash: 10000 EUR is not in USD, app.capital_currency"),
        (("--cash", "0 USD"), "--cash: 0 USD is not above zero and within app.capital_max"),
        (("--cash", "900000 USD"), "--cash: 900000 USD is not above zero and within"),
        (("--cash", "much"), "--cash: "),
        (("--end", "2025-03-02"), "--end: 2025-03-02T00:00:00Z is not between"),
        (("--end", "2026-03-02"), "--end: 2026-03-02T00:00:00Z is not between"),
        (("--end", "soon"), "--end: 'soon' is no ISO time"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    recording: Path, tmp_path: Path, given: tuple[str, ...], line: str
) -> None:
    answer = backtested(recording, tmp_path / "out", *given)

    assert answer.code == ExitCode.USAGE
    assert answer.told.startswith(line)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_told_after_the_run(
    recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")

    answer = backtested(recording, tmp_path / "taken", "--end", "2025-03-15T20:00:00Z")

    assert answer.code == ExitCode.DAMAGED
    assert f"--report: {tmp_path / 'taken'}: " in answer.err


def test_there_is_no_second_loop() -> None:
    """What drives a backtest is main_loop.loop; nothing of it calls a cycle or a decision."""
    for name in ("runner/backtest.py", "runner/backtested.py"):
        module = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
        assert names.isdisjoint({"run_cycle", "decide", "fail_cycle"})
    assert "loop" in names_called(ROOT / "runner/backtest.py")


def names_called(path: Path) -> set[str]:
    calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return {
        node.func.id
        for node in calls
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
