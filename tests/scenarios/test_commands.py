"""main_loop as its operator knows it: how it is told to end, and how it says it did."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra.instance_lock import InstanceLock
from runner import kill, resume
from tests.builders.bot import audited, the_places, verified
from tests.builders.recordings import rows, write_candles
from tests.builders.runs import main_loop_run

ROOT = Path(__file__).parents[2]
PATIENCE = 30  # seconds that a process may take before the test gives up on it


@contextmanager
def a_waiting_process(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A real bot that has decided its first cycle and waits fifteen minutes for its second."""
    command = [
        *(sys.executable, "-m", "runner.main_loop"),
        *("--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs"), *options),
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert any(" #1 " in line for line in process.stdout)
            yield process
        finally:
            process.kill()


def state_of(folder: Path) -> str:
    told = json.loads(the_places(folder).heartbeat.read_text(encoding="utf-8"))
    return str(told["state"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_wait_ends_the_process_in_good_order(
    tmp_path: Path, number: signal.Signals
) -> None:
    with a_waiting_process(tmp_path) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err) == (0, "")
        assert "1 cycles" in out  # the summary
    assert state_of(tmp_path) == "STOPPED"
    assert [line["cycle"] for line in audited(tmp_path)] == [1]


def test_a_kill_switch_wakes_a_waiting_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_waiting_process(tmp_path, "--stop-on-halt") as process:
        kill.main(["--state-dir", str(tmp_path / "var"), "now"])
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 5
    assert [line["level"] for line in audited(tmp_path)] == ["NORMAL", "HALTED"]


def test_a_second_process_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    lock = InstanceLock.take(tmp_path / "var", "DRY_RUN", "the-first")
    try:
        told = main_loop_run(tmp_path, "--max-cycles", "1")
        silent = main_loop_run(tmp_path, "--max-cycles", "1", "--quiet")
    finally:
        lock.release()
    assert (told.code, silent.code) == (4, 4)
    assert "the-first" in told.err
    assert (silent.out, silent.err) == ("", "")
    assert main_loop_run(tmp_path, "--max-cycles", "1").code == 0


def test_a_log_that_another_bot_writes_is_refused_like_a_folder(tmp_path: Path) -> None:
    with a_waiting_process(tmp_path) as process:
        elsewhere = tmp_path / "elsewhere"
        run = main_loop_run(elsewhere, "--max-cycles", "1", "--log-dir", str(tmp_path / "logs"))
        assert run.code == 4
        assert process.poll() is None


def test_once_decides_one_cycle(tmp_path: Path) -> None:
    run = main_loop_run(tmp_path, "--once")
    assert run.code == 0
    assert [line["cycle"] for line in audited(tmp_path)] == [1]


def test_once_says_with_its_code_that_the_cycle_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Room at the start for both folders, and none when the cycle begins.
    free = chain([10**12, 10**12], repeat(0))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=next(free)))
    run = main_loop_run(tmp_path, "--once")
    assert run.code == 1
    assert audited(tmp_path)[0]["why"]["code"] == "DISK_FULL"
    assert verified(tmp_path).why is None


def test_max_cycles_counts_the_cycles_of_this_process(tmp_path: Path) -> None:
    main_loop_run(tmp_path, "--max-cycles", "3")
    main_loop_run(tmp_path, "--max-cycles", "2")
    assert [line["cycle"] for line in audited(tmp_path)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("count", ["0", "-1"])
def test_less_than_one_cycle_is_no_number_of_cycles(tmp_path: Path, count: str) -> None:
    run = main_loop_run(tmp_path, "--max-cycles", count)
    assert run.code == 2
    assert f"--max-cycles: {count}" in run.err


def test_stop_on_halt_ends_with_its_code_until_somebody_resumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--state-dir", str(tmp_path / "var")]
    kill.main([*where, "before the start"])
    assert main_loop_run(tmp_path, "--max-cycles", "3", "--stop-on-halt").code == 5
    assert main_loop_run(tmp_path, "--max-cycles", "3", "--stop-on-halt").code == 5
    resume.main([*where, "seen to"])
    assert main_loop_run(tmp_path, "--max-cycles", "3", "--stop-on-halt").code == 0
    assert [line["level"] for line in audited(tmp_path)] == ["HALTED"] * 2 + ["NORMAL"] * 3


def test_quiet_says_nothing_and_decides_all_the_same(tmp_path: Path) -> None:
    run = main_loop_run(tmp_path, "--max-cycles", "2", "--quiet")
    assert (run.code, run.out, run.err) == (0, "", "")
    assert len(audited(tmp_path)) == 2


def test_a_run_shows_one_line_a_cycle_and_a_summary(tmp_path: Path) -> None:
    run = main_loop_run(tmp_path, "--max-cycles", "3")
    assert [f"#{number} " in run.out for number in (1, 2, 3, 4)] == [True] * 3 + [False]
    assert "3 cycles" in run.out
    assert "\x1b" not in run.out  # colours are for terminals


def test_as_json_a_run_tells_the_record_of_each_cycle_and_nothing_else(tmp_path: Path) -> None:
    run = main_loop_run(tmp_path, "--max-cycles", "2", "--json")

    told = [json.loads(line) for line in run.out.splitlines()]
    chained = [
        {**record, "prev": line["prev"], "hash": line["hash"]}
        for record, line in zip(told, audited(tmp_path), strict=True)
    ]
    assert chained == audited(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk to write to")
def test_a_bot_that_cannot_say_anything_trades_on(tmp_path: Path) -> None:
    places = ["--state-dir", str(tmp_path / "var"), "--log-dir", str(tmp_path / "logs")]
    bot = [sys.executable, "-m", "runner.main_loop", "--fast", "--max-cycles", "3", *places]

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(bot, cwd=ROOT, stdout=full, stderr=full, check=False)

    assert done.returncode == 0
    assert len(audited(tmp_path)) == 3


def test_a_recording_that_is_used_up_ends_the_run(tmp_path: Path) -> None:
    candles = tmp_path / "candles"
    candles.mkdir()
    write_candles(candles, "BTC-USD_15m_2025.csv", rows(355))
    run = main_loop_run(tmp_path, "--exchange", "recorded", "--recording", str(candles))
    assert run.code == 0
    assert "the recording is used up" in run.out
    again = main_loop_run(tmp_path, "--exchange", "recorded", "--recording", str(candles))
    assert (again.code, "cycles" in again.out) == (0, False)
