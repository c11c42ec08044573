"""What a running bot costs: durable writes, tape, memory, and where the time of a cycle goes.

The bot is the real one, wired as the command line wires it, on the embedded
market in a folder that is thrown away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import perf_counter

from infra.disk import fsyncs
from infra.process import resident_mb
from runner.bot import Bot
from runner.configured import configure
from runner.main_loop import options, turn
from runner.wiring import wire
from tests.benchmarks.measured import Row

FSYNCS_MAX = 4
TAPE_KB_MAX = 10
TAPE_PRODUCTS = 30
MEMORY_MB_MAX = 60
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Tally:
    """What was counted of every cycle of one run."""

    quiet: list[int] = field(default_factory=list)  # fsyncs of cycles without orders
    busy: list[int] = field(default_factory=list)  # of cycles with orders, the ledger's not
    quiet_ledger_writes: int = 0
    stages: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: int = 0


def running_rows(cycles: int) -> list[Row]:
    """Run the embedded market for so many cycles and report what it took."""
    with TemporaryDirectory() as folder, _bot(Path(folder)) as bot:
        tally, early, early_at = Tally(), 0.0, max(cycles // 10, 1)
        began = perf_counter()
        for number in range(1, cycles + 1):
            _cycle(bot, tally, Path(folder))
            if number == early_at:
                early = resident_mb()
        seconds, late = perf_counter() - began, resident_mb()
        watched = len(bot.world.history.remembered().through)
        tape, days = _tape_bytes(Path(folder))
    per_cycle = tape / (days * _DAY / bot.settings.market.bar) if days else tape / cycles
    return [
        *_fsync_rows(tally),
        Row(
            f"tape per cycle, scaled to {TAPE_PRODUCTS} products",
            per_cycle / 1000 * TAPE_PRODUCTS / watched,
            "KB",
            TAPE_KB_MAX,
            f"{per_cycle / 1000:.2f} KB with the {watched} products that have candles, "
            f"keyframes included, mean of {days} whole days",
        ),
        Row(f"memory after {early_at} cycles", early, "MB", MEMORY_MB_MAX, "this process, RSS"),
        Row(f"memory after {cycles} cycles", late, "MB", MEMORY_MB_MAX, f"{late - early:+.2f} MB"),
        Row("cycles per second", cycles / seconds, "", None, f"{tally.failed} failed"),
        *_stage_rows(tally),
    ]


@contextmanager
def _bot(folder: Path) -> Iterator[Bot]:
    given = options(
        [
            *("--mode", "DRY_RUN", "--exchange", "embedded", "--fast", "--quiet"),
            *("--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs")),
        ]
    )
    with wire(given, configure(given)) as bot:
        yield bot


def _cycle(bot: Bot, tally: Tally, folder: Path) -> None:
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None, "the embedded market has no end"
    before, ledger = fsyncs(), _ledger_stamp(folder)
    bot.last = turn(bot, at)
    made, wrote = fsyncs() - before, _ledger_stamp(folder) != ledger
    record = bot.last.record
    if record is None or record["outcome"] == "FAILED":
        tally.failed += 1
        return
    if record["orders"]:
        tally.busy.append(made)
    else:
        tally.quiet.append(made)
        tally.quiet_ledger_writes += wrote and bot.last.state.cycle > 1  # the first opens the books
    for stage, milliseconds in record["timing_ms"].items():
        tally.stages[stage].append(milliseconds)


def _ledger_stamp(folder: Path) -> tuple[int, ...]:
    """Changes with every write of SQLite's, whose fsyncs are its own."""
    files = sorted((folder / "var").rglob("ledger.sqlite*"))
    return tuple(part for file in files for part in (file.stat().st_size, file.stat().st_mtime_ns))


def _tape_bytes(folder: Path) -> tuple[int, int]:
    """Bytes of the whole days on tape, and how many those are; else of all there is."""
    sizes = [path.stat().st_size for path in sorted((folder / "var").rglob("*.tape"))]
    whole = sizes[:-1]
    return (sum(whole), len(whole)) if whole else (sum(sizes), 0)


def _fsync_rows(tally: Tally) -> list[Row]:
    later = tally.quiet[1:] or tally.quiet  # the first cycle of all makes the files
    beyond = sum(made > FSYNCS_MAX for made in later)
    note = (
        f"median of {len(later)}; {beyond} took up to {max(later)}, where a day ended; "
        f"the ledger wrote in {tally.quiet_ledger_writes}"
    )
    rows = [Row("fsyncs per cycle without orders", median(later), "", FSYNCS_MAX, note)]
    if tally.busy:
        note = f"median of {len(tally.busy)}; SQLite adds one for intents, one for outcomes"
        rows.append(Row("fsyncs per cycle with orders", median(tally.busy), "", None, note))
    return rows


def _stage_rows(tally: Tally) -> list[Row]:
    whole = mean(tally.stages.pop("total"))
    rows = [Row("a whole cycle", whole, "ms", None, "up to the audit line")]
    for stage, found in tally.stages.items():
        share = f"{mean(found) / whole:.0%} of it"
        rows.append(Row(f"  {stage}", mean(found), "ms", None, share))
    return rows
