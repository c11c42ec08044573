"""The only place where classes meet: a command line and a configuration become a Bot.

A mode is a choice of venue made here once. What is refused here was refused
before anything was decided.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from config.complaints import ConfigError
from config.loader import Configuration, load
from config.settings import Mode, Settings
from core.errors import FatalError, RetryableError
from core.indicators import panel_length
from core.proposals import Strategy
from infra.audit_log import LogInUse
from infra.audit_record import Identity
from infra.clock import MarketClock, SystemClock
from infra.codec import canonical_json
from infra.control_files import ControlFolder
from infra.disk import FreeSpace
from infra.heartbeat import Heartbeat
from infra.history import History
from infra.instance_lock import AlreadyRunning, InstanceLock
from infra.logs import Logs
from infra.naming import new_run_id
from runner import VERSION
from runner.bot import Bot
from runner.cadence import Cadence, FullSpeed, Pace
from runner.cycle import World
from runner.exit_codes import ExitCode, Refusal
from runner.framing import Framer
from runner.gather import Gatherer
from runner.journals import AuditTrail
from runner.markets import Market, market_for
from runner.places import Places
from runner.protection import protection_told
from runner.recovery import Stores, found_state, open_stores, recovered, time_of
from runner.venues import venue_for
from strategy import registry

# Flags of main_loop that stand for a key of the configuration.
_FLAGS = {
    "mode": "app.mode",
    "exchange": "exchange.name",
    "bar": "market.bar",
    "seed": "market.seed",
    "interval": "loop.interval",
}
_NOT_YET = {
    Mode.LIVE: "LIVE needs a real venue, and a simulated market is none; use PAPER or DRY_RUN",
}


def configure(given: Namespace) -> Configuration:
    """The effective configuration, with the flags of the command line on top."""
    overrides = {
        key: str(value)
        for flag, key in _FLAGS.items()
        if (value := getattr(given, flag, None)) is not None
    }
    if overrides.get("loop.interval", "").isdigit():
        overrides["loop.interval"] += "s"
    try:
        return load(
            given.config,
            profile=given.profile,
            overrides=overrides,
            strategies=registry.parameter_types(),
        )
    except ConfigError as error:
        raise Refusal(ExitCode.USAGE, str(error)) from error


def wire(given: Namespace, configuration: Configuration) -> Bot:
    """A Bot ready for its next cycle: locked, recovered, at the market time where it left off."""
    settings = configuration.settings
    mode = settings.app.mode
    if mode in _NOT_YET:
        raise Refusal(ExitCode.USAGE, f"--mode {mode.name}: {_NOT_YET[mode]}")
    market = market_for(
        given, settings, history_length(configuration), MarketClock(settings.market.start)
    )
    places = Places(given.state_dir, given.log_dir, mode.name, settings.exchange.name)
    run_id = new_run_id()
    lock = _locked(places, run_id)
    try:
        FreeSpace(places.state_dir, settings.app.disk_reserve).check()
        return assembled(given, configuration, market, Home(places, lock, run_id))
    except RetryableError as error:
        lock.release()
        why = f"{error.code}: {error}; make room, or lower app.disk_reserve"
        raise Refusal(ExitCode.DAMAGED, why) from error
    except OSError as error:
        lock.release()
        why = f"nothing can be written: {error}; use --state-dir NEW and --log-dir NEW"
        raise Refusal(ExitCode.DAMAGED, why) from error
    except LogInUse as error:
        lock.release()
        raise Refusal(ExitCode.LOCKED, str(error)) from error
    except FatalError as error:
        lock.release()
        raise Refusal(ExitCode.DAMAGED, f"{error.code}: {error}") from error


def history_length(configuration: Configuration) -> int:
    """Bars of history that the policy and every enabled strategy look back on."""
    bar = configuration.settings.market.bar
    windows = (
        window
        for name, choice in configuration.strategies.items()
        for window in registry.REGISTRY[name].windows(choice.parameters).values()
    )
    longest = max(windows, default=timedelta(0))
    return max(panel_length(configuration.policy, bar), -(-longest // bar) + 1)


def strategies_of(configuration: Configuration) -> tuple[Strategy, ...]:
    """Every strategy that is enabled, by name."""
    return tuple(
        registry.make(name, choice.parameters) for name, choice in configuration.strategies.items()
    )


def _locked(places: Places, run_id: str) -> InstanceLock:
    try:
        return InstanceLock.take(places.state_dir, places.mode, run_id)
    except AlreadyRunning as error:
        raise Refusal(ExitCode.LOCKED, str(error)) from error
    except OSError as error:
        raise Refusal(
            ExitCode.DAMAGED,
            f"{places.state_dir}: cannot be written: {error}; use --state-dir NEW",
        ) from error


@dataclass(frozen=True, slots=True)
class Home:
    """Where this process lives: its folders, its lock, its name."""

    places: Places
    lock: InstanceLock
    run_id: str


def assembled(given: Namespace, configuration: Configuration, market: Market, home: Home) -> Bot:
    """A Bot on any market, in a home that is locked already."""
    settings, places = configuration.settings, home.places
    stores = open_stores(places, settings.app, dict(market.identity))
    identity = Identity(
        mode=places.mode,
        exchange=places.exchange,
        config=configuration.fingerprint,
        version=VERSION,
        run_id=home.run_id,
    )
    waiting = SystemClock()
    state = found_state(stores, settings.app.name, market.timetable.start)
    market.clock.set(time_of(stores, state))
    world = _world(configuration, market, stores, identity, places)
    return Bot(
        world=world,
        last=recovered(stores, world, state),
        timetable=market.timetable,
        pace=_pace(given, settings, waiting),
        clock=market.clock,
        beats=Heartbeat(
            path=places.heartbeat,
            clock=waiting,
            mode=places.mode,
            exchange=places.exchange,
            run_id=home.run_id,
            protection=protection_told(settings.loop, configuration.policy.exits.resting),
        ),
        logs=Logs.open(
            places.logs,
            level=settings.logs.level,
            file_max=settings.logs.file_max,
            files_kept=settings.logs.files_kept,
        ),
        lock=home.lock,
        stores=stores,
        notices=(
            *stores.notices,
            *configuration.notices,
            *_coarse(configuration),
            protection_told(settings.loop, configuration.policy.exits.resting),
            *market.notices,
        ),
        settings=settings,
    )


def _world(
    configuration: Configuration,
    market: Market,
    stores: Stores,
    identity: Identity,
    places: Places,
) -> World:
    settings, policy = configuration.settings, configuration.policy
    history = History(settings.market.bar, history_length(configuration))
    venue = venue_for(settings, market, places, stores.closing)
    return World(
        identity=identity,
        policy=policy,
        strategies=strategies_of(configuration),
        gatherer=Gatherer(market.data, venue, history, policy, settings.gather.books_per_cycle_max),
        history=history,
        venue=venue,
        ledger=stores.ledger,
        states=stores.states,
        tape=Framer(
            history,
            stores.tape,
            canonical_json(configuration.effective).decode(),
            configuration.fingerprint,
            market.identity,
        ),
        audit=AuditTrail(identity, stores.audit),
        controls=ControlFolder(places.state_dir),
        disk=FreeSpace(places.folder, settings.app.disk_reserve),
    )


def _coarse(configuration: Configuration) -> Iterator[str]:
    """What a strategy cannot see at this bar, said once at the start."""
    bar = configuration.settings.market.bar
    for name, choice in configuration.strategies.items():
        for key, why in registry.REGISTRY[name].unresolved(choice.parameters, bar).items():
            yield f"{key}: off, {why}"


def _pace(given: Namespace, settings: Settings, clock: SystemClock) -> Pace:
    if given.fast:
        return FullSpeed()
    return Cadence(clock, settings.loop.interval, float(settings.loop.jitter_max.value))
