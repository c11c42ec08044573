"""A program that tells somebody: it gets one alert as JSON on stdin, and ends in time.

No shell stands between, the keys of the exchange are not in its environment, and one
that hangs is ended with everything it started.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

_LONGEST = 4000  # characters of a value in the environment
_WITHHELD = ("COINBASE_", "NOTIFY_SOCKET", "WATCHDOG_")


class CommandFailed(Exception):
    """It told nobody. The text names how it ended, and nothing that it said."""


@dataclass(frozen=True, slots=True)
class AlertCommand:
    """A program with its arguments."""

    words: Sequence[str]
    timeout: float  # seconds

    def run(self, alert: Mapping[str, object]) -> None:
        """Raises CommandFailed where it cannot be started, takes too long, or ends with a fault."""
        import subprocess  # here, because a bot of which nobody is told needs none of it

        try:
            process = subprocess.Popen(
                self.words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(alert),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise CommandFailed(f"it cannot be started: {type(error).__name__}") from error
        try:
            process.communicate(json.dumps(alert).encode(), timeout=self.timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise CommandFailed(f"it took longer than {self.timeout:g} s") from None
        if process.returncode != 0:
            raise CommandFailed(f"it ended with {process.returncode}")


def found(word: str) -> bool:
    """Whether there is such a program."""
    return which(word) is not None


def through_apprise() -> tuple[str, ...]:
    """The program that hands alerts to apprise."""
    return (sys.executable, str(Path(__file__).with_name("apprise_call.py")))


def _environment(alert: Mapping[str, object]) -> dict[str, str]:
    """Ours without what it has no business to know, and the alert once more as TRADER_ALERT_*."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_WITHHELD)}
    told = {f"TRADER_ALERT_{name.upper()}": _fit(str(value)) for name, value in alert.items()}
    return {**kept, **told}


def _fit(text: str) -> str:
    """What an environment takes: no NUL, and an end. stdin has the whole."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()[:_LONGEST]


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
