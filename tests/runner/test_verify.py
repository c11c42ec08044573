"""The verifier believes nothing: every kind of damage is named with its file and line."""

from __future__ import annotations

import ast
import gzip
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import verify as program
from runner.verify import main, verify
from tests.builders.records import (
    Record,
    a_failed_record,
    a_finding,
    a_record,
    a_universe,
    a_verdict,
    chained,
    lines_of,
    stdlib_json,
)

GOOD = chained([a_record(1), a_failed_record(2), a_record(4)])


def a_file(folder: Path, records: list[Record], name: str = "audit.jsonl") -> Path:
    path = folder / name
    data = lines_of(records)
    path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    return path


def why(folder: Path, **changes: Any) -> str:
    """What is said of a single, rightly chained record with these changes."""
    record = a_record(**changes)
    report = verify([a_file(folder, chained([record]))])
    assert report.why is not None
    assert report.where == f"{folder / 'audit.jsonl'}:1"
    return report.why


def test_a_log_as_the_contract_describes_it_is_sound(tmp_path: Path) -> None:
    report = verify([a_file(tmp_path, GOOD)])

    assert (report.lines, report.why) == (3, None)


def test_a_flipped_byte_anywhere_is_found(tmp_path: Path) -> None:
    data = lines_of(GOOD[:2])
    path = tmp_path / "audit.jsonl"

    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        assert not verify([path]).ok, f"byte {position}: {data[position - 20 : position + 20]!r}"


def test_a_flipped_byte_in_an_archive_changes_no_line_in_silence(tmp_path: Path) -> None:
    path = a_file(tmp_path, GOOD, "audit-2025-03-01.jsonl.gz")
    data = path.read_bytes()

    for position in range(10, len(data)):  # what comes before is gzip's own header
        path.write_bytes(data[:position] + bytes([data[position] ^ 16]) + data[position + 1 :])
        assert not verify([path]).ok, position


def test_a_line_taken_out_of_the_middle_is_missed(tmp_path: Path) -> None:
    report = verify([a_file(tmp_path, [GOOD[0], GOOD[2]])])

    assert report.where.endswith("audit.jsonl:2")
    assert "prev is" in (report.why or "")


def test_the_seam_between_two_files_is_proved(tmp_path: Path) -> None:
    days = [a_file(tmp_path, GOOD[:2], "audit-2025-03-01.jsonl.gz"), a_file(tmp_path, GOOD[2:])]
    other = chained([a_record(9)])
    gap = [days[0], a_file(tmp_path, other, "other.jsonl")]

    assert verify(days).ok
    assert verify(gap).why is not None


def test_files_may_be_named_in_any_order(tmp_path: Path) -> None:
    days = [a_file(tmp_path, GOOD[2:]), a_file(tmp_path, GOOD[:2], "audit-2025-03-01.jsonl.gz")]

    assert verify(days).ok


def test_a_number_is_never_used_twice_and_never_goes_back(tmp_path: Path) -> None:
    assert "cycle 3 follows cycle 3" in (
        verify([a_file(tmp_path, chained([a_record(3), a_record(3)]))]).why or ""
    )
    assert "cycle 2 follows cycle 3" in (
        verify([a_file(tmp_path, chained([a_record(3), a_record(2)]))]).why or ""
    )


@pytest.mark.parametrize("name", sorted(a_record()))
def test_a_member_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    record = a_record()
    del record[name]

    report = verify([a_file(tmp_path, chained([record]))])

    assert report.why == f"lacks {name}"


@pytest.mark.parametrize("name", sorted(a_record()))
def test_a_member_of_another_type_is_named(tmp_path: Path, name: str) -> None:
    odd = "7" if name in ("cycle", "requests", "rss_mb") else 7
    record: Record = {**a_record(), name: odd}

    report = verify([a_file(tmp_path, chained([record]))])

    assert (report.why or "").startswith(f"{name} is no ")


DEEP: list[tuple[dict[str, object], str]] = [
    ({"plan": [{}]}, "lacks plan[0].symbol"),
    ({"triggers": ["SOL-USD"]}, "triggers[0] is no trigger"),
    ({"why": {"code": "lower", "text": ""}, "outcome": "HALTED"}, "why.code is no code"),
    ({"at": "2025-03-01 22:30:00"}, "at is no instant"),
    ({"at": "2025-03-01T22:30:00+01:00"}, "at is no instant"),
    ({"config": "sha256:abc"}, "config is no digest"),
    ({"schema": 2}, "schema is no one"),
    ({"schema": True}, "schema is no one"),
    ({"cycle": 0}, "cycle is no number_from_1"),
    ({"requests": -1}, "requests is no count"),
    ({"level": "SLEEPY"}, "level is no level"),
    ({"universe": {**a_universe(), "eligible": ["BTC-USD"]}}, "universe.eligible is no {}name"),
]


@pytest.mark.parametrize(("changes", "told"), DEEP, ids=[told for _, told in DEEP])
def test_the_shape_is_checked_to_the_last_member(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    assert why(tmp_path, **changes) == told


def test_a_decision_that_its_members_do_not_give_is_found(tmp_path: Path) -> None:
    assert "decision is" in why(tmp_path, decision="sha256:" + "d" * 64)


def test_what_changed_is_no_part_of_the_decision(tmp_path: Path) -> None:
    record = a_record()
    record["universe"] = {**record["universe"], "changed": {}}

    assert verify([a_file(tmp_path, chained([record]))]).ok


def test_a_product_without_a_verdict_is_named(tmp_path: Path) -> None:
    verdicts = a_record()["verdicts"]
    del verdicts["ETH-USD"]

    assert why(tmp_path, verdicts=verdicts) == "no verdict for ETH-USD"


def test_a_position_is_owed_a_verdict_whether_eligible_or_not(tmp_path: Path) -> None:
    portfolio = {**a_record()["portfolio"], "positions": {"OLD-USD": {"quantity": "1"}}}
    verdicts = {**a_record()["verdicts"], "OLD-USD": a_verdict("HELD")}
    held = a_record(portfolio=portfolio, verdicts=verdicts)

    assert why(tmp_path, portfolio=portfolio) == "no verdict for OLD-USD"
    assert verify([a_file(tmp_path, chained([held]))]).ok


def test_a_verdict_for_a_product_nobody_asked_about_is_named(tmp_path: Path) -> None:
    verdicts = {**a_record()["verdicts"], "XRP-USD": a_verdict()}

    assert "a verdict for XRP-USD" in why(tmp_path, verdicts=verdicts)


def test_a_code_that_does_not_exist_is_named_wherever_it_stands(tmp_path: Path) -> None:
    verdicts = {**a_record()["verdicts"], "BTC-USD": a_verdict("BAD_MOOD")}
    excluded = {**a_universe(), "excluded": {"BAD_MOOD": ["USDT-USD"]}, "changed": {}}
    idle: dict[str, Any] = {"outcome": "NO_TRADE", "plan": []}

    assert why(tmp_path, verdicts=verdicts) == "verdicts.BTC-USD.code is no reason"
    assert "BAD_MOOD" in why(tmp_path, universe=excluded)
    assert "BAD_MOOD" in why(tmp_path, **idle, why={"code": "BAD_MOOD", "text": "no"})


def test_a_halt_may_have_the_code_of_an_error(tmp_path: Path) -> None:
    halted = a_record(outcome="HALTED", plan=[], why={"code": "DUPLICATE_INTENT", "text": "id"})

    assert verify([a_file(tmp_path, chained([halted]))]).ok


def test_a_product_is_eligible_or_excluded_and_once_only(tmp_path: Path) -> None:
    both = {**a_universe(), "excluded": {"STABLE_PAIR": ["BTC-USD"]}, "changed": {}}
    twice = {
        **a_universe(),
        "excluded": {"STABLE_PAIR": ["A-USD"], "RED_FLAG": ["A-USD"]},
        "changed": {},
    }

    assert "BTC-USD both" in why(tmp_path, universe=both)
    assert "A-USD both" in why(tmp_path, universe=twice)


def test_a_change_agrees_with_the_exclusion_it_tells(tmp_path: Path) -> None:
    universe = {**a_universe(), "changed": {"DUST-USD": a_finding("RED_FLAG")}}

    assert "DUST-USD changed" in why(tmp_path, universe=universe)


def test_a_verdict_names_a_proposal_that_was_made_for_its_product(tmp_path: Path) -> None:
    verdicts = {**a_record()["verdicts"], "BTC-USD": a_verdict("OUTBID", "rules:SOL-USD:BUY")}

    assert "BTC-USD names a proposal" in why(tmp_path, verdicts=verdicts)


def test_the_id_of_a_proposal_says_what_it_is(tmp_path: Path) -> None:
    proposals = [{**a_record()["proposals"][0], "id": "rules:SOL-USD:SELL"}]

    assert "is not the one rules:SOL-USD:BUY" in why(tmp_path, proposals=proposals)


OUTCOMES: list[tuple[dict[str, object], str]] = [
    ({"outcome": "PLANNED", "plan": []}, "PLANNED goes with 0 planned orders"),
    ({"outcome": "PLANNED", "why": {"code": "HALTED", "text": ""}}, "why does not go with PLANNED"),
    ({"outcome": "NO_TRADE", "plan": []}, "why does not go with NO_TRADE"),
    ({"outcome": "NO_TRADE", "why": {"code": "COOLDOWN", "text": ""}}, "NO_TRADE goes with 1"),
    ({"regime": None}, "a decided cycle lacks regime"),
    ({"portfolio": None}, "a decided cycle lacks portfolio"),
    ({"inputs": None}, "a decided cycle lacks inputs"),
    ({"timing_ms": {"total": 1.0}}, "timing_ms lacks gather"),
]


@pytest.mark.parametrize(("changes", "told"), OUTCOMES, ids=[told for _, told in OUTCOMES])
def test_the_outcome_agrees_with_the_rest(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    assert told in why(tmp_path, **changes)


FAILURES: list[tuple[dict[str, object], str]] = [
    ({"decision": "sha256:" + "d" * 64}, "states a decision"),
    ({"inputs": "sha256:" + "d" * 64}, "states a decision"),
    ({"triggers": a_record()["triggers"]}, "triggers or proposals"),
    ({"proposals": a_record()["proposals"]}, "triggers or proposals"),
    ({"plan": a_record()["plan"]}, "FAILED goes with 1"),
    ({"why": None}, "why does not go with FAILED"),
    ({"verdicts": {}}, "no verdict for BTC-USD, ETH-USD, SOL-USD"),
    ({"verdicts": a_record()["verdicts"]}, "in a cycle that came to FAILED"),
]


@pytest.mark.parametrize(("changes", "told"), FAILURES, ids=range(len(FAILURES)))
def test_a_failed_cycle_has_its_own_shape(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    report = verify([a_file(tmp_path, chained([a_failed_record(**changes)]))])

    assert told in (report.why or "")


def test_not_decided_belongs_to_failed_cycles_only(tmp_path: Path) -> None:
    verdicts = {**a_record()["verdicts"], "BTC-USD": a_verdict("NOT_DECIDED")}

    assert "BTC-USD has NOT_DECIDED" in why(tmp_path, verdicts=verdicts)


Spoil = Callable[[bytes], bytes]
FORMS: dict[str, Spoil] = {
    "a space": lambda line: line.replace(b'"cycle":1', b'"cycle": 1'),
    "an escape": lambda line: line.replace("–".encode(), b"\\u2013"),
    "keys unsorted": lambda line: (
        stdlib_json(json.loads(line)).replace(b'"schema":1,"timing_ms"', b'"timing_ms"')[:-1]
        + b',"schema":1}\n'
    ),
    "a key twice": lambda line: line.replace(b'"rss_mb":51.3', b'"rss_mb":51.3,"rss_mb":51.3'),
    "a long number": lambda line: line.replace(b"51.3,", b"51.30001,"),
    "an exponent": lambda line: line.replace(b"51.3,", b"5e1,"),
    "NaN": lambda line: line.replace(b"51.3,", b"NaN,"),
    "infinity": lambda line: line.replace(b"51.3,", b"Infinity,"),
    "a line end of Windows": lambda line: line.replace(b"\n", b"\r\n"),
    "no end": lambda line: line.removesuffix(b"\n"),
    "an empty line": lambda line: b"\n" + line,
    "a list": lambda line: b"[]\n",
    "nothing but brackets": lambda line: b"[" * 100_000 + b"\n",
    "no Unicode": lambda line: line.replace("–".encode(), b"\xff"),
    "a byte order mark": lambda line: b"\xef\xbb\xbf" + line,
    "zeros": lambda line: b"\0" * 100 + b"\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_only_the_canonical_form_is_believed(tmp_path: Path, form: str) -> None:
    path = a_file(tmp_path, chained([a_record()]))
    data = FORMS[form](path.read_bytes())
    assert data != path.read_bytes()
    path.write_bytes(data)

    assert not verify([path]).ok


def test_a_line_that_a_crash_cut_is_told_as_such(tmp_path: Path) -> None:
    path = a_file(tmp_path, GOOD)
    path.write_bytes(path.read_bytes()[:-100])

    report = verify([path])

    assert report.where.endswith("audit.jsonl:3")
    assert (report.why or "").startswith("has no end, as after a crash")


def test_members_that_came_later_are_no_fault(tmp_path: Path) -> None:
    assert verify([a_file(tmp_path, chained([a_record(weather="fine")]))]).ok


def test_the_programs_answer_for_machines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = a_file(tmp_path, GOOD)
    bad = a_file(tmp_path, [GOOD[0], GOOD[2]], "bad.jsonl")

    assert main([str(good), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["lines"], told["ok"], told["first_bad"], told["why"]) == (3, True, None, None)

    assert main([str(bad), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["lines"], told["ok"], told["first_bad"]) == (2, False, 2)
    assert "prev is" in told["why"]


def test_the_first_bad_line_is_named_for_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = a_file(tmp_path, [GOOD[0], GOOD[2]])

    assert main([str(bad)]) == 1
    assert capsys.readouterr().err.startswith(f"{bad}:2: prev is")


def test_what_one_file_cannot_prove_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, rest = (
        a_file(tmp_path, GOOD[:1], "audit-2025-03-01.jsonl.gz"),
        a_file(tmp_path, GOOD[1:]),
    )

    assert main([str(rest)]) == 0
    assert "unproved" in capsys.readouterr().out
    assert main([str(first), str(rest)]) == 0
    assert "unproved" not in capsys.readouterr().out


def test_files_whose_beginning_is_missing_are_sound_and_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [a_file(tmp_path, GOOD[1:2], "audit-2025-03-01.jsonl"), a_file(tmp_path, GOOD[2:])]

    assert main([str(path) for path in paths]) == 0
    assert "earlier files are missing" in capsys.readouterr().out


def test_an_unreadable_file_is_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "absent.jsonl")]) == 2
    assert main([str(tmp_path)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert "absent.jsonl: cannot be read" in told[0]


def test_a_pipe_is_refused_for_it_can_be_read_only_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "pipe")])
    assert ended.value.code == 2
    assert "pipe: a pipe can be read only once; name the file" in capsys.readouterr().err


def test_the_verifier_imports_the_standard_library_and_the_reasons_only() -> None:
    tree = ast.parse(Path(program.__file__).read_text(encoding="utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {
        n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names
    }

    foreign = {name for name in modules if name.split(".")[0] not in sys.stdlib_module_names}
    assert foreign == {"core.reasons"}
