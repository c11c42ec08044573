"""Same inputs, same decisions: run again, run in two parts, replayed elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.audit_record import Record
from tests.builders.bot import audited, replayed, verified
from tests.builders.runs import main_loop_run

ROOT = Path(__file__).parents[2]
MAY_DIFFER = ("run_id", "timing_ms", "requests", "rss_mb", "prev", "hash")


def what_must_be_the_same(line: Record) -> Record:
    return {name: value for name, value in line.items() if name not in MAY_DIFFER}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty cycles of the embedded market in one process."""
    folder = tmp_path_factory.mktemp("at-once")
    assert main_loop_run(folder, "--max-cycles", "60", "--quiet").code == 0
    return folder


def test_two_runs_of_one_command_write_the_same_lines(at_once: Path, tmp_path: Path) -> None:
    main_loop_run(tmp_path, "--max-cycles", "60", "--quiet")
    one, other = audited(at_once), audited(tmp_path)
    assert len(one) == len(other) == 60
    assert [what_must_be_the_same(line) for line in one] == [
        what_must_be_the_same(line) for line in other
    ]
    assert [line["requests"] for line in one] == [line["requests"] for line in other]
    assert any(line["plan"] for line in one)  # or nothing would have been compared


def test_a_run_in_two_parts_decides_what_a_run_at_once_decides(
    at_once: Path, tmp_path: Path
) -> None:
    main_loop_run(tmp_path, "--max-cycles", "25", "--quiet")
    main_loop_run(tmp_path, "--max-cycles", "35", "--quiet")
    one, parts = audited(at_once), audited(tmp_path)
    assert [line["decision"] for line in parts] == [line["decision"] for line in one]
    assert [line["orders"] for line in parts] == [line["orders"] for line in one]
    assert [line["cycle_id"] for line in parts] == [line["cycle_id"] for line in one]
    assert verified(tmp_path).why is None
    assert replayed(tmp_path) == {"cycles": 60, "differences": 0, "first": None, "exit": 0}


def test_the_first_line_of_a_process_names_every_exclusion(tmp_path: Path) -> None:
    main_loop_run(tmp_path, "--max-cycles", "2", "--quiet")
    main_loop_run(tmp_path, "--max-cycles", "2", "--quiet")
    for line in audited(tmp_path):
        excluded = {name for names in line["universe"]["excluded"].values() for name in names}
        begins = line["cycle"] in (1, 3)
        assert (set(line["universe"]["changed"]) == excluded) is begins


@pytest.mark.parametrize("seed", ["1", "4242"])
def test_replay_in_another_process_with_another_hash_seed_finds_no_difference(
    at_once: Path, seed: str
) -> None:
    where = ["--state-dir", str(at_once / "var"), "--log-dir", str(at_once / "logs")]
    done = subprocess.run(
        [sys.executable, "-m", "runner.replay", "--json", *where],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"cycles": 60, "differences": 0, "first": None}


@pytest.mark.parametrize(
    ("options", "cycles"),
    [
        (("--from", "37"), 24),
        (("--to", "12"), 12),
        (("--from", "20", "--to", "20"), 1),
        (("--from", "60"), 1),
        (("--from", "1", "--to", "60"), 60),
    ],
)
def test_replay_begins_and_ends_where_it_is_told(
    at_once: Path, options: tuple[str, ...], cycles: int
) -> None:
    answer = replayed(at_once, *options)
    assert (answer["cycles"], answer["differences"]) == (cycles, 0)


def test_months_of_real_candles_give_every_product_its_verdict(tmp_path: Path) -> None:
    """A few hundred cycles of twelve Coinbase products, and each can be decided again."""
    root = os.environ.get("TRADER_RECORDINGS")
    if not root:
        pytest.skip("TRADER_RECORDINGS names no folder of recorded candles")
    folders = sorted({path.parent for path in Path(root).rglob("BTC-USD_15m_*.csv*")})
    if not folders:
        pytest.skip("no 15 m candles of BTC-USD among the recordings")
    run = main_loop_run(
        tmp_path,
        *("--exchange", "recorded", "--recording", str(folders[0]), "--bar", "15m"),
        *("--max-cycles", "300", "--quiet"),
    )
    assert run.code == 0, run.err
    lines = audited_of(tmp_path)
    assert len(lines) == 300
    for line in lines:
        universe = line["universe"]
        out = [name for names in universe["excluded"].values() for name in names]
        assert len({*universe["eligible"], *out}) >= 12
        assert set(line["verdicts"]) == set(universe["eligible"])
        assert line["outcome"] != "FAILED"
    assert any(line["plan"] for line in lines)
    assert verified(tmp_path).why is None
    answer = replayed(tmp_path, "--exchange", "recorded")
    assert (answer["cycles"], answer["differences"]) == (300, 0)


def audited_of(folder: Path) -> list[Record]:
    """Every line over the rotated files, oldest first."""
    from infra.audit_log import newest_first

    return list(newest_first(folder / "logs" / "dry_run"))[::-1]
