"""A program that tells somebody: what it gets, and what becomes of one that does not behave."""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path

import pytest

from infra.alert_command import AlertCommand, CommandFailed, found
from infra.apprise_call import addresses
from tests.builders.listener import Program

LONG = 60.0  # seconds, in which whatever is waited for happens many times over


def a_command(*words: str, timeout: float = LONG) -> AlertCommand:
    return AlertCommand((sys.executable, *words), timeout)


def test_it_gets_the_alert_twice_and_nothing_of_the_exchange_or_the_supervisor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COINBASE_KEY_FILE", "COINBASE_API_SECRET", "NOTIFY_SOCKET", "WATCHDOG_USEC"):
        monkeypatch.setenv(name, "planted")
    monkeypatch.setenv("MY_OWN", "kept")
    program = Program(tmp_path)
    a_command(*program.command.split()[1:]).run({"code": "HALTED", "text": "é; rm -rf $HOME"})
    (told,) = program.told
    environment = told.pop("environment")
    assert told == {"code": "HALTED", "text": "é; rm -rf $HOME"}
    assert environment["TRADER_ALERT_TEXT"] == "é; rm -rf $HOME"
    assert environment["MY_OWN"] == "kept"
    assert "planted" not in json.dumps(environment)


def test_one_that_ends_with_a_fault_told_nobody() -> None:
    with pytest.raises(CommandFailed, match="ended with 3"):
        a_command("-c", "import sys; sys.exit(3)").run({})


def test_one_that_does_not_read_what_it_gets_may_still_end_well(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    a_command("-c", f"open({str(mark)!r}, 'w').close()").run({"text": "x" * 1_000_000})
    assert mark.exists()


def test_a_text_that_no_environment_takes_is_told_all_the_same(tmp_path: Path) -> None:
    program = Program(tmp_path)
    a_command(*program.command.split()[1:]).run({"text": "a\0b \ud800 " + "x" * 1_000_000})
    (told,) = program.told
    assert told["environment"]["TRADER_ALERT_TEXT"].startswith("a b ? xxx")
    assert len(told["text"]) > 1_000_000


def test_one_that_cannot_be_started_told_nobody() -> None:
    with pytest.raises(CommandFailed, match="cannot be started"):
        AlertCommand(("/no/such/program",), LONG).run({})


def test_one_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    line = tmp_path / "line"
    os.mkfifo(line)
    end = os.open(line, os.O_RDONLY | os.O_NONBLOCK)
    script = f"(exec 3>{line}; echo here >&3; sleep 600) & sleep 600"
    with pytest.raises(CommandFailed, match="took longer than 2 s"):
        AlertCommand(("sh", "-c", script), 2.0).run({})
    assert os.read(end, 100) == b"here\n"
    ready, _, _ = select.select([end], [], [], LONG)
    assert ready, "what it started lives on and holds the line"
    assert os.read(end, 100) == b""


@pytest.mark.parametrize(("word", "there"), [("sh", True), ("/no/such", False), ("", False)])
def test_a_program_is_found_before_it_is_needed(word: str, there: bool) -> None:
    assert found(word) is there


def test_addresses_come_from_the_variable_and_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "addresses"
    file.write_text("# mine\n\n  json://c/ \n", encoding="utf-8")
    told = {"TRADER_ALERT_URLS": "json://a/ json://b/", "TRADER_ALERT_URLS_FILE": str(file)}
    assert addresses(told) == ["json://a/", "json://b/", "json://c/"]
    assert addresses({}) == []
