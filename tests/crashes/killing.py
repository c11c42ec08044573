"""kill -9 of real processes: which one, at which moment, and what the next process makes of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.crashes.images import Moment, captured
from tests.crashes.scenarios import SCENARIOS
from tests.crashes.table import Deaths
from tests.crashes.walk import Calm, calm, gone_on

ROOT = Path(__file__).parents[2]
_PATIENCE = 60  # seconds for one process


@dataclass
class Killings:
    """Kills processes in folders below `place`, and keeps the table of what came of it."""

    place: Path
    deaths: Deaths = field(default_factory=Deaths)
    runs: dict[str, Calm] = field(default_factory=dict)

    def run_of(self, name: str) -> Calm:
        if name not in self.runs:
            self.runs[name] = calm(SCENARIOS[name], self.place / name / "calm")
        return self.runs[name]

    def kill(self, name: str, moment: Moment) -> str:
        """One process, killed at that moment of its scenario; what came of it."""
        run, number = self.run_of(name), self.deaths.total
        folder = self.place / name / f"killed {number}"
        command = [sys.executable, "-m", "tests.crashes.dying", str(folder), name]
        ended = subprocess.run(
            [*command, str(moment.nth)], cwd=ROOT, timeout=_PATIENCE, check=False
        )
        assert ended.returncode == -signal.SIGKILL, f"ended with {ended.returncode}"
        outcome = gone_on(run, captured(folder), self.place / name / f"on {number}", moment.cycle)
        self.deaths.add(run.name(moment), name, outcome)
        return outcome

    def one_of_each_kind(self, name: str, random: Random) -> Iterator[Moment]:
        """For every crash point that the scenario passes one of its moments."""
        moments = self.run_of(name).moments
        for point in dict.fromkeys(moment.point for moment in moments):
            yield random.choice([moment for moment in moments if moment.point is point])

    def at_random(self, count: int, random: Random) -> Iterator[tuple[str, Moment]]:
        """So many deaths, each scenario as often as any other, each of its moments likewise."""
        names = list(SCENARIOS)
        for number in range(count):
            name = names[number % len(names)]
            yield name, random.choice(self.run_of(name).moments)
