"""Start-up is recovery: open what lasts, prove it fits together, settle what was interrupted.

The same path runs after a crash, after a clean stop and in a new folder. Whatever
cannot be proved is refused here, before anything is traded.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime

from config.settings import AppSettings
from core.next_state import newborn
from core.orders import Fill
from core.reasons import Reason
from core.state import BotState, Level, Standing
from infra.audit_log import AuditFile, newest_first
from infra.audit_orders import fill_members
from infra.audit_record import Footprint, cost_members, failed_record
from infra.ledger import Owner, SqliteLedger
from infra.naming import folder_id
from infra.process import resident_mb
from infra.state_store import StateFile
from infra.tape import TapeFolder, last_frame
from runner.cycle import Turn, World
from runner.interrupted import interrupted, recall
from runner.places import Places, missing
from runner.reconcile.settle import settle


@dataclass(frozen=True, slots=True)
class Stores:
    """What lasts, open and locked; `notices` say what had to be mended for that."""

    states: StateFile
    ledger: SqliteLedger
    tape: TapeFolder
    audit: AuditFile
    notices: tuple[str, ...] = ()
    closing: ExitStack = field(default_factory=ExitStack)  # what the venue keeps open

    def close(self) -> None:
        self.closing.close()
        self.tape.close()
        self.ledger.close()
        self.audit.close()


def open_stores(places: Places, app: AppSettings, market: dict[str, str]) -> Stores:
    """Open every file, the cheapest to refuse first. Raises FatalError or OSError."""
    places.folder.mkdir(parents=True, exist_ok=True)
    states = StateFile(places.folder, places.mode, places.exchange, market)
    _whole(places, states.load())
    places.tape.mkdir(exist_ok=True)
    tape = TapeFolder(places.tape)
    tape.repair()
    audit = AuditFile.open(places.logs, keep=app.audit_keep, folder_id=folder_id(places.folder))
    ledger = SqliteLedger(
        places.ledger,
        Owner(mode=places.mode, exchange=places.exchange, market=market),
        quote_currencies=app.quote_currencies,
        capital_max=app.capital_max,
    )
    mended = (states.recovered_from,) if states.recovered_from is not None else ()
    return Stores(states, ledger, tape, audit, mended)


def _whole(places: Places, state: BotState | None) -> None:
    """A state stands on a ledger and a tape."""
    for path in (places.ledger, places.tape):
        if state is not None and not path.exists():
            raise missing(path, "is gone, and state.json stands on it")


def _taped(stores: Stores) -> None:
    """What was decided is on tape before it is on record. An end that was cut off is a crash's
    only where nothing of it is on record.
    """
    decided = (line["cycle"] for line in newest_first(stores.audit.folder) if line["decision"])
    last, frame = next(decided, 0), last_frame(stores.tape.folder)
    taped = frame.cycle if frame is not None else 0
    if taped < last:
        why = f"ends at cycle {taped}, and cycle {last} is on record as decided"
        raise missing(stores.tape.folder, why)


def found_state(stores: Stores, name: str, start: datetime) -> BotState:
    """The state as the last process left it, never less strict than its last record."""
    state = stores.states.load() or newborn(name, start)
    if stores.notices:
        state = replace(state, standing=_strictest(stores, state.standing))
    return state


def time_of(stores: Stores, state: BotState) -> datetime:
    """The latest market time that anything here knows of; a market's own clock begins there."""
    frame = last_frame(stores.tape.folder)
    known = [state.at or state.born_at, *([frame.at] if frame is not None else [])]
    return max(known)


def recovered(stores: Stores, world: World, state: BotState) -> Turn:
    """The state to go on from; a cycle that died gets its line in the audit log.

    Cycle numbers go on after the highest in state, ledger, tape and audit, so none is used
    twice. Orders without a final answer are asked after before anything else, and nothing
    is sent. A cycle that died before its intents were durable is decided again, under a new
    number; of one that died later the state is grown again from the tape and the ledger.
    """
    _taped(stores)
    cut = interrupted(stores.tape.folder, state)
    number = max(state.cycle, stores.ledger.highest_cycle(), stores.audit.highest_cycle)
    died_at = state.at or state.born_at
    if cut is not None:
        number, died_at = max(number, cut.cycle), cut.at
    world.unrecorded.extend(_unrecorded(stores))
    settle(world.account, world.fills, replace(state, cycle=number, at=died_at), died_at)
    read_through = number
    if cut is not None:
        orders = stores.ledger.orders_of(cut.cycle)
        state = cut.regrown(state, orders)
        read_through = cut.cycle if cut.committed(orders) else cut.cycle - 1
    recall(world.history, stores.tape.folder, read_through)
    state = replace(state, cycle=number)
    if number > stores.audit.highest_cycle:
        _record_interrupted(stores, world, state, died_at)
    if cut is not None or stores.notices:
        stores.states.save(state)
    return Turn(state, None, None)


def _strictest(stores: Stores, standing: Standing) -> Standing:
    """A state from before the last one may not know of a halt; the last audit line does."""
    last = next(newest_first(stores.audit.folder), None)
    if last is None or Level[last["level"]].strictness <= standing.level.strictness:
        return standing
    told = last["standing"]
    until = datetime.fromisoformat(told["until"]) if told["until"] is not None else None
    return Standing(
        level=Level[last["level"]],
        code=told["code"],
        why=told["text"],
        since=datetime.fromisoformat(told["since"]),
        until=until,
        seen=told["seen"],
        limit=told["limit"],
        key=told["key"],
    )


def _unrecorded(stores: Stores) -> tuple[Fill, ...]:
    """Fills that a dead process booked and could not put on record."""
    if stores.ledger.last_fill_at() is None:
        return ()
    told = (line["fills"] for line in newest_first(stores.audit.folder))
    last = next((fills[-1]["fill_id"] for fills in told if fills), None)
    return stores.ledger.booked_after(last)


def _record_interrupted(stores: Stores, world: World, state: BotState, died_at: datetime) -> None:
    """The line that the dead process could not write, with its orders as now known."""
    why = {"code": Reason.INTERRUPTED.name, "text": Reason.INTERRUPTED.sentence}
    orders = stores.ledger.orders_of(state.cycle)
    record = failed_record(world.identity, state, died_at, why, orders=orders)
    record["fills"] = [fill_members(fill) for fill in world.unrecorded]
    record |= cost_members(Footprint(timing_ms={}, requests=0, rss_mb=resident_mb()))
    stores.audit.append(record)
    world.unrecorded.clear()
