"""The JSON Schema files: which keys there are, what each means, who reads it.

They serve three readers: the check in `config.shape`, `check_config --explain`,
and the operator's editor. Two keywords are our own: `unit` names the reading in
`config.parse`, `limits` holds bounds of values with units. `reader` names the
module that a key changes; it holds for the keys below it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as File
from typing import Any, TypeAlias, cast

from config.tree import Path

FILES = ("app", "policy", "universe", "strategies")
FOLDER = File(__file__).parent / "schema"

Schema: TypeAlias = Mapping[str, Any]  # as JSON Schema writes it; read in two modules only

_FORMS = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a section",
}
_BOUNDS = {
    "minimum": "at least",
    "min": "at least",
    "above": "more than",
    "maximum": "at most",
    "max": "at most",
    "below": "less than",
}


@cache
def schema_of(file: str) -> Schema:
    """The schema of one file, with every reference written out in its place."""
    return cast("Schema", _expanded(_read(file), {}))


@cache
def _read(name: str) -> Schema:
    text = (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    return cast("Schema", json.loads(text))


def forget() -> None:
    """Give the schemas' memory back, 0.4 MB; whoever asks again reads them again."""
    schema_of.cache_clear()
    _read.cache_clear()


def _expanded(part: Any, near: Schema) -> Any:
    """References replaced, so that `limits` finds the unit it speaks of beside it."""
    if isinstance(part, list):
        return [_expanded(item, near) for item in part]
    if not isinstance(part, dict):
        return part
    near = part.get("$defs", near)
    given = {
        key: _expanded(value, near) for key, value in part.items() if key not in ("$ref", "$defs")
    }
    if "$ref" not in part:
        return given
    file, _, name = part["$ref"].partition("#/$defs/")
    source = units() if file else near
    return {**_expanded(source[name], near), **given}


def units() -> Schema:
    """The forms of values with units, by name."""
    return cast("Schema", _read("units")["$defs"])


def sections_of(file: str) -> tuple[str, ...]:
    """The sections that belong in one of the four files."""
    return tuple(schema_of(file)["properties"])


def home_of(section: str) -> str | None:
    """The file in which a section belongs."""
    return next((file for file in FILES if section in sections_of(file)), None)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the schema says of one key."""

    text: str
    unit: str
    reader: str
    part_of: str  # the section that holds it, with what that means; empty for a section of a file


def meaning_of(path: Path) -> Meaning | None:
    """What a key means, its unit, and the module that reads it; None for an unknown key."""
    file = home_of(path[0])
    if file is None:
        return None
    part: Schema | None = schema_of(file)
    reader, above = "", ""
    for depth, step in enumerate(path):
        above = f"{'.'.join(path[:depth])}: {part['description']}" if part and depth else ""
        part = _below(part, step) if part else None
        reader = part.get("reader", reader) if part else reader
    return Meaning(part["description"], _unit(part), reader, above) if part else None


def _below(part: Schema, step: str) -> Schema | None:
    """The schema of the key `step`, which may be a free name or a list's index."""
    free = part.get("additionalProperties") or part.get("items")
    found = part.get("properties", {}).get(step, free)
    return found if isinstance(found, dict) else None


def _unit(part: Schema) -> str:
    """A key's unit in words, with its bounds."""
    said = part.get("form", _FORMS.get(part.get("type", ""), ""))
    if "enum" in part:
        said = "one of " + ", ".join(part["enum"])
    bounds = {**part, **part.get("limits", {})}
    told = [
        f"{word} {_either(bounds[bound])}" for bound, word in _BOUNDS.items() if bound in bounds
    ]
    return f"{said}, {', '.join(told)}" if told else said


def _either(bound: object) -> str:
    """A bound, or the bounds of the forms that a key may have."""
    return " or ".join(bound) if isinstance(bound, list) else str(bound)
