"""The only place where classes meet: a command line and a configuration become a Bot.

A mode is a choice of venue made here once. What is refused here was refused
before anything was decided.
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType

from config.complaints import ConfigError
from config.loader import Configuration, load
from config.settings import Mode, Settings
from core.errors import FatalError
from core.indicators import panel_length
from core.state import BotState
from infra.audit_record import Identity
from infra.clock import MarketClock, SystemClock
from infra.codec import canonical_json
from infra.control_files import ControlFolder
from infra.disk import FreeSpace
from infra.exchange.read_only import ReadOnlyVenue
from infra.heartbeat import Heartbeat
from infra.history import History
from infra.instance_lock import AlreadyRunning, InstanceLock
from infra.logs import Logs
from infra.naming import new_run_id
from runner import VERSION
from runner.cadence import Cadence, FullSpeed, Pace, Timetable
from runner.cycle import Turn, World
from runner.exit_codes import ExitCode, Refusal
from runner.framing import Framer
from runner.gather import Gatherer
from runner.markets import Market, market_for
from runner.places import Places
from runner.recovery import Stores, open_stores, recovered
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
    Mode.PAPER: "PAPER needs the simulated venue, which this version does not have; use DRY_RUN",
    Mode.LIVE: "LIVE needs a real venue, and a simulated market is none; use DRY_RUN",
}


@dataclass(slots=True, kw_only=True)
class Bot:
    """Everything main_loop drives. Leaving the context gives every file and lock back."""

    world: World
    last: Turn
    timetable: Timetable
    pace: Pace
    clock: MarketClock
    beats: Heartbeat
    logs: Logs
    lock: InstanceLock
    stores: Stores
    notices: tuple[str, ...]
    settings: Settings

    def begin(self, cycle: int, at: datetime) -> None:
        """The market's clock moves on; every log line from here carries the cycle."""
        self.clock.set(at)
        self.logs.cycle = cycle

    def beat(self, state: BotState) -> None:
        self.beats.write(state, doing="RUNNING", next_at=self.timetable.after(state.at))

    def backoff(self, failures: int) -> timedelta:
        """Nothing after a cycle that went well; doubling with every failure in a row."""
        loop = self.settings.loop
        doubled = loop.backoff_first * 2 ** min(failures - 1, 16)
        return min(doubled, loop.backoff_max) if failures else timedelta(0)

    def __enter__(self) -> Bot:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.beats.write(self.last.state, doing="STOPPED", next_at=None)
        self.stores.close()
        self.logs.close()
        self.lock.release()


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
    if settings.app.mode in _NOT_YET:
        raise Refusal(
            ExitCode.USAGE, f"--mode {settings.app.mode.name}: " + _NOT_YET[settings.app.mode]
        )
    length = panel_length(configuration.policy, settings.market.bar)
    clock = MarketClock(settings.market.start)
    market = market_for(given, settings, length, clock)
    places = Places(given.state_dir, given.log_dir, settings.app.mode.name, settings.exchange.name)
    run_id = new_run_id()
    lock = _locked(places, run_id)
    try:
        return _assembled(given, configuration, market, places, lock, run_id)
    except OSError as error:
        lock.release()
        raise Refusal(ExitCode.DAMAGED, f"nothing can be written: {error}") from error
    except FatalError as error:
        lock.release()
        raise Refusal(ExitCode.DAMAGED, f"{error.code}: {error}") from error


def _locked(places: Places, run_id: str) -> InstanceLock:
    try:
        return InstanceLock.take(places.state_dir, places.mode, run_id)
    except AlreadyRunning as error:
        raise Refusal(ExitCode.LOCKED, str(error)) from error
    except OSError as error:
        raise Refusal(
            ExitCode.DAMAGED, f"{places.state_dir}: cannot be written: {error}"
        ) from error


def _assembled(
    given: Namespace,
    configuration: Configuration,
    market: Market,
    places: Places,
    lock: InstanceLock,
    run_id: str,
) -> Bot:
    settings, policy = configuration.settings, configuration.policy
    stores = open_stores(places, settings.app, dict(market.identity))
    identity = Identity(
        mode=places.mode,
        exchange=places.exchange,
        config=configuration.fingerprint,
        version=VERSION,
        run_id=run_id,
    )
    history = History(settings.market.bar, panel_length(policy, settings.market.bar))
    venue = ReadOnlyVenue(settings.app.starting_balances)
    world = World(
        identity=identity,
        policy=policy,
        strategies=tuple(
            registry.make(name, choice.parameters)
            for name, choice in configuration.strategies.items()
        ),
        gatherer=Gatherer(market.data, venue, history, policy, settings.gather.books_per_cycle_max),
        history=history,
        venue=venue,
        ledger=stores.ledger,
        states=stores.states,
        framer=Framer(
            history,
            stores.tape,
            canonical_json(configuration.effective).decode(),
            configuration.fingerprint,
            market.identity,
        ),
        tape=stores.tape,
        audit=stores.audit,
        controls=ControlFolder(places.state_dir),
        disk=FreeSpace(places.folder, settings.app.disk_reserve),
    )
    waiting = SystemClock()
    return Bot(
        world=world,
        last=recovered(stores, identity, settings.app.name, market.timetable.start),
        timetable=market.timetable,
        pace=_pace(given, settings, waiting),
        clock=market.clock,
        beats=Heartbeat(
            path=places.heartbeat,
            clock=waiting,
            mode=places.mode,
            exchange=places.exchange,
            run_id=run_id,
        ),
        logs=Logs.open(
            places.logs,
            level=settings.logs.level,
            file_max=settings.logs.file_max,
            files_kept=settings.logs.files_kept,
        ),
        lock=lock,
        stores=stores,
        notices=(*configuration.notices, *market.notices),
        settings=settings,
    )


def _pace(given: Namespace, settings: Settings, clock: SystemClock) -> Pace:
    if given.fast:
        return FullSpeed()
    return Cadence(clock, settings.loop.interval, float(settings.loop.jitter_max.value))
