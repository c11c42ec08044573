"""How the venue writes: numbers as text, times in UTC, and its errors.

An answer that is not a success is raised, so that no path goes on after it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
from aiohttp import web

from core.money import plain


class Refused(Exception):
    """An HTTP error, as the venue words it."""

    def __init__(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        super().__init__(body.decode())
        self.status = status
        self.body = body
        self.content_type = content_type


def json_answer(told: object) -> web.Response:
    """200 with JSON, written tightly: clients search for exact bytes."""
    return web.Response(body=msgspec.json.encode(told), content_type="application/json")


def refused(status: int, error: str, details: str) -> Refused:
    """The usual error object."""
    told = {"error": error, "error_details": details, "message": details}
    return Refused(status, msgspec.json.encode(told))


def invalid(details: str) -> Refused:
    return refused(400, "INVALID_ARGUMENT", details)


def not_found(details: str) -> Refused:
    return refused(404, "NOT_FOUND", details)


def unauthorized() -> Refused:
    return Refused(401, b"Unauthorized", "text/plain")


def scopes_missing() -> Refused:
    return refused(403, "PERMISSION_DENIED", "Missing required scopes")


def rate_limited() -> Refused:
    """The one error of another shape."""
    told = {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}
    return Refused(429, msgspec.json.encode(told))


_PAGE = b"<html><head><title>%b</title></head><body><h1>%b</h1></body></html>"


def page(status: int, title: str) -> Refused:
    """What a gateway in front of the venue says."""
    words = title.encode()
    return Refused(status, _PAGE % (words, words), "text/html")


def number(value: Decimal | None) -> str:
    """A number as text; what is not known is empty, and zero is not unknown."""
    return "" if value is None else plain(value)


def time(at: datetime) -> str:
    """RFC 3339 with microseconds; `at` is in UTC."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_of(text: str, field: str) -> datetime:
    """A time as clients write it; raises Refused."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{field}: {text!r} is no RFC 3339 time") from None
    if at.tzinfo is None:
        raise invalid(f"{field}: {text!r} has no time zone")
    return at


def seconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(seconds=1)


EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
