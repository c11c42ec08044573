"""Faults on demand: a venue that loses requests, answers late, repeats itself and forgets.

Exists because every one of these has happened to somebody with money at stake. Wraps
any Venue; the one behind it stays honest, so its books are the truth to compare with.
What goes wrong is a function of (seed, call number) or (seed, id): the same run has the
same faults, a replay of it too, and nothing random is remembered. `calm` ends it all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from hashlib import blake2b
from typing import TypeVar

from core.errors import FatalError, RetryableError
from core.market import Balance
from core.orders import (
    CancelAnswer,
    OrderStatus,
    PlannedCancel,
    PlannedOrder,
    VenueFill,
    VenueOrder,
)
from core.ports import Absent, Answer, CannotTell, Clock, Found, Search, Venue

Told = TypeVar("Told")


class Fault(Enum):
    """What can go wrong. The value is the code that an error or an answer carries."""

    LOST_BEFORE = "CONNECTION_RESET"  # the request never arrived
    LOST_AFTER = "TIMEOUT"  # it took effect, and the answer was lost or came too late
    ARRIVES_LATE = "TIMEOUT_LATE"  # it takes effect with the next call, long after the answer
    RATE_LIMITED = "HTTP_429"  # a definite no: nothing was done
    SERVER_ERROR_BEFORE = "HTTP_503"
    SERVER_ERROR_AFTER = "HTTP_502"
    HTML_BODY = "HTML_BODY"  # it took effect, and a page for people came back
    KEY_REFUSED = "HTTP_401"
    MAINTENANCE = "MAINTENANCE"
    OUTAGE = "OUTAGE"
    FILLS_TWICE = "FILLS_TWICE"  # the rows of an answer come twice
    FILL_LATE = "FILL_LATE"  # a fill is told a cycle after it happened
    LISTED_AFTER_END = "LISTED_AFTER_END"  # an order is listed open once more after its end
    NOT_FOUND_YET = "NOT_FOUND_YET"  # an order is not found until the market's time moves on


# What strikes a request; one at most, in this order.
_BEFORE = (Fault.RATE_LIMITED, Fault.KEY_REFUSED)
_LOST = (Fault.LOST_BEFORE, Fault.SERVER_ERROR_BEFORE)
_ACTED = (Fault.LOST_AFTER, Fault.SERVER_ERROR_AFTER, Fault.HTML_BODY)


@dataclass(frozen=True, slots=True)
class Outage:
    """From one market time to another some calls have no answer; no names: all of them."""

    since: datetime
    until: datetime
    calls: frozenset[str] = frozenset()  # names of Venue methods
    fault: Fault = Fault.OUTAGE

    def covers(self, call: str, now: datetime) -> bool:
        return self.since <= now < self.until and (not self.calls or call in self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """How often each fault strikes, as a share of its chances; what is not named never does."""

    seed: int
    shares: Mapping[Fault, float] = field(default_factory=dict)
    outages: tuple[Outage, ...] = ()  # maintenance is one with that fault
    skew: timedelta = timedelta(0)  # the venue's clock is ahead by so much
    until: datetime | None = None  # market time from which on there are no faults

    def strikes(self, fault: Fault, chance: str) -> bool:
        """Whether it does at this chance: always the same answer."""
        share = self.shares.get(fault, 0.0)
        if share <= 0.0:
            return False
        drawn = blake2b(f"{self.seed}|{fault.name}|{chance}".encode(), digest_size=8).digest()
        return int.from_bytes(drawn, "big") / 2.0**64 < share


class FaultyVenue:
    """A Venue in front of an honest one."""

    def __init__(self, venue: Venue, plan: FaultPlan, clock: Clock) -> None:
        self._venue = venue
        self._plan = plan
        self._clock = clock
        self._calls = 0
        self._on = True
        self._late: list[Callable[[], object]] = []
        self._listed: dict[str, VenueOrder] = {}
        self._held_back: dict[str, datetime] = {}  # fills, and when they were first there
        self.struck: dict[Fault, int] = {}  # how often, for the tables of a soak

    @property
    def requests(self) -> int:
        return self._venue.requests

    def calm(self) -> None:
        """No fault from now on; what was on its way arrives."""
        self._on = False
        self._deliver()

    def balances(self) -> tuple[Balance, ...]:
        return self._read("balances", self._venue.balances)

    def preview(self, order: PlannedOrder) -> str:
        return self._read("preview", lambda: self._venue.preview(order))

    def open_orders(self) -> tuple[VenueOrder, ...]:
        """May hold orders that have ended since the last listing, as they stood in it."""
        now = self._read("open_orders", self._venue.open_orders)
        there = {order.exchange_order_id for order in now}
        ghosts = [
            order
            for name, order in self._listed.items()
            if name not in there and self._strikes(Fault.LISTED_AFTER_END, name)
        ]
        self._listed = {order.exchange_order_id: order for order in now}
        return tuple(map(self._skewed, (*ghosts, *now)))

    def order(self, exchange_order_id: str) -> VenueOrder | None:
        order = self._read("order", lambda: self._venue.order(exchange_order_id))
        return None if order is None or self._not_yet(order) else self._skewed(order)

    def find_order(self, client_order_id: str, since: datetime) -> Search:
        try:
            search = self._read(
                "find_order", lambda: self._venue.find_order(client_order_id, since)
            )
        except RetryableError as error:
            return CannotTell(error.code)
        if not isinstance(search, Found):
            return search
        return Absent() if self._not_yet(search.order) else Found(self._skewed(search.order))

    def fills(self, since: datetime) -> tuple[VenueFill, ...]:
        """Some rows may be missing for a cycle, and all may come twice."""
        rows = self._read("fills", lambda: self._venue.fills(since - self._skew))
        now = self._clock.now()
        held = {row.fill_id for row in rows if self._strikes(Fault.FILL_LATE, row.fill_id)}
        self._held_back = {name: self._held_back.get(name, now) for name in sorted(held)}
        told = tuple(
            replace(row, at=row.at + self._skew)
            for row in rows
            if row.fill_id not in held or self._held_back[row.fill_id] < now
        )
        twice = self._strikes(Fault.FILLS_TWICE, str(self._calls))
        return (*told, *told) if twice else told

    def submit(self, order: PlannedOrder) -> Answer:
        fault = self._sent("submit", lambda: self._venue.submit(order))
        if isinstance(fault, Fault):
            return Answer(OrderStatus.UNKNOWN, told=fault.value)
        return fault

    def cancel(self, cancel: PlannedCancel) -> CancelAnswer:
        answer = self._sent("cancel", lambda: self._venue.cancel(cancel))
        return CancelAnswer.UNKNOWN if isinstance(answer, Fault) else answer

    @property
    def _skew(self) -> timedelta:
        return self._plan.skew if self._on else timedelta(0)

    def _read(self, call: str, ask: Callable[[], Told]) -> Told:
        """An answer, or the error that a lost or unreadable one becomes."""
        number = self._begin(call)
        for fault in (*_BEFORE, *_LOST, *_ACTED):
            if self._strikes(fault, number):
                _refuse(fault, call)
        return ask()

    def _sent(self, call: str, act: Callable[[], Told]) -> Told | Fault:
        """The answer, or why nobody knows. Raises only where nothing was done."""
        number = self._begin(call)
        for fault in _BEFORE:
            if self._strikes(fault, number):
                _refuse(fault, call)
        for fault in _LOST:
            if self._strikes(fault, number):
                return fault
        if self._strikes(Fault.ARRIVES_LATE, number):
            self._late.append(act)
            return Fault.ARRIVES_LATE
        answer = act()
        for fault in _ACTED:
            if self._strikes(fault, number):
                return fault
        return answer

    def _begin(self, call: str) -> str:
        """The next chance: what is late arrives first, and an outage answers nothing."""
        self._calls += 1
        self._deliver()
        now = self._clock.now()
        if self._plan.until is not None and now >= self._plan.until:
            self._on = False
        for outage in self._plan.outages if self._on else ():
            if outage.covers(call, now):
                self._count(outage.fault)
                _refuse(outage.fault, call)
        return str(self._calls)

    def _deliver(self) -> None:
        late, self._late = self._late, []
        for act in late:
            act()

    def _not_yet(self, order: VenueOrder) -> bool:
        if order.created_at < self._clock.now():
            return False
        return self._strikes(Fault.NOT_FOUND_YET, order.exchange_order_id)

    def _skewed(self, order: VenueOrder) -> VenueOrder:
        skew = self._skew
        return replace(order, created_at=order.created_at + skew) if skew else order

    def _strikes(self, fault: Fault, chance: str) -> bool:
        struck = self._on and self._plan.strikes(fault, chance)
        if struck:
            self._count(fault)
        return struck

    def _count(self, fault: Fault) -> None:
        self.struck[fault] = self.struck.get(fault, 0) + 1


def _refuse(fault: Fault, call: str) -> None:
    if fault is Fault.KEY_REFUSED:
        raise FatalError("the venue refuses the key", code=fault.value, call=call)
    raise RetryableError("the venue gave no answer", code=fault.value, call=call)
