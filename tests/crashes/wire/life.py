"""A story as it is lived: a sandbox that stays, and bots that come and go in one folder."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from runner.places import Places
from tests.architecture.sources import ROOT
from tests.builders.rehearsal import Rehearsal
from tests.builders.shipped import a_config_folder
from tests.crashes.wire.dying import Death
from tests.crashes.wire.stories import Rules, Story
from tests.infra.sandbox.served import sandbox

CALM = 6  # cycles after the last fault in which everything must be settled
_LEAST = 3  # cycles that a process which is to die may run
_PATIENCE = 120  # seconds for one process
_PROFILE = "story"


@dataclass
class Life:
    """One state folder, and the venue that its bots trade at."""

    story: Story
    rehearsal: Rehearsal
    folder: Path
    told: list[str] = field(default_factory=list)  # stderr of the bots

    @property
    def places(self) -> Places:
        return Places(self.folder / "var", self.folder / "logs", "LIVE", "coinbase")

    def now(self) -> datetime:
        return datetime.fromisoformat(self.rehearsal.venue.admin("clock")["at"])

    def move(self) -> None:
        """Nobody runs for the length of a bar."""
        self.rehearsal.move()

    def left(self) -> int:
        """Cycles until the story is over."""
        return self.story.cycles - self.story.cycle_of(self.now()) + 1

    def strike(self, rules: Rules, seed: int = 0) -> None:
        """These faults and no others from now on."""
        plan = {"seed": seed, "rules": list(rules)}
        answer = self.rehearsal.venue.admin("faults", plan if rules else {})
        assert answer == {"rules": len(rules)}, answer

    def truth(self) -> Any:
        return self.rehearsal.venue.admin("truth")

    def run(self, cycles: int, death: Death | None = None) -> int:
        """One process, to its end; its exit code, negative where a signal ended it."""
        told = msgspec.json.encode(death or Death()).decode()
        flags = ("--confirm-live", "--profile", _PROFILE, "--max-cycles", str(cycles))
        arguments = self.rehearsal.arguments(*flags)
        ended = subprocess.run(
            [sys.executable, "-m", "tests.crashes.wire.dying", told, *arguments],
            cwd=ROOT,
            env={**self.rehearsal.environment(), "PATH": ""},
            timeout=_PATIENCE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        self.told.append(ended.stderr)
        return ended.returncode

    def kill(self, death: Death) -> str | None:
        """One process, killed; where it was. None where it ended before."""
        note = self.folder / "note"
        note.unlink(missing_ok=True)
        code = self.run(max(_LEAST, self.left()), msgspec.structs.replace(death, note=str(note)))
        if code != -signal.SIGKILL:
            return None
        return note.read_text(encoding="utf-8")


@contextmanager
def lived(story: Story, folder: Path) -> Iterator[Life]:
    """The venue opens at the story's beginning, without faults but the story's own."""
    config = a_config_folder(folder)
    (config / "profiles" / f"{_PROFILE}.yaml").write_bytes(story.profile())
    flags = ("--no-rate-limits", "--speed", 1, "--config", config, "--profile", _PROFILE)
    with sandbox(folder / "sandbox", *flags, *story.market(folder / "recording")) as venue:
        if story.stage is not None:  # a recording begins where its history is long enough
            venue.admin("clock", {"at": story.begins.isoformat()})
        life = Life(story, Rehearsal(venue, folder), folder)
        life.strike(story.faults)
        yield life
