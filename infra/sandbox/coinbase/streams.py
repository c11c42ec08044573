"""WebSocket: heartbeats, ticker, market_trades and user, one connection each its own numbers.

A connection that does not subscribe within five seconds is closed. What changed is sent
every quarter of a second of real time. A token is looked at when it subscribes, and then
never again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from core.ports import Clock
from infra.sandbox.coinbase.answers import time
from infra.sandbox.coinbase.faults import Faults, Kind
from infra.sandbox.coinbase.feeds import Feeds
from infra.sandbox.coinbase.gate import STREAM
from infra.sandbox.coinbase.keys import ApiKey
from infra.sandbox.coinbase.tokens import BadToken, stream_holder

_FIRST_WORD = 5.0  # seconds
_BEAT = 0.25
_BEATS_A_SECOND = 4
_PRIVATE = frozenset({"user"})
_CHANNELS = frozenset({"heartbeats", "ticker", "market_trades", "user"})
_DENIED = {"type": "error", "message": "authentication failure"}
_UNCLEAR = {"type": "error", "message": "subscribe or unsubscribe required"}


@dataclass(slots=True, eq=False)
class Connection:
    """One client: what it listens to, and what it was told last."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    channels: dict[str, set[str]] = field(default_factory=dict)
    number: int = 0
    beats: int = 0
    told: dict[tuple[str, str], Any] = field(default_factory=dict)  # (channel, what) -> last
    stalled: bool = False

    def forget(self, channel: str, symbols: set[str]) -> None:
        """Whoever subscribes again begins with a snapshot again."""
        for known, what in tuple(self.told):
            if known == channel and (channel in _PRIVATE or not symbols or what in symbols):
                del self.told[known, what]


class Streams:
    """All connections of the sandbox."""

    def __init__(
        self,
        feeds: Feeds,
        keys: Mapping[str, ApiKey],
        wall: Clock,
        told_now: Callable[[], datetime],
        faults: Faults,
    ) -> None:
        self._feeds = feeds
        self._keys = keys
        self._wall = wall
        self._told_now = told_now
        self._faults = faults
        self._open: set[Connection] = set()

    def routes(self) -> list[web.RouteDef]:
        return [web.get(STREAM, self.connect)]

    async def close(self, _: web.Application) -> None:
        """At the sandbox's end: nobody is left waiting."""
        for connection in tuple(self._open):
            await connection.socket.close(code=WSCloseCode.GOING_AWAY)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket, request.transport)
        self._open.add(connection)
        beating = asyncio.create_task(self._beat(connection))
        try:
            await self._listen(connection)
        finally:
            beating.cancel()
            self._open.discard(connection)
            with suppress(asyncio.CancelledError):
                await beating
        return socket

    async def _listen(self, connection: Connection) -> None:
        socket = connection.socket
        while not socket.closed:
            patience = None if connection.channels else _FIRST_WORD
            try:
                message = await socket.receive(timeout=patience)
            except TimeoutError:
                await socket.close(code=WSCloseCode.POLICY_VIOLATION)
                return
            if message.type is not WSMsgType.TEXT:
                return
            await self._obey(connection, message.data)

    async def _obey(self, connection: Connection, text: str) -> None:
        """One frame of the client's: one channel."""
        try:
            frame = msgspec.json.decode(text)
        except msgspec.DecodeError:
            frame = None
        if not isinstance(frame, dict) or frame.get("type") not in ("subscribe", "unsubscribe"):
            await self._say(connection, _UNCLEAR)
            return
        channel, token = str(frame.get("channel")), frame.get("jwt")
        asked = frame.get("product_ids") or []
        if not isinstance(asked, list):
            await self._say(connection, _UNCLEAR)
            return
        if channel not in _CHANNELS or not self._may_hear(channel, token):
            await self._say(connection, _DENIED)
            return
        named = {str(symbol) for symbol in asked}
        symbols = {self._feeds.book_of(symbol) for symbol in named} if channel != "user" else named
        if frame["type"] == "subscribe":
            connection.channels.setdefault(channel, set()).update(symbols)
        else:
            left = connection.channels.pop(channel, set()) - symbols
            if left and symbols:
                connection.channels[channel] = left
        connection.forget(channel, symbols)
        told = {name: sorted(heard) for name, heard in sorted(connection.channels.items())}
        await self._send(connection, "subscriptions", [{"subscriptions": told}])

    def _may_hear(self, channel: str, token: object) -> bool:
        if token is None:
            return channel not in _PRIVATE
        try:
            at = self._wall.now() + timedelta(seconds=self._faults.skew())
            stream_holder(str(token), self._keys, at)
        except BadToken:
            return False
        return True

    async def _beat(self, connection: Connection) -> None:
        """What changed since the last time, until the connection ends."""
        with suppress(ConnectionError):
            while not connection.socket.closed:
                await asyncio.sleep(_BEAT)
                connection.beats += 1
                for channel, symbols in tuple(connection.channels.items()):
                    if channel == "heartbeats":
                        await self._heartbeat(connection)
                        continue
                    events = self._feeds.events(channel, symbols, connection.told)
                    if events:
                        await self._send(connection, channel, events)

    async def _heartbeat(self, connection: Connection) -> None:
        if connection.beats % _BEATS_A_SECOND == 0:
            now = self._told_now()
            words = f"{now:%Y-%m-%d %H:%M:%S.%f}000 +0000 UTC m=+{connection.beats * _BEAT:.9f}"
            count = connection.beats // _BEATS_A_SECOND
            event = {"current_time": words, "heartbeat_counter": count}
            await self._send(connection, "heartbeats", [event])

    async def _send(
        self, connection: Connection, channel: str, events: list[dict[str, Any]]
    ) -> None:
        """One message with its number, unless a fault has it otherwise."""
        frame = {
            "channel": channel,
            "client_id": "",
            "timestamp": time(self._told_now()),
            "sequence_num": connection.number,
            "events": events,
        }
        connection.number += 1
        times = 1
        for rule in self._faults.strike(f"STREAM {channel}"):
            match rule.kind:
                case Kind.STREAM_GAP:
                    times = 0
                case Kind.STREAM_TWICE:
                    times = 2
                case Kind.STREAM_STALL:
                    connection.stalled = True
                case Kind.STREAM_CLOSE:
                    await connection.socket.close()
                    return
                case Kind.STREAM_CUT:
                    if connection.transport is not None:
                        connection.transport.abort()
                    return
        for _ in range(times):
            await self._say(connection, frame)

    async def _say(self, connection: Connection, frame: Mapping[str, Any]) -> None:
        if not connection.stalled and not connection.socket.closed:
            await connection.socket.send_str(msgspec.json.encode(frame).decode())
