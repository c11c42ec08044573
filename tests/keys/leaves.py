"""The keys of an effective configuration, one by one, and how a value compares with another."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from config.tree import Plain

_QUANTITY = re.compile(r"^(-?[\d.]+)([smhdx%]| bps| [A-Z]{2,5})$")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # of durations
_FACTORS = {
    "%": Decimal("0.01"),
    " bps": Decimal("0.0001"),
    " KB": Decimal(10) ** 3,
    " MB": Decimal(10) ** 6,
    " GB": Decimal(10) ** 9,
}


def leaves(tree: Mapping[str, Plain], prefix: str = "") -> Iterator[tuple[str, Plain]]:
    """Every key that holds a value or a list, dotted, with what it holds."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def value_of(tree: Mapping[str, Plain], key: str) -> Plain:
    """What a key holds. KeyError for one that is not there."""
    found: Any = tree
    for step in key.split("."):
        found = found[step]
    return found  # type: ignore[no-any-return]


def changed(tree: Mapping[str, Plain], changes: Mapping[str, Plain]) -> dict[str, Plain]:
    """A copy of the tree with the keys set, which must be there already."""
    copied = copy.deepcopy(dict(tree))
    for key, value in changes.items():
        *path, name = key.split(".")
        section: Any = copied
        for step in path:
            section = section[step]
        assert name in section, f"{key} is no key of the configuration"
        section[name] = value
    return copied


def magnitude(value: Plain) -> Decimal | None:
    """The number in a value, in the base unit of its kind; None for words, lists and switches."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return Decimal(value)
    found = _QUANTITY.match(value)
    if found is None:
        return None
    number, unit = Decimal(found[1]), found[2]
    return number * _FACTORS.get(unit, Decimal(_SECONDS.get(unit, 1)))


def scaled(value: Plain, factor: str) -> Plain:
    """A number with its unit, times a factor; a count is rounded to a whole one."""
    if isinstance(value, int):
        return int(value * Decimal(factor))
    found = _QUANTITY.match(str(value))
    assert found is not None, f"{value!r} is no number"
    number, unit = Decimal(found[1]) * Decimal(factor), found[2]
    if unit in _SECONDS:
        number, unit = number * _SECONDS[unit], "s"  # a duration has no fraction
    return f"{format(number.normalize(), 'f')}{unit}"
