"""Quantities as a record writes them, read by a hand that did not write them."""

from __future__ import annotations

import re
from decimal import Decimal

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SPAN = re.compile(r"^-?(?:\d+(?:\.\d+)?[dhms])+$")
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms])")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class NotAQuantity(ValueError):
    """A text in which no number with a unit stands."""


def quantity(text: str) -> tuple[Decimal, str]:
    """The number and its unit: `3%` and `80 bps` are ratios, `15m` seconds, `25 USD` money."""
    text = text.strip()
    if _SPAN.match(text):
        return _seconds(text), "seconds"
    if text.endswith("%"):
        return Decimal(text[:-1]) / 100, "ratio"
    if text.endswith(" bps"):
        return Decimal(text[:-4]) / 10_000, "ratio"
    if re.fullmatch(r"-?\d+(\.\d+)?x", text):
        return Decimal(text[:-1]), "times"
    number = _NUMBER.match(text)
    if number is None:
        raise NotAQuantity(text)
    return Decimal(number[0]), text[number.end() :].strip().rstrip("s")


def said_quantity(text: str) -> tuple[Decimal, str]:
    """The first quantity in a phrase: `momentum 50% of the bars rose` says 50%."""
    words = text.split()
    for place, word in enumerate(words):
        number = re.match(r"-?\d", word)
        if number and re.search(r"[%xdhms]$", word):
            return quantity(word)
        if number:
            return quantity(" ".join(words[place : place + 2]))
    raise NotAQuantity(text)


def _seconds(text: str) -> Decimal:
    total = sum(
        (Decimal(number) * _SECONDS[unit] for number, unit in _PART.findall(text)), Decimal(0)
    )
    return -total if text.startswith("-") else total
