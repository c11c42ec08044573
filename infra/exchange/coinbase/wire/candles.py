"""Candles: newest first and with gaps on the wire, oldest first and closed in our hands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from math import isfinite

import msgspec
import numpy as np

from core.market import Bars
from infra.exchange.coinbase.wire.values import Unreadable, needed, rows

_SECOND = timedelta(seconds=1)
# The cap is on steps, not on rows: 350 are refused outright, 300 always pass.
PAGE = 300
GRANULARITIES = {
    timedelta(minutes=1): "ONE_MINUTE",
    timedelta(minutes=5): "FIVE_MINUTE",
    timedelta(minutes=15): "FIFTEEN_MINUTE",
    timedelta(minutes=30): "THIRTY_MINUTE",
    timedelta(hours=1): "ONE_HOUR",
    timedelta(hours=2): "TWO_HOUR",
    timedelta(hours=4): "FOUR_HOUR",
    timedelta(hours=6): "SIX_HOUR",
    timedelta(days=1): "ONE_DAY",
}


class _Row(msgspec.Struct):
    start: str
    open: str | None = None
    high: str | None = None
    low: str | None = None
    close: str | None = None
    volume: str | None = None


Candle = tuple[int, float, float, float, float, float]


def pages(bar: timedelta, since: datetime, until: datetime) -> Iterator[tuple[int, int]]:
    """First and last opening second of each request; both ends are asked for."""
    step = bar // _SECOND
    opened = -(-_seconds_up(since) // step) * step
    last = (int(until.timestamp()) // step - 1) * step
    while opened <= last:
        page_end = min(last, opened + (PAGE - 1) * step)
        yield opened, page_end
        opened = page_end + step


def candles(body: bytes) -> list[Candle]:
    """The rows of one answer. A row that cannot be right makes all of them unreadable."""
    return [_candle(row) for row in rows(body, "candles", _Row)]


def _candle(row: _Row) -> Candle:
    opened = needed(row.start, "start")
    told = (row.open, row.high, row.low, row.close, row.volume)
    first, high, low, last, volume = (
        float(needed(text, f"a candle's number at {row.start}")) for text in told
    )
    sane = 0 < low <= min(first, last) <= max(first, last) <= high and volume >= 0
    if not sane or not isfinite(high) or not isfinite(volume):
        raise Unreadable(f"the candle at {row.start} cannot be")
    return int(opened), first, high, low, last, volume


def bars(found: Iterable[Candle], bar: timedelta, since: datetime, until: datetime) -> Bars:
    """Closed bars, oldest first, each once; the bucket that is still forming is dropped."""
    step = bar // _SECOND
    first, end = _seconds_up(since), int(until.timestamp())
    by_open = {row[0]: row for row in found if first <= row[0] and row[0] + step <= end}
    ordered = [by_open[opened] for opened in sorted(by_open)]
    columns = list(zip(*ordered, strict=True)) or [()] * 6
    return Bars(
        np.array(columns[0], dtype=np.int64),
        *(np.array(column, dtype=np.float64) for column in columns[1:]),
    )


def _seconds_up(at: datetime) -> int:
    whole = int(at.timestamp())
    return whole if at.microsecond == 0 else whole + 1
