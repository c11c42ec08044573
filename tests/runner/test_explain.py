"""Explain: the verdict of a product in words, from the audit log alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner import explain
from runner.exit_codes import Refusal
from tests.builders.bot import a_bot, cycles
from tests.builders.stage import Stage

SOL, EUR = "SOL-USD", "SOL-EUR"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four cycles: calm, bought, cooling twice. SOL-EUR is excluded from the first on."""
    stage = Stage(SOL, EUR)
    stage.rises(SOL, cycle=2)
    with a_bot(tmp_path, stage) as bot:
        cycles(bot, 4)
    return tmp_path


def told(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    where = ["--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs")]
    assert explain.main([*where, *options]) == 0
    return capsys.readouterr().out


def answers(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[Any]:
    answer = json.loads(told(folder, capsys, *options, "--json"))
    assert isinstance(answer, list)
    return answer


def test_the_last_verdict_is_told_with_its_number_limit_and_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(folder, capsys, SOL)
    assert text.startswith("2025-03-02T12:45:00Z #4 SOL-USD (T2): COOLDOWN. The product was")
    assert "seen 30m, limit 2h, key risk.cooldown" in text
    differ = text.splitlines()[2]
    assert "risk.cooldown" in differ
    assert "30m" in differ


def test_several_cycles_are_told_newest_last(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [(a["cycle"], a["code"]) for a in answers(folder, capsys, SOL, "--last", "3")]
    assert codes == [(2, "APPROVED"), (3, "COOLDOWN"), (4, "COOLDOWN")]


def test_more_cycles_than_there_are_tell_all(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(answers(folder, capsys, SOL, "--last", "99")) == 4


def test_what_was_approved_needed_nothing_to_differ(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (answer,) = answers(folder, capsys, SOL, "--at", "2025-03-02T12:15:00Z")
    assert answer["code"] == "APPROVED"
    assert answer["differ"].startswith("nothing")
    assert answer["proposal"] == "rules:SOL-USD:BUY"


def test_a_moment_between_two_cycles_means_the_one_before(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (answer,) = answers(folder, capsys, SOL, "--at", "2025-03-02T12:29:59Z")
    assert answer["cycle"] == 2


def test_the_numbers_of_an_exclusion_are_found_where_it_began(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (answer,) = answers(folder, capsys, EUR)
    assert (answer["cycle"], answer["code"]) == (4, "QUOTE_NOT_OURS")
    assert (answer["seen"], answer["limit"], answer["key"]) == (
        "EUR",
        "USD, USDC",
        "app.quote_currencies",
    )
    assert answer["tier"] is None


def test_a_product_that_the_venue_never_listed_is_said_so(folder: Path) -> None:
    where = ["--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs")]
    with pytest.raises(Refusal, match="NONE-USD: the venue did not list it in cycle 4") as refusal:
        explain.main([*where, "NONE-USD"])
    assert refusal.value.code == 2


def test_a_moment_before_the_first_cycle_has_no_answer(folder: Path) -> None:
    where = ["--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs")]
    with pytest.raises(Refusal, match="no cycle is on record"):
        explain.main([*where, SOL, "--at", "2025-03-01"])


def test_a_cycle_that_failed_says_that_it_would_have_had_to_be_decided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(SOL)
    with a_bot(tmp_path, stage) as bot:
        cycles(bot, 1)
        stage.faults["tops"] = ValueError("odd")
        cycles(bot, 1)
    (answer,) = answers(tmp_path, capsys, SOL)
    assert (answer["code"], answer["seen"]) == ("NOT_DECIDED", "BROKEN_RULE")
