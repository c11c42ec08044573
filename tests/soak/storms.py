"""Storms at a simulated venue, and real processes that are killed: what of it the soak runs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
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
from tests.soak.memory import LINES, SAMPLES, Soak

_STRETCH = 5_000  # cycles of one world; then another begins, so that a long run meets many
_MEMORY = Path("/dev/shm")


@contextmanager
def in_memory() -> Iterator[Path]:
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
            with in_memory() as folder:
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
    with in_memory() as folder:
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
