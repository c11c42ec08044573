"""Numbers, times and rows as Coinbase writes them: nearly everything is a string.

An empty string is a number that was not told. What is neither empty nor a number is
not guessed at: the answer is unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from core.errors import RetryableError

Row = TypeVar("Row")
Made = TypeVar("Made")

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|\+00:00)")
_WORDS_MAX = 300


class Unreadable(ValueError):
    """An answer that does not say what it must."""


class Amount(msgspec.Struct):
    """A number with its currency."""

    value: str | None = None
    currency: str | None = None


class _Problem(msgspec.Struct):
    error: str | None = None
    error_details: str | None = None
    message: str | None = None
    errors: list[_Listed] | None = None


class _Listed(msgspec.Struct):
    id: str | None = None
    message: str | None = None


def number(text: str | None) -> Decimal | None:
    """The number, or None where it is missing or empty."""
    if text is None or not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise Unreadable(f"{text[:40]!r} is no number")
    return Decimal(text)


def needed(text: str | None, what: str) -> Decimal:
    """The number, where nothing can be said without it."""
    value = number(text)
    if value is None:
        raise Unreadable(f"{what} is missing")
    return value


def instant(text: str | None) -> datetime | None:
    """RFC 3339 with up to nine digits of a second, of which six are kept; None where empty."""
    if text is None or not text:
        return None
    if not _INSTANT.fullmatch(text):
        raise Unreadable(f"{text[:40]!r} is no time")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise Unreadable(f"{text[:40]!r}: {error}") from None


def written(at: datetime) -> str:
    """The instant as Coinbase takes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def member(body: bytes, name: str) -> msgspec.Raw:
    """One member of an answer, still in its bytes; null is as good as missing."""
    found = msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get(name)
    if found is None or bytes(found) == b"null":
        raise Unreadable(f"there is no {name}")
    return found


def rows(body: bytes, name: str, row: type[Row]) -> list[Row]:
    """The rows of a list; one that is null or missing is unreadable, not empty."""
    return msgspec.json.decode(member(body, name), type=list[row])  # type: ignore[valid-type]


def rows_apart(body: bytes, name: str, row: type[Row]) -> tuple[list[Row], list[str]]:
    """The rows that can be read, and why the others cannot: one bad row spoils no list."""
    try:
        return rows(body, name, row), []
    except msgspec.ValidationError:
        good, bad = [], []
        for raw in rows(body, name, msgspec.Raw):
            try:
                good.append(msgspec.json.decode(raw, type=row))
            except msgspec.ValidationError as error:
                bad.append(str(error))
        return good, bad


def read(body: bytes, decode: Callable[[bytes], Made]) -> Made:
    """The answer in our types; ANSWER_UNREADABLE where it does not say what it must."""
    try:
        return decode(body)
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as error:
        raise RetryableError(f"{error}", code="ANSWER_UNREADABLE") from None


def cursor(body: bytes) -> str:
    """Where the next page begins; empty after the last."""
    page = msgspec.json.decode(body, type=_Page)
    return page.cursor or "" if page.has_next is not False else ""


class _Page(msgspec.Struct):
    cursor: str | None = None
    has_next: bool | None = None


def complaint(body: bytes) -> str:
    """What an answer that is no success says, in one short line; HTML says nothing."""
    start = body[:2000].lstrip()
    if start.startswith(b"<"):
        return "an HTML page"
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:
        return _short(start.decode("utf-8", "replace"))
    told = [problem.error, problem.message or problem.error_details]
    for listed in problem.errors or ():
        told += [listed.id, listed.message]
    return _short(": ".join(dict.fromkeys(part for part in told if part)))


def _short(text: str) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line[:_WORDS_MAX] or "no words"
