"""The only place where classes meet: a command line and a configuration become a Bot.

A mode is a choice of venue made here once. What is refused here was refused
before anything was decided.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field

from config.loader import Configuration
from config.settings import Mode, Settings
from core.errors import FatalError, RetryableError
from core.next_state import after_preflight
from core.ports import Venue
from infra.audit_log import LogInUse
from infra.audit_record import Identity
from infra.clock import SystemClock
from infra.codec import canonical_json
from infra.control_files import ControlFolder
from infra.disk import FreeSpace
from infra.heartbeat import Heartbeat
from infra.history import History
from infra.instance_lock import AlreadyRunning, InstanceLock
from infra.logs import Logs
from infra.naming import new_run_id
from runner import VERSION
from runner.alerts.outside import Outside, nobody, outside_of
from runner.arrival import Door, arrive, knock
from runner.bot import Bot
from runner.cadence import SLICE_SECONDS, Cadence, FullSpeed, Pace
from runner.configured import coarse, history_length, strategies_of
from runner.cycle import World
from runner.doctor import Finding, Result
from runner.exit_codes import ExitCode, Refusal
from runner.feasibility import crowding
from runner.framing import Framer
from runner.gates import pass_gates
from runner.gather import Gatherer
from runner.journals import AuditTrail
from runner.markets import Market, RealVenue, market_for
from runner.places import Places
from runner.preflight import allowed, examine
from runner.protection import protection_told
from runner.recovery import Stores, found_state, open_stores, recovered, time_of
from runner.shutdown import gone_unasked
from runner.venues import venue_for

_LOOKS_AGAIN_MAX = 2


def wire(
    given: Namespace,
    configuration: Configuration,
    gone: Callable[[], bool] = lambda: False,
    outside: Outside | None = None,
) -> Bot:
    """A Bot ready for its next cycle: locked, recovered, at the market time where it left off.

    `gone` says that nobody waits for a venue any more that does not answer. `outside` are those
    who are told; without it as the configuration says, and of a refused start too.
    """
    settings = configuration.settings
    mode, exchange = settings.app.mode.name, settings.exchange.name
    places = Places(given.state_dir, given.log_dir, mode, exchange)
    outside = outside or outside_of(settings, places)
    try:
        market = market_for(given, settings, history_length(configuration))
        if given.fast and market.real is not None:
            told = "--fast: the time of a real venue passes by itself; leave it"
            raise Refusal(ExitCode.USAGE, told)
        pass_gates(given, settings)
        return _moved_in(given, configuration, market, (places, outside), gone)
    except Refusal as refusal:
        outside.refused(refusal)
        raise


def _moved_in(
    given: Namespace,
    configuration: Configuration,
    market: Market,
    around: tuple[Places, Outside],
    gone: Callable[[], bool],
) -> Bot:
    places, outside = around
    run_id = new_run_id()
    lock = _locked(places, run_id)
    home = Home(places, lock, run_id, outside)
    try:
        reserve = configuration.settings.app.disk_reserve
        FreeSpace((places.state_dir, places.logs), reserve).check()
        if market.real is not None:
            _met(market.real, given, configuration, home, gone)
        return assembled(given, configuration, market, home)
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
    except Refusal:
        lock.release()
        raise


def _met(
    real: RealVenue,
    given: Namespace,
    configuration: Configuration,
    home: Home,
    gone: Callable[[], bool],
) -> None:
    """The venue has answered. With --once nobody waits for it."""
    if not given.once:
        pause = configuration.settings.loop.backoff_first

        def nobody_waits() -> bool:
            home.outside.alive()
            return gone()

        beats = _beats(home, configuration)
        door = Door(beats, SystemClock(), pause, nobody_waits, home.outside.waiting)
        try:
            arrive(real, door)
        except Refusal as refusal:
            if refusal.code is not ExitCode.FINISHED:
                raise
            raise gone_unasked(home.places, refusal) from None
        return
    try:
        knock(real)
    except RetryableError as error:
        told = f"the venue does not answer: {error.code}: {error}"
        raise Refusal(ExitCode.FAILED, told) from error


def _beats(home: Home, configuration: Configuration, real: RealVenue | None = None) -> Heartbeat:
    places, settings = home.places, configuration.settings
    return Heartbeat(
        path=places.heartbeat,
        clock=SystemClock(),
        mode=places.mode,
        exchange=places.exchange,
        run_id=home.run_id,
        protection=protection_told(settings.loop, configuration.policy.exits.resting),
        beside=dict if real is None else real.beside,
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
    outside: Outside = field(default_factory=nobody)


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
    state = found_state(stores, settings.app.name, market.timetable.start)
    if market.turned is not None:
        market.turned.set(time_of(stores, state))
    found: tuple[Finding, ...] = ()
    if market.real is not None:
        if settings.app.mode is Mode.LIVE:
            found = _examined(configuration, places, market.real, stores)
            state = after_preflight(state, _failed(found), market.clock.now())
        elif (crowded := crowding(configuration, market.real)) is not None:
            raise Refusal(ExitCode.USAGE, f"{crowded.check}: {crowded.seen}; {crowded.fix}")
        market.real.exchange.begin_cycle("recovery")
    world = _world(configuration, market, stores, identity, places)
    last = recovered(stores, world, state)
    if market.real is not None:
        market.real.exchange.restore_breakers(last.state.breakers)
    return Bot(
        world=world,
        last=last,
        timetable=market.timetable,
        pace=_pace(given, settings, market),
        clock=market.turned,
        beats=_beats(home, configuration, market.real),
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
            *coarse(configuration),
            protection_told(settings.loop, configuration.policy.exits.resting),
            *market.notices,
            *(f"preflight: {f.check}: {f.seen}; {f.fix}" for f in found if f.fix),
        ),
        settings=settings,
        real=market.real,
        outside=home.outside,
    )


def _examined(
    configuration: Configuration, places: Places, real: RealVenue, stores: Stores
) -> tuple[Finding, ...]:
    """What the doctor found, or a Refusal: its word is the last gate.

    A venue that does not answer is asked a few times more before that is held against it.
    """
    ledger, timer = stores.ledger, SystemClock()
    holds = bool(ledger.positions() or ledger.unsettled())
    found = tuple(examine(configuration, places, real, ledger))
    for _ in range(_LOOKS_AGAIN_MAX):
        if not any(finding.may_pass for finding in found):
            break
        timer.sleep(configuration.settings.loop.backoff_first.total_seconds())
        found = tuple(examine(configuration, places, real, ledger))
    allowed(found, holds=holds)
    return found


def _failed(found: tuple[Finding, ...]) -> tuple[str, ...]:
    return tuple(finding.check for finding in found if finding.result is Result.FAIL)


def _world(
    configuration: Configuration,
    market: Market,
    stores: Stores,
    identity: Identity,
    places: Places,
) -> World:
    settings, policy = configuration.settings, configuration.policy
    history = History(settings.market.bar, history_length(configuration))
    venue = venue_for(settings, market, places, stores)
    return World(
        identity=identity,
        policy=policy,
        strategies=strategies_of(configuration),
        gatherer=_gatherer(configuration, market, venue, history),
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
        disk=FreeSpace((places.folder, places.logs), settings.app.disk_reserve),
        breakers=tuple if market.real is None else market.real.exchange.breakers,
    )


def _gatherer(
    configuration: Configuration, market: Market, venue: Venue, history: History
) -> Gatherer:
    """A real venue is asked side by side, every other one thing after the other."""
    policy, most = configuration.policy, configuration.settings.gather.books_per_cycle_max
    if market.real is None:
        return Gatherer(market.data, venue, history, policy, most)
    read_all = market.real.exchange.read_all
    return Gatherer(market.data, venue, history, policy, most, read_all, market.real.offset)


def _pace(given: Namespace, settings: Settings, market: Market) -> Pace:
    if given.fast:
        return FullSpeed()
    interval, jitter_max = settings.loop.interval, float(settings.loop.jitter_max.value)
    if market.real is None:
        return Cadence(SystemClock(), interval, jitter_max)
    nap = SLICE_SECONDS * float(market.real.speed)
    return Cadence(market.real.timer, interval, jitter_max, nap)
