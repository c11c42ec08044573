"""The keys that only a real venue reads, seen in what Coinbase is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, BrokenBarrierError

from config.loader import Configuration
from core.errors import BotError
from infra.clock import SystemClock
from infra.exchange.coinbase.access import access_of
from infra.exchange.coinbase.assembly import coinbase_exchange
from infra.exchange.coinbase.keys import BadAccess
from infra.exchange.coinbase.link import Group, Reply, Request, Urgency
from tests.builders.coinbase import Scene, a_row, a_scene_of, said
from tests.keys.scenario import Change, Refused, Row, Scenario, both

TIME = Request(method="GET", path="/time", group=Group.MARKET_DATA)
ORDER = Request(method="POST", path="/orders", group=Group.ORDERS, urgency=Urgency.ENTRY)
NOW = said({"iso": "2026-11-20T12:00:00Z"})
ILL = said({"error": "INTERNAL"}, 500)
LISTS = {
    "GET /products": said({"products": [a_row()]}),
    "GET /transaction_summary": said({"fee_tier": {"maker_fee_rate": "0", "taker_fee_rate": "0"}}),
}


def coinbase(name: str, outcome: Callable[[Configuration], object]) -> Scenario:
    return Scenario(f"Coinbase: {name}", outcome)


def tried(ask: Callable[[], object]) -> str:
    try:
        ask()
    except BotError as error:
        return error.code
    return "answered"


def address(configuration: Configuration) -> object:
    access = access_of(configuration.settings.exchange, {})
    return access.host


def authority(configuration: Configuration) -> object:
    try:
        coinbase_exchange(configuration.settings, {}, SystemClock(), SystemClock())
    except BadAccess:
        return "refused"
    return "connected"


def clock(configuration: Configuration) -> object:
    try:
        return access_of(configuration.settings.exchange, {}).clock_speed
    except BadAccess:
        return "refused"


def patience(configuration: Configuration) -> object:
    """How long the link of an order and of a read may take."""
    given: list[float] = []
    scene = scene_of(configuration, {})

    def noted(request: Request, seconds: float) -> Reply:
        given.append(seconds)
        return NOW

    scene.link.send = noted  # type: ignore[method-assign]
    scene.transport.begin_cycle("bot-1")
    scene.transport.read(TIME, bytes)
    scene.clock.pass_by(5)
    tried(lambda: scene.transport.read(TIME, bytes))
    return given


def scene_of(
    configuration: Configuration, script: dict[str, object], *, signed: bool = True
) -> Scene:
    return a_scene_of(configuration.settings.exchange, script, signed=signed)


def waits(configuration: Configuration) -> object:
    """Pauses between the attempts of a read that never succeeds."""
    given = replace(configuration.settings.exchange, breaker_failures=100, attempts_max=6)
    scene = a_scene_of(given, {"GET /time": ILL})
    scene.transport.begin_cycle("bot-1")
    tried(lambda: scene.transport.read(TIME, bytes))
    return scene.clock.slept


def attempts(configuration: Configuration) -> object:
    scene = scene_of(configuration, {"GET /time": ILL})
    tried(lambda: scene.transport.read(TIME, bytes))
    return scene.exchange.requests


def at_once(configuration: Configuration, *, signed: bool = True) -> object:
    """Requests before the first has to wait, of reads and then of exits."""
    scene = scene_of(configuration, {"": NOW}, signed=signed)
    while not scene.clock.slept:
        scene.transport.read(TIME, bytes)
    return scene.exchange.requests, scene.clock.slept


def public_at_once(configuration: Configuration) -> object:
    return at_once(configuration, signed=False)


def breaking(configuration: Configuration) -> object:
    """What ten orders meet, five seconds apart, at a venue that is ill and then well."""
    scene = scene_of(configuration, {"POST /orders": [ILL] * 7 + [NOW]})
    found = []
    for _ in range(20):
        found.append(tried(lambda: scene.transport.act(ORDER)))
        scene.clock.pass_by(5)
    return found


def renewed(configuration: Configuration) -> object:
    """Requests in three hours of looking every five minutes."""
    scene = scene_of(configuration, dict(LISTS))
    for _ in range(36):
        scene.exchange.products()
        scene.exchange.fees()
        scene.clock.at += timedelta(minutes=5)
    return scene.link.names


def futures(configuration: Configuration) -> object:
    settings = configuration.settings
    script = {"GET /cfm": said({"balance_summary": None, "positions": []})}
    scene = a_scene_of(settings.exchange, dict(script), shows_futures=settings.derivatives.enabled)
    return scene.exchange.futures()


def side_by_side(configuration: Configuration) -> object:
    """Whether so many reads and one more all hang at the same time."""
    most = 10
    scene = scene_of(configuration, {})
    crowd, alone = Barrier(most), Barrier(most + 1)

    def met(barrier: Barrier) -> Callable[[], bool]:
        def meet() -> bool:
            try:
                barrier.wait(0.2)
            except BrokenBarrierError:
                return False
            return True

        return meet

    return (
        scene.transport.read_all([met(crowd)] * most),
        scene.transport.read_all([met(alone)] * (most + 1)),
    )


PATIENCE = coinbase("an answer is waited for", patience)
WAITS = coinbase("a read fails and fails", waits)
BREAKING = coinbase("orders fail", breaking)
RENEWED = coinbase("hours pass", renewed)
ADDRESS = coinbase("where it is", address)
CLOCK = coinbase("whose time it is", clock)

COINBASE: dict[str, Row] = {
    "exchange.base_url": (Change("127.0.0.1:8443", ADDRESS),),
    "exchange.ca_file": (Change("nowhere.pem", coinbase("whom it trusts", authority)),),
    "exchange.clock_speed": (Change("0.5x", CLOCK), Change("60x", CLOCK)),
    "exchange.connect_timeout": both("1s", "3s", PATIENCE),
    "exchange.read_timeout": both("2s", "5s", PATIENCE),
    "exchange.cycle_deadline": (
        Change("6s", PATIENCE),
        Refused("9s", "at most 8s"),
    ),
    "exchange.workers_max": both(4, 11, coinbase("reads side by side", side_by_side)),
    "exchange.attempts_max": both(1, 4, coinbase("a read fails", attempts)),
    "exchange.retry_wait_first": both("0.1s", "1s", WAITS),
    "exchange.retry_wait_max": both("1s", "4s", WAITS),
    "exchange.private_requests_per_second_max": both(
        12, 30, coinbase("a rush with a key", at_once)
    ),
    "exchange.public_requests_per_second_max": both(
        4, 10, coinbase("a rush without one", public_at_once)
    ),
    "exchange.exit_reserve": both("10%", "40%", coinbase("a rush with a key", at_once)),
    "exchange.breaker_failures": both(3, 7, BREAKING),
    "exchange.breaker_wait": both("10s", "1m", BREAKING),
    "exchange.products_age_max": both("5m", "1h", RENEWED),
    "exchange.fees_age_max": both("15m", "2h", RENEWED),
    "derivatives.enabled": (Change(True, coinbase("the status asks for futures", futures)),),
}
