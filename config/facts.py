"""What the cross-checks look at: every value that could be read, and where it was written.

A key that is missing or broken is simply not there, so a check over two keys is
silent until both can be read, and one mistake never hides another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from config.complaints import Complaint
from config.tree import Items, Leaf, Section, find, place_of, plain

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Facts:
    """The tree as written, and by dotted key what its texts mean."""

    tree: Section
    values: Mapping[str, object]

    def get(self, key: str, kind: type[Value]) -> Value | None:
        """The value of `key`; None where it is missing or cannot be read."""
        value = self.values.get(key)
        return value if isinstance(value, kind) else None

    def each(self, kind: type[Value]) -> Iterator[tuple[str, Value]]:
        """Every single value of one type with its key, in the order of the keys."""
        for key, value in sorted(self.values.items()):
            if isinstance(value, kind):
                yield key, value

    def names(self, key: str) -> tuple[str, ...] | None:
        """The keys of a section, sorted; None where there is no such section."""
        node = find(self.tree, tuple(key.split(".")))
        return tuple(sorted(node.entries)) if isinstance(node, Section) else None

    def words(self, key: str) -> tuple[str, ...]:
        """A list of plain texts; empty where there is none."""
        found = self.values.get(key)
        if not isinstance(found, tuple):
            return ()
        return tuple(word for word in found if isinstance(word, str))

    def cited(self, key: str) -> str:
        """A key with its value as written and its place, for the second key of a complaint."""
        path = tuple(key.split("."))
        node, place = find(self.tree, path), place_of(self.tree, path)
        match node:
            case Leaf(value, _):
                text = str(value).lower() if isinstance(value, bool) else str(value)
                return f"{key}: {text} ({place})"
            case Items():
                return f"{key}: [{', '.join(str(item) for item in plain_items(node))}] ({place})"
            case _:
                return f"{key} ({place})"

    def complaint(self, key: str, message: str) -> Complaint:
        return Complaint(place_of(self.tree, tuple(key.split("."))), key, message)


def plain_items(node: Items) -> list[object]:
    return [plain(item) for item in node.items]
