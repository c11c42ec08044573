"""The tree to frozen dataclasses: their annotations say what each text must be.

One builder for every section, so that a new key is a new field and nothing
else. It goes on after a mistake, keeps every value that could be read (the
cross-checks want them even when their neighbours are broken), and lets a
dataclass refuse its own values: a ValueError from a `__post_init__` becomes a
complaint at its section, or at the keys that its message names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from config import parse
from config.complaints import Complaint, listed, nearest, shown
from config.settings import Bytes
from config.tree import Items, Leaf, Node, Path, Section, dotted, find, place_of
from core.money import Money, Ratio

Built = TypeVar("Built")

_TEXTS: Mapping[Any, Callable[[str], object]] = {
    Ratio: parse.ratio,
    Decimal: parse.multiple,
    Money: parse.money,
    timedelta: parse.duration,
    Bytes: parse.size,
    datetime: parse.instant,
    date: parse.day,
}
_PLAIN: Mapping[Any, str] = {str: "text", int: "a whole number", bool: "true or false"}
_NONE = "none"
_POINTED = re.compile(r"([a-z_][a-z0-9_]*(?:\.[A-Za-z_0-9]+)*): (.+)", re.DOTALL)


class _Broken(Exception):
    """This value cannot be built; why has been noted."""


@cache
def _annotations(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


class Typist:
    """Builds dataclasses from one tree. `values` holds what was read, by dotted key."""

    def __init__(self, tree: Section) -> None:
        self._tree = tree
        self.values: dict[str, object] = {}
        self.complaints: list[Complaint] = []

    def build(self, kind: type[Built], path: Path) -> Built | None:
        """The dataclass `kind` from the section at `path`; None if anything in it is wrong."""
        try:
            made = self._value(kind, find(self._tree, path), path)
        except _Broken:
            return None
        assert isinstance(made, kind)
        return made

    def _value(self, kind: Any, node: Node | None, path: Path) -> object:
        value = self._read(kind, node, path)
        self.values[dotted(path)] = value
        return value

    def _read(self, kind: Any, node: Node | None, path: Path) -> object:
        origin = get_origin(kind)
        if origin in (UnionType, Union):
            return self._optional(kind, node, path)
        if node is None:
            raise self._refused(path, "is missing")
        if is_dataclass(kind) and kind not in _TEXTS:
            return self._record(kind, node, path)
        if origin is tuple:
            return self._list(get_args(kind)[0], node, path)
        if origin is not None and issubclass(origin, Mapping):
            return self._mapping(get_args(kind), node, path)
        if not isinstance(node, Leaf):
            raise self._refused(path, "takes a single value")
        return self._leaf(kind, node, path)

    def _leaf(self, kind: Any, node: Leaf, path: Path) -> object:
        if kind in _TEXTS:
            text = shown(node.value) if isinstance(node.value, bool) else str(node.value)
            try:
                return _TEXTS[kind](text)
            except ValueError as error:
                raise self._refused(path, str(error)) from None
        if kind in _PLAIN:
            if type(node.value) is kind:
                return node.value
            raise self._refused(path, f"is {shown(node.value)}; write {_PLAIN[kind]}")
        return self._choice(kind, node.value, path)

    def _choice(self, kind: type[Enum], value: object, path: Path) -> Enum:
        names = [str(member.value) for member in kind]
        if value not in names:
            hint = nearest(str(value), names)
            raise self._refused(path, f"is {shown(value)}; write {listed(names)}{hint}")
        return kind(value)

    def _optional(self, kind: Any, node: Node | None, path: Path) -> object:
        """A missing key, or the word none, is None."""
        if node is None or (isinstance(node, Leaf) and node.value == _NONE):
            return None
        (inner,) = (part for part in get_args(kind) if part is not type(None))
        return self._read(inner, node, path)

    def _list(self, kind: Any, node: Node, path: Path) -> tuple[object, ...]:
        if not isinstance(node, Items):
            raise self._refused(path, "takes a list, such as [A, B]")
        return tuple(
            self._every((kind, item, (*path, str(at))) for at, item in enumerate(node.items))
        )

    def _mapping(self, kinds: tuple[Any, ...], node: Node, path: Path) -> Mapping[object, object]:
        """Sorted by key: the order of lines in a file never decides anything."""
        if not isinstance(node, Section):
            raise self._refused(path, "takes a section")
        key, kind = kinds
        names = sorted(node.entries)
        keys = [name if key is str else self._choice(key, name, (*path, name)) for name in names]
        values = self._every((kind, node.entries[name], (*path, name)) for name in names)
        return dict(zip(keys, values, strict=True))

    def _record(self, kind: Any, node: Node, path: Path) -> object:
        if not isinstance(node, Section):
            raise self._refused(path, "takes a section")
        hints = _annotations(kind)
        names = [field.name for field in fields(kind)]
        for key in sorted(set(node.entries) - set(names)):
            self.refuse((*path, key), f"is not a setting{nearest(key, names)}")
        values = self._every((hints[name], node.entries.get(name), (*path, name)) for name in names)
        try:
            return kind(**dict(zip(names, values, strict=True)))
        except ValueError as error:
            raise self._turned_down(path, str(error)) from None

    def _every(self, asked: Iterable[tuple[Any, Node | None, Path]]) -> list[object]:
        """The value of each, or _Broken after all of them have had their complaints noted."""
        values, broken = [], False
        for kind, node, path in asked:
            try:
                values.append(self._value(kind, node, path))
            except _Broken:
                broken = True
        if broken:
            raise _Broken
        return values

    def _turned_down(self, path: Path, message: str) -> _Broken:
        """A dataclass refused its values: "key: why; key: why", or why without a key."""
        pointed = [_POINTED.fullmatch(part) for part in message.split("; ")]
        for found in pointed:
            key = (*path, *found[1].split(".")) if found else path
            if found is None or find(self._tree, key) is None:
                return self._refused(path, message)
        for found in filter(None, pointed):
            self.refuse((*path, *found[1].split(".")), found[2])
        return _Broken()

    def _refused(self, path: Path, message: str) -> _Broken:
        self.refuse(path, message)
        return _Broken()

    def refuse(self, path: Path, message: str) -> None:
        """Note what is wrong at `path`."""
        self.complaints.append(Complaint(place_of(self._tree, path), dotted(path), message))
