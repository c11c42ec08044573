"""python -m tests.soak --mode DRY_RUN: does a long run stay within its memory?

Runs the bot in this process, cycle after cycle in DRY_RUN, in a folder that is
thrown away, and fits a line through its memory once it has warmed up. Exits 0
whatever it finds: it informs, and a person decides.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression
from tempfile import TemporaryDirectory
from time import perf_counter

from infra.process import keep_memory_flat, lasting, resident_mb
from tests.builders.wired import recordings, turns, wired_bot

CYCLES = 100_000
BUDGET_MB = 60
FLAT_MB = 0.1  # per 10,000 cycles; less is the noise of malloc
SAMPLES = 200
LINES = 10
WARM_UP = 0.2  # share of the run whose memory is not judged
RECORDING = "coinbase/15m"
_WRITTEN = Path("/proc/self/io")


@dataclass(slots=True)
class Soak:
    """What was measured: memory after so many cycles, and the time all of it took."""

    memory: list[tuple[int, float]] = field(default_factory=list)
    cycles: int = 0
    failed: int = 0
    seconds: float = 0.0
    budget: float = BUDGET_MB

    @property
    def settled(self) -> list[tuple[int, float]]:
        """The samples after the warm-up."""
        return [(cycle, mb) for cycle, mb in self.memory if cycle >= WARM_UP * self.cycles]

    @property
    def growth(self) -> float:
        """MB per 10,000 cycles: least squares over the settled samples."""
        if len(self.settled) < 2:
            return 0.0
        cycles, memory = zip(*self.settled, strict=True)
        return 10_000 * linear_regression(cycles, memory).slope

    @property
    def peak(self) -> float:
        return max(mb for _, mb in self.memory)

    def verdict(self) -> str:
        """Flat or not, within the budget or not."""
        first, last = self.settled[0][1], self.settled[-1][1]
        shape = "flat" if self.growth <= FLAT_MB else "NOT FLAT"
        bounds = f"within the budget of {self.budget:g} MB"
        if self.peak > self.budget:
            bounds = f"OVER the budget of {self.budget:g} MB"
        return (
            f"memory {first:.1f} MB after {WARM_UP:.0%} of the run, {last:.1f} MB at its end, "
            f"{self.peak:.1f} MB at most: {bounds}\n"
            f"growth {self.growth:+.3f} MB per 10,000 cycles over the last {1 - WARM_UP:.0%} "
            f"(up to {FLAT_MB} is flat): {shape}"
        )


def options(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    made = argparse.ArgumentParser(
        prog="python -m tests.soak --mode DRY_RUN",
        description=__doc__,
        epilog="Every other option is handed to runner.main_loop.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--cycles", type=int, default=CYCLES, metavar="N")
    made.add_argument("--seed", type=int, metavar="S", help="of the embedded market")
    made.add_argument("--exchange", choices=("embedded", "recorded"), default="embedded")
    made.add_argument("--recording", metavar="DIR", help=f"default TRADER_RECORDINGS/{RECORDING}")
    given, rest = made.parse_known_args(arguments)
    if given.cycles < 1:
        made.error(f"--cycles: {given.cycles} is not at least 1")
    if given.exchange == "recorded" and not (given.recording or recordings(RECORDING)):
        made.error("--exchange recorded: name the candles with --recording DIR")
    return given, rest


def bot_arguments(given: argparse.Namespace) -> list[str]:
    told = ["--exchange", given.exchange]
    if given.seed is not None:
        told += ["--seed", str(given.seed)]
    if given.exchange == "recorded":
        told += ["--recording", str(given.recording or recordings(RECORDING))]
    return told


def soak(folder: Path, cycles: int, arguments: Sequence[str]) -> Soak:
    """Run, sample, and say now and then where it stands. Ctrl-C ends it early."""
    measured, every = Soak(), max(cycles // SAMPLES, 1)
    shown, shown_at, began = 0, perf_counter(), perf_counter()
    with wired_bot(folder, *arguments) as bot, lasting():
        try:
            for done in turns(bot, cycles):
                measured.cycles += 1
                measured.failed += done.outcome is None
                if measured.cycles % every == 0:
                    measured.memory.append((measured.cycles, resident_mb()))
                if measured.cycles * LINES // cycles > (measured.cycles - 1) * LINES // cycles:
                    pace = (measured.cycles - shown) / (perf_counter() - shown_at)
                    print(
                        f"{measured.cycles:>9,} cycles  {resident_mb():6.1f} MB  "
                        f"{pace:6.1f} cycles/s  market time {done.state.at:%Y-%m-%d %H:%M}",
                        flush=True,
                    )
                    shown, shown_at = measured.cycles, perf_counter()
        except KeyboardInterrupt:
            print("stopped by hand")
    measured.seconds = perf_counter() - began
    measured.memory.append((measured.cycles, resident_mb()))
    return measured


def disk(folder: Path) -> str:
    """What lies in the folder, and what this process handed to the disk in all."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    held = f"disk {sum(sizes) / 1e6:.1f} MB held in {len(sizes)} files"
    if not _WRITTEN.exists():
        return held
    counters = dict(line.split(": ") for line in _WRITTEN.read_text("ascii").splitlines())
    return f"{held}, {int(counters['write_bytes']) / 1e6:.1f} MB written"


def main(arguments: Sequence[str] | None = None) -> int:
    given, rest = options(arguments)
    keep_memory_flat()  # as main_loop does
    print(f"{given.cycles:,} cycles of DRY_RUN on the {given.exchange} market", flush=True)
    with TemporaryDirectory(prefix="soak-") as folder:
        measured = soak(Path(folder), given.cycles, [*bot_arguments(given), *rest])
        held = disk(Path(folder))
    if measured.cycles < given.cycles:
        print(f"ended after {measured.cycles:,} cycles, by hand or at the end of the recording")
    pace = measured.cycles / measured.seconds
    print(measured.verdict())
    print(f"speed {pace:.1f} cycles/s over {measured.cycles:,} cycles; {measured.failed} failed")
    print(held)
    return 0
