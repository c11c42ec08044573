"""Bearer tokens, checked as the venue checks them: signature, holder, window, and what for.

The venue never says which of these failed, and so neither do we on the wire: the cause
goes to the journal alone. Time here is the wall clock, whatever the market's clock shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any

import jwt

from infra.sandbox.coinbase.keys import ApiKey

_ISSUERS = frozenset({"cdp", "coinbase-cloud"})
_LIFE_MAX = 120  # seconds
_EARLY_MAX = 30  # seconds that a token may begin after our own time
VENUE_HOST = "api.coinbase.com"
_SCHEME = "Bearer "


class BadToken(Exception):
    """The token opens nothing here; the text says why, for the journal."""


def holder(
    header: str | None,
    request: str,
    hosts: frozenset[str],
    keys: Mapping[str, ApiKey],
    at: datetime,
) -> ApiKey:
    """The key that signed for `request`, which is METHOD and path: "GET /api/v3/...".

    `hosts` are the names under which we may have been addressed.
    """
    if header is None or not header.startswith(_SCHEME):
        raise BadToken("no bearer token")
    key, claims = _signed(header.removeprefix(_SCHEME), keys, at)
    method, _, path = request.partition(" ")
    wanted = {f"{method} {host}{path}" for host in hosts}
    told = claims.get("uris", [claims.get("uri")])
    if not isinstance(told, list) or not wanted & {uri for uri in told if isinstance(uri, str)}:
        raise BadToken(f"signed for {told}, asked {request}")
    return key


def stream_holder(token: str, keys: Mapping[str, ApiKey], at: datetime) -> ApiKey:
    """The key that signed a stream's token, which is for no path."""
    return _signed(token, keys, at)[0]


def _signed(
    token: str, keys: Mapping[str, ApiKey], at: datetime
) -> tuple[ApiKey, Mapping[str, Any]]:
    try:
        head = jwt.get_unverified_header(token)
        key = keys.get(str(head.get("kid")))
        if key is None:
            raise BadToken("unknown kid")
        # PyJWT proves the signature and that it is ES256; the window is ours to judge.
        claims = jwt.decode(
            token,
            key.public,
            algorithms=["ES256"],
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
            },
        )
    except jwt.PyJWTError as flaw:
        raise BadToken(f"{type(flaw).__name__}: {flaw}") from None
    if claims.get("sub") != key.name:
        raise BadToken("sub is not kid")
    if claims.get("iss") not in _ISSUERS:
        raise BadToken(f"issuer {claims.get('iss')!r}")
    _in_time(claims, at)
    return key, claims


def _in_time(claims: Mapping[str, Any], at: datetime) -> None:
    begins, ends = claims.get("nbf"), claims.get("exp")
    if not isinstance(begins, int | float) or not isinstance(ends, int | float):
        raise BadToken("nbf or exp is missing")
    if not isfinite(begins) or not isfinite(ends):
        raise BadToken("nbf or exp is no time")
    now = at.timestamp()
    if begins > now + _EARLY_MAX:
        raise BadToken(f"begins {begins - now:.0f} s from now")
    if ends <= now:
        raise BadToken(f"ended {now - ends:.0f} s ago")
    if not begins < ends <= begins + _LIFE_MAX:
        raise BadToken(f"lives {ends - begins:.0f} s")
