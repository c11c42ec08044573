"""Small recordings in a folder, and a clock to play them by."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.exchange.simulated.candle_file import HEADER

RECORDED_FROM = datetime(2025, 3, 1, tzinfo=UTC)

Row = Sequence[object]


@dataclass
class HandClock:
    """A market's clock that stands until a test moves it."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def rows(
    count: int,
    *,
    since: datetime = RECORDED_FROM,
    bar: timedelta = timedelta(minutes=15),
    price: str = "100.00",
    volume: str = "12.5",
) -> list[Row]:
    """Candles without a gap that never move."""
    step = int(bar.total_seconds())
    first = int(since.timestamp())
    return [(first + step * at, price, price, price, price, volume) for at in range(count)]


def csv(candles: Iterable[Row], *, header: str = HEADER) -> str:
    """The text of a candle file."""
    lines = [header, *(",".join(str(field) for field in row) for row in candles)]
    return "\n".join(lines) + "\n"


def write_candles(folder: Path, name: str, candles: Iterable[Row]) -> Path:
    """A candle file, compressed when its name says so."""
    path = folder / name
    content = csv(candles).encode()
    path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
    return path
