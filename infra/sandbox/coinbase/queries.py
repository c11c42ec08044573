"""What a client may ask for in a query, read as leniently as the venue reads it.

Booleans in any spelling, lists as repeated keys; an empty value is no value. Pages are
told by an opaque cursor.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from multidict import MultiMapping

from infra.sandbox.coinbase.answers import invalid

T = TypeVar("T")


def text(query: MultiMapping[str], *names: str) -> str | None:
    """The first of these that is given."""
    return next((query[name] for name in names if query.get(name)), None)


def texts(query: MultiMapping[str], *names: str) -> list[str]:
    """Every value under any of these names; commas part values too."""
    given = (value for name in names for value in query.getall(name, []))
    return [part for value in given for part in value.split(",") if part]


def flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() == "true"


def whole(query: Mapping[str, str], name: str, otherwise: int, most: int) -> int:
    """A count: `otherwise` where it is not given, capped at `most`."""
    given = query.get(name)
    if not given:
        return otherwise
    if not given.isdecimal():
        raise invalid(f"{name}: {given!r} is no whole number")
    return min(int(given) or otherwise, most)


def cut(
    rows: Sequence[T], name: Callable[[T], str], cursor: str | None, limit: int
) -> tuple[Sequence[T], str]:
    """One page of `rows` and the cursor of the next, empty on the last.

    The cursor names the last row that was told, so that rows which come or go meanwhile
    neither repeat nor hide another.
    """
    first = 0
    if cursor:
        last = _told(cursor)
        first = next((at for at, row in enumerate(rows, start=1) if name(row) == last), -1)
        if first < 0:
            raise invalid("cursor is invalid")
    page = rows[first : first + limit]
    more = first + limit < len(rows)
    return page, sealed(name(page[-1])) if more else ""


def sealed(cursor: str) -> str:
    """A cursor as clients see it."""
    return urlsafe_b64encode(cursor.encode()).decode() if cursor else ""


def opened(query: Mapping[str, str]) -> str:
    """The cursor that a client brought back; empty for the first page."""
    given = query.get("cursor", "")
    return _told(given) if given else ""


def _told(cursor: str) -> str:
    try:
        return urlsafe_b64decode(cursor.encode()).decode()
    except ValueError:
        raise invalid("cursor is invalid") from None
