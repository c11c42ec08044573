"""The soak says flat or not for a reason, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.soak import __main__ as program
from tests.soak import memory as soak
from tests.soak.live import BUDGET_MB as LIVE_MB
from tests.soak.live import LiveRun, as_installed
from tests.soak.memory import BUDGET_MB, FLAT_MB, Soak


def a_run(*memory: float, each: int = 1_000) -> Soak:
    """One sample every `each` cycles."""
    samples = [(number * each, mb) for number, mb in enumerate(memory, start=1)]
    return Soak(memory=samples, cycles=len(memory) * each)


def test_growth_is_told_for_ten_thousand_cycles() -> None:
    assert a_run(*(50 + 0.01 * number for number in range(20))).growth == pytest.approx(0.1)


def test_the_warm_up_is_not_judged() -> None:
    assert a_run(10, 50, 50, 50, 50, 50, 50, 50, 50, 50).growth == pytest.approx(0)


def test_memory_that_grows_is_not_flat() -> None:
    steady = a_run(*(50 + (FLAT_MB * 0.9) * number / 10 for number in range(20)))
    growing = a_run(*(50 + (FLAT_MB * 1.1) * number / 10 for number in range(20)))

    assert steady.verdict().endswith(": flat")
    assert growing.verdict().endswith(": NOT FLAT")


def test_the_budget_may_be_met_but_not_passed() -> None:
    assert "within the budget" in a_run(*[BUDGET_MB] * 10).verdict()
    assert "OVER the budget" in a_run(*[BUDGET_MB + 0.1] * 10).verdict()


def test_a_short_run_tells_memory_speed_and_disk_and_clears_up(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    assert soak.main(["--cycles", "10", "--seed", "5"]) == 0

    out = capsys.readouterr().out
    assert out.splitlines()[0] == "10 cycles of DRY_RUN on the embedded market"
    assert out.count(" cycles/s  market time ") == 10
    assert "over 10 cycles; 0 failed" in out
    assert "MB held in " in out
    assert list(tmp_path.iterdir()) == []


def test_a_seed_is_handed_to_the_market() -> None:
    given, rest = soak.options(["--seed", "5", "--bar", "1m"])

    assert soak.bot_arguments(given) == ["--exchange", "embedded", "--seed", "5"]
    assert rest == ["--bar", "1m"]


def test_a_recorded_soak_needs_candles(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TRADER_RECORDINGS", raising=False)

    with pytest.raises(SystemExit):
        soak.options(["--exchange", "recorded"])

    assert "--recording DIR" in capsys.readouterr().err


def test_a_live_soak_counts_what_the_bot_put_on_record_against_its_own_budget() -> None:
    run = LiveRun(Soak(budget=LIVE_MB))
    for number in range(1, 11):
        line = {"outcome": "FAILED" if number == 3 else "TRADED", "rss_mb": 75.0, "requests": 9}
        run.take({**line, "orders": [{}, {}], "fills": [{}]})
    run.soak.seconds = 2.0

    assert "within the budget of 75 MB" in run.soak.verdict()
    assert run.told() == (
        "10 cycles of LIVE, 5.0 a second, 90 requests, 20 rows of orders, 10 fills; 1 cycles failed"
    )


def test_a_live_soak_runs_as_the_unit_starts_the_bot() -> None:
    assert as_installed() == {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


def test_the_memory_of_a_run_without_orders_is_measured_without_what_the_others_load() -> None:
    asked = "import sys, tests.soak.__main__, tests.soak.memory; print('requests' in sys.modules)"

    told = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True)

    assert told.stdout == "False\n"


def test_the_sandbox_is_for_killing_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.options(["--venue", "sandbox"])
    assert "--kills" in capsys.readouterr().err
    assert program.options(["--venue", "sandbox", "--kills", "5"]).kills == 5
