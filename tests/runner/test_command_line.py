"""What a person mistypes is refused in one line that names it, before anything is decided."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runner import check_config, explain, kill, main_loop, replay, resume, status
from runner.exit_codes import ExitCode
from tests.architecture.sources import ROOT
from tests.builders.terminal import asked, on_record, the_bot

PROGRAMS = (check_config, explain, kill, main_loop, replay, resume, status)


@pytest.mark.parametrize(
    ("arguments", "named", "advice"),
    [
        (("--mode", "FOO"), "--mode", "'DRY_RUN', 'PAPER', 'LIVE'"),
        (("--exchange", "kraken"), "'kraken'", "write embedded, recorded or coinbase"),
        (("--exchange", "recorded"), "--exchange recorded", "--recording DIR"),
        (("--exchange", "recorded", "--recording", "/nowhere"), "/nowhere", "--recording DIR"),
        (("--recording", "somewhere"), "--recording", "add --exchange recorded"),
        (("--start", "yesterday"), "--start: 'yesterday'", "write 2025-02-01T00:00:00Z"),
        (("--start", "1999-12-31T23:59:59"), "--start: 1999-12-31", "between 2000 and 2100"),
        (("--start", "2100-01-01"), "--start: 2100-01-01", "between 2000 and 2100"),
        (("--start", "0001-01-01T00:00:00+05:00"), "--start", "write 2025-02-01T00:00:00Z"),
        (("--bar", "7m"), "market.bar: is '7m'", "write 1m, 5m, 15m, 1h or 1d"),
        (("--interval", "-1"), "loop.interval: -1 has no unit", "write -1s"),
        (("--interval", "soon"), "loop.interval: 'soon'", "write it like 60s, 15m or 1.5x"),
        (("--interval", "0"), "loop.interval: is 0s", "write at least 1s"),
        (("--seed", "lucky"), "market.seed: is 'lucky'", "write a whole number"),
        (("--max-cycles", "0"), "--max-cycles: 0", "at least 1"),
        (("--max-cycles", "many"), "--max-cycles", "'many'"),
        (("--profile", "nope"), "--profile", "canary"),
        (("--config", "/nowhere"), "--config: /nowhere is no folder", "holds app.yaml"),
        (("--config", ""), "--config", "name a path"),
        (("--state-dir", ""), "--state-dir", "name a path"),
        (("--log-dir", " "), "--log-dir", "name a path"),
        (("--recording", ""), "--recording", "name a path"),
        (("--frobnicate",), "--frobnicate", "--help"),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_says_what_to_do(
    tmp_path: Path, arguments: Sequence[str], named: str, advice: str
) -> None:
    answer = the_bot(tmp_path, *arguments)

    assert answer.code == ExitCode.USAGE
    assert named in answer.told
    assert advice in answer.told
    assert on_record(tmp_path) == []
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("program", [kill, resume], ids=lambda program: str(program.__name__))
def test_a_file_where_a_folder_should_be_is_one_line_too(tmp_path: Path, program: object) -> None:
    main: Callable[[Sequence[str] | None], int] = program.main  # type: ignore[attr-defined]
    (tmp_path / "var").write_text("a file")

    answer = asked(main, "why", "--state-dir", tmp_path / "var")

    assert answer.code == ExitCode.DAMAGED
    assert answer.told == f"{tmp_path / 'var'}: File exists; name another path"


@pytest.mark.parametrize("interval", ["60", "1.5", "90s", "2x"])
def test_an_interval_is_in_seconds_unless_it_says_otherwise(tmp_path: Path, interval: str) -> None:
    assert the_bot(tmp_path, "--interval", interval, cycles=1).code == ExitCode.FINISHED


def test_live_on_a_simulated_market_is_a_mistake(tmp_path: Path) -> None:
    answer = the_bot(tmp_path, "--mode", "LIVE", "--confirm-live")

    assert answer.code == ExitCode.USAGE
    assert "LIVE needs a real venue" in answer.told
    assert "exchange.name" in answer.told
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    "start", ["2000-01-01", "2099-12-31T23:45:00Z", "2025-02-01T01:00:00+01:00"]
)
def test_the_embedded_market_begins_anywhere_between_2000_and_2100(
    tmp_path: Path, start: str
) -> None:
    answer = the_bot(tmp_path, "--start", start, cycles=1)

    assert (answer.code, answer.err) == (0, "")
    assert [record["outcome"] for record in on_record(tmp_path)] == ["NO_TRADE"]


@pytest.mark.parametrize("bar", ["1h", "5m", "1m"])
def test_other_bars_than_the_shipped_one_decide_too(tmp_path: Path, bar: str) -> None:
    answer = the_bot(tmp_path, "--bar", bar, cycles=4)

    assert (answer.code, answer.err) == (0, "")
    codes = {v["code"] for record in on_record(tmp_path) for v in record["verdicts"].values()}
    assert "NO_TRIGGER" in codes
    assert not codes & {"NOT_DECIDED", "HISTORY_TOO_SHORT", "CANDLES_MISSING"}


def test_a_bar_that_no_trigger_can_be_measured_on_names_every_window_at_once(
    tmp_path: Path,
) -> None:
    answer = the_bot(tmp_path, "--bar", "1d")

    assert answer.code == ExitCode.USAGE
    assert [line.split(": ")[1] for line in answer.err.splitlines()] == [
        "triggers",
        "triggers.volume_spike.baseline",
        "triggers.atr.window",
    ]
    assert all("market.bar: 1d (command line)" in line for line in answer.err.splitlines())
    assert on_record(tmp_path) == []


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: str(program.__name__))
def test_every_program_tells_an_unknown_flag_in_one_line(program: object) -> None:
    main: Callable[[Sequence[str] | None], int] = program.main  # type: ignore[attr-defined]

    answer = asked(main, "--frobnicate")

    assert answer.code == ExitCode.USAGE
    assert answer.told.endswith("see --help")


@pytest.mark.parametrize("program", [explain, replay, status], ids=lambda found: found.__name__)
def test_a_reading_program_says_that_no_bot_has_run_in_the_folder(
    tmp_path: Path, program: object
) -> None:
    main: Callable[[Sequence[str] | None], int] = program.main  # type: ignore[attr-defined]
    symbol = ["BTC-USD"] if program is explain else []

    answer = asked(main, *symbol, "--state-dir", tmp_path / "var", "--log-dir", tmp_path / "logs")

    assert answer.code == ExitCode.USAGE
    assert str(tmp_path / "var") in answer.told
    assert "--state-dir" in answer.told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--last", "0"), "--last: 0 is not at least 1"),
        (("--at", "noon"), "--at: 'noon' is no ISO time; write 2025-02-01T00:00:00Z"),
        (("--at", "2024-12-31"), "at or before 2024-12-31T00:00:00Z"),
    ],
)
def test_explain_refuses_a_cycle_that_cannot_be(
    tmp_path: Path, arguments: Sequence[str], said: str
) -> None:
    the_bot(tmp_path, cycles=2)
    folders = ("--state-dir", tmp_path / "var", "--log-dir", tmp_path / "logs")

    answer = asked(explain.main, "BTC-USD", *folders, *arguments)

    assert answer.code == ExitCode.USAGE
    assert said in answer.told


@pytest.mark.parametrize(
    ("symbol", "meant"), [("btc-usd", "BTC-USD"), ("BTC", "BTC-USD or BTC-USDC")]
)
def test_explain_names_the_product_that_was_meant(tmp_path: Path, symbol: str, meant: str) -> None:
    the_bot(tmp_path, cycles=1)
    folders = ("--state-dir", tmp_path / "var", "--log-dir", tmp_path / "logs")

    answer = asked(explain.main, symbol, *folders)

    assert answer.code == ExitCode.USAGE
    told = f"{symbol}: the venue did not list it in cycle 1; did you mean {meant}?"
    assert answer.told == told


@pytest.mark.parametrize(
    "at", ["2025-01-01T00:15:00Z", "2025-01-01 00:29", "2025-01-01T01:20+01:00"]
)
def test_explain_takes_the_cycle_at_or_before_a_time_however_it_is_written(
    tmp_path: Path, at: str
) -> None:
    the_bot(tmp_path, cycles=3)
    folders = ("--state-dir", tmp_path / "var", "--log-dir", tmp_path / "logs")

    answer = asked(explain.main, "BTC-USD", *folders, "--at", at, "--json")

    assert [told["cycle"] for told in json.loads(answer.out)] == [2]


def test_a_real_process_ends_with_the_same_line_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runner.main_loop", "--bar", "7m"]

    done = subprocess.run(
        [*command, "--state-dir", str(tmp_path / "var"), "--log-dir", str(tmp_path / "logs")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == ExitCode.USAGE
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
