"""The stories in which the process dies: each a stage's script, and what must come of it.

SOL or DOGE rises in cycle 2 and is bought; what happens to the order is the scenario. All
of it is a function of market time, so a story that was broken off is the same story when
it is told again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.errors import RetryableError
from core.orders import OrderStatus, PlannedCancel, PlannedOrder
from core.policy import ExitsPolicy
from core.ports import Answer, Clock, Venue
from runner.bot import Bot
from tests.builders.paper import PAPER, Front, honest
from tests.builders.stage import Stage, decision_time

SOL = "SOL-USD"
DOGE = "DOGE-USD"  # little volume puts it in the third tier, where orders are immediate
PINNED = PAPER | {"regime.pinned": "chop"}


@dataclass(frozen=True)
class Scenario:
    """A story of `cycles` market times; the process dies in the `deadly` ones."""

    name: str
    script: Callable[[Stage], None]
    cycles: int
    deadly: range
    fills: tuple[str, ...]  # sides, in order, in a run that nothing disturbs
    statuses: tuple[str, ...]  # of its orders, in order
    symbols: tuple[str, ...] = (SOL,)
    overrides: Mapping[str, str] = field(default_factory=dict)
    front: Front = honest
    acts: Mapping[int, Callable[[Bot], None]] = field(default_factory=dict)  # before that cycle

    def stage(self) -> Stage:
        stage = Stage(*self.symbols)
        stage.roles.pop("BTC-USD")  # the regime is pinned
        self.script(stage)
        return stage

    @property
    def settings(self) -> dict[str, str]:
        return PINNED | dict(self.overrides)

    @property
    def end(self) -> datetime:
        return decision_time(self.cycles)


class Unreliable:
    """A venue that at some market times loses a request, or the answer to it."""

    def __init__(self, venue: Venue, clock: Clock, at: Mapping[datetime, str]) -> None:
        self._venue = venue
        self._clock = clock
        self._at = at
        self._struck: set[tuple[datetime, str]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)

    def submit(self, order: PlannedOrder) -> Answer:
        fault = self._fault(order.client_order_id)
        if fault == "request":
            return Answer(OrderStatus.UNKNOWN)
        answer = self._venue.submit(order)
        return Answer(OrderStatus.UNKNOWN) if fault == "answer" else answer

    def cancel(self, cancel: PlannedCancel) -> Any:
        if self._fault(cancel.client_order_id) == "cancel":
            raise RetryableError("too many requests", code="HTTP_429")
        return self._venue.cancel(cancel)

    def _fault(self, name: str) -> str | None:
        """Of the first request about an order at that time; the same one again gets through."""
        now = self._clock.now()
        if (now, name) in self._struck:
            return None
        self._struck.add((now, name))
        return self._at.get(now)


def losing(**cycles: int) -> Front:
    """`answer=2`: in cycle 2 the answer to a first submit is lost."""
    at = {decision_time(cycle): what for what, cycle in cycles.items()}

    def front(venue: Venue, clock: Clock) -> Venue:
        return Unreliable(venue, clock, at)

    return front


def _moves(stage: Stage, symbol: str, *shares: tuple[int, float]) -> None:
    stage.rises(symbol, cycle=2)
    for cycle, share in shares:
        stage.rises(symbol, cycle=cycle, share=share)


def _entry(stage: Stage) -> None:
    _moves(stage, SOL, (3, -0.003))


def _entry_at_once(stage: Stage) -> None:
    _moves(stage, DOGE)
    stage.roles[DOGE].volume = 100.0


def _partial_fill(stage: Stage) -> None:
    """A tenth of 20 SOL trades in the candle after; its time is over before the next one."""
    _moves(stage, SOL, (3, 0.001))
    stage.roles[SOL].volumes[decision_time(3)] = 20.0


def _reprice(stage: Stage) -> None:
    """Nothing trades where the entry waits, the book leaves it behind, and it follows."""
    _moves(stage, SOL, (3, 0.006), (5, -0.004))
    stage.roles[SOL].volumes[decision_time(3)] = 0.0


def _cancel_race(stage: Stage) -> None:
    """The book leaves the entry behind, then falls through it before the cancel arrives."""
    _moves(stage, SOL, (3, 0.006), (4, -0.03))


def _stop_exit(stage: Stage) -> None:
    _moves(stage, SOL, (3, -0.003), (5, -0.12))


def _resting_exit(stage: Stage) -> None:
    """The target is reached while the stop rests beside it."""
    _moves(stage, SOL, (3, -0.003), (6, 0.15))


def _killed(bot: Bot) -> None:
    bot.world.controls.write_kill("a person")  # type: ignore[attr-defined]


def _resumed(bot: Bot) -> None:
    bot.world.controls.write_resume("a person")  # type: ignore[attr-defined]


LATE = {"market.matching.latency": "16m", "execution.maker_ttl": "2h"}
PATIENT = {"execution.maker_ttl": "2h"}
FILLED, CANCELLED, EXPIRED = "FILLED", "CANCELLED", "EXPIRED"

SCENARIOS = {
    told.name: told
    for told in (
        Scenario("entry", _entry, 5, range(2, 4), ("BUY",), (FILLED,)),
        Scenario(
            "entry at once", _entry_at_once, 4, range(2, 3), ("BUY",), (FILLED,), symbols=(DOGE,)
        ),
        Scenario("partial fill", _partial_fill, 6, range(2, 5), ("BUY",), (EXPIRED,)),
        Scenario(
            "reprice",
            _reprice,
            7,
            range(3, 6),
            ("BUY",),
            (CANCELLED, FILLED),
            overrides=PATIENT,
        ),
        Scenario(
            "cancel race",
            _cancel_race,
            6,
            range(3, 5),
            ("BUY", "SELL"),
            (FILLED, FILLED),
            overrides=LATE,
        ),
        Scenario("stop exit", _stop_exit, 7, range(5, 6), ("BUY", "SELL"), (FILLED, FILLED)),
        Scenario(
            "lost answer", _entry, 6, range(2, 4), ("BUY",), (FILLED,), front=losing(answer=2)
        ),
        Scenario(
            "lost answer of a stop",
            _stop_exit,
            7,
            range(5, 6),
            ("BUY", "SELL"),
            (FILLED, FILLED),
            front=losing(answer=5),
        ),
        Scenario(
            "lost request",
            _entry,
            6,
            range(2, 5),
            ("BUY",),
            ("NEVER_REACHED", FILLED),
            front=losing(request=2),
        ),
        Scenario(
            "kill and resume",
            _entry,
            6,
            range(3, 6),
            ("BUY",),
            (FILLED,),
            acts={3: _killed, 5: _resumed},
        ),
    )
}
if "resting" in ExitsPolicy.__slots__:
    SCENARIOS["bracket"] = Scenario(
        "bracket",
        _resting_exit,
        8,
        range(3, 7),
        ("BUY", "SELL"),
        (FILLED, FILLED),
        overrides={"exits.resting": "bracket"},
    )
