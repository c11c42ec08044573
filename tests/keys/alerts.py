"""The keys of alerts: who is told what, when, and for how long it is tried."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from config.loader import Configuration
from runner.alerts.alert import AlertCode
from runner.alerts.memory import Memory, due, seen, told
from runner.alerts.outside import Outside, outside_of, patience_of, ping_url_of
from runner.exit_codes import Refusal
from tests.builders.alerts import a_sight, an_alert, minutes
from tests.builders.bot import the_places
from tests.keys.scenario import Change, Row, Scenario, both

HOUR, DAY = 60, 24 * 60
ADDRESS = {"TRADER_ALERT_URLS": "json://127.0.0.1:1/"}


def alerts(name: str, outcome: Callable[[Configuration], object]) -> Scenario:
    return Scenario(f"alerts: {name}", outcome)


def outside(configuration: Configuration) -> Outside:
    with TemporaryDirectory() as folder, patch.dict(os.environ, ADDRESS):
        return outside_of(configuration.settings, the_places(Path(folder)))


def who(configuration: Configuration) -> object:
    """The program that tells; none where nobody is told, or the start is refused."""
    try:
        teller = outside(configuration).teller
    except Refusal:
        return "refused"
    command = getattr(getattr(teller, "delivery", None), "command", None)
    return None if command is None else tuple(command.words)


def watcher(configuration: Configuration) -> object:
    return ping_url_of(configuration.settings.alerts)


def waits(configuration: Configuration) -> object:
    """How long a program that hangs is waited for, and what is due at the end."""
    waited: list[float | None] = []

    def hangs(self: object, data: object, timeout: float | None = None) -> None:
        waited.append(timeout)

    made = outside(configuration)
    assert made.teller is not None
    with patch.object(subprocess.Popen, "communicate", hangs):
        try:
            made._look(AlertCode.UNPROVED, "odd")
            made.teller.close(60)
        finally:
            made.teller = None
    return waited, made.drain


def times(code: AlertCode, lasts: int, step: float) -> Callable[[Configuration], object]:
    """The minutes at which something is told of an alert that lasts for so many minutes."""

    def outcome(configuration: Configuration) -> object:
        memory: Memory = {}
        heard, at = [], 0.0
        while at <= lasts:
            memory = seen(memory, a_sight(an_alert(code)), minutes(at))
            for message in due(memory, minutes(at), patience_of(configuration.settings.alerts)):
                heard.append((at, message.phase.value))
                memory = told(memory, message, minutes(at))
            at += step
        return heard

    return outcome


SILENT = alerts("a venue is silent for an hour", times(AlertCode.VENUE_UNREACHABLE, HOUR, 1))
HALTED = alerts("a halt lasts for two days", times(AlertCode.HALTED, 2 * DAY, 15))

ALERTS: dict[str, Row] = {
    "alerts.command": (Change(f"{sys.executable} -c pass", alerts("something is wrong", who)),),
    "alerts.apprise": (Change(True, alerts("something is wrong", who)),),
    "alerts.ping_url": (
        Change("https://watcher.example/ping", alerts("a cycle went well", watcher)),
    ),
    "alerts.timeout": both(
        "1s",
        "20s",
        Scenario("alerts: a program hangs", waits, {"alerts.command": f"{sys.executable} -c pass"}),
    ),
    "alerts.patience": both("1m", "20m", SILENT),
    "alerts.escalate_after": (Change("15m", HALTED), Change("2h", HALTED)),
    "alerts.repeat_every": (Change("6h", HALTED), Change("1d", HALTED)),
}
