"""Values to bytes and back, exactly: msgpack for the tape, JSON for people.

Decimals travel as their text, times as UTC, enums by value (in the core a value is
a name, never a sentence that somebody may reword). What would not come back the
same is refused when it is written and again when it is read: NaN, infinity, a time
without zone or of another zone. Canonical JSON has one form only, the one that the
standard library writes with sorted keys, so `runner.verify` needs nothing of ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from core.errors import FatalError

Value = TypeVar("Value")

_PACK = msgspec.msgpack.Encoder(order="sorted")
_JSON = msgspec.json.Encoder(order="sorted")
_EXACT = frozenset({str, int, bool, type(None), bytes, date, timedelta})
_UTC = timedelta(0)
_DECIMALS_MAX = 4
_FLOAT_END = 1e15  # beyond it some JSON writers turn to exponents
_INTEGER_END = 2**53  # beyond it some JSON readers round


class NotRepresentable(FatalError):
    """A value that would not come back as it was."""

    code = "NOT_REPRESENTABLE"


class NotReadable(FatalError):
    """Bytes that do not hold a value of the kind asked for."""

    code = "NOT_READABLE"


def pack(value: object) -> bytes:
    """Compact bytes for the tape; the same value always gives the same bytes."""
    _refuse_inexact(value)
    return _PACK.encode(value)


def unpack(data: bytes, kind: type[Value]) -> Value:
    """The value that was packed, or NotReadable."""
    try:
        value = msgspec.msgpack.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotReadable(f"the bytes hold no {kind.__name__}: {error}") from error
    _refuse_inexact(value)
    return value


def to_json(value: object) -> bytes:
    """One JSON text of a dataclass, its keys sorted."""
    _refuse_inexact(value)
    return _JSON.encode(value)


def from_json(data: bytes, kind: type[Value]) -> Value:
    """The value that was written, or NotReadable."""
    try:
        value = msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotReadable(f"the text holds no {kind.__name__}: {error}") from error
    _refuse_inexact(value)
    return value


def canonical_json(members: object) -> bytes:
    """The only JSON form of plain members: sorted keys, no spaces, UTF-8, short numbers."""
    _refuse_odd(members)
    try:
        return _JSON.encode(members)
    except UnicodeEncodeError as error:
        raise NotRepresentable(f"a text that is no Unicode: {error.reason}") from error


def digest(data: bytes) -> str:
    """The fingerprint of bytes, named by its function."""
    return f"sha256:{sha256(data).hexdigest()}"


def _refuse_inexact(value: object) -> None:
    """Walk a value and refuse what msgspec would write or read without a word."""
    _WALKS[type(value)](value)


class _Walks(dict[type, Callable[[Any], None]]):
    """How to look through a value, by its type; found once, for a tape holds thousands."""

    def __missing__(self, kind: type) -> Callable[[Any], None]:
        walk = self[kind] = _walk_for(kind)
        return walk


_WALKS = _Walks()


def _walk_for(kind: type) -> Callable[[Any], None]:
    if kind in _EXACT or issubclass(kind, Enum):
        return _accept
    if issubclass(kind, Decimal):
        return _refuse_infinite
    if issubclass(kind, datetime):
        return _refuse_other_zones
    if kind is float:
        return _refuse_infinite_float
    if issubclass(kind, tuple | list):
        return _walk_items
    if issubclass(kind, Mapping):
        return _walk_members
    if is_dataclass(kind):
        return _walk_fields(tuple(field.name for field in fields(kind)))
    return _refuse_kind


def _walk_items(value: Sequence[object]) -> None:
    for item in value:
        _WALKS[type(item)](item)


def _walk_members(value: Mapping[str, object]) -> None:
    for name, member in value.items():
        _refuse_unnamed(name)
        _WALKS[type(member)](member)


def _walk_fields(names: tuple[str, ...]) -> Callable[[object], None]:
    def walk(value: object) -> None:
        for name in names:
            member = getattr(value, name)
            _WALKS[type(member)](member)

    return walk


def _accept(_: object) -> None:
    """Exact as it is."""


def _refuse_infinite(value: Decimal) -> None:
    if not value.is_finite():
        raise NotRepresentable(f"{value} is no amount of anything")


def _refuse_infinite_float(value: float) -> None:
    if not math.isfinite(value):
        raise NotRepresentable(f"{value} is no number")


def _refuse_other_zones(value: datetime) -> None:
    if value.utcoffset() != _UTC:
        raise NotRepresentable(f"{value.isoformat()} is no time in UTC")


def _refuse_kind(value: object) -> None:
    raise NotRepresentable(f"{value!r} ({type(value).__name__}) would not come back as it is")


def _refuse_unnamed(name: object) -> None:
    if type(name) is not str:
        raise NotRepresentable("a member's name is text", name=repr(name))


def _refuse_odd(value: object) -> None:
    """Numbers that two JSON writers could write differently have no place in a record."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if isinstance(value, dict):
        for name, member in value.items():
            _refuse_unnamed(name)
            _refuse_odd(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _refuse_odd(member)
    elif kind is int:
        if abs(value) > _INTEGER_END:  # type: ignore[arg-type]
            raise NotRepresentable("an integer below 2**53, or text", number=str(value))
    elif kind is float:
        if not _is_short(value):  # type: ignore[arg-type]
            raise NotRepresentable("a number of at most four decimals, or text", number=repr(value))
    else:
        raise NotRepresentable("JSON has no such value", type=kind.__name__)


def _is_short(value: float) -> bool:
    return abs(value) < _FLOAT_END and value == round(value, _DECIMALS_MAX)
