"""An alert in words, and the program that carries them: alerts.command, or apprise.

What cannot work is refused at the start, not found out in the night in which it matters.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from config.settings import AlertSettings
from core.wording import instant, span
from infra.alert_command import AlertCommand, CommandFailed, found, through_apprise
from infra.logs import without_secrets
from runner.alerts.alert import Alert
from runner.alerts.memory import Message, Phase
from runner.alerts.teller import Undelivered
from runner.exit_codes import ExitCode, Refusal

URLS, URLS_FILE = "TRADER_ALERT_URLS", "TRADER_ALERT_URLS_FILE"
TEST_CODE = "TEST"
_LONGEST = 1000  # characters of a text; a phone shows no more


@dataclass(frozen=True, slots=True)
class Identity:
    """Which bot speaks."""

    bot: str
    mode: str
    exchange: str
    state_dir: str

    @property
    def named(self) -> str:
        return f"{self.bot} {self.mode} on {self.exchange}"


@dataclass(frozen=True, slots=True)
class ByCommand:
    """Tells by a program."""

    command: AlertCommand
    identity: Identity

    def deliver(self, message: Message) -> None:
        self.hand_over(worded(message, self.identity))

    def hand_over(self, told: Mapping[str, object]) -> None:
        try:
            self.command.run(told)
        except CommandFailed as error:
            raise Undelivered(str(error)) from error


def worded(message: Message, identity: Identity) -> dict[str, object]:
    """The alert as a program gets it: codes for programs, title and body for people."""
    alert, phase = message.alert, message.phase
    lasted = span(_lasted(message))
    when = f"since {instant(message.since)}" if phase is not Phase.OVER else f"after {lasted}"
    text = without_secrets(alert.text)[:_LONGEST]
    return {
        **_of(identity),
        "code": alert.code.name,
        "phase": phase.value,
        "subject": alert.subject,
        "text": text,
        "since": instant(message.since),
        "at": instant(message.at),
        "title": f"{identity.named}: {alert.code.name} {phase.value}",
        "body": f"{_sentence(alert, phase)} {text} ({when})",
    }


def _sentence(alert: Alert, phase: Phase) -> str:
    said = {Phase.BEGAN: "", Phase.LASTS: "STILL: ", Phase.OVER: "OVER: "}[phase]
    return f"{said}{alert.code.value}"


def _lasted(message: Message) -> timedelta:
    """In whole seconds."""
    return timedelta(seconds=max(0, int((message.at - message.since).total_seconds())))


def a_test(identity: Identity, at: str) -> dict[str, object]:
    """An alert that says nothing but that it arrived."""
    words = "This is a test: whoever reads it would have been told."
    return {
        **_of(identity),
        "code": TEST_CODE,
        "phase": Phase.BEGAN.value,
        "subject": "",
        "text": words,
        "since": at,
        "at": at,
        "title": f"{identity.named}: {TEST_CODE}",
        "body": words,
    }


def _of(identity: Identity) -> dict[str, object]:
    return {
        "bot": identity.bot,
        "mode": identity.mode,
        "exchange": identity.exchange,
        "state_dir": identity.state_dir,
    }


def delivery_of(settings: AlertSettings, identity: Identity) -> ByCommand | None:
    """The way to tell somebody; None where nobody is to be told, a Refusal where it cannot work."""
    words = _words(settings)
    if not words:
        return None
    return ByCommand(AlertCommand(words, settings.timeout.total_seconds()), identity)


def _words(settings: AlertSettings) -> tuple[str, ...]:
    if settings.apprise:
        _proved(os.environ)
        return through_apprise()
    if settings.command is None:
        return ()
    try:
        words = tuple(shlex.split(settings.command))
    except ValueError as error:
        raise Refusal(ExitCode.USAGE, f"alerts.command: cannot be read: {error}") from error
    if not words or not found(words[0]):
        raise Refusal(
            ExitCode.USAGE,
            f"alerts.command: there is no program {words[0] if words else ''!r}; "
            "name one that can be run, or none",
        )
    return words


def _proved(environment: Mapping[str, str]) -> None:
    if find_spec("apprise") is None:
        raise Refusal(
            ExitCode.USAGE,
            "alerts.apprise: apprise is not installed; pip install -r requirements-alerts.txt",
        )
    file = environment.get(URLS_FILE, "")
    if file and not (Path(file).is_file() and os.access(file, os.R_OK)):
        raise Refusal(ExitCode.USAGE, f"{URLS_FILE}: {file} cannot be read")
    if not file and not environment.get(URLS, "").strip():
        raise Refusal(
            ExitCode.USAGE,
            f"alerts.apprise: there is no address; set {URLS}, or {URLS_FILE} to a file of them",
        )
