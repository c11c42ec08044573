"""Which ways a key can be changed, and which way a change goes."""

from __future__ import annotations

from typing import Any

from config.schemas import home_of, schema_of
from config.tree import Plain
from tests.keys.leaves import magnitude


def directions(key: str, value: Plain) -> set[str]:
    """Every way in which the table has to change the key."""
    if isinstance(value, bool):
        return {said(not value)}
    if isinstance(value, list | tuple):
        return {"add", "remove"}
    if choices := _choices(key):
        return {said(other) for other in choices if other != value}
    return {"lower", "higher"} if magnitude(value) is not None else {"otherwise"}


def direction(key: str, before: Plain, after: Plain) -> set[str]:
    """Which of them a change goes."""
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        added = any(item not in before for item in after)
        removed = any(item not in after for item in before)
        return {way for way, went in (("add", added), ("remove", removed)) if went}
    if isinstance(after, bool) or _choices(key):
        return {said(after)}
    small, large = magnitude(before), magnitude(after)
    if small is None or large is None:
        return {"otherwise"} if before != after else set()
    return {"lower"} if large < small else {"higher"} if large > small else set()


def said(value: Plain) -> str:
    return f"to {value}"


def _choices(key: str) -> list[str]:
    """The words that the schema allows, where it lists them."""
    part: Any = schema_of(home_of(key.split(".")[0]) or "")
    for step in key.split("."):
        part = part.get("properties", {}).get(step) or part["additionalProperties"]
    return list(part.get("enum", ()))
