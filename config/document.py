"""One YAML file to a tree: text, and the line of every key.

YAML can guess types, build objects, share nodes and grow without bound. None of
that is wanted in a file that decides about money, so this reader takes mappings,
lists and scalars from the parser's events and refuses the rest. A value stays
text as it was written unless it is a plain whole number, true or false; what
`3%` means is settled in `config.parse`. The parser is a state machine: hostile
nesting meets our own bound, never the interpreter's stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from errno import EINVAL
from pathlib import Path

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from config.complaints import Complaint, Place
from config.secret_scan import secrets_in
from config.tree import Items, Leaf, Node, Section

BYTES_MAX = 256 * 1024
DEPTH_MAX = 12
NODES_MAX = 10_000
KEY = "YAML"  # stands where a complaint about the text itself has no key

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
# The C parser where the wheel has it (it is thirty times faster), else the same in Python.
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Unreadable(Exception):
    """The rest of the file cannot be read."""


def scalar(text: str) -> str | int | bool:
    """A plain scalar: a whole number, true, false, or text as written."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _WHOLE.fullmatch(text) else text


class _Composer:
    """Events to nodes. Small mistakes are noted and passed over, so that all come out."""

    def __init__(self, text: str, file: str, complaints: list[Complaint]) -> None:
        self._events: Iterator[Event] = yaml.parse(text, Loader=_PARSER)
        self._file = file
        self._complaints = complaints
        self._left = NODES_MAX

    def document(self) -> Section | None:
        found: Node | None = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if found is not None:
                    self._note(event, "holds a second document; keep one")
                    return None
                found = self._node(next(self._events), None, 0)
        if isinstance(found, Section):
            return found
        what = "is empty" if found is None else "is no mapping"
        self._complaints.append(
            Complaint(Place(self._file, 1), KEY, f"the file {what}; it starts with a section name")
        )
        return None

    def _node(self, event: Event, at: Place | None, depth: int) -> Node:
        """The node that begins with `event`; its place is that of its key where it has one."""
        self._bounds(event, depth)
        self._plainness(event)
        place = at or self._place(event)
        match event:
            case MappingStartEvent():
                return self._section(place, depth)
            case CollectionStartEvent():
                return self._items(place, depth)
            case ScalarEvent():
                if event.value and not event.value.isprintable():
                    self._note(event, "a value holds line breaks or control characters")
                    return Leaf("", place)
                return Leaf(event.value if event.style else scalar(event.value), place)
            case _:
                return Leaf("", place)  # an alias, already complained about

    def _section(self, place: Place, depth: int) -> Section:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self._events), CollectionEndEvent):
            key_place = self._place(event)
            key = self._key(event, depth)
            node = self._node(next(self._events), key_place, depth + 1)
            if key in entries:
                first = entries[key].place.line
                self._note(event, f"the key {key} stands here again, first in line {first}")
            elif key:
                entries[key] = node
        return Section(entries, place)

    def _key(self, event: Event, depth: int) -> str:
        """The key's text, or nothing where it cannot be one."""
        if isinstance(event, ScalarEvent) and event.value and event.value.isprintable():
            self._bounds(event, depth)
            self._plainness(event)
            return event.value
        self._note(event, "a key is plain text in one line")
        self._node(event, None, depth + 1)
        return ""

    def _items(self, place: Place, depth: int) -> Items:
        items = []
        while not isinstance(event := next(self._events), CollectionEndEvent):
            items.append(self._node(event, None, depth + 1))
        return Items(tuple(items), place)

    def _bounds(self, event: Event, depth: int) -> None:
        self._left -= 1
        if self._left < 0:
            self._note(event, f"the file holds more than {NODES_MAX} values")
            raise _Unreadable
        if depth > DEPTH_MAX:
            self._note(event, f"the file is nested more than {DEPTH_MAX} deep")
            raise _Unreadable

    def _plainness(self, event: Event) -> None:
        if isinstance(event, AliasEvent):
            self._note(event, "aliases (*name) are refused; write the value again")
            return
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self._note(event, "anchors (&name) are refused; write the value again")
        if getattr(event, "tag", None) is not None:
            self._note(event, "tags (!name) are refused; a value is plain text here")

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1 if mark is not None else 1)

    def _note(self, event: Event, message: str) -> None:
        self._complaints.append(Complaint(self._place(event), KEY, message))


def composed(text: str, file: str, complaints: list[Complaint]) -> Section | None:
    """The tree of one document; None where it cannot be read. Mistakes go to `complaints`."""
    secrets = list(secrets_in(text, file))
    if secrets:
        complaints.extend(secrets)
        return None
    try:
        return _Composer(text, file, complaints).document()
    except _Unreadable:
        return None
    except yaml.error.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = error.problem or error.context or "it cannot be read"
        if mark is not None and text[mark.index : mark.index + 1] == "\t":
            told = "a tab stands there; indent with spaces"
        place = Place(file, mark.line + 1 if mark is not None else 1)
        complaints.append(Complaint(place, KEY, f"this is not YAML: {told}"))
    except yaml.reader.ReaderError as error:
        place = Place(file, _line(text.encode(), error.position))
        complaints.append(Complaint(place, KEY, f"this is not YAML: {error.reason}"))
    return None


def read_document(path: Path, file: str, complaints: list[Complaint]) -> Section | None:
    """The tree of a file, called `file` in complaints; None where it cannot be read."""
    raw = b""
    try:
        if path.is_fifo():  # reading one would wait for a writer
            raise OSError(EINVAL, "it is a pipe")
        with path.open("rb") as stream:
            raw = stream.read(BYTES_MAX + 1)
        trouble, line = _trouble(raw)
    except FileNotFoundError:
        trouble, line = f"there is no such file; copy the shipped config/{path.name}", 1
    except OSError as error:
        trouble, line = f"the file cannot be read: {error.strerror}", 1
    if trouble:
        complaints.append(Complaint(Place(file, line), KEY, trouble))
        return None
    return composed(raw.decode("utf-8-sig"), file, complaints)


def _trouble(raw: bytes) -> tuple[str, int]:
    """What keeps these bytes from being a text, and in which line; empty where nothing does."""
    if len(raw) > BYTES_MAX:
        return f"the file is larger than {BYTES_MAX // 1024} KB", 1
    if b"\0" in raw:
        return "the file holds NUL bytes", _line(raw, raw.index(b"\0"))
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return "the file is not UTF-8", _line(raw, error.start)
    return "", 1


def _line(raw: bytes, offset: int) -> int:
    return raw.count(b"\n", 0, offset) + 1
