"""Fit: does a tree fit its schema? Yes or no, and not a word about why.

A configuration in order is the rule, and jsonschema takes a tenth of a second and
6 MB to say so. This says it at once; only what does not fit, or bears a keyword that
is not known here, goes on to `config.shape`, where jsonschema has the word. So all
that may never happen is a yes too many: tests hold the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from operator import ge, gt, le, lt
from typing import Any

from config import parse
from config.schemas import Schema
from core.money import Money

# How a bound of `limits` compares, and how it is said.
_BOUNDS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "min": (ge, "at least"),
    "max": (le, "at most"),
    "above": (gt, "more than"),
    "below": (lt, "less than"),
}
_TYPES: Mapping[str, type] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}
_FOR_PEOPLE = frozenset({"$schema", "title", "description", "reader", "form", "examples"})


def fits(value: object, schema: Schema) -> bool:
    """Whether `value` (texts, whole numbers, bools, lists, dicts) is surely as `schema` asks."""
    return all(
        keyword in _FOR_PEOPLE or (keyword in _CHECKS and _CHECKS[keyword](value, rule, schema))
        for keyword, rule in schema.items()
    )


def is_single(value: object) -> bool:
    """A text or a number: what the reading of a unit can speak about."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def misread(value: object, unit: str) -> str:
    """Why a single value is not in its unit, or nothing."""
    if is_single(value):
        try:
            parse.UNITS[unit](str(value))
        except ValueError as error:
            return str(error)
    return ""


def beyond(value: object, bounds: Mapping[str, str | list[str]], unit: str) -> Iterator[str]:
    """Each of the bounds that the value passes, in words; of a value that can be read."""
    reading = parse.UNITS[unit]
    try:
        read = reading(str(value))
    except ValueError:
        return  # the unit has complained
    for bound, texts in bounds.items():
        within, said = _BOUNDS[bound]
        for text in [texts] if isinstance(texts, str) else texts:
            limit = reading(text)
            if type(limit) is type(read) and not within(_magnitude(read), _magnitude(limit)):
                yield f"is {value}; write {said} {text}"


def _magnitude(value: object) -> object:
    """A bound on money is a bound on its amount, whatever the currency."""
    return value.amount if isinstance(value, Money) else value


def _typed(value: object, rule: str, _: Schema) -> bool:
    return rule in _TYPES and type(value) is _TYPES[rule]


def _listed(value: object, rule: list[object], _: Schema) -> bool:
    return any(type(choice) is type(value) and choice == value for choice in rule)


def _members(value: object, rule: Mapping[str, Schema], _: Schema) -> bool:
    if not isinstance(value, dict):
        return False
    return all(fits(value[name], part) for name, part in rule.items() if name in value)


def _strangers(value: object, rule: object, schema: Schema) -> bool:
    if not isinstance(value, dict):
        return False
    others = [below for name, below in value.items() if name not in schema.get("properties", {})]
    return all(isinstance(rule, dict) and fits(below, rule) for below in others)


def _different(value: object, rule: object, _: Schema) -> bool:
    if not isinstance(value, list):
        return False
    return not rule or all(item not in value[:place] for place, item in enumerate(value))


# A keyword that speaks of one type says no to any other: jsonschema would pass over it, but
# a value of the wrong type is out of form anyway.
_CHECKS: Mapping[str, Callable[[Any, Any, Schema], bool]] = {
    "type": _typed,
    "enum": _listed,
    "pattern": lambda value, rule, _: isinstance(value, str) and bool(re.search(rule, value)),
    "minLength": lambda value, rule, _: isinstance(value, str) and len(value) >= rule,
    "maxLength": lambda value, rule, _: isinstance(value, str) and len(value) <= rule,
    "minimum": lambda value, rule, _: type(value) is int and value >= rule,
    "maximum": lambda value, rule, _: type(value) is int and value <= rule,
    "properties": _members,
    "additionalProperties": _strangers,
    "required": lambda value, rule, _: isinstance(value, dict) and all(n in value for n in rule),
    "propertyNames": lambda value, rule, _: (
        isinstance(value, dict) and all(fits(name, rule) for name in value)
    ),
    "minProperties": lambda value, rule, _: isinstance(value, dict) and len(value) >= rule,
    "items": lambda value, rule, _: (
        isinstance(value, list) and all(fits(item, rule) for item in value)
    ),
    "minItems": lambda value, rule, _: isinstance(value, list) and len(value) >= rule,
    "maxItems": lambda value, rule, _: isinstance(value, list) and len(value) <= rule,
    "uniqueItems": _different,
    "unit": lambda value, rule, _: is_single(value) and not misread(value, rule),
    "limits": lambda value, rule, schema: not any(beyond(value, rule, schema["unit"])),
}
