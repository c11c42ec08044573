"""How fast a backtest goes: a year of 1m candles of one product with the example strategy.

The candles are the embedded market's, written to a folder that is thrown away. Some
cycles of the year are played, and the year is reckoned from them; `--cycles 525600` plays
it whole.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np

from config.shipped import FOLDER
from core.wording import instant
from infra.clock import MarketClock
from infra.exchange.simulated.candle_file import HEADER
from infra.exchange.simulated.synthetic import SyntheticMarket
from infra.process import left_to_tidy
from runner import backtest
from runner.backtested import backtested
from runner.main_loop import Stop, loop
from tests.benchmarks.measured import Row
from tests.builders.market import FEES

SYMBOL = "BTC-USD"
YEAR = 365 * 24 * 60  # cycles
MINUTES_MAX = 6.0
_FROM = datetime(2025, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_WARM_UP = 4_400  # bars, a few more than the shipped policy looks back on


def backtest_rows(cycles: int) -> list[Row]:
    """Minutes for a year, cycles per second, and the share of each stage."""
    cycles = min(cycles, YEAR)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_minutes(folder, _WARM_UP + cycles)
        given = backtest.options(
            [
                *("--config", str(FOLDER), "--profile", "ema_cross", "--bar", "1m"),
                *("--recording", name, "--report", str(folder / "report")),
                *("--start", instant(_FROM + _WARM_UP * _MINUTE)),
            ]
        )
        bot, journal = backtested(*backtest.prepared(given))
        began, used = perf_counter(), process_time()
        with bot, left_to_tidy():
            loop(bot, given, backtest.Progress(io.StringIO()), Stop())
        seconds, worked = perf_counter() - began, process_time() - used
    played, fills = journal.chronicle.rows, len(journal.chronicle.fills)
    note = f"{played} cycles played, {fills} fills, {journal.chronicle.failed.total()} failed"
    year = seconds / played * YEAR / 60
    total = journal.timing_ms.pop("total")
    return [
        Row("backtest of a year of 1m candles, one product", year, "min", MINUTES_MAX, note),
        Row("  by the time of this process alone", worked / played * YEAR / 60, "min", MINUTES_MAX),
        Row("  cycles per second", played / seconds, ""),
        *(
            Row(f"  {stage}", took / played, "ms", None, f"{took / total:.0%} of a cycle")
            for stage, took in journal.timing_ms.items()
        ),
    ]


def write_minutes(folder: Path, count: int) -> None:
    """So many candles of the embedded market, as a recording."""
    end = _FROM + count * _MINUTE
    market = SyntheticMarket(
        clock=MarketClock(end), seed=7, start=_FROM, bar=_MINUTE, fees=FEES, quote="USD"
    )
    bars = market.bars(SYMBOL, _MINUTE, _FROM, end)
    columns = (bars.opened, bars.open, bars.high, bars.low, bars.close, bars.volume)
    with (folder / f"{SYMBOL}_1m_year.csv").open("w", encoding="utf-8") as file:
        np.savetxt(
            file,
            np.column_stack(columns),
            "%d,%.2f,%.2f,%.2f,%.2f,%.8f",
            header=HEADER,
            comments="",
        )
