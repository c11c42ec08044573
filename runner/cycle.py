"""run_cycle(): one turn of the loop, the same in every mode. Read this second.

    1 gather     every read of the world, once
    2 reconcile  the account as the ledger and the venue agree on it
    3 decide     pure; core/decide.py
    4 commit     the tape entry, then the order intents: durable before anything is sent
    5 carry out  send in plan order, learn what came of it
    6 record     ledger, state, audit line

A mode is a choice of venue made in wiring.py; nothing below it asks for the mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from core.decide import decide
from core.decision import Decision, Outcome
from core.errors import BotError, FatalError, RetryableError, UnknownOutcomeError
from core.next_state import (
    CLOSED_KEPT_FOR,
    DAY,
    STOPPED_KEPT,
    after_failure,
    counted,
    next_state,
    observed,
    opened,
)
from core.orders import Fill, Order, VenueFill, intended
from core.policy import Policy
from core.ports import Books, ControlFiles, StateStore, Venue
from core.proposals import Strategy
from core.reasons import Reason
from core.state import BotState, Breaker, Controls
from infra.audit_orders import fill_members
from infra.audit_record import Identity, Record, failed_record
from infra.disk import FreeSpace
from infra.history import History
from infra.process import Stopwatch
from runner.account import Account
from runner.carry_out import Carrier
from runner.framing import Seen
from runner.gather import Gatherer, one_venue
from runner.journals import AuditLog, Tape
from runner.reconcile import Reconciler, Reconciliation
from runner.reconcile.fills import FillReader


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything a cycle touches, handed over by wiring.py."""

    identity: Identity
    policy: Policy
    strategies: tuple[Strategy, ...]
    gatherer: Gatherer
    history: History
    venue: Venue
    ledger: Books
    states: StateStore
    tape: Tape
    audit: AuditLog
    controls: ControlFiles
    disk: FreeSpace
    strangers: dict[str, None] = field(default_factory=dict)  # orders that are not ours
    unrecorded: list[Fill] = field(default_factory=list)  # booked, and in no audit line yet
    known: dict[str, VenueFill] = field(default_factory=dict)  # rows lately told, and booked
    breakers: Callable[[], tuple[Breaker, ...]] = tuple  # of a real venue, as they stand

    @property
    def requests(self) -> int:
        """All that were made since the start."""
        market = self.gatherer.market
        return market.requests + (0 if one_venue(market, self.venue) else self.venue.requests)

    @cached_property
    def account(self) -> Account:
        if not one_venue(self.gatherer.market, self.venue):
            return Account(self.venue, self.ledger)
        return Account(self.venue, self.ledger, self.gatherer.read_all)

    @cached_property
    def fills(self) -> FillReader:
        return FillReader(self.account, self.strangers, self.unrecorded, self.known)

    @cached_property
    def reconciler(self) -> Reconciler:
        return Reconciler(self.account, self.policy, self.fills)

    @cached_property
    def carrier(self) -> Carrier:
        return Carrier(self.account, self.fills, self.controls)


@dataclass(frozen=True, slots=True)
class Turn:
    """Where the last cycle left the bot. Without an outcome the tape needs a keyframe."""

    state: BotState
    outcome: Outcome | None
    record: Record | None
    decision: Decision | None = None
    missing: Mapping[str, str] = field(default_factory=dict)  # what could not be read, and why


def run_cycle(world: World, last: Turn, at: datetime) -> Turn:
    """One turn at market time `at`. What it raises, `fail_cycle` records."""
    watch = Stopwatch()
    asked = world.requests
    world.disk.check()
    _check_clock(last.state, at)
    counts = _counted(world.ledger, last, at)
    reading = world.gatherer.read(at, counts.nearest, held=world.ledger.positions())
    snapshot = world.history.absorb(reading)
    # As late as can be: a kill that comes while the market is read is obeyed in this cycle.
    controls = world.controls.read()
    state = opened(counts, at, controls)
    watch.lap("gather")

    found = world.reconciler.reconcile(snapshot, state)
    state = observed(state, found.sighting)
    seen = Seen(reading, snapshot, found, state, controls)
    watch.lap("reconcile")

    decision = decide(snapshot, found.portfolio, state, world.policy, world.strategies)
    watch.lap("decide")

    intents = _commit(world, last, seen, decision)
    watch.lap("commit")

    carried = world.carrier.carry_out(decision.plan, intents, at)
    outcome = _joined(found, carried, world.breakers())
    watch.lap("carry_out")

    after, record = _written(world, last, seen, decision, outcome)
    watch.lap("record")

    record = world.audit.append(record, watch.laps(), world.requests - asked)
    world.unrecorded.clear()
    _consume(world.controls, controls)
    return Turn(after, outcome, record, decision, reading.missing)


def _joined(found: Reconciliation, carried: Outcome, breakers: tuple[Breaker, ...]) -> Outcome:
    """What came of the cycle as a whole; an order stands in it once, as it is at the end."""
    last = {cancelled.order.planned.client_order_id for cancelled in carried.cancels}
    last |= {order.planned.client_order_id for order in carried.orders}
    before = tuple(o for o in found.orders if o.planned.client_order_id not in last)
    return Outcome(
        orders=(*before, *carried.orders),
        fills=(*found.fills, *carried.fills),
        cancels=carried.cancels,
        closed=carried.closed,
        breakers=breakers,
    )


def _commit(world: World, last: Turn, seen: Seen, decision: Decision) -> tuple[Order, ...]:
    """The tape entry, then the intents: both are durable before anything is sent."""
    world.tape.append(seen, last.outcome, decision)
    state = seen.state
    intents = tuple(intended(order, state.cycle) for order in decision.plan.orders)
    world.ledger.intend(intents, decision.at)
    return intents


def _written(
    world: World, last: Turn, seen: Seen, decision: Decision, outcome: Outcome
) -> tuple[BotState, Record]:
    """What came of it, in the ledger and the state; and the record, still without its cost."""
    after = next_state(seen.state, decision, seen.portfolio, outcome)
    world.states.save(after)
    before = None if last.record is None else last.state.excluded
    # Fills of a cycle that failed are told by the next one.
    unrecorded = tuple(world.unrecorded)
    told = outcome if outcome.fills == unrecorded else replace(outcome, fills=unrecorded)
    record = world.audit.record(seen, decision, told, after, before)
    return after, record


def fail_cycle(world: World, last: Turn, at: datetime, error: Exception) -> Turn:
    """Record the cycle that `error` ended. The loop goes on, at a stricter level if it must."""
    why, controls = failure(error), world.controls.read()
    state = failed_state(last.state, at, controls, error)
    state = replace(state, breakers=world.breakers())
    world.states.save(state)
    orders = _orders_of(world.ledger, state.cycle)
    record = failed_record(world.identity, state, at, why, orders=orders)
    record["fills"] = [fill_members(fill) for fill in world.unrecorded]
    record = world.audit.append(record, {}, 0)
    world.unrecorded.clear()
    _consume(world.controls, controls)
    return Turn(state, None, record)


def failed_state(state: BotState, at: datetime, controls: Controls, error: Exception) -> BotState:
    """The state after a cycle that `error` ended. Its number is used up; time never goes back."""
    latest = at if state.at is None else max(at, state.at)
    return after_failure(opened(state, latest, controls), failure(error), fatal=_is_fatal(error))


def failure(error: Exception) -> Mapping[str, str]:
    """The code and the sentence of an error; a disk that is full is told by its number."""
    match error:
        case RetryableError() | UnknownOutcomeError() | FatalError():
            return {"code": error.code, "text": str(error)}
        case OSError():
            return {"code": Reason.STATE_NOT_WRITTEN.name, "text": str(error)}
    return {"code": Reason.BROKEN_RULE.name, "text": f"{type(error).__name__}: {error}"}


def _is_fatal(error: Exception) -> bool:
    """A fault that time does not mend: a person must look."""
    return not isinstance(error, RetryableError | UnknownOutcomeError | OSError)


def _counted(ledger: Books, last: Turn, at: datetime) -> BotState:
    """The last state. After a start or a failure the ledger says what counts for pace and rest."""
    state = last.state
    if last.outcome is not None or state.at is None:
        return state
    sent = ledger.sent_since(state.at - DAY)
    closed = ledger.closed_since(at - CLOSED_KEPT_FOR)
    return counted(state, sent, closed, ledger.stops_since(at - STOPPED_KEPT), at)


def _orders_of(ledger: Books, cycle: int) -> tuple[Order, ...]:
    """The orders of a failed cycle; none where the ledger itself is what failed."""
    try:
        return ledger.orders_of(cycle)
    except BotError:
        return ()


def _check_clock(state: BotState, at: datetime) -> None:
    if state.at is not None and at <= state.at:
        raise RetryableError(
            Reason.CLOCK_WENT_BACK.sentence,
            code=Reason.CLOCK_WENT_BACK.name,
            now=at.isoformat(),
            last=state.at.isoformat(),
        )


def _consume(files: ControlFiles, read: Controls) -> None:
    """RESUME and FLATTEN are taken away only after the cycle that obeyed them is on record."""
    if read.resume is not None:
        files.consume_resume()
    if read.flatten is not None:
        files.consume_flatten()
