"""Sandbox: `python -m runner.sandbox coinbase`. A simulated Coinbase on this machine.

Serves the simulated venue over Coinbase's own wire, so that LIVE can be rehearsed in
earnest: with keys, tokens, refusals, lost answers. Nothing it serves is real. The first
line on stdout says where it listens and where its key and certificate lie.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from config.loader import Configuration
from core.market import Fees
from core.ports import Clock, MarketData
from core.wording import instant, span
from infra.clock import SystemClock
from infra.exchange.simulated.book_model import BookModel
from infra.exchange.simulated.player import RecordedMarket
from infra.exchange.simulated.recording import BadRecording, Recording
from infra.exchange.simulated.synthetic import SyntheticMarket
from infra.instance_lock import AlreadyRunning, InstanceLock
from infra.naming import new_run_id
from infra.sandbox.coinbase.admin import SPEED_MAX
from infra.sandbox.coinbase.faults import BadPlan, Faults, read_plan_file
from infra.sandbox.coinbase.floor import Opening, open_floor
from infra.sandbox.coinbase.gate import STREAM
from infra.sandbox.coinbase.journal import Journal
from infra.sandbox.coinbase.keys import CA_FILE, KEY_FILE, api_keys, tls_context
from infra.sandbox.coinbase.limits import RateLimits
from infra.sandbox.coinbase.market_time import ClockFile, MarketTime
from infra.sandbox.coinbase.quotes import Grain, Quotes
from infra.sandbox.coinbase.server import HOST, Sandbox, serve
from runner.command_line import (
    add_config_options,
    add_folder,
    bare_parser,
    instant_of,
    path,
    run,
    whole,
)
from runner.configured import configure, history_length
from runner.exit_codes import ExitCode, Refusal

_MINUTE = timedelta(minutes=1)
_SPAN_MAX = timedelta(days=20_000)  # from market.start on
_TICK = 1.0  # seconds between two notes of the time
_ABOUT = """Serves a simulated Coinbase on 127.0.0.1 over TLS, for rehearsals of LIVE.

Its market, fees and starting balances are those of the configuration. docs/sandbox.md
tells how to point a client at it, what it does as Coinbase does, and how to make it fail."""


def options(arguments: Sequence[str] | None) -> Namespace:
    made = bare_parser("sandbox", _ABOUT)
    made.add_argument("venue", choices=["coinbase"], help="whose wire it speaks")
    add_config_options(made)
    made.add_argument("--port", type=whole, default=0, metavar="P", help="0, the default: any")
    made.add_argument("--seed", metavar="N", help="of the synthetic market")
    made.add_argument(
        "--start",
        metavar="ISO",
        help="when its clock begins; at speed 1 the present is the default, else market.start",
    )
    made.add_argument("--bar", metavar="BAR", help="of the candles to play")
    made.add_argument("--recording", type=path, metavar="DIR", help="candles to play instead")
    made.add_argument("--latency-ms", type=whole, default=0, metavar="N", help="of every request")
    made.add_argument("--faults", type=path, metavar="FILE", help="what goes wrong, and when")
    made.add_argument("--speed", type=float, default=1.0, metavar="X", help="of its clock")
    made.add_argument("--no-rate-limits", action="store_true", help="for measuring")
    add_folder(made, "--dir", "var/sandbox", "its keys, journal and books")
    made.add_argument("--json", action="store_true", help="as everywhere; it tells nothing else")
    return made.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = _checked(options(arguments))
    configuration = configure(given)
    try:
        faults = Faults(read_plan_file(given.faults))
        given.dir.mkdir(parents=True, exist_ok=True)
        lock = InstanceLock.take(given.dir, "SANDBOX", new_run_id())
    except BadPlan as flaw:
        raise Refusal(ExitCode.USAGE, f"--faults: {flaw}") from None
    except AlreadyRunning:
        told = f"--dir: another sandbox runs on {given.dir}; stop it or name another folder"
        raise Refusal(ExitCode.LOCKED, told) from None
    except OSError as flaw:
        raise Refusal(ExitCode.USAGE, f"--dir: {given.dir} cannot be written: {flaw}") from None
    try:
        return asyncio.run(_run(_sound(given, configuration, faults), given))
    finally:
        lock.release()


def _sound(given: Namespace, configuration: Configuration, faults: Faults) -> Sandbox:
    """The sandbox of the folder; raises Refusal where a file in it says nonsense."""
    try:
        return _built(given, configuration, faults)
    except (ValueError, KeyError) as flaw:
        raise Refusal(
            ExitCode.DAMAGED, f"--dir: {given.dir} is damaged ({flaw}); name a new folder"
        ) from flaw


def _checked(given: Namespace) -> Namespace:
    """The flags, each within its bounds."""
    bounds = {"port": (0, 65_535), "latency_ms": (0, 60_000), "speed": (0, SPEED_MAX)}
    for name, (least, most) in bounds.items():
        value = getattr(given, name)
        if not least <= value <= most:
            flag = f"--{name.replace('_', '-')}"
            raise Refusal(ExitCode.USAGE, f"{flag}: {value} is not between {least} and {most:.0f}")
    return given


def _built(given: Namespace, configuration: Configuration, faults: Faults) -> Sandbox:
    """Everything but the address. Raises Refusal."""
    settings, wall = configuration.settings, SystemClock()
    place = _place(given, configuration, wall)
    clock_file = ClockFile(given.dir / "clock")
    kept = clock_file.read()
    # A folder goes on where it stopped, unless it is told to begin later.
    begins = (
        kept if kept is not None and given.start is None else max(place.start, kept or place.start)
    )
    clock = MarketTime(begins, given.speed, wall)
    market = place.market(clock)
    floor = open_floor(
        market,
        clock,
        wall,
        faults,
        given.dir,
        Opening(place.identity, settings.app.starting_balances, place.grain.finest),
    )
    return Sandbox(
        keys=api_keys(given.dir),
        clock=clock,
        clock_file=clock_file,
        wall=wall,
        quotes=Quotes(market, floor.book, clock, place.grain),
        floor=floor,
        faults=faults,
        journal=Journal(given.dir / "journal.jsonl"),
        limits=None if given.no_rate_limits else RateLimits(wall),
        latency=timedelta(milliseconds=given.latency_ms),
        opened_at=min(place.start, settings.market.start),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """The market to be served: when it begins, what it is called, how it is made."""

    start: datetime
    identity: Mapping[str, str]
    grain: Grain
    market: Callable[[Clock], MarketData]


def _place(given: Namespace, configuration: Configuration, wall: Clock) -> Place:
    market = configuration.settings.market
    fees = Fees(maker=market.maker_fee, taker=market.taker_fee)
    if given.recording is not None:
        if given.start is not None:
            raise Refusal(ExitCode.USAGE, "--start: a recording begins where it begins; leave it")
        return _recorded(given.recording, configuration, fees)
    quote = configuration.settings.app.capital_currency

    def made(clock: Clock) -> MarketData:
        return SyntheticMarket(clock, market.seed, market.start, market.bar, fees, quote)

    identity = {"market": "synthetic", "seed": str(market.seed), "start": instant(market.start)}
    begins = _begins(given, market.start, wall)
    return Place(begins, identity, Grain(_MINUTE, market.bar, only=False), made)


def _begins(given: Namespace, start: datetime, wall: Clock) -> datetime:
    """A clock that keeps time with ours shows ours, as a client that looks at its own expects."""
    told = instant_of("--start", given.start)
    if told is None:
        return max(wall.now(), start) if given.speed == 1 else start
    if not start <= told < start + _SPAN_MAX:
        span_told = f"{instant(start)} and {instant(start + _SPAN_MAX)}"
        raise Refusal(ExitCode.USAGE, f"--start: {given.start} is not between {span_told}")
    return told


def _recorded(folder: Path, configuration: Configuration, fees: Fees) -> Place:
    bar, model = configuration.settings.market.bar, configuration.settings.market.book_model
    try:
        recording = Recording.read(folder, bar)
        start = recording.start_after(history_length(configuration))
    except BadRecording as flaw:
        raise Refusal(ExitCode.USAGE, str(flaw)) from None
    shares = BookModel(model.spread_min, model.spread_range_share, model.depth_volume_share)

    def made(clock: Clock) -> MarketData:
        return RecordedMarket(clock, recording, fees, shares)

    identity = {"market": "recorded", "recording": recording.digest, "bar": span(bar)}
    return Place(start, identity, Grain(bar, bar, only=True), made)


async def _run(sandbox: Sandbox, given: Namespace) -> int:
    """Serve until somebody asks us to stop."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    folder = given.dir.resolve()
    sandbox.clock_file.reserve(sandbox.clock)
    try:
        runner, port = await serve(sandbox, given.port, tls_context(folder))
    except OSError as flaw:
        raise Refusal(
            ExitCode.USAGE, f"--port: {given.port} cannot be had: {flaw.strerror}; use --port 0"
        ) from None
    ready = {
        "ready": True,
        "base_url": f"{HOST}:{port}",
        "ws_url": f"wss://{HOST}:{port}{STREAM}",
        "ca_file": str(folder / CA_FILE),
        "key_file": str(folder / KEY_FILE),
        "speed": sandbox.clock.speed,
    }
    print(json.dumps(ready), flush=True)
    try:
        while not stopped.is_set():
            sandbox.clock_file.reserve(sandbox.clock)
            for notice in sandbox.floor.catch_up():
                print(notice, file=sys.stderr)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), _TICK)
    finally:
        await runner.cleanup()
        sandbox.journal.close()
        sandbox.floor.close()
    sandbox.clock_file.keep(sandbox.clock.now())
    return ExitCode.FINISHED


if __name__ == "__main__":
    run(main)
