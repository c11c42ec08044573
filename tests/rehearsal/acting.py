"""Does what the README's section "LIVE" tells its reader to do, command by command.

The commands are the README's own. Only two things differ: the port, since a machine may
run several rehearsals, and how many cycles a process is to make.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from infra.audit_log import newest_first
from infra.audit_record import Record
from tests.readme_blocks import README, section_blocks

_ROOT = README.parent
_PATIENCE = 120  # seconds until a process has made its next cycle
_MOMENT = 0.05
PORT = "8740"


class Failed(Exception):
    """A command did not end as the README says."""


@dataclass(slots=True)
class Rehearsing:
    """One rehearsal in a folder of its own."""

    folder: Path
    cycles: int
    address: str = ""
    told: list[str] = field(default_factory=list)

    @property
    def records(self) -> list[Record]:
        """Every cycle on record, oldest first."""
        return [*newest_first(self.folder / "logs" / "rehearsal" / "live")][::-1]

    @contextmanager
    def sandbox(self) -> Iterator[None]:
        """The venue, as the first block starts it."""
        (self.folder / "config").symlink_to(_ROOT / "config")
        started = self._started(_lines(0)[0].replace(f"--port {PORT}", "--port 0"))
        try:
            assert started.stdout is not None
            self.address = json.loads(started.stdout.readline())["base_url"]
            yield
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(timeout=_PATIENCE)

    def prepare(self) -> None:
        """Everything before the bot itself: the preflight."""
        for line in _lines(1)[:-1]:
            if not line.startswith("export "):
                self.do(line)

    def live(self, kills: int, random: Random) -> None:
        """The bot, killed so many times in the middle, and then left to its end."""
        start = _lines(1)[-1].replace("--max-cycles 100", f"--max-cycles {self.cycles}")
        for _ in range(kills):
            bot = self._started(start)
            self._wait_for(bot, len(self.records) + max(self.cycles // (kills + 1), 1))
            time.sleep(random.uniform(0, 3))  # anywhere in a cycle, or between two
            bot.kill()
            bot.communicate()
        self.do(start)

    def conclude(self) -> None:
        """Everything sold, and every question asked whether anything is wrong."""
        for line in _lines(2):
            self.told.append(self.do(line))

    def do(self, line: str) -> str:
        """Run one command; what it printed. Raises Failed where its exit code is not 0."""
        done = subprocess.run(
            self._command(line),
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Failed(f"{line}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def _started(self, line: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command(f"exec {line}"),
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        )

    def _command(self, line: str) -> list[str]:
        here = line.replace(".venv/bin/python", sys.executable).replace(
            f":{PORT}/", f":{self._port}/"
        )
        return ["bash", "-o", "pipefail", "-c", here]

    @property
    def _port(self) -> str:
        return self.address.rpartition(":")[2]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if "COINBASE" not in name}
        told = {"COINBASE_KEY_FILE": "var/sandbox/coinbase_key.json", "PYTHONPATH": str(_ROOT)}
        return {**kept, **told, **({"COINBASE_BASE_URL": self.address} if self.address else {})}

    def _wait_for(self, bot: subprocess.Popen[str], cycles: int) -> None:
        until = time.monotonic() + _PATIENCE * cycles
        while len(self.records) < cycles:
            if bot.poll() is not None or time.monotonic() > until:
                raise Failed(f"the bot ended with {bot.poll()} before cycle {cycles}")
            time.sleep(_MOMENT * 10)


def _lines(block: int) -> list[str]:
    """The commands of a shell block of the README's section "LIVE"."""
    lines = section_blocks("LIVE", "sh")[block].splitlines()
    return [re.sub(r"\s+#.*", "", line) for line in lines if line and not line.startswith("#")]
