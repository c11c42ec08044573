"""A recording in which averages cross every day, and backtests over it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import sin
from pathlib import Path

from config.shipped import FOLDER
from runner import backtest
from tests.builders.recordings import Row, write_candles
from tests.builders.terminal import Answer, asked

BTC = "BTC-USD"
FROM = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
WARM_UP = 350  # bars
FILES = ("equity.csv", "report.html", "report.json", "trades.csv")


def waves(bars: int, *, since: datetime = FROM, bar: timedelta = HOUR) -> list[Row]:
    """A price that swings by 4% every two days of hourly bars, never straight, traded a lot."""
    jitter = (0.002, -0.001, 0.001, -0.002)
    closes = [
        f"{50_000 * (1 + 0.04 * sin(row / 8) + jitter[row % 4]):.2f}" for row in range(bars + 1)
    ]
    found: list[Row] = []
    for row in range(bars):
        first, last = closes[row], closes[row + 1]
        high = f"{max(float(first), float(last)) * 1.001:.2f}"
        low = f"{min(float(first), float(last)) * 0.999:.2f}"
        at = int((since + row * bar).timestamp())
        found.append((at, first, high, low, last, "400"))
    return found


def a_recording(folder: Path, *, bars: int = WARM_UP + 150) -> Path:
    """Hourly candles of one product."""
    place = folder / "recording"
    place.mkdir()
    write_candles(place, f"{BTC}_1h_waves.csv", waves(bars))
    return place


def arguments(recording: Path, report: Path, *more: object) -> list[object]:
    """The example strategy alone, on hourly bars."""
    return [
        *("--config", FOLDER, "--profile", "ema_cross"),
        *("--recording", recording, "--bar", "1h", "--report", report),
        *more,
    ]


def backtested(recording: Path, report: Path, *more: object) -> Answer:
    """`python -m runner.backtest`."""
    return asked(backtest.main, *arguments(recording, report, *more))
