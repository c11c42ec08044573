"""python -m tests.soak: long runs, on demand.

--cycles N --seed S    PAPER in a seeded random world of faults, deaths and controls,
                       judged after every cycle; exit 1 and the seed where a promise breaks
--kills N              kill -9 of N real processes; prints the table of what came of each
--kills N --venue sandbox
                       the same with LIVE bots over Coinbase's wire, and faults on it; exit 1
                       where the sandbox's truth and the books disagree afterwards
--mode DRY_RUN         memory of a long run without orders (--help tells its options)
--mode LIVE            memory of a bot that trades on the sandbox, over Coinbase's wire
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from time import perf_counter

from infra.process import keep_memory_flat, resident_mb
from tests.crashes.killing import Killings
from tests.crashes.wire import killing as wire
from tests.oracles.judges import Broken
from tests.oracles.world import World
from tests.soak import live, memory
from tests.soak.memory import LINES, SAMPLES, Soak

CYCLES = 10_000
_STRETCH = 5_000  # cycles of one world; then another begins, so that a long run meets many
_MEMORY = Path("/dev/shm")


def options(arguments: Sequence[str]) -> argparse.Namespace:
    made = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--cycles", type=int, default=CYCLES, metavar="N")
    made.add_argument("--seed", type=int, default=1, metavar="S", help="of the first world")
    made.add_argument("--kills", type=int, metavar="N", help="processes to kill")
    made.add_argument("--venue", choices=("simulated", "sandbox"), default="simulated")
    made.add_argument("--mode", choices=("PAPER", "DRY_RUN", "LIVE"), default="PAPER")
    given = made.parse_args(arguments)
    if given.cycles < 1 or (given.kills is not None and given.kills < 1):
        made.error("--cycles and --kills: at least 1")
    if given.venue == "sandbox" and given.kills is None:
        made.error("--venue sandbox: say how many, with --kills")
    return given


@contextmanager
def _folder() -> Iterator[Path]:
    where = _MEMORY if _MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="soak-", dir=where) as folder:
        yield Path(folder)


def worlds(cycles: int, seed: int) -> int:
    """World after world until so many cycles are judged; flat memory is told at the end."""
    keep_memory_flat()
    logging.disable(logging.CRITICAL)  # a storm fails on purpose, and says so in every cycle
    measured, began, orders, deaths = Soak(), perf_counter(), 0, 0
    every = max(cycles // SAMPLES, 1)
    try:
        while measured.cycles < cycles:
            length = min(_STRETCH, cycles - measured.cycles)
            with _folder() as folder:
                world = World(folder, seed, length)
                for bot in world.run():
                    measured.cycles += 1
                    measured.failed += bot.last.outcome is None
                    if measured.cycles % every == 0:
                        measured.memory.append((measured.cycles, resident_mb()))
                    if measured.cycles % max(cycles // LINES, 1) == 0:
                        print(f"{measured.cycles:>9,} cycles  {resident_mb():6.1f} MB", flush=True)
                orders, deaths = orders + world.record.orders, deaths + world.happened["deaths"]
                print(f"seed {seed}: {_told(world)}", flush=True)
            seed += 1
    except Broken as broken:
        print(f"BROKEN: {broken}", file=sys.stderr)
        return 1
    measured.seconds = perf_counter() - began
    print(measured.verdict())
    print(
        f"{measured.cycles:,} cycles judged, {orders:,} orders, {deaths:,} deaths, "
        f"{measured.failed:,} cycles failed; {measured.cycles / measured.seconds:.1f} cycles/s"
    )
    return 0


def _told(world: World) -> str:
    happened = {"orders": world.record.orders, **dict(sorted(world.happened.items()))}
    return ", ".join(f"{count} {what}" for what, count in happened.items())


def kills(count: int, seed: int) -> int:
    """Kill so many processes at random moments, and print what came of each."""
    with _folder() as folder:
        killings = Killings(folder)
        for name, moment in killings.at_random(count, Random(seed)):
            killings.kill(name, moment)
        print("\n".join(killings.deaths.markdown()))
    return 0


def wire_kills(count: int, seed: int) -> int:
    """The same over the wire; what disagreed, if anything, and then where it can be looked at."""
    folder = Path(mkdtemp(prefix="soak-", dir=_MEMORY if _MEMORY.is_dir() else None))
    killings = wire.Killings(folder)
    for told in killings.at_random(count, Random(seed)):
        print(told, file=sys.stderr, flush=True)
    print("\n".join(killings.deaths.markdown()))
    print(f"{killings.lives} lives, {killings.orders} orders, {killings.fills} fills")
    if not killings.wrong:
        rmtree(folder)
        return 0
    for line in killings.wrong:
        print(f"DISAGREES: {line}")
    print(f"the folders of all lives are in {folder}")
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    if "DRY_RUN" in given:
        return memory.main(_without_mode(given))
    chosen = options(given)
    if chosen.venue == "sandbox":
        return wire_kills(chosen.kills, chosen.seed)
    if chosen.mode == "LIVE":
        with _folder() as folder:
            return live.main(folder, chosen.cycles)
    if chosen.kills is not None:
        return kills(chosen.kills, chosen.seed)
    return worlds(chosen.cycles, chosen.seed)


def _without_mode(given: list[str]) -> list[str]:
    """The mode is what this program chose by; the bot of that soak is in DRY_RUN anyway."""
    at = given.index("DRY_RUN")
    return [*given[: at - 1], *given[at + 1 :]]


if __name__ == "__main__":
    raise SystemExit(main())
