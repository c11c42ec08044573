"""Exclusions are written out where a reader begins, and else only when they change."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from runner.main_loop import main
from tests.builders.bot import a_bot, cycle, cycles
from tests.builders.stage import Stage


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """The audit files of two processes that ran over midnight, oldest first."""
    folder = tmp_path_factory.mktemp("changed")
    places = ["--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs")]
    for count in ("20", "10"):
        assert main(["--fast", "--quiet", "--max-cycles", count, "--bar", "1h", *places]) == 0
    logs: Path = folder / "logs" / "dry_run"
    packed = [gzip.decompress(path.read_bytes()) for path in sorted(logs.glob("*.gz"))]
    texts = [*packed, (logs / "audit.jsonl").read_bytes()]
    return [[json.loads(line) for line in text.splitlines()] for text in texts]


def excluded(record: dict[str, Any]) -> set[str]:
    return {s for symbols in record["universe"]["excluded"].values() for s in symbols}


def test_the_first_line_of_a_file_tells_every_exclusion(files: list[list[dict[str, Any]]]) -> None:
    assert len(files) == 2
    for records in files:
        assert set(records[0]["universe"]["changed"]) == excluded(records[0]) != set()


def test_the_first_line_of_a_process_tells_every_exclusion(
    files: list[list[dict[str, Any]]],
) -> None:
    records = [record for records in files for record in records]
    (second,) = [
        later
        for earlier, later in itertools.pairwise(records)
        if earlier["run_id"] != later["run_id"]
    ]
    assert set(second["universe"]["changed"]) == excluded(second)


def test_any_other_line_tells_only_what_changed(files: list[list[dict[str, Any]]]) -> None:
    told = 0
    for records in files:
        for earlier, later in itertools.pairwise(records):
            if earlier["run_id"] != later["run_id"]:
                continue
            before = {s: c for c, names in earlier["universe"]["excluded"].items() for s in names}
            for symbol, finding in later["universe"]["changed"].items():
                assert before.get(symbol) != finding["code"]
                told += 1
    assert told < 5


def test_where_a_file_begins_with_a_failed_cycle_the_first_that_decides_tells_every_exclusion(
    tmp_path: Path,
) -> None:
    stage = Stage("USDT-USD")
    with a_bot(tmp_path, stage) as bot:
        cycles(bot, 48)  # the last cycle of the day
        stage.faults["tops"] = ValueError("odd")
        failed = cycle(bot)
        stage.faults.clear()
        told, after = cycles(bot, 2)
    assert (failed["outcome"], failed["at"]) == ("FAILED", "2025-03-03T00:00:00Z")
    assert set(told["universe"]["changed"]) == excluded(told) == {"USDT-USD"}
    assert after["universe"]["changed"] == {}
