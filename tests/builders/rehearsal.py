"""LIVE against a sandbox, in this process: a real wire, a real ledger, money that is not.

The sandbox's clock stands still and is moved a bar a cycle, so that a rehearsal of hours
takes seconds and comes out the same every time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from infra.audit_record import Record
from runner.bot import Bot
from runner.configured import configure
from runner.main_loop import options, turn
from runner.wiring import wire
from tests.builders.shipped import a_config_folder
from tests.infra.sandbox.served import Running, sandbox

# In the synthetic market of this seed much is traded from this time on.
SEED, BUSY = 21, "2025-01-02T01:30:00Z"
BAR = 900


@dataclass(slots=True)
class Rehearsal:
    """A sandbox, and a folder for the bots that run against it."""

    venue: Running
    folder: Path

    def environment(self, **changed: str) -> Mapping[str, str]:
        """What the bot is told of the sandbox."""
        ready = self.venue.ready
        return {
            "COINBASE_BASE_URL": str(ready["base_url"]),
            "COINBASE_CA_FILE": str(ready["ca_file"]),
            "COINBASE_KEY_FILE": str(ready["key_file"]),
            **changed,
        }

    @property
    def config(self) -> Path:
        """The shipped configuration, with leave to send."""
        folder = self.folder / "config"
        if not folder.exists():
            a_config_folder(self.folder, ("app.yaml", "read_only: true ", "read_only: false "))
        return folder

    def arguments(self, *flags: str, mode: str = "LIVE") -> list[str]:
        return [
            *("--config", str(self.config), "--exchange", "coinbase", "--mode", mode, "--quiet"),
            *("--state-dir", str(self.folder / "var"), "--log-dir", str(self.folder / "logs")),
            *flags,
        ]

    @contextmanager
    def bot(self, *flags: str, mode: str = "LIVE", **changed: str) -> Iterator[Bot]:
        given = options(self.arguments("--confirm-live", "--once", *flags, mode=mode))
        told = patch.dict(os.environ, self.environment(**changed))
        with told, wire(given, configure(given)) as bot:
            yield bot

    def move(self, seconds: int = BAR) -> None:
        self.venue.admin("clock", {"advance": seconds})


def step(bot: Bot) -> Record:
    """One cycle at the venue's time of now."""
    assert bot.real is not None
    bot.real.meet()
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    bot.last = turn(bot, at)
    assert bot.last.record is not None
    return bot.last.record


@contextmanager
def a_rehearsal(folder: Path, *flags: str, at: str = BUSY) -> Iterator[Rehearsal]:
    """A sandbox whose clock stands at `at`."""
    begins = ("--seed", SEED, "--start", at)
    with sandbox(folder / "sandbox", *begins, "--no-rate-limits", *flags) as venue:
        yield Rehearsal(venue, folder)
