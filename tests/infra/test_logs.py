"""bot.log: JSON lines in UTC, each with its cycle, and never a secret."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.logs import Logs, without_secrets

KEY_ID = "organizations/1a2b-3c/apiKeys/4d5e-6f"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIabc+/=\nsecond\n-----END EC PRIVATE KEY-----\n"
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.MEUCIQD-_x"
log = logging.getLogger("tests.logs")


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Logs]:
    before = logging.getLogger().level
    opened = Logs.open(tmp_path, level="INFO", file_max=1_000_000, files_kept=2)
    yield opened
    opened.close()
    logging.getLogger().setLevel(before)


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "bot.log").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_is_json_with_time_level_name_cycle_and_message(
    tmp_path: Path, logs: Logs
) -> None:
    log.info("starting")
    logs.cycle = 7
    log.warning("took %s of %d", "one", 3)

    first, second = lines(tmp_path)
    assert first["cycle"] == 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["asctime"])
    assert second["cycle"] == 7
    assert (second["levelname"], second["name"]) == ("WARNING", "tests.logs")
    assert second["message"] == "took one of 3"


def test_times_are_utc_whatever_the_machines_zone(
    tmp_path: Path, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    record = logging.LogRecord("n", logging.INFO, "p", 1, "m", (), None)
    record.created, record.msecs = 1_740_830_400.25, 250.0
    logs.handler.handle(record)
    monkeypatch.undo()
    time.tzset()

    assert lines(tmp_path)[0]["asctime"] == "2025-03-01T12:00:00.250Z"


def test_what_is_below_the_level_is_not_written(tmp_path: Path, logs: Logs) -> None:
    log.debug("noise")

    assert lines(tmp_path) == []


def test_files_rotate_by_size_and_only_so_many_are_kept(tmp_path: Path) -> None:
    opened = Logs.open(tmp_path, level="INFO", file_max=500, files_kept=2)
    for _ in range(50):
        log.info("a line of some length, to fill a file")
    opened.close()

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["bot.log", "bot.log.1", "bot.log.2"]


def test_a_closed_log_is_written_no_more(tmp_path: Path) -> None:
    opened = Logs.open(tmp_path, level="INFO", file_max=500, files_kept=2)
    opened.close()
    log.info("too late")

    assert lines(tmp_path) == []


SECRETS = [
    pytest.param(PEM, "MHcCAQEE", id="a private key"),
    pytest.param(PEM[:60], "MHcCAQEE", id="a key that lost its end"),
    pytest.param(PEM.replace("EC ", ""), "second", id="a key of another kind"),
    pytest.param(TOKEN, "MEUCIQD", id="a web token"),
    pytest.param(f"Bearer {TOKEN}", "eyJzdWI", id="a header"),
    pytest.param(f"key {KEY_ID} is wrong", "4d5e-6f", id="the name of a key"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_what_looks_like_a_secret_is_cut_wherever_it_is_logged(
    tmp_path: Path, logs: Logs, text: str, secret: str
) -> None:
    log.info(text)
    log.info("argument %s and %r", text, text)
    log.info("extra", extra={"headers": {"auth": [text, (text,)]}})
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("a traceback of %s", text)

    whole = (tmp_path / "bot.log").read_text(encoding="utf-8")
    assert secret not in whole
    assert whole.count("[secret]") >= 6
    assert len(lines(tmp_path)) == 4


@pytest.mark.parametrize("variable", ["COINBASE_API_KEY", "COINBASE_API_SECRET"])
def test_the_value_of_a_secret_variable_is_cut_whatever_it_looks_like(
    tmp_path: Path, logs: Logs, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, 'plain "words"\nand more')
    log.info('it is plain "words"\nand more, and %r', 'plain "words"\nand more')

    assert lines(tmp_path)[0]["message"] == "it is [secret], and '[secret]'"


def test_each_address_of_alerts_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_ALERT_URLS", "json://one/token1\njson://two/token2")
    monkeypatch.setenv("TRADER_PING_URL", "https://watcher/token3")

    told = without_secrets("https://watcher/token3 then json://two/token2, json://one/token1")

    assert told == "[secret] then [secret], [secret]"


def test_a_short_value_does_not_cut_ordinary_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINBASE_API_KEY", "price")
    assert without_secrets("the price") == "the price"

    monkeypatch.setenv("COINBASE_API_KEY", "prices")
    assert without_secrets("the prices") == "the [secret]"


def test_ordinary_text_stays_as_it_is() -> None:
    text = "SOL-USD at 99.98, key triggers.momentum.min, sha256:abc, -----"

    assert without_secrets(text) == text


def test_a_log_that_cannot_be_written_says_so_once_and_stops_nothing(
    tmp_path: Path, logs: Logs, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.handler.close()
    logs.handler.stream = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115
    log.error("first")
    log.error("second")

    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert "bot.log: cannot be written" in told[0]
    assert "No space left" in told[0]
    logs.close()
