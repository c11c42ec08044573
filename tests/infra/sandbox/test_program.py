"""`python -m runner.sandbox`: its first line, its mistakes, its end, and what it keeps."""

from __future__ import annotations

import json
import os
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from websockets.sync.client import connect

from runner import sandbox as program
from runner.exit_codes import ExitCode
from tests.builders.terminal import asked
from tests.infra.sandbox.served import API, sandbox


def test_the_first_line_says_all_that_a_client_needs(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--speed", "60") as venue:
        ready = venue.ready
        assert set(ready) == {"ready", "base_url", "ws_url", "ca_file", "key_file", "speed"}
        assert (ready["ready"], ready["speed"]) == (True, 60.0)
        assert ready["base_url"].startswith("127.0.0.1:")
        assert ready["ws_url"] == f"wss://{ready['base_url']}/ws"
        assert Path(ready["ca_file"]).is_file()
        assert set(venue.key()) == {"name", "privateKey"}
        assert os.stat(ready["key_file"]).st_mode & 0o077 == 0


def test_a_restart_goes_on_with_the_same_keys_orders_and_a_later_time(tmp_path: Path) -> None:
    with sandbox(tmp_path) as venue:
        placed = venue.create("kept", "limit_limit_gtc", base_size="0.001", limit_price="20000")
        venue.admin("clock", {"advance": 5_000})
        key, truth, at = venue.key(), venue.admin("truth"), venue.admin("clock")["at"]
        assert venue.stop() == ExitCode.FINISHED
    with sandbox(tmp_path) as venue:
        assert venue.key() == key
        assert venue.admin("truth") == truth
        assert venue.admin("clock")["at"] == at
        again = venue.create("kept", "limit_limit_gtc", base_size="1", limit_price="1000")
        assert again["success_response"]["order_id"] == placed["success_response"]["order_id"]
        told = venue.order(again["success_response"]["order_id"])["order_configuration"]
        assert told["limit_limit_gtc"]["base_size"] == "0.001"
        assert told["limit_limit_gtc"]["limit_price"] == "20000"


def test_a_clock_that_keeps_time_with_ours_begins_at_the_present(tmp_path: Path) -> None:
    """Clients that look at their own clock find candles up to now."""
    with sandbox(tmp_path / "one", "--speed", "1") as venue:
        at = datetime.fromisoformat(venue.admin("clock")["at"])
    with sandbox(tmp_path / "two", "--start", "2025-03-01T12:00:00Z") as venue:
        told = venue.admin("clock")["at"]

    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)
    assert told == "2025-03-01T12:00:00.000000Z"


def test_a_killed_sandbox_keeps_its_orders_and_its_time(tmp_path: Path) -> None:
    with sandbox(tmp_path) as venue:
        venue.create("kept", "market_market_ioc", quote_size="50")
        venue.admin("clock", {"advance": 5_000})
        truth, at = venue.admin("truth"), venue.admin("clock")["at"]
        venue.process.kill()
        venue.process.wait()
    with sandbox(tmp_path) as venue:
        assert venue.admin("truth") == truth
        assert venue.admin("clock")["at"] >= at


def test_it_stops_at_once_though_somebody_listens(tmp_path: Path) -> None:
    with sandbox(tmp_path) as venue:
        context = ssl.create_default_context(cafile=venue.ready["ca_file"])
        with connect(venue.ready["ws_url"], ssl=context) as stream:
            stream.send(json.dumps({"type": "subscribe", "channel": "heartbeats"}))
            assert json.loads(stream.recv(10))["channel"] == "subscriptions"
            begun = time.monotonic()
            assert venue.stop() == ExitCode.FINISHED
            assert time.monotonic() - begun < 15


def test_limits_are_on_unless_they_are_switched_off(tmp_path: Path) -> None:
    with sandbox(tmp_path) as venue:
        answers = [venue.ask("GET", f"{API}/time", token=None) for _ in range(40)]
        private = venue.ask("GET", f"{API}/accounts")
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert refused[0].told["errors"][0]["id"] == "rate_limit_exceeded"
    assert dict(private.headers)["x-ratelimit-limit"] == "30"
    assert dict(private.headers)["x-ratelimit-remaining"] == "29"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--port", "70000"), "--port: 70000 is not between 0 and 65535"),
        (("--speed", "-1"), "--speed: -1.0 is not between 0 and 1000000"),
        (("--latency-ms", "-5"), "--latency-ms: -5 is not between 0 and 60000"),
        (("--faults", "nowhere.json"), "--faults: nowhere.json: cannot be read"),
        (("--recording", "nowhere"), "nowhere: there is no such folder"),
        (("--seed", "x"), "market.seed"),
        (("--start", "1999-01-01"), "--start: 1999-01-01 is not between"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    tmp_path: Path, flags: tuple[str, str], told: str
) -> None:
    answer = asked(program.main, "coinbase", "--dir", tmp_path, *flags)

    assert answer.code == ExitCode.USAGE
    assert told in answer.told


def test_a_folder_has_one_sandbox_and_a_port_one_listener(tmp_path: Path) -> None:
    with sandbox(tmp_path / "one") as venue:
        same = asked(program.main, "coinbase", "--dir", tmp_path / "one")
        port = venue.address.split(":")[1]
        taken = asked(program.main, "coinbase", "--dir", tmp_path / "two", "--port", port)

    assert (same.code, taken.code) == (ExitCode.LOCKED, ExitCode.USAGE)
    assert "another sandbox runs on" in same.told
    assert f"--port: {port} cannot be had" in taken.told


def test_a_folder_of_another_market_is_refused(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--seed", "1"):
        pass
    answer = asked(program.main, "coinbase", "--dir", tmp_path, "--seed", "2")

    assert answer.code != ExitCode.FINISHED
    assert "seed 1" in answer.told
    assert "seed 2" in answer.told


def test_a_line_that_a_kill_tore_is_dropped_and_the_next_one_is_whole(tmp_path: Path) -> None:
    with sandbox(tmp_path) as venue:
        venue.get("accounts")
        assert venue.stop() == ExitCode.FINISHED
    for name in ("journal.jsonl", "configurations.jsonl"):
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write('{"n": 2, "torn')

    with sandbox(tmp_path) as venue:
        venue.get("products/BTC-USD")
        journal = venue.admin("journal")

    assert [entry["n"] for entry in journal["requests"]] == [1, 2]
    assert journal["requests"][1]["path"] == f"{API}/products/BTC-USD"


@pytest.mark.parametrize("name", ["clock", "coinbase_key.json"])
def test_a_damaged_folder_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("nonsense", encoding="utf-8")
    answer = asked(program.main, "coinbase", "--dir", tmp_path)

    assert answer.code == ExitCode.DAMAGED
    assert "is damaged" in answer.told


@pytest.mark.skipif("TRADER_RECORDINGS" not in os.environ, reason="no recordings")
def test_a_recording_is_served_with_its_own_products_and_candles(tmp_path: Path) -> None:
    folder = recorded_hours(Path(os.environ["TRADER_RECORDINGS"]))
    with sandbox(tmp_path, "--recording", folder, "--bar", "1h") as venue:
        products = venue.get("products")["products"]
        symbol = products[0]["product_id"]
        now = int(venue.get("time")["epochSeconds"])
        day = venue.get(
            f"products/{symbol}/candles",
            start=str(now - 3 * 86_400),
            end=str(now),
            granularity="ONE_DAY",
        )["candles"]
        minute = venue.ask(
            "GET",
            f"{API}/products/{symbol}/candles",
            start=str(now - 600),
            end=str(now),
            granularity="ONE_MINUTE",
        )
        assert products[0]["price"]
        assert len(day) >= 3
        assert minute.status == 400


def recorded_hours(folder: Path) -> Path:
    """A folder below with candles of an hour."""
    found = sorted({path.parent for path in folder.rglob("*_1h_*.csv*")})
    if not found:
        pytest.skip("no recording of hours")
    return found[0]
