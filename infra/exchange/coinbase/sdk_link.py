"""The official SDK: it signs and holds the connection. Nothing else imports it.

Its response objects are not used: they are heavy, and they raise TypeError after the
venue has acted. So is its way of sending, which reads every answer twice, never gives
up and writes to stderr. What comes back is bytes, with our key and token cut out.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any

import certifi
import msgspec
import requests
from coinbase.constants import API_PREFIX
from coinbase.jwt_generator import build_rest_jwt
from coinbase.rest import RESTClient
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
)
from urllib3.exceptions import SSLError as PoolSslError
from urllib3.response import BaseHTTPResponse

from infra.exchange.coinbase.access import Access
from infra.exchange.coinbase.keys import BadAccess, Keys, hidden
from infra.exchange.coinbase.link import LinkError, Reply, Request
from infra.logs import without_secrets

_CHUNK = 256 * 1024
_IDLE_MAX = 30.0  # seconds; an older connection may be dead, and an order sent on it unknown
_BODY_MAX = 64 * 1024 * 1024  # fifty times the product list
_LOGGERS = ("coinbase.RESTClient", "coinbase.WSClient", "coinbase.WSUserClient")

for _name in _LOGGERS:
    # The SDK gives its loggers a handler that writes to stderr; ours is bot.log.
    logging.getLogger(_name).handlers.clear()


def trust(access: Access) -> ssl.SSLContext:
    """Whom we believe to be the venue; one for all connections, because it is large."""
    try:
        return ssl.create_default_context(cafile=access.ca_file or certifi.where())
    except (ssl.SSLError, OSError) as error:
        raise BadAccess(f"exchange.ca_file: {access.ca_file} is no certificate: {error}") from None


def check_key(keys: Keys) -> None:
    """Whether a token can be made with the key at all; says nothing of the key."""
    try:
        build_rest_jwt("GET key", keys.name, keys.secret)
    except Exception:
        raise BadAccess(
            "the Coinbase key cannot sign: its secret is no EC or Ed25519 private key; "
            "give it with its line ends, or by COINBASE_KEY_FILE"
        ) from None


class _SharedTrust(HTTPAdapter):
    """Connections that share one context, where each would read the authorities again."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002
        """The context holds the authorities; it checks certificate and name."""
        conn.cert_reqs = "CERT_REQUIRED"


class SdkLink:
    """Link over one RESTClient, for one thread."""

    def __init__(
        self, keys: Keys | None, access: Access, context: ssl.SSLContext, connect_seconds: float
    ) -> None:
        self._keys = keys
        self._connect_seconds = connect_seconds
        # Named even where None: the SDK's defaults are the environment of its import.
        self._client = RESTClient(
            api_key=keys.name if keys else None,
            api_secret=keys.secret if keys else None,
            base_url=access.host,
        )
        session = self._client.session
        session.trust_env = False  # no proxy, no .netrc, no authorities of the environment
        session.mount("https://", _SharedTrust(context))
        self._address = f"https://{access.host}{API_PREFIX}"
        self._pieces = tuple(keys.pieces()) if keys else ()
        self._used_at = monotonic()

    def send(self, request: Request, seconds: float) -> Reply:
        """The answer within `seconds`, headers and body together."""
        self._renew()
        until = monotonic() + seconds
        headers = self._client.set_headers(request.method, API_PREFIX + request.path)
        headers["Cache-Control"] = "no-cache"  # public answers are a second old otherwise
        pieces = (*self._pieces, *_pieces_of(headers.get("Authorization", "")))
        try:
            with self._client.session.request(
                request.method,
                self._address + request.path,
                params=list(request.query),
                data=None if request.body is None else msgspec.json.encode(request.body),
                headers=headers,
                timeout=(min(self._connect_seconds, seconds), seconds),
                stream=True,
                allow_redirects=False,
            ) as response:
                raw: BaseHTTPResponse = response.raw
                body = b"".join(_chunks(raw, until))
                dated = _dated(response.headers.get("Date"))
                return Reply(response.status_code, hidden(body, pieces), dated)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _lost(error) from None

    def _renew(self) -> None:
        """Hang up on a connection that nobody has spoken on for long."""
        now = monotonic()
        if now - self._used_at > _IDLE_MAX:
            self._client.session.close()
        self._used_at = now


def _pieces_of(authorization: str) -> Iterator[bytes]:
    """The token, and its signature alone."""
    token = authorization.removeprefix("Bearer ")
    if token:
        yield token.encode()
        yield token.rpartition(".")[2].encode()


def _chunks(raw: BaseHTTPResponse, until: float) -> Iterator[bytes]:
    """The body as it comes; an answer in drops does not outlast the deadline."""
    length = 0
    while chunk := raw.read1(_CHUNK, decode_content=True):
        length += len(chunk)
        if length > _BODY_MAX:
            raise LinkError("ANSWER_TOO_LONG", f"an answer above {_BODY_MAX} bytes", sent=True)
        if monotonic() > until:
            raise LinkError("TIMEOUT", "the answer did not end in time", sent=True)
        yield chunk


def _dated(header: str | None) -> datetime | None:
    try:
        return None if header is None else parsedate_to_datetime(header).astimezone(UTC)
    except ValueError:
        return None


def _lost(error: Exception) -> LinkError:
    """Why there is no answer, and whether it is certain that nothing was sent."""
    causes = tuple(_causes(error))
    words = without_secrets(f"{type(causes[-1]).__name__}: {causes[-1]}")[:300]
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return LinkError("TLS_REFUSED", words, sent=False)
    if any(isinstance(cause, ConnectTimeoutError | NewConnectionError) for cause in causes):
        return LinkError("UNREACHABLE", words, sent=False)
    if any(isinstance(cause, TimeoutError | requests.Timeout) for cause in causes):
        return LinkError("TIMEOUT", words, sent=True)
    if any(isinstance(cause, ssl.SSLError | PoolSslError) for cause in causes):
        return LinkError("TLS_REFUSED", words, sent=True)
    return LinkError("CONNECTION_LOST", words, sent=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps: as an argument, as a reason, as a cause."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one in seen:
            continue
        seen.append(one)
        yield one
        inner = [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
        waiting += [cause for cause in inner if isinstance(cause, BaseException)]
