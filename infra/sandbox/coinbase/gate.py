"""What every request passes: limits, token, permission, faults, latency, the journal.

The handlers behind it know none of these. The admin address and streams do not pass here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from core.ports import Clock
from infra.sandbox.coinbase.answers import (
    Refused,
    page,
    rate_limited,
    refused,
    scopes_missing,
    time,
    unauthorized,
)
from infra.sandbox.coinbase.distortions import bent
from infra.sandbox.coinbase.faults import Faults, Kind, Rule
from infra.sandbox.coinbase.journal import Journal
from infra.sandbox.coinbase.keys import ApiKey
from infra.sandbox.coinbase.limits import RateLimits
from infra.sandbox.coinbase.tokens import BadToken, holder

BROKERAGE = "/api/v3/brokerage"
ADMIN = "/_sandbox/"
STREAM = "/ws"
KEY = web.RequestKey("key", ApiKey)
_PUBLIC = (
    *(f"{BROKERAGE}/time", f"{BROKERAGE}/market/"),
    *("/v2/currencies", "/v2/exchange-rates", "/v2/prices/", "/v2/time"),
)
_TRADING = tuple(
    f"POST {BROKERAGE}/orders{path}" for path in ("", "/edit", "/batch_cancel", "/close_position")
)
_MOVING = (f"POST {BROKERAGE}/portfolios/move_funds",)
_TITLES = {429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway"}
_TOLD_MAX = 2_000  # characters of an answer that the journal keeps


@dataclass(slots=True)
class Entry:
    """What the journal will say of one request."""

    holder: str | None = None
    why: str = ""  # of a refusal, as the wire never tells it
    faults: list[str] = field(default_factory=list)
    limits: Mapping[str, str] = field(default_factory=dict)  # headers that tell of them


@dataclass(frozen=True, slots=True)
class Gate:
    """Everything between the wire and the handlers."""

    keys: dict[str, ApiKey]
    hosts: frozenset[str]
    clock: Clock  # the market's
    wall: Clock
    limits: RateLimits | None
    faults: Faults
    journal: Journal
    latency: timedelta

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(ADMIN) or request.path == STREAM:
            try:
                return await handler(request)
            except Refused as no:
                return _worded(no)
        # Read also where nobody needs it: clients send a body with GET, and what is left
        # unread would be taken for the next request.
        body = await request.read()
        entry = Entry()
        seen = self.wall.now()
        rules = self.faults.strike(_named(request))
        entry.faults = [rule.kind.value for rule in rules]
        await self._travel()
        try:
            response = await self._acted(request, handler, rules, entry)
        except Refused as no:
            response = _worded(no)
        except web.HTTPException as no:
            response = _routing_error(no)
        response.headers.update(entry.limits)
        self._tell(response)
        self.journal.append(
            {
                "at": time(seen),
                "market_at": time(self.clock.now()),
                "method": request.method,
                "path": request.path,
                "query": request.query_string,
                "body": body.decode(errors="replace"),
                "key": entry.holder,
                "status": response.status,
                "answer": _told(request, response),
                "why": entry.why,
                "faults": entry.faults,
            }
        )
        await self._travel()
        if any(rule.kind is Kind.CUT for rule in rules) and request.transport is not None:
            request.transport.abort()
        return response

    async def _travel(self) -> None:
        """One way of the request's journey."""
        if self.latency:
            await asyncio.sleep(self.latency.total_seconds() / 2)

    async def _acted(
        self, request: web.Request, handler: Handler, rules: tuple[Rule, ...], entry: Entry
    ) -> web.Response:
        """Refuse, or let the handler act and bend its answer."""
        key = self._entitled(request, entry)
        authorization = request.headers.get("Authorization", "")
        _strike([rule for rule in rules if not rule.after], authorization)
        if key is not None:
            request[KEY] = key
        response = await handler(request)
        if not isinstance(response, web.Response):
            raise TypeError(f"{request.path} answered with a stream")
        for rule in rules:
            if rule.kind is Kind.SLOW:
                await asyncio.sleep(rule.seconds)
        _strike([rule for rule in rules if rule.after], authorization)
        return bent(response, rules)

    def _entitled(self, request: web.Request, entry: Entry) -> ApiKey | None:
        """Whose request it is, None for a public one; raises Refused."""
        asked = _named(request)
        if request.path.startswith(_PUBLIC):
            self._count(None)
            return None
        try:
            at = self.wall.now() + timedelta(seconds=self.faults.skew())
            key = holder(request.headers.get("Authorization"), asked, self.hosts, self.keys, at)
        except BadToken as flaw:
            entry.why = str(flaw)
            raise unauthorized() from None
        entry.holder = key.name
        entry.limits = self._count(key.name)
        forbidden = (asked in _TRADING and not key.permissions.may_trade) or (
            asked in _MOVING and not key.permissions.may_transfer
        )
        if forbidden:
            raise scopes_missing()
        return key

    def _count(self, key: str | None) -> Mapping[str, str]:
        """Count against the caller's limit; what is left of it, in lower case as clients look."""
        if self.limits is None:
            return {}
        bucket = self.limits.bucket_of(key)
        if not bucket.take():
            raise rate_limited()
        return {
            "x-ratelimit-limit": str(bucket.per_second),
            "x-ratelimit-remaining": str(int(bucket.left)),
            "x-ratelimit-reset": "1",
        }

    def _tell(self, response: web.Response) -> None:
        """The headers of every answer; the date is the venue's, as its clock says it."""
        shown = self.clock.now() + timedelta(seconds=self.faults.skew())
        response.headers["Date"] = format_datetime(shown, usegmt=True)
        response.headers["Cache-Control"] = "no-store"


def _named(request: web.Request) -> str:
    return f"{request.method} {request.path}"


def _strike(rules: list[Rule], authorization: str) -> None:
    """The first of these rules that answers instead of the handler."""
    for rule in rules:
        match rule.kind:
            case Kind.RATE_LIMITED:
                raise rate_limited()
            case Kind.UNAUTHORIZED:
                raise unauthorized()
            case Kind.CUT:
                raise Refused(499, b"", "text/plain")  # nobody will read it
            case Kind.STATUS:
                raise _error(rule)
            case Kind.ECHO:
                raise refused(rule.status, "BAD_HEADER", f"Authorization: {authorization}")


def _error(rule: Rule) -> Refused:
    title = _TITLES.get(rule.status, "Service Unavailable")
    if rule.body == "html":
        return page(rule.status, title)
    if rule.body == "text":
        return Refused(rule.status, title.encode(), "text/plain")
    return refused(rule.status, title.upper().replace(" ", "_"), title)


def _worded(no: Refused) -> web.Response:
    return web.Response(body=no.body, status=no.status, content_type=no.content_type)


def _routing_error(no: web.HTTPException) -> web.Response:
    """A path or a method that the venue does not know."""
    told = {"error": "unknown", "error_details": no.reason, "message": no.reason}
    return web.Response(
        body=msgspec.json.encode(told), status=no.status, content_type="application/json"
    )


def _told(request: web.Request, response: web.Response) -> Any:
    """The answer as the journal keeps it: whole where something was done, else not."""
    if request.method == "GET" and response.status == 200:
        return None
    body = response.body
    return body.decode(errors="replace")[:_TOLD_MAX] if isinstance(body, bytes) else None
