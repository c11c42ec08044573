"""The streams: who may hear what, numbers without a gap, and gaps where a fault asks for them."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect

from tests.infra.sandbox.served import Running, sandbox

PATIENCE = 20.0  # seconds for what must come


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with sandbox(tmp_path_factory.mktemp("streams"), "--no-rate-limits") as running:
        yield running


@pytest.fixture
def venue(served: Running) -> Iterator[Running]:
    yield served
    served.admin("faults", {})


@contextmanager
def stream(venue: Running) -> Iterator[ClientConnection]:
    context = ssl.create_default_context(cafile=venue.ready["ca_file"])
    connection = connect(venue.ready["ws_url"], ssl=context)
    with closing(connection):
        yield connection


def say(connection: ClientConnection, channel: str, *symbols: str, **more: object) -> None:
    frame = {"type": "subscribe", "channel": channel, "product_ids": list(symbols), **more}
    connection.send(json.dumps(frame))


def hear(connection: ClientConnection) -> Any:
    return json.loads(connection.recv(PATIENCE))


def hear_to_the_end(connection: ClientConnection) -> None:
    while True:
        hear(connection)


def stream_token(venue: Running) -> str:
    holder = venue.key()
    now = int(datetime.now(UTC).timestamp())
    claims = {"sub": holder["name"], "iss": "cdp", "nbf": now, "exp": now + 120}
    return jwt.encode(
        claims, holder["privateKey"], algorithm="ES256", headers={"kid": holder["name"]}
    )


def test_market_channels_need_no_token_and_orders_do(venue: Running) -> None:
    with stream(venue) as connection:
        say(connection, "user")
        assert hear(connection) == {"type": "error", "message": "authentication failure"}
        say(connection, "user", jwt=venue.token("GET", "/somewhere") + "x")
        assert hear(connection)["message"] == "authentication failure"
        say(connection, "user", jwt=stream_token(venue))
        assert hear(connection)["events"] == [{"subscriptions": {"user": []}}]
        assert hear(connection)["events"][0]["type"] == "snapshot"
        say(connection, "ticker", "BTC-USD")
        assert hear(connection)["channel"] == "subscriptions"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"type": "subscribe", "channel": "nothing"}', "authentication failure"),
        ('{"type": "hello"}', "subscribe or unsubscribe required"),
        ("no json", "subscribe or unsubscribe required"),
    ],
)
def test_a_frame_that_is_not_understood_is_told(venue: Running, text: str, told: str) -> None:
    with stream(venue) as connection:
        connection.send(text)
        assert hear(connection) == {"type": "error", "message": told}


def test_products_are_named_in_a_list(venue: Running) -> None:
    with stream(venue) as connection:
        connection.send('{"type": "subscribe", "channel": "ticker", "product_ids": "BTC-USD"}')
        assert hear(connection)["message"] == "subscribe or unsubscribe required"


def test_unsubscribing_ends_a_channel(venue: Running) -> None:
    with stream(venue) as connection:
        say(connection, "ticker", "BTC-USD", "ETH-USD")
        hear(connection)
        say(connection, "ticker", "BTC-USD", type="unsubscribe")
        told = [hear(connection) for _ in range(2)]
        left = next(frame for frame in told if frame["channel"] == "subscriptions")

    assert left["events"] == [{"subscriptions": {"ticker": ["ETH-USD"]}}]


def test_whoever_subscribes_again_begins_with_a_snapshot_again(venue: Running) -> None:
    with stream(venue) as connection:
        say(connection, "ticker", "BTC-USD")
        first = [hear(connection) for _ in range(2)]
        say(connection, "ticker", "BTC-USD", type="unsubscribe")
        hear(connection)
        say(connection, "ticker", "BTC-USD")
        again = [hear(connection) for _ in range(2)]

    for _, told in (first, again):
        assert told["events"][0]["type"] == "snapshot"


def test_a_price_that_changes_is_told_and_one_that_does_not_is_not(venue: Running) -> None:
    with stream(venue) as connection:
        say(connection, "ticker", "BTC-USD")
        say(connection, "market_trades", "BTC-USD")
        first = [hear(connection) for _ in range(4)]
        venue.admin("clock", {"advance": 3_600})
        ticker, trades = sorted(
            (hear(connection) for _ in range(2)), key=lambda frame: frame["channel"] != "ticker"
        )

    assert [frame["sequence_num"] for frame in first] == [0, 1, 2, 3]
    assert ticker["events"][0]["type"] == "update"
    assert len(trades["events"][0]["trades"]) == 60
    assert sorted((ticker["sequence_num"], trades["sequence_num"])) == [4, 5]


def test_who_says_nothing_is_cut_off(venue: Running) -> None:
    with stream(venue) as connection, pytest.raises(ConnectionClosed) as ended:
        connection.recv(PATIENCE)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1008


@pytest.mark.parametrize(("kind", "numbers"), [("stream_gap", [1, 2]), ("stream_twice", [0, 0])])
def test_a_message_is_lost_or_doubled(venue: Running, kind: str, numbers: list[int]) -> None:
    venue.admin("faults", {"rules": [{"kind": kind, "on": "STREAM subscriptions", "count": 1}]})
    with stream(venue) as connection:
        say(connection, "ticker", "BTC-USD")
        say(connection, "heartbeats")
        heard = [hear(connection)["sequence_num"] for _ in range(2)]

    assert heard == numbers


def test_a_stream_ends_cleanly_or_not_at_all(venue: Running) -> None:
    rules = [{"kind": "stream_close", "on": "STREAM heartbeats", "count": 1}]
    venue.admin("faults", {"rules": rules})
    with stream(venue) as connection:
        say(connection, "heartbeats")
        with pytest.raises(ConnectionClosedOK):
            hear_to_the_end(connection)


def test_a_stream_breaks(venue: Running) -> None:
    venue.admin("faults", {"rules": [{"kind": "stream_cut", "on": "STREAM heartbeats"}]})
    with stream(venue) as connection:
        say(connection, "heartbeats")
        with pytest.raises(ConnectionClosed) as ended:
            hear_to_the_end(connection)
    assert ended.value.rcvd is None


def test_a_stalled_stream_stays_open_and_says_nothing(venue: Running) -> None:
    venue.admin("faults", {"rules": [{"kind": "stream_stall", "on": "STREAM heartbeats"}]})
    with stream(venue) as connection:
        say(connection, "heartbeats")
        assert hear(connection)["channel"] == "subscriptions"
        with pytest.raises(TimeoutError):
            connection.recv(2.5)
        connection.ping().wait(PATIENCE)
