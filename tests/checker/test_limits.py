"""The independent checker agrees with every denial of a real run, and finds planted lies."""

from __future__ import annotations

import ast
import gzip
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.main_loop import main
from tests.checker.limits import BEYOND, complaints
from tests.checker.quantities import quantity

ROOT = Path(__file__).resolve().parents[2]
CYCLES = 160


def effective() -> dict[str, Any]:
    """The shipped policy as plain YAML, read without our own loader."""
    merged: dict[str, Any] = {}
    for name in ("app", "policy", "universe", "strategies"):
        text = (ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8")
        merged |= yaml.safe_load(text)
    return merged


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The audit records of a run of the whole bot."""
    folder = tmp_path_factory.mktemp("checked")
    run = ["--fast", "--quiet", "--max-cycles", str(CYCLES), "--interval", "2700"]
    places = ["--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs")]
    assert main([*run, *places]) == 0
    return all_records(folder / "logs" / "dry_run")


def all_records(logs: Path) -> list[dict[str, Any]]:
    lines: list[bytes] = []
    for path in sorted(logs.glob("audit-*.jsonl.gz")):
        lines += gzip.decompress(path.read_bytes()).splitlines()
    lines += (logs / "audit.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def test_every_denial_of_a_run_is_borne_out_by_its_numbers_and_the_policy(
    records: list[dict[str, Any]],
) -> None:
    policy = effective()

    found = [wrong for record in records for wrong in complaints(record, policy)]

    assert found == []


def test_the_run_holds_enough_kinds_of_denials_to_mean_something(
    records: list[dict[str, Any]],
) -> None:
    codes = {v["code"] for record in records for v in record["verdicts"].values()}

    assert len(codes & BEYOND.keys()) >= 6


@pytest.mark.parametrize(
    ("planted", "why"),
    [
        ({"seen": "3h"}, "is within the limit"),
        ({"limit": "3h"}, "is not risk.cooldown"),
        ({"seen": "45%"}, "different units"),
        ({"key": "risk.cooldwon"}, "is no key of the policy"),
    ],
)
def test_a_planted_wrong_verdict_is_found(planted: Mapping[str, str], why: str) -> None:
    honest = {"code": "COOLDOWN", "seen": "45m", "limit": "2h", "key": "risk.cooldown"}
    record = {
        "regime": "chop",
        "universe": {"changed": {}},
        "verdicts": {"SOL-USD": {**honest, **planted}},
    }

    assert any(why in wrong for wrong in complaints(record, effective()))


def test_an_honest_verdict_passes() -> None:
    cap = {"code": "THEME_FULL", "seen": "20.1%", "limit": "16%", "key": "risk.theme_max.layer1"}
    record = {
        "regime": "bear",
        "universe": {"changed": {}},
        "verdicts": {"SOL-USD": cap},
    }

    assert list(complaints(record, effective())) == []


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [("499.99 USDC", ""), ("500 USDC", "is within the limit"), ("12 USD", "different units")],
)
def test_a_wallet_is_short_of_what_the_order_takes_in_its_own_currency(
    seen: str, wrong: str
) -> None:
    short = {
        "code": "WRONG_WALLET",
        "seen": seen,
        "limit": "500 USDC (the USD wallet has 9900 USD)",
        "key": "app.quote_currencies",
    }
    record = {"regime": "chop", "universe": {"changed": {}}, "verdicts": {"SOL-USDC": short}}

    told = list(complaints(record, effective()))

    assert bool(told) is bool(wrong)
    assert wrong in "".join(told)


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("3%", "0.03", "ratio"),
        ("80 bps", "0.008", "ratio"),
        ("1h30m", "5400", "seconds"),
        ("25 USD", "25", "USD"),
        ("2.5x", "2.5", "times"),
        ("8 products", "8", "product"),
    ],
)
def test_quantities_are_read_with_their_unit(text: str, number: str, unit: str) -> None:
    assert quantity(text) == (Decimal(number), unit)


def test_the_checker_imports_nothing_of_the_bot() -> None:
    ours = {"core", "config", "infra", "runner", "strategy"}
    for name in ("limits.py", "quantities.py"):
        tree = ast.parse((ROOT / "tests" / "checker" / name).read_text(encoding="utf-8"))
        imported = {
            (node.module or "").split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
        }
        assert imported & ours == set()
