"""One file of recorded candles: read it whole, believe nothing.

A candle that cannot have happened would become a decision, so a file with one
is refused with the line it stands on. What is legal: gaps (nobody traded),
candles without volume, Windows line ends. Nothing is repaired.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np

from core.errors import FatalError
from core.market import Bars, Flags, Floats
from core.wording import span

HEADER = "ts,open,high,low,close,volume"
_COLUMNS = HEADER.split(",")
_FIRST_ROW = 2  # line of the first candle
_YEAR_2100 = 4_102_444_800  # seconds; milliseconds of any year since 1970 lie beyond
_GZIP = 31  # zlib's name for "with a gzip header"
_SHOWN_MAX = 80


class BadRecording(FatalError):
    """The recording is unusable as it is; the message names the file and the line."""

    code = "BAD_RECORDING"

    @classmethod
    def at(cls, path: Path, line: int, why: str) -> BadRecording:
        return cls(f"{path}:{line}: {why}")


def read_candles(path: Path, raw: bytes, bar: timedelta) -> Bars:
    """The candles in `raw`, the bytes of `path`; read-only arrays. Raises BadRecording."""
    lines = _text(path, _unpacked(path, raw)).replace("\r\n", "\n").rstrip("\n").split("\n")
    if lines[0] != HEADER:
        seen = _shown(lines[0]) if lines[0] else "an empty line or file"
        raise BadRecording.at(path, 1, f"the header is {HEADER}, was {seen}")
    if len(lines) < _FIRST_ROW:
        raise BadRecording.at(path, 1, "a header and no candles")
    rows = _numbers(path, lines)
    _refuse_impossible(path, lines, rows, bar)
    opened = rows[:, 0].astype(np.int64)
    columns = np.ascontiguousarray(rows[:, 1:].T)
    for array in (opened, columns):
        array.flags.writeable = False
    return Bars(opened, *columns)


def _unpacked(path: Path, raw: bytes) -> bytes:
    if path.suffix != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error):
        raise BadRecording.at(
            path, _readable_lines(raw), "the gzip file is damaged or ends too early; copy it again"
        ) from None


def _readable_lines(raw: bytes) -> int:
    """The line at which a damaged gzip file stops being readable."""
    try:
        return zlib.decompressobj(_GZIP).decompress(raw).count(b"\n") + 1
    except zlib.error:
        return 1


def _text(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as flaw:
        line = content.count(b"\n", 0, flaw.start) + 1
        raise BadRecording.at(path, line, "the text is not UTF-8") from None


def _numbers(path: Path, lines: list[str]) -> Floats:
    """All rows as float64 [row x column]; the exact line is looked for only when it fails."""
    try:
        rows = np.loadtxt(lines[1:], delimiter=",", comments=None, dtype=np.float64, ndmin=2)
    except ValueError:
        raise _unreadable(path, lines) from None
    if rows.shape != (len(lines) - 1, len(_COLUMNS)):
        raise _unreadable(path, lines)
    return rows


def _unreadable(path: Path, lines: list[str]) -> BadRecording:
    for number, line in enumerate(lines[1:], start=_FIRST_ROW):
        fields = line.split(",")
        if len(fields) != len(_COLUMNS):
            why = f"{len(_COLUMNS)} columns are needed, was {_shown(line)}"
            return BadRecording.at(path, number, why)
        for name, field in zip(_COLUMNS, fields, strict=True):
            if not _is_number(field):
                return BadRecording.at(path, number, f"{name} is no number: {_shown(field)}")
    return BadRecording.at(path, 1, "the rows are no table of numbers")


def _is_number(field: str) -> bool:
    """What numpy reads as one: Python alone would also take 1_000 and other scripts' digits."""
    if not field.isascii() or "_" in field:
        return False
    try:
        float(field)
    except ValueError:
        return False
    return True


def _refuse_impossible(path: Path, lines: list[str], rows: Floats, bar: timedelta) -> None:
    """Raises for the first line that breaks a rule; of several rules, for the first of them."""
    first: tuple[int, str] | None = None
    with np.errstate(invalid="ignore"):
        for why, broken in _rules(rows, bar):
            at = int(broken.argmax())
            if broken[at] and (first is None or at < first[0]):
                first = at, why
    if first is not None:
        line = first[0] + 1
        raise BadRecording.at(path, line + 1, f"{first[1]}: {_shown(lines[line])}")


def _rules(rows: Floats, bar: timedelta) -> Iterator[tuple[str, Flags]]:
    """What no candle may be, and which rows are."""
    ts, opened, high, low, close, volume = rows.T
    prices = rows[:, 1:5]
    step = np.diff(ts, prepend=-np.inf)
    yield "not a finite number", ~np.isfinite(np.abs(rows).max(axis=1))
    yield "ts is not in UTC seconds (are these milliseconds?)", (ts < 0) | (ts >= _YEAR_2100)
    yield f"ts is not on the {span(bar)} grid", ts % (bar // timedelta(seconds=1)) != 0
    yield "the same ts twice", step == 0
    yield "ts is before the line above; sort the file", step < 0
    yield "a price is zero or negative", prices.min(axis=1) <= 0
    yield "the volume is negative", volume < 0
    yield "high is below low", high < low
    yield "high is below open or close", high < np.maximum(opened, close)
    yield "low is above open or close", low > np.minimum(opened, close)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "...")
