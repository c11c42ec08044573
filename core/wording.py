"""How quantities are written in records: always with their unit, always the same way.

The inverse of `config.parse`: what is written here can be pasted into a YAML file.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from core.money import HUNDRED, Ratio, Toward, multiplied, plain, rounded_down, rounded_up

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_NOTHING, _SECOND = timedelta(0), timedelta(seconds=1)
_SHOWN = {Toward.FLOOR: rounded_down, Toward.CEILING: rounded_up}
_PERCENT_STEP = Decimal("0.0001")


def span(value: timedelta) -> str:
    """15m, 1h30m, 2d; fractions of a second as 0.25s."""
    if value < _NOTHING:
        return f"-{span(-value)}"
    whole, fraction = divmod(value, _SECOND)
    parts = []
    for unit, size in _UNITS:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count}{unit}")
    if fraction:
        parts.append(f"{fraction.microseconds / 1_000_000:.6f}".rstrip("0")[1:] + "s")
        if len(parts) > 1 and parts[-2].endswith("s"):
            parts[-2:] = [parts[-2][:-1] + parts[-1]]
        else:
            parts[-1] = "0" + parts[-1]
    return "".join(parts) or "0s"


def percent(value: Ratio, *, toward: Toward = Toward.FLOOR) -> str:
    """A ratio with at most four decimals of a per cent, rounded as named."""
    hundredfold = multiplied(value.value, HUNDRED)
    return f"{plain(_SHOWN[toward](hundredfold, _PERCENT_STEP))}%"


def percent_of(value: float) -> str:
    """A float ratio, as measured on candles, in per cent."""
    text = f"{value * 100:.4f}".rstrip("0").rstrip(".")
    return "0%" if text == "-0" else f"{text}%"


def times(value: float) -> str:
    """A float multiple: 2.5x."""
    return f"{value:.4f}".rstrip("0").rstrip(".") + "x"


def count(number: int, noun: str) -> str:
    """3 bars, 1 bar."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def instant(value: datetime) -> str:
    """ISO 8601 in UTC with Z, microseconds only where there are any."""
    return value.isoformat().replace("+00:00", "Z")
