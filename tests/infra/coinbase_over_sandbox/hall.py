"""A sandbox in a thread of this process, and the real adapter in front of it over TLS.

Between them are real sockets, tokens and the official SDK; behind the sandbox lies a
market that the test holds in its hand. Time stands still unless the test moves it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from core.money import Money
from core.ports import MarketData
from infra.clock import SystemClock
from infra.exchange.coinbase.assembly import coinbase_exchange
from infra.exchange.coinbase.exchange import CoinbaseExchange
from infra.sandbox.coinbase.faults import Faults, Kind, Plan, Rule
from infra.sandbox.coinbase.floor import Opening, open_floor
from infra.sandbox.coinbase.gate import BROKERAGE
from infra.sandbox.coinbase.journal import Journal
from infra.sandbox.coinbase.keys import CA_FILE, KEY_FILE, api_keys, tls_context
from infra.sandbox.coinbase.market_time import ClockFile, MarketTime
from infra.sandbox.coinbase.quotes import Grain, Quotes
from infra.sandbox.coinbase.server import HOST, Sandbox, serve
from tests.builders.coinbase import SETTINGS, terms
from tests.builders.market import BAR, NOON
from tests.builders.venue import STARTING

Told = TypeVar("Told")

_PATIENCE = 20.0  # seconds


class HandTime(MarketTime):
    """The market's clock, as both sides read it."""

    def __init__(self, at: datetime = NOON) -> None:
        super().__init__(at, 0.0, SystemClock())

    def set(self, at: datetime) -> None:
        self.move_to(at)


class HandTimer(SystemClock):
    """The machine's time as the sandbox's delays see it: a test may skip some of it."""

    skipped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped

    def skip(self, seconds: float) -> None:
        self.skipped += seconds


@dataclass
class Hall:
    """The sandbox as it runs; what happens in it happens in its own thread."""

    folder: Path
    sandbox: Sandbox
    address: str
    loop: asyncio.AbstractEventLoop
    timer: HandTimer

    def inside(self, call: Callable[[], Told]) -> Told:
        """Do something in the sandbox's thread, past the wire."""

        async def called() -> Told:
            return call()

        return asyncio.run_coroutine_threadsafe(called(), self.loop).result(_PATIENCE)

    def strike(self, *rules: Rule) -> None:
        """These rules and no others from now on."""
        self.inside(lambda: self.sandbox.faults.replace(Plan(rules=list(rules))))

    def calm(self) -> None:
        self.strike()

    def asked(self, name: str = "") -> list[Mapping[str, Any]]:
        """What reached the sandbox so far, of requests that begin with `name`."""
        entries = self.inside(lambda: self.sandbox.journal.entries(0))
        told = [json.loads(bytes(entry)) for entry in entries]
        wanted = _full(name)
        return [row for row in told if f"{row['method']} {row['path']}".startswith(wanted)]

    def exchange(
        self, *, signed: bool = True, key_file: str = KEY_FILE, **changed: Any
    ) -> CoinbaseExchange:
        """A new adapter, as after a start of the bot."""
        given = {
            "base_url": self.address,
            "ca_file": str(self.folder / CA_FILE),
            "private_requests_per_second_max": 1_000,
            "public_requests_per_second_max": 1_000,
            "retry_wait_first": timedelta(milliseconds=10),
        } | changed
        settings = replace(SETTINGS, exchange=terms(**given))
        keys = {"COINBASE_KEY_FILE": str(self.folder / key_file)} if signed else {}
        return coinbase_exchange(settings, keys, self.sandbox.clock, SystemClock())


@contextmanager
def open_hall(
    folder: Path,
    market: MarketData,
    clock: HandTime,
    *,
    starting: tuple[Money, ...] = STARTING,
    grain: Grain | None = None,
) -> Iterator[Hall]:
    """Serves until the block ends."""
    loop = asyncio.new_event_loop()
    ready: Future[Hall] = Future()
    stop, timer = asyncio.Event(), HandTimer()
    bars = grain or Grain(BAR, BAR, only=True)

    async def run() -> None:
        try:
            sandbox = _sandbox(folder, market, clock, timer, starting, bars)
            runner, port = await serve(sandbox, 0, tls_context(folder))
        except BaseException as error:
            ready.set_exception(error)
            raise
        ready.set_result(Hall(folder, sandbox, f"{HOST}:{port}", loop, timer))
        await stop.wait()
        await runner.cleanup()
        sandbox.journal.close()
        sandbox.floor.close()

    thread = Thread(target=lambda: loop.run_until_complete(run()), name="sandbox", daemon=True)
    thread.start()
    try:
        yield ready.result(_PATIENCE)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(_PATIENCE)
        loop.close()


def _sandbox(
    folder: Path,
    market: MarketData,
    clock: HandTime,
    timer: HandTimer,
    starting: tuple[Money, ...],
    grain: Grain,
) -> Sandbox:
    folder.mkdir(parents=True, exist_ok=True)
    faults = Faults(Plan())
    opening = Opening({"exchange": "hand"}, starting, grain.finest)
    floor = open_floor(market, clock, timer, faults, folder, opening)
    return Sandbox(
        keys=api_keys(folder),
        clock=clock,
        clock_file=ClockFile(folder / "clock"),
        wall=timer,
        quotes=Quotes(market, floor.book, clock, grain),
        floor=floor,
        faults=faults,
        journal=Journal(folder / "journal.jsonl"),
        limits=None,
        latency=timedelta(0),
        opened_at=clock.now(),
    )


def rule(kind: Kind, on: str = "", **fields: Any) -> Rule:
    """A rule for requests that begin with `on`: "POST /orders"."""
    return Rule(kind=kind, on=_full(on), **fields)


def _full(name: str) -> str:
    """The same with the whole path."""
    method, _, path = name.partition(" ")
    return f"{method} {BROKERAGE}{path}" if path else ""
