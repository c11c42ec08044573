"""What PAPER costs beside DRY_RUN where nothing is ordered: both bots, cycle by cycle in turn.

By the time of this process alone, so that neither waiting for the disk nor whatever else
runs on the machine counts: fsyncs are counted elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

from runner.bot import Bot
from runner.configured import configure
from runner.main_loop import options, turn
from runner.wiring import wire
from tests.benchmarks.measured import Row

CYCLES, WARM_UP = 400, 20
BUDGET_MS = 1.0


def paper_rows() -> list[Row]:
    dry: list[float] = []
    paper: list[float] = []
    with TemporaryDirectory() as folder, ExitStack() as open_bots:
        bots = [
            open_bots.enter_context(_bot(Path(folder) / mode, mode))
            for mode in ("DRY_RUN", "PAPER")
        ]
        for number in range(CYCLES):
            costs = [_cycle(bot) for bot in bots]
            if number >= WARM_UP and not any(_busy(bot) for bot in bots):
                for kept, cost in zip((dry, paper), costs, strict=True):
                    kept.append(cost)
    more = (median(paper) - median(dry)) * 1_000
    note = f"{median(dry) * 1_000:.2f} ms before; medians of {len(dry)} cycles, own time alone"
    return [Row("a PAPER cycle without orders, beyond DRY_RUN's", more, "ms", BUDGET_MS, note)]


@contextmanager
def _bot(folder: Path, mode: str) -> Iterator[Bot]:
    folders = ("--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs"))
    given = options(["--mode", mode, "--exchange", "embedded", "--fast", "--quiet", *folders])
    with wire(given, configure(given)) as bot:
        yield bot


def _cycle(bot: Bot) -> float:
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    began = process_time()
    bot.last = turn(bot, at)
    return process_time() - began


def _busy(bot: Bot) -> bool:
    record = bot.last.record
    return record is None or bool(record["orders"] or record["fills"])
