"""Text to values with units: 3%, 80 bps, 2x, 25 USD, 15m, 10 MB, instants and dates.

The inverse of `core.wording`. A quantity without its unit is refused with the
right form, because 3 may be three times, three per cent or three dollars, and
no reader of a diff can tell which. Nothing is rounded and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from config.complaints import shown
from core.money import Money, Ratio, Toward, divided, multiplied

_NUMBER = r"(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,12})?"
_BARE = re.compile(rf"-?{_NUMBER}")
_RATIO = re.compile(rf"(-?{_NUMBER})(%| bps)")
_MULTIPLE = re.compile(rf"({_NUMBER})x")
_MONEY = re.compile(rf"({_NUMBER}) ([A-Z0-9]{{2,10}})")
_DURATION = re.compile(
    r"(?=[0-9])(?:([0-9]{1,5})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,7})m)?"
    r"(?:([0-9]{1,9})(?:\.([0-9]{1,6}))?s)?"
)
_SIZE = re.compile(r"([0-9]{1,9}) (KB|MB|GB)")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_SHARES = {"%": Decimal("0.01"), " bps": Decimal("0.0001")}
_BYTES = {"KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


def _refusal(text: str, noun: str, unit: str, examples: str) -> ValueError:
    """What to say about `text`: a bare number gets its own right form."""
    if not text:
        return ValueError(f"has no value; write {noun}, such as {examples}")
    if _BARE.fullmatch(text):
        return ValueError(f"{text} has no unit; write {text}{unit}")
    return ValueError(f"{shown(text)} is not {noun}; write it like {examples}")


def ratio(text: str) -> Ratio:
    """3% or 80 bps; may be negative. 3% is Ratio(0.03)."""
    found = _RATIO.fullmatch(text)
    if not found:
        raise _refusal(text, "a ratio", "%", "3% or 80 bps")
    return Ratio(multiplied(Decimal(found[1]), _SHARES[found[2]]))


def multiple(text: str) -> Decimal:
    """2x is Decimal(2)."""
    found = _MULTIPLE.fullmatch(text)
    if not found:
        raise _refusal(text, "a multiple", "x", "2x or 1.5x")
    return Decimal(found[1])


def money(text: str) -> Money:
    """25 USD: one space, and the currency in capitals."""
    found = _MONEY.fullmatch(text)
    if not found:
        raise _refusal(text, "an amount of money", " USD", "25 USD")
    return Money(Decimal(found[1]), found[2])


def duration(text: str) -> timedelta:
    """15m, 1h30m, 2d, 0.25s: largest unit first."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise _refusal(text, "a duration", "m", "30s, 15m, 1h30m or 2d")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:4])
    micros = int((found[5] or "0").ljust(6, "0"))
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=micros)


def size(text: str) -> int:
    """10 MB in bytes; a KB is a thousand of them."""
    found = _SIZE.fullmatch(text)
    if not found:
        raise _refusal(text, "a number of bytes", " MB", "200 KB, 10 MB or 1 GB")
    return int(found[1]) * _BYTES[found[2]]


def instant(text: str) -> datetime:
    """2025-01-01T00:00:00Z: ISO 8601 in UTC."""
    if _INSTANT.fullmatch(text):
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except ValueError as error:
            raise ValueError(f"{shown(text)} does not exist: {error}") from None
    raise _refusal(text, "an instant", "-01-01T00:00:00Z", "2025-01-01T00:00:00Z")


def day(text: str) -> date:
    """2026-01-31."""
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise ValueError(f"{shown(text)} does not exist: {error}") from None
    raise _refusal(text, "a date", "-01-31", "2026-01-31")


def pace(text: str) -> timedelta | Decimal:
    """A duration, or a multiple of another one: 60s or 1.5x."""
    if _MULTIPLE.fullmatch(text):
        return multiple(text)
    if _DURATION.fullmatch(text):
        return duration(text)
    raise _refusal(text, "a duration or a multiple", "s", "60s, 15m or 1.5x")


def stretched(span: timedelta, factor: Decimal) -> timedelta:
    """`factor` times `span`, down to the microsecond."""
    micros = multiplied(Decimal(span // timedelta(microseconds=1)), factor)
    return timedelta(microseconds=int(divided(micros, Decimal(1), toward=Toward.FLOOR)))


# By the name of the unit in config/schema/units.schema.json.
UNITS: dict[str, Callable[[str], object]] = {
    "ratio": ratio,
    "multiple": multiple,
    "money": money,
    "duration": duration,
    "bytes": size,
    "instant": instant,
    "date": day,
    "pace": pace,
}
