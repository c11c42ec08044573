"""What a whole warm LIVE cycle takes against a venue 80 ms away, and which requests it waits for.

The bot is the real one, wired as the command line wires it, with ledger, tape and audit
log. Before each cycle all but some products' new candles are read, so that as many are
new as are named. The critical path is the longest chain of requests of which none could
leave before the one ahead of it was answered, as the venue saw them come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from runner.bot import Bot
from runner.main_loop import turn
from tests.benchmarks.far_venue import LATENCY, NEW_BARS, WALL_MAX, critical_path, only, rest
from tests.benchmarks.measured import Row
from tests.builders.rehearsal import Rehearsal, a_rehearsal, step

CYCLES = 12


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle: its wall time, and what the venue saw of it."""

    seconds: float
    requests: int
    chain: tuple[str, ...]  # the requests of the critical path
    orders: int  # sent and cancelled
    stages: Mapping[str, float]


def cycle_rows() -> list[Row]:
    """The median cycle without orders, and that with orders."""
    with TemporaryDirectory() as folder:
        flags = ("--latency-ms", str(LATENCY // timedelta(milliseconds=1)))
        with a_rehearsal(Path(folder), *flags) as rehearsal, rehearsal.bot() as bot:
            step(bot)
            found = [_cycle(rehearsal, bot) for _ in range(CYCLES)]
            products = len(bot.world.history.remembered().through)
    what = f"a whole LIVE cycle, {products} products, {NEW_BARS} new bars"
    quiet = [cycle for cycle in found if not cycle.orders]
    busy = [cycle for cycle in found if cycle.orders]
    rows = [_row(what, quiet, WALL_MAX), *_stage_rows(quiet)] if quiet else []
    return [*rows, *([_row(f"{what}, and orders", busy, None)] if busy else [])]


def _cycle(rehearsal: Rehearsal, bot: Bot) -> Cycle:
    rehearsal.move()
    assert bot.real is not None
    rest()
    bot.real.meet()
    _read_all_but_some(bot)
    rest()
    before = rehearsal.venue.admin("journal")["count"]
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    began = perf_counter()
    bot.last = turn(bot, at)
    seconds = perf_counter() - began
    entries = rehearsal.venue.admin(f"journal?after={before}")["requests"]
    record = bot.last.record
    assert record is not None
    sent = sum(entry["method"] == "POST" for entry in entries)
    return Cycle(seconds, len(entries), critical_path(entries), sent, record["timing_ms"])


def _read_all_but_some(bot: Bot) -> None:
    """Take in the new candles of the other products."""
    assert bot.real is not None
    bot.real.begin("others", hurried=False)
    world = bot.world
    at = bot.timetable.after(bot.last.state.at)
    others = tuple(world.history.remembered().through)[NEW_BARS:]
    assert at is not None
    gatherer = replace(world.gatherer, policy=only(world.policy, others))
    world.history.absorb(gatherer.read(at, bot.last.state.nearest, ()))


def _row(what: str, cycles: Sequence[Cycle], budget: float | None) -> Row:
    one = sorted(cycles, key=lambda cycle: cycle.seconds)[len(cycles) // 2]
    note = (
        f"median of {len(cycles)}, venue 80 ms away; {one.requests} requests, "
        f"{len(one.chain)} one after the other: {' > '.join(one.chain)}"
    )
    return Row(what, one.seconds, "s", budget, note)


def _stage_rows(cycles: Sequence[Cycle]) -> list[Row]:
    stages = [stage for stage in cycles[0].stages if stage != "total"]
    return [
        Row(f"  {stage}", median(cycle.stages[stage] for cycle in cycles) / 1000, "s")
        for stage in stages
    ]
