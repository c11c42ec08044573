"""The sandbox as a whole: its parts put together, served over TLS on loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from aiohttp import web
from aiohttp.typedefs import Handler

from core.money import ONE, ZERO, multiplied
from core.ports import Clock
from infra.sandbox.coinbase.accounts import AccountPaths
from infra.sandbox.coinbase.admin import AdminPaths
from infra.sandbox.coinbase.faults import Faults
from infra.sandbox.coinbase.feeds import Feeds
from infra.sandbox.coinbase.floor import Floor
from infra.sandbox.coinbase.gate import Gate
from infra.sandbox.coinbase.journal import Journal
from infra.sandbox.coinbase.keys import ApiKey
from infra.sandbox.coinbase.legacy import LegacyPaths
from infra.sandbox.coinbase.limits import RateLimits
from infra.sandbox.coinbase.market_time import ClockFile, MarketTime
from infra.sandbox.coinbase.orders import OrderPaths
from infra.sandbox.coinbase.public import PublicPaths
from infra.sandbox.coinbase.quotes import Quotes
from infra.sandbox.coinbase.streams import Streams
from infra.sandbox.coinbase.tokens import VENUE_HOST

HOST = "127.0.0.1"
_PATIENCE = 1.0  # seconds that open requests get at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """What the wire is served from."""

    keys: Mapping[str, ApiKey]
    clock: MarketTime
    clock_file: ClockFile
    wall: Clock
    quotes: Quotes
    floor: Floor
    faults: Faults
    journal: Journal
    limits: RateLimits | None
    latency: timedelta
    opened_at: datetime

    def told_now(self) -> datetime:
        """The venue's clock as it shows it."""
        return self.clock.now() + timedelta(seconds=self.faults.skew())

    def worth(self, currency: str, amount: Decimal) -> Decimal:
        """In USD at the middle of the book; nothing for what has none."""
        if currency in ("USD", "USDC"):
            return multiplied(amount, ONE)
        symbol = f"{currency}-USD"
        top = self.quotes.tops([symbol]).get(symbol)
        return ZERO if top is None else multiplied(amount, top.mid)

    def application(self, port: int) -> web.Application:
        gate = Gate(
            keys=dict(self.keys),
            hosts=frozenset({VENUE_HOST, f"{HOST}:{port}", f"localhost:{port}"}),
            clock=self.clock,
            wall=self.wall,
            limits=self.limits,
            faults=self.faults,
            journal=self.journal,
            latency=self.latency,
        )

        @web.middleware
        async def passing(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await gate(request, handler)

        streams = Streams(
            Feeds(self.quotes, self.floor), self.keys, self.wall, self.told_now, self.faults
        )
        application = web.Application(middlewares=[passing])
        for paths in (
            PublicPaths(self.quotes, self.told_now),
            AccountPaths(self.floor, self.opened_at, self.worth),
            OrderPaths(self.floor),
            LegacyPaths(self.quotes, self.floor.balances, self.told_now),
            AdminPaths(self.floor, self.clock, self.clock_file, self.faults, self.journal),
            streams,
        ):
            application.add_routes(paths.routes())
        application.on_shutdown.append(streams.close)
        return application


async def serve(sandbox: Sandbox, port: int, tls: ssl.SSLContext) -> tuple[web.AppRunner, int]:
    """Listen on loopback; the port that was taken. Raises OSError where it is in use."""
    listening = socket.create_server((HOST, port))
    taken = int(listening.getsockname()[1])
    runner = web.AppRunner(sandbox.application(taken), access_log=None, shutdown_timeout=_PATIENCE)
    await runner.setup()
    await web.SockSite(runner, listening, ssl_context=tls).start()
    return runner, taken
