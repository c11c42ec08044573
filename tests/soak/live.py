"""python -m tests.soak --mode LIVE: does a bot that trades over the wire stay within its memory?

The bot is a process of its own, LIVE against a sandbox in another one, whose clock is moved
on by a minute a cycle; the memory is what the bot itself puts on record in every cycle.
Exits 0 whatever it finds: it informs, and a person decides.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

import msgspec

from infra.audit_log import newest_first
from infra.audit_record import Record
from tests.architecture.sources import ROOT
from tests.builders.rehearsal import Rehearsal, a_rehearsal
from tests.builders.supervising import service
from tests.crashes.wire.dying import Death
from tests.soak.memory import LINES, Soak

BUDGET_MB = 75
_STEP = 60.0  # seconds of market time from cycle to cycle
_LOOK = 1.0  # seconds between two looks at the running bot


@dataclass
class LiveRun:
    """What was measured, and what the bot did meanwhile."""

    soak: Soak
    orders: int = 0
    fills: int = 0
    requests: int = 0

    def take(self, line: Record) -> None:
        """One line of the audit log, in order."""
        soak = self.soak
        soak.cycles += 1
        soak.failed += line["outcome"] == "FAILED"
        soak.memory.append((soak.cycles, float(line["rss_mb"])))
        self.orders += len(line["orders"])
        self.fills += len(line["fills"])
        self.requests += line["requests"]

    def told(self) -> str:
        soak = self.soak
        return (
            f"{soak.cycles:,} cycles of LIVE, {soak.cycles / soak.seconds:.1f} a second, "
            f"{self.requests:,} requests, {self.orders:,} rows of orders, {self.fills:,} fills; "
            f"{soak.failed} cycles failed"
        )


def live_run(folder: Path, cycles: int, say: Callable[[str], None]) -> LiveRun:
    """Run it and say now and then where it stands."""
    run, every, began = LiveRun(Soak(budget=BUDGET_MB)), max(cycles // LINES, 1), perf_counter()
    with a_rehearsal(folder, "--speed", "1") as rehearsal, _bot(rehearsal, cycles) as bot:
        ended = False
        while not ended:
            ended = bot.poll() is not None
            for line in _since(folder, run.soak.cycles):
                run.take(line)
                if run.soak.cycles % every == 0:
                    say(f"{run.soak.cycles:>9,} cycles  {line['rss_mb']:6.1f} MB")
            if not ended:
                sleep(_LOOK)
    run.soak.seconds = perf_counter() - began
    if bot.returncode != 0 or run.soak.cycles != cycles:
        raise RuntimeError(f"the bot ended with {bot.returncode} after {run.soak.cycles} cycles")
    return run


@contextmanager
def _bot(rehearsal: Rehearsal, cycles: int) -> Iterator[subprocess.Popen[bytes]]:
    told = msgspec.json.encode(Death(step=_STEP, pause=0.0)).decode()
    arguments = rehearsal.arguments("--confirm-live", "--max-cycles", str(cycles))
    command = [sys.executable, "-m", "tests.crashes.wire.dying", told, *arguments]
    environment = {**rehearsal.environment(), **as_installed(), "PATH": ""}
    bot = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        yield bot
    finally:
        bot.kill()
        bot.wait()


def as_installed() -> Mapping[str, str]:
    """What the unit sets in the environment of every bot: memory is measured as it is there."""
    return dict(told.split("=", 1) for told in shlex.split(service()["Environment"]))


def _since(folder: Path, count: int) -> list[Record]:
    """Lines of cycles after that one, oldest first."""
    if not (folder / "logs" / "live" / "audit.jsonl").exists():
        return []
    found = []
    for line in newest_first(folder / "logs" / "live"):
        if line["cycle"] <= count:
            break
        found.append(line)
    return found[::-1]


def main(folder: Path, cycles: int) -> int:
    run = live_run(folder, cycles, lambda line: print(line, flush=True))
    print(run.soak.verdict())
    print(run.told())
    return 0
