"""The official SDK against a server on this machine: what leaves us and what comes in."""

from __future__ import annotations

import gzip
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic

import jwt
import pytest
import requests

from infra.exchange.coinbase.access import Access
from infra.exchange.coinbase.keys import BadAccess, Keys
from infra.exchange.coinbase.link import Group, LinkError, Reply, Request
from infra.exchange.coinbase.sdk_link import SdkLink, check_key, trust
from tests.architecture.sources import ROOT
from tests.infra.coinbase.tls_server import TlsServer, a_certificate, an_ec_key, serving

NAME = "organizations/0000-1111/apiKeys/2222-3333-4444"
PUBLIC, PEM = an_ec_key()
KEYS = Keys(NAME, PEM)
BOOK = Request(
    method="GET",
    path="/best_bid_ask",
    group=Group.MARKET_DATA,
    query=(("product_ids", "BTC-USD"), ("product_ids", "ETH-USD")),
)
ORDER = Request(method="POST", path="/orders", group=Group.ORDERS, body={"side": "BUY"})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsServer]:
    with serving(tmp_path) as running:
        running.answers(b"{}")
        yield running


def a_link(server: TlsServer, keys: Keys | None = KEYS, connect_seconds: float = 2.0) -> SdkLink:
    access = Access(server.host, str(server.ca_file), Decimal(1))
    return SdkLink(keys, access, trust(access), connect_seconds)


def code_of(ask: Callable[[], Reply]) -> tuple[str, bool]:
    with pytest.raises(LinkError) as caught:
        ask()
    return caught.value.code, caught.value.sent


# What leaves us


def test_a_request_is_signed_for_its_method_host_and_path_without_the_query(
    server: TlsServer,
) -> None:
    a_link(server).send(BOOK, 5)

    (told,) = server.told
    assert told.line == (
        "GET /api/v3/brokerage/best_bid_ask?product_ids=BTC-USD&product_ids=ETH-USD HTTP/1.1"
    )
    token = told.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, PUBLIC.public_key(), algorithms=["ES256"])
    header = jwt.get_unverified_header(token)
    assert (claims["sub"], claims["iss"], header["kid"]) == (NAME, "cdp", NAME)
    assert claims["uri"] == f"GET {server.host}/api/v3/brokerage/best_bid_ask"
    assert claims["exp"] - claims["nbf"] == 120


def test_every_request_has_a_token_of_its_own(server: TlsServer) -> None:
    link = a_link(server)
    link.send(BOOK, 5)
    link.send(BOOK, 5)

    first, second = (told.headers["authorization"] for told in server.told)
    assert first != second
    assert server.connections == 1  # and they share the connection


def test_a_read_has_no_body_and_an_order_has_the_one_we_wrote(server: TlsServer) -> None:
    link = a_link(server)
    link.send(BOOK, 5)
    link.send(ORDER, 5)

    read, order = server.told
    assert read.body == b""
    assert json.loads(order.body) == {"side": "BUY"}
    assert order.headers["content-type"] == "application/json"
    assert read.headers["cache-control"] == "no-cache"


def test_without_a_key_nothing_is_signed_even_where_the_environment_has_one(
    server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COINBASE_API_KEY", NAME)
    monkeypatch.setenv("COINBASE_API_SECRET", PEM)
    a_link(server, None).send(BOOK, 5)

    assert "authorization" not in server.told[0].headers


def test_the_environment_decides_neither_whom_we_trust_nor_the_way(
    server: TlsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(a_certificate(other)))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")

    assert a_link(server).send(BOOK, 5).status == 200


def test_a_connection_has_its_own_time_and_never_more_than_there_is(
    server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    def kept(*_: object, timeout: object, **__: object) -> None:
        given.append(timeout)
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "request", kept)
    link = a_link(server, connect_seconds=0.5)
    code_of(lambda: link.send(BOOK, 5))
    code_of(lambda: link.send(BOOK, 0.25))

    assert given == [(0.5, 5), (0.25, 0.25)]


# What comes in


def test_an_answer_comes_as_bytes_with_its_status_and_date(server: TlsServer) -> None:
    server.answers(b'{"a": 1}', "404 Not Found", Date="Fri, 20 Nov 2026 12:00:00 GMT")

    reply = a_link(server).send(BOOK, 5)

    assert (reply.status, reply.body) == (404, b'{"a": 1}')
    assert reply.dated == datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("date", ["yesterday", ""])
def test_a_date_that_is_none_is_none(server: TlsServer, date: str) -> None:
    server.answers(b"{}", Date=date)

    assert a_link(server).send(BOOK, 5).dated is None


def test_a_compressed_answer_is_unpacked_and_a_redirect_is_not_followed(
    server: TlsServer,
) -> None:
    link = a_link(server)
    long = json.dumps({"products": ["BTC-USD"] * 50_000}).encode()
    server.answers(gzip.compress(long), Content_Encoding="gzip")
    assert link.send(BOOK, 5).body == long

    server.answers(b"", "302 Found", Location="https://127.0.0.1:1/elsewhere")
    assert link.send(BOOK, 5).status == 302


# No answer


def test_nobody_there_is_certainly_nothing_sent(server: TlsServer) -> None:
    access = Access("127.0.0.1:1", str(server.ca_file), Decimal(1))
    link = SdkLink(KEYS, access, trust(access), 2)

    assert code_of(lambda: link.send(ORDER, 2)) == ("UNREACHABLE", False)


def test_a_stranger_gets_nothing_of_ours(server: TlsServer) -> None:
    access = Access(server.host, None, Decimal(1))
    link = SdkLink(KEYS, access, trust(access), 2)

    assert code_of(lambda: link.send(ORDER, 2)) == ("TLS_REFUSED", False)
    assert server.told == []


def test_the_right_authority_for_another_name_is_a_stranger(server: TlsServer) -> None:
    access = Access(f"localhost:{server.port}", str(server.ca_file), Decimal(1))
    link = SdkLink(KEYS, access, trust(access), 2)

    assert code_of(lambda: link.send(ORDER, 2)) == ("TLS_REFUSED", False)


def test_a_connection_that_breaks_before_the_answer_may_have_done_it(server: TlsServer) -> None:
    server.says, server.then = b"", "close"

    assert code_of(lambda: a_link(server).send(ORDER, 2)) == ("CONNECTION_LOST", True)


def test_half_an_answer_is_none(server: TlsServer) -> None:
    server.says = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    server.then = "close"

    assert code_of(lambda: a_link(server).send(ORDER, 2)) == ("CONNECTION_LOST", True)


def test_silence_ends_at_the_deadline(server: TlsServer) -> None:
    server.says, server.then = b"", "hang"
    began = monotonic()

    assert code_of(lambda: a_link(server).send(ORDER, 0.2)) == ("TIMEOUT", True)
    assert monotonic() - began < 5


def test_an_answer_in_drops_ends_at_the_deadline_too(server: TlsServer) -> None:
    server.answers(b"x" * 400)
    head = server.says.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    link = a_link(server)
    server.says, server.drops = head + b"x" * 400, 0.001
    began = monotonic()

    assert code_of(lambda: link.send(ORDER, 0.3)) == ("TIMEOUT", True)
    assert monotonic() - began < 5


def test_a_connection_that_was_idle_for_long_is_not_trusted_with_an_order(
    server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = a_link(server)
    link.send(BOOK, 5)
    link.send(BOOK, 5)
    assert server.connections == 1

    monkeypatch.setattr("infra.exchange.coinbase.sdk_link._IDLE_MAX", -1.0)
    link.send(ORDER, 5)
    assert server.connections == 2


# Secrets


def leaks(text: str) -> list[str]:
    """What of the key, of any token or of its signature can be seen in a text."""
    lines = [line for line in PEM.splitlines() if not line.startswith("-----")]
    return [piece for piece in (*lines, NAME, "2222-3333-4444", "eyJ") if piece in text]


def test_what_the_venue_sends_back_of_our_secrets_is_cut_out(server: TlsServer) -> None:
    link = a_link(server)
    link.send(BOOK, 5)

    def echo(connection: object) -> None:
        token = server.told[-1].headers["authorization"]
        spelt = {"key": NAME, "secret": PEM, "token": token, "signature": token.rpartition(".")[2]}
        server.answers(json.dumps(spelt).encode(), "500 Oops")
        connection.sendall(server.says)  # type: ignore[attr-defined]

    server.speak = echo  # type: ignore[method-assign]
    reply = link.send(BOOK, 5)

    assert leaks(reply.body.decode()) == []
    signature = server.told[-1].headers["authorization"].rpartition(".")[2]
    assert signature.encode() not in reply.body
    assert json.loads(reply.body)["signature"] == "[secret]"


def test_nothing_of_a_key_is_in_an_error_a_log_or_on_stderr(
    server: TlsServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    link = a_link(server)
    texts = []
    for says, then in ((b"", "close"), (b"", "hang"), (b"HTTP/1.1 nonsense\r\n\r\n", "close")):
        server.says, server.then = says, then
        with pytest.raises(LinkError) as caught:
            link.send(ORDER, 0.3)
        error = caught.value
        texts += [str(error), repr(error), repr(error.__cause__), repr(link), repr(vars(error))]
        assert error.__suppress_context__
    server.answers(b'{"error": "no"}', "500 Oops")
    server.then = "keep"
    link.send(ORDER, 5)

    shown = capfd.readouterr()
    assert leaks("".join([*texts, caplog.text, shown.err, shown.out])) == []
    assert shown.err == ""


def test_the_sdk_writes_nothing_to_stderr_by_itself() -> None:
    import infra.exchange.coinbase.sdk_link  # noqa: F401

    assert "coinbase.RESTClient" in logging.root.manager.loggerDict
    assert logging.getLogger("coinbase.RESTClient").handlers == []


@pytest.mark.parametrize(
    "secret",
    ["no key", PEM.replace("M", "#"), PEM[:80], "A" * 44],
    ids=["words", "spoilt", "cut", "another kind"],
)
def test_a_key_that_cannot_sign_is_refused_without_showing_it(secret: str) -> None:
    check_key(KEYS)
    if secret == "A" * 44:
        secret = "A" * 40
    with pytest.raises(BadAccess, match="cannot sign") as caught:
        check_key(Keys(NAME, secret))

    assert leaks(str(caught.value)) == []
    assert caught.value.__suppress_context__


def test_a_file_that_holds_no_certificate_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")

    with pytest.raises(BadAccess, match="is no certificate"):
        trust(Access("127.0.0.1:1", str(file), Decimal(1)))


def test_the_sdk_is_not_loaded_by_those_who_do_not_ask_a_real_venue() -> None:
    code = "import sys, infra.exchange.coinbase.assembly; print('coinbase' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "False"


def test_what_guesses_encodings_is_not_loaded_and_nobody_is_warned() -> None:
    told = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-c"),
            "from infra.exchange.coinbase.bare_requests import load_requests; load_requests();"
            "import infra.exchange.coinbase.sdk_link, sys;"
            "print('charset_normalizer' in sys.modules)",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (told.stdout, told.stderr) == ("False\n", "")
