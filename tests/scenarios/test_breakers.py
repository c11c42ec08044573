"""A venue that is ill in one corner: its breaker opens, is told, and is there after a restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner import main_loop, status
from runner.exit_codes import ExitCode
from tests.builders.rehearsal import Rehearsal, a_rehearsal, step
from tests.builders.shipped import a_config_folder
from tests.builders.terminal import asked

ORDERS_ILL = {"rules": [{"kind": "status", "on": "GET /api/v3/brokerage/orders", "status": 503}]}


def told(rehearsal: Rehearsal, *flags: str) -> str:
    folders = ("--state-dir", str(rehearsal.folder / "var"), "--log-dir")
    return asked(status.main, *folders, str(rehearsal.folder / "logs"), *flags).out


def kept(rehearsal: Rehearsal) -> dict[str, Any]:
    path = rehearsal.folder / "var" / "live" / "coinbase" / "state.json"
    return {row["group"]: row for row in json.loads(path.read_bytes())["state"]["breakers"]}


def test_an_open_breaker_is_in_the_state_and_in_the_status_until_the_venue_is_well(
    tmp_path: Path,
) -> None:
    with a_rehearsal(tmp_path) as rehearsal:
        with rehearsal.bot() as bot:
            step(bot)
            assert kept(rehearsal)["orders"]["position"] == "closed"
            assert "orders open" not in told(rehearsal)
            rehearsal.venue.admin("faults", ORDERS_ILL)
            for _ in range(2):
                rehearsal.move()
                step(bot)
            assert kept(rehearsal)["orders"]["position"] == "open"
            assert kept(rehearsal)["account"]["position"] == "closed"
            assert "breakers: orders open since" in told(rehearsal)
            rehearsal.venue.admin("faults", {})
        rehearsal.move()
        assert kept(rehearsal)["orders"]["position"] == "open"
        with rehearsal.bot() as bot:
            assert step(bot)["breakers"]["orders"]["position"] == "closed"
        assert "orders open" not in told(rehearsal)


@pytest.mark.parametrize(("enabled", "line"), [("true", "futures: balance 0 USD"), ("false", "")])
def test_futures_are_one_line_of_the_status_where_they_are_switched_on(
    tmp_path: Path, enabled: str, line: str
) -> None:
    a_config_folder(
        tmp_path,
        ("app.yaml", "read_only: true ", "read_only: false "),
        ("app.yaml", "  enabled: false ", f"  enabled: {enabled} "),
    )
    with a_rehearsal(tmp_path) as rehearsal, rehearsal.bot() as bot:
        step(bot)
        bot.beat(bot.last.state)
        shown = json.loads(told(rehearsal, "--json"))["futures"]

    assert (shown or "").startswith(line)
    assert (shown is None) == (enabled == "false")


def test_a_cycle_whose_requests_cannot_fit_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty-five books without a key: a top and a candle each, two requests a second."""
    rate = "public_requests_per_second_max"
    a_config_folder(tmp_path, ("app.yaml", f"{rate}: 8 ", f"{rate}: 2 "))
    with a_rehearsal(tmp_path) as rehearsal:
        for name, value in rehearsal.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("COINBASE_KEY_FILE")
        answer = asked(main_loop.main, *rehearsal.arguments("--once", mode="DRY_RUN"))

    assert answer.code == ExitCode.USAGE
    assert f"exchange.{rate}" in answer.told
