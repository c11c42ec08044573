"""The independent checker agrees with every denial of a real run, and finds planted lies."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.reasons import Reason
from runner.main_loop import main
from runner.nearest_miss import NO_VERDICT
from tests.checker.__main__ import main as check
from tests.checker.limits import BEYOND, complaints
from tests.checker.quantities import quantity
from tests.checker.records import policy_of, records_of
from tests.checker.words import JUDGES, WORDS_ONLY

ROOT = Path(__file__).resolve().parents[2]
CYCLES = 160


def effective() -> dict[str, Any]:
    return dict(policy_of(ROOT / "config"))


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The audit records of a run of the whole bot."""
    folder = tmp_path_factory.mktemp("checked")
    run = ["--fast", "--quiet", "--max-cycles", str(CYCLES), "--interval", "2700"]
    places = ["--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs")]
    assert main([*run, *places]) == 0
    return list(records_of(folder / "logs" / "dry_run"))


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


def test_a_log_is_judged_on_demand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m tests.checker LOGS`: one lie among the lines is named, and the exit code tells."""
    lines = [a_record("SOL-USD", f"COOLDOWN | {ago} | 2h | risk.cooldown") for ago in ("1h", "3h")]
    told = "\n".join(json.dumps({**line, "cycle": n}) for n, line in enumerate(lines, start=1))
    (tmp_path / "audit.jsonl").write_text(told + "\n", encoding="utf-8")

    assert check([str(tmp_path)]) == 1
    assert "#2 SOL-USD COOLDOWN: seen 3h is within the limit 2h" in capsys.readouterr().out


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


OURS = {"core", "config", "infra", "runner", "strategy"}


def imported(source: str) -> set[str]:
    """The packages that a module imports, in whichever form, wherever it does so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            found |= OURS  # by name at run time: whatever it is, it cannot be read here
    return found


def reaching(source: str) -> set[str]:
    """What the checker may not reach: the bot itself, and tests that are not its own."""
    ours = imported(source) & OURS
    other = {
        node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("tests")
        and not (node.module or "").startswith("tests.checker.")
    }
    return ours | {str(module) for module in other}


def test_the_checker_imports_nothing_of_the_bot() -> None:
    files = [path for path in (ROOT / "tests/checker").glob("*.py") if path.stem[:5] != "test_"]

    assert {path.name: reaching(path.read_text(encoding="utf-8")) for path in files} == {
        path.name: set() for path in files
    }
    assert len(files) >= 4


@pytest.mark.parametrize(
    "planted",
    [
        "import core.risk.room",
        "from core.reasons import Reason",
        "def late():\n    import runner.explain as anything",
        "found = __import__('core')",
        "from importlib import import_module\nimport_module('core.risk')",
        "from tests.builders.risk import a_policy",
    ],
)
def test_a_planted_import_of_the_bot_is_found(planted: str) -> None:
    assert reaching(planted) != set()


def test_every_code_of_a_verdict_has_a_judge() -> None:
    judged = [set(BEYOND), set(JUDGES), set(WORDS_ONLY)]

    assert [
        code for one in judged for other in judged if one is not other for code in one & other
    ] == []
    assert {reason.name for reason in Reason} - set().union(*judged) == {
        reason.name for reason in NO_VERDICT - {Reason.BOOK_MOVED_AWAY}
    }


def a_record(symbol: str, told: str, **changes: str) -> dict[str, Any]:
    """`told`: a code, what was seen, the limit and the key, separated by bars."""
    code, seen, limit, key = (part.strip() for part in told.split("|"))
    finding = {"code": code, "seen": seen, "limit": limit, "key": key}
    record: dict[str, Any] = {"regime": "chop", "level": "NORMAL", "universe": {"changed": {}}}
    return {**record, "verdicts": {symbol: finding}, **changes}


RULES = "strategies.rules.parameters"


@pytest.mark.parametrize(
    ("honest", "wrong"),
    [
        (
            "QUOTE_NOT_OURS | EUR | USD, USDC | app.quote_currencies",
            "QUOTE_NOT_OURS | USD | USD, USDC | app.quote_currencies",
        ),
        (
            "PRODUCT_NOT_ONLINE | halted | online | product.status",
            "PRODUCT_NOT_ONLINE | online | online | product.status",
        ),
        (
            "RULE_NOT_IN_REGIME | chop | bull | nowhere",
            f"RULE_NOT_IN_REGIME | chop | bull | {RULES}.momentum.regimes",
        ),
        (
            f"RULE_DECLINED | RSI 31% before the last bar | 30% | {RULES}.mean_reversion.rsi_max",
            f"RULE_DECLINED | RSI 29% before the last bar | 30% | {RULES}.mean_reversion.rsi_max",
        ),
        (
            f"RULE_DECLINED | RSI 31% before the last bar | 30% | {RULES}.mean_reversion.rsi_max",
            f"RULE_DECLINED | RSI 36% before the last bar | 35% | {RULES}.mean_reversion.rsi_max",
        ),
        (
            "STOP_LOSS | bid 95 USD | stop 95 USD, 0% beyond | exits.stop_loss",
            "STOP_LOSS | bid 95.01 USD | stop 95 USD, 0% beyond | exits.stop_loss",
        ),
        (
            "TAKE_PROFIT | bid 110 USD | target 110 USD, 0% beyond | exits.take_profit",
            "TAKE_PROFIT | bid 109.99 USD | target 110 USD, 0% beyond | exits.take_profit",
        ),
        (
            "HELD | bid 95.01 USD | stop 95 USD, 0.01% away | exits.stop_loss",
            "HELD | bid 95 USD | stop 95 USD, 0% away | exits.stop_loss",
        ),
        (
            "HISTORY_TOO_SHORT | 256 bars | 257 bars | triggers.atr.window",
            "HISTORY_TOO_SHORT | 257 bars | 257 bars | triggers.atr.window",
        ),
        (
            "OUTLIER | 2% on 24% of the mean volume | 2% on 25% | triggers.outlier.move_min",
            "OUTLIER | 2% on 25% of the mean volume | 2% on 25% | triggers.outlier.move_min",
        ),
        ("APPROVED | 45 USD | 45 USD | risk", "APPROVED | 46 USD | 45 USD | risk"),
        ("NO_CROSS | above for longer | a cross | a.b", "NO_CROSSING | above | a cross | a.b"),
        (
            "ORDER_OVERDUE | 2025-03-02T12:00:01Z | 2025-03-02T12:00:00Z | execution.maker_ttl",
            "ORDER_OVERDUE | 2025-03-02T12:00:00Z | 2025-03-02T12:00:00Z | execution.maker_ttl",
        ),
        (
            "ADD_NOT_IN_PROFIT | 99.4 USD | above 103 USD | risk.add_only_in_profit",
            "ADD_NOT_IN_PROFIT | 103.1 USD | above 103 USD | risk.add_only_in_profit",
        ),
        (
            "BELOW_VENUE_MINIMUM | 4 SOL | 5 SOL | product.base_min",
            "BELOW_VENUE_MINIMUM | 5 SOL | 5 SOL | product.base_min",
        ),
    ],
)
def test_a_word_is_judged_as_a_number_is(honest: str, wrong: str) -> None:
    assert list(complaints(a_record("SOL-USD", honest), effective())) == []
    assert list(complaints(a_record("SOL-USD", wrong), effective())) != []


def test_a_level_is_the_one_of_the_record() -> None:
    told = "HALTED | HALTED | NORMAL | level"

    assert list(complaints(a_record("SOL-USD", told, level="HALTED"), effective())) == []
    assert list(complaints(a_record("SOL-USD", told, level="PAUSED"), effective())) != []


def test_what_an_exit_watched_is_judged_too() -> None:
    record = a_record("SOL-USD", "COOLDOWN | 45m | 2h | risk.cooldown")
    lie = {"code": "HELD", "seen": "bid 90 USD", "limit": "stop 95 USD, 5% away", "key": "exits"}
    record["verdicts"]["SOL-USD"]["exit"] = lie

    assert list(complaints(record, effective())) == [
        "SOL-USD HELD: bid 90 USD has reached stop 95 USD, 5% away"
    ]
