"""The configuration as it was written: text by key, and the place of every key and value.

Three kinds of node and no more. Nothing here knows what a value means, and
nothing changes: laying one tree over another makes a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from config.complaints import Place

Plain: TypeAlias = "str | int | bool | Sequence[Plain] | Mapping[str, Plain]"
Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value: text as written, or a plain whole number, or true or false."""

    value: str | int | bool
    place: Place


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Section:
    """Keys with their nodes. `place` of a node is where its key stands."""

    entries: Mapping[str, Node]
    place: Place


Node: TypeAlias = Leaf | Items | Section


def dotted(path: Path) -> str:
    return ".".join(path)


def plain(node: Node) -> Plain:
    """The node without its places, as JSON would hold it; keys sorted, lists in order."""
    match node:
        case Leaf(value, _):
            return value
        case Items(items, _):
            return [plain(item) for item in items]
        case Section(entries, _):
            return {key: plain(entries[key]) for key in sorted(entries)}


def planted(value: Plain, place: Place) -> Node:
    """The inverse of `plain`: everything stands at one place."""
    match value:
        case str() | int():
            return Leaf(value, place)
        case Mapping():
            return Section({key: planted(part, place) for key, part in value.items()}, place)
        case _:
            return Items(tuple(planted(part, place) for part in value), place)


def find(node: Node, path: Path) -> Node | None:
    """The node at `path`, where a list's items are called 0, 1, 2."""
    for step in path:
        match node:
            case Section(entries, _) if step in entries:
                node = entries[step]
            case Items(items, _) if step.isdecimal() and int(step) < len(items):
                node = items[int(step)]
            case _:
                return None
    return node


def place_of(node: Node, path: Path) -> Place:
    """Where `path` was written, or else the nearest of its sections."""
    for length in range(len(path), 0, -1):
        found = find(node, path[:length])
        if found is not None:
            return found.place
    return node.place


def laid_over(under: Section, over: Section) -> Section:
    """`over` wins. Sections merge key by key; a list or a single value is replaced whole."""
    entries = dict(under.entries)
    for key, node in over.entries.items():
        below = entries.get(key)
        if isinstance(below, Section) and isinstance(node, Section):
            node = laid_over(below, node)
        entries[key] = node
    return Section(entries, under.place)


def with_leaf(tree: Section, path: Path, leaf: Leaf) -> Section:
    """The tree with one value laid over it; missing sections on the way are made."""
    *way, key = path
    over = Section({key: leaf}, leaf.place)
    for step in reversed(way):
        over = Section({step: over}, leaf.place)
    return laid_over(tree, over)


def keys_of(node: Node, path: Path = ()) -> Iterator[Path]:
    """The path of every key at and below `node`, sections before what they hold."""
    if isinstance(node, Section):
        for key, part in node.entries.items():
            yield (*path, key)
            yield from keys_of(part, (*path, key))
