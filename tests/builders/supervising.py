"""A small stand-in for systemd: it runs a unit file as systemd would, in folders of a test's own.

It reads the unit itself, so what is tried is what is shipped: readiness and the watchdog by
datagrams, a signal for a silent process, another start after a failure, and none after the
exit codes that the unit names.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.architecture.sources import ROOT

UNIT = ROOT / "docs" / "247trader.service"
LONG = 120.0  # seconds; whoever is silent for so long will not speak
_PLACES = {
    "/opt/247trader/.venv/bin/python": sys.executable,
    "/var/lib/247trader": "var",
    "/var/log/247trader": "logs",
}


def service() -> Mapping[str, str]:
    """The section [Service] of the unit."""
    unit = ConfigParser(interpolation=None, delimiters="=", strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT, encoding="utf-8")
    return dict(unit["Service"])


def placed(line: str, folder: Path) -> str:
    """A line of the pages, with the test's folders and interpreter in it."""
    for name, instead in _PLACES.items():
        line = line.replace(name, instead if instead == sys.executable else str(folder / instead))
    return line


@dataclass
class Supervised:
    """One service and its notify socket."""

    folder: Path
    end: socket.socket
    words: list[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    heard: list[str] = field(default_factory=list)
    starts: int = 0

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.words,
            cwd=ROOT,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=(self.folder / "out").open("ab"),
            stderr=(self.folder / "err").open("ab"),
        )
        self.starts += 1

    def hears(self, beginning: str) -> str:
        """The next datagram that begins so; all before it are let pass."""
        self.end.settimeout(LONG)
        while True:
            self.heard.append(self.end.recv(65536).decode())
            if self.heard[-1].startswith(beginning):
                return self.heard[-1]

    def waits_for_silence(self, seconds: float) -> None:
        """Return once nothing was heard for so long, as a watchdog does."""
        self.end.settimeout(seconds)
        try:
            while True:
                self.heard.append(self.end.recv(65536).decode())
        except TimeoutError:
            return

    def signals(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def ends(self) -> int:
        assert self.process is not None
        return self.process.wait(LONG)

    def starts_again(self, code: int) -> bool:
        """What the unit says of such an end."""
        never = {int(word) for word in service()["RestartPreventExitStatus"].split()}
        assert service()["Restart"] == "on-failure"
        if code == 0 or code in never:
            return False
        self.start()
        return True


@contextmanager
def supervised(folder: Path, *flags: str, watchdog: float, config: Path) -> Iterator[Supervised]:
    """The unit, with more flags at the end, on the embedded market."""
    address = str(folder / "notify")
    words = shlex.split(placed(service()["ExecStart"], folder))
    words += ["--exchange", "embedded", "--config", str(config), *flags]
    environment = {
        "PATH": os.environ["PATH"],
        "NOTIFY_SOCKET": address,
        "WATCHDOG_USEC": str(int(watchdog * 1_000_000)),
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(address)
        run = Supervised(folder, end, words, environment)
        try:
            yield run
        finally:
            if run.process is not None and run.process.poll() is None:
                run.process.send_signal(signal.SIGKILL)
                run.process.wait()
