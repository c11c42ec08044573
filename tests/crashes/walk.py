"""The walk: a scenario, cut at one moment and gone on with, and what must be true then.

A run that nothing disturbs says what a cut one is compared with. What may differ after a
cut is told by when it came: before the commit nothing but ids and cycle numbers, after it
only what was not sent any more and is decided afresh.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.orders import FINAL, REACHED, Order, OrderStatus
from core.state import BotState
from infra.audit_record import Record
from infra.crash_points import CrashPoint, hooked
from infra.tape import last_frame
from runner.bot import Bot
from tests.builders.bot import a_bot, audited, cycle, dies, replayed, the_places, verified
from tests.builders.market import BAR
from tests.builders.paper import VenueTruth, in_front
from tests.builders.stage import decision_time
from tests.crashes.images import Image, Moment, captured, laid_out
from tests.crashes.scenarios import Scenario

# Points at which no file differs from the point before: what comes next, or came last, names it.
_BEGINS = (CrashPoint.APPEND_BEGUN,)
_ENDS = (CrashPoint.APPENDED_FOR_GOOD, CrashPoint.REPLACED_FOR_GOOD)
EXTRA = 4  # market times after the end, in which everything must be settled


@dataclass(frozen=True)
class Story:
    """What was traded and what is remembered of it, without names and numbers of cycles."""

    orders: tuple[Any, ...]
    fills: tuple[Any, ...]
    held: dict[str, Decimal]
    state: BotState

    @property
    def never_reached(self) -> int:
        return sum(1 for order in self.orders if order[0] is OrderStatus.NEVER_REACHED)


@dataclass(frozen=True)
class Calm:
    """A run that nothing disturbed: its moments in the deadly cycles, and how it ended."""

    scenario: Scenario
    moments: Sequence[Moment]
    story: Story
    planned: frozenset[datetime]  # market times in which orders were planned
    begun: dict[int, Image]  # the disk before each deadly market time

    def name(self, moment: Moment) -> str:
        """What is done at that moment, and to which file."""
        point, file = moment.point, moment.file
        if point in _BEGINS:
            file = self.moments[moment.nth + 1].file
        if point in _ENDS:
            file = self.moments[moment.nth - 1].file
        words = point.name.lower().replace("_", " ")
        return words if words.startswith(("ledger", "venue")) or not file else f"{file} {words}"


def ordinal(at: datetime) -> int:
    """The how manieth market time of a story it is."""
    return 1 + (at - decision_time(1)) // BAR


def go_on(bot: Bot, scenario: Scenario, until: int) -> None:
    """Turn the loop to the end of that market time, a person acting when the script says so."""
    while True:
        at = bot.timetable.after(bot.last.state.at)
        assert at is not None
        number = ordinal(at)
        if number > until:
            return
        if number in scenario.acts:
            with hooked(lambda _: None):  # a person's program is not the one that dies
                scenario.acts[number](bot)
        cycle(bot)


@contextmanager
def running(scenario: Scenario, folder: Path) -> Iterator[Bot]:
    """A process's worth of bot; whatever ends the block, it leaves what a killed one leaves."""
    with in_front(scenario.front):
        bot = a_bot(folder, scenario.stage(), **scenario.settings)
    try:
        yield bot
    finally:
        dies(bot)


def calm(scenario: Scenario, folder: Path) -> Calm:
    moments: list[Moment] = []
    begun: dict[int, Image] = {}
    with running(scenario, folder) as bot:
        before: list[Image] = [captured(folder)]

        def watch(point: CrashPoint) -> None:
            assert bot.clock is not None
            number = ordinal(bot.clock.now())
            image = captured(folder)
            moments.append(Moment(number, len(moments), point, image, before[0]))
            before[0] = image

        go_on(bot, scenario, scenario.deadly.start - 1)
        for number in scenario.deadly:
            begun[number] = before[0] = captured(folder)
            with hooked(watch):
                go_on(bot, scenario, number)
        go_on(bot, scenario, scenario.cycles + EXTRA)
        story = told(bot)
    lines = audited(folder)
    planned = {datetime.fromisoformat(line["at"]) for line in lines if _orders_of(line)}
    return Calm(scenario, moments, story, frozenset(planned), begun)


def _orders_of(line: Record) -> list[Any]:
    return [entry for entry in line["plan"] if entry["type"] != "CANCEL"]


def told(bot: Bot) -> Story:
    """The story as the ledger has it."""
    ledger = bot.stores.ledger
    return Story(
        orders=tuple(_nameless(order) for order in ledger.orders()),
        fills=tuple((f.at, f.symbol, f.side, f.price, f.quantity, f.fee) for f in ledger.fills()),
        held=dict(ledger.expected()),
        state=_uncounted(bot.last.state),
    )


def _nameless(order: Order) -> tuple[Any, ...]:
    planned = replace(order.planned, client_order_id="-")
    return (order.status, order.filled, planned)


def _uncounted(state: BotState) -> BotState:
    closed = tuple(replace(sale, order="") for sale in state.closed)
    changes = replace(state.changes, asked={}, unwanted={})
    return replace(state, cycle=0, closed=closed, changes=changes, absent={})


def gone_on(run: Calm, image: Image, folder: Path, at: int) -> str:
    """Open what a death in the `at`th market time left, go on, and prove all that must hold.

    Returns in a few words what came of it.
    """
    laid_out(image, folder)
    frame = last_frame(the_places(folder).tape)
    died = None if frame is None or ordinal(frame.at) < at else frame
    recorded = {line["cycle"] for line in whole_lines(image)}
    with running(run.scenario, folder) as bot:
        intended = died is not None and bool(bot.stores.ledger.orders_of(died.cycle))
        committed = died is not None and (intended or died.at not in run.planned)
        following = bot.timetable.after(bot.last.state.at)
        assert following is not None
        assert ordinal(following) == (at + 1 if committed else at), "the time that is decided next"
        go_on(bot, run.scenario, run.scenario.cycles + EXTRA)
        story = told(bot)
        agreed(bot, folder)
    lines = audited(folder)
    if died is not None and died.cycle not in recorded:
        (line,) = [line for line in lines if line["cycle"] == died.cycle]
        assert (line["outcome"], line["why"]["code"]) == ("FAILED", "INTERRUPTED")
    proved(folder)
    if not committed:
        assert story == run.story, "decided again, and not the same"
        return "decided again, the same"
    if story == run.story:
        return "gone on, the same"
    if story.never_reached > run.story.never_reached:
        decided_afresh(lines, bot_orders(story))
        return "never reached, decided afresh"
    return "gone on"


def bot_orders(story: Story) -> list[str]:
    """Products of which an intent never reached the venue."""
    return [order[2].symbol for order in story.orders if order[0] is OrderStatus.NEVER_REACHED]


def decided_afresh(lines: list[Record], symbols: list[str]) -> None:
    """Once an intent is proved absent its product has verdicts of its own again."""
    for symbol in symbols:
        codes = [line["verdicts"][symbol]["code"] for line in lines if symbol in line["verdicts"]]
        assert codes[-1] not in ("ORDER_PENDING", "NOT_DECIDED"), codes


def agreed(bot: Bot, folder: Path) -> None:
    """Venue and ledger agree to the last unit, order by order and fill by fill."""
    ledger, truth = bot.stores.ledger, VenueTruth(folder)
    assert dict(ledger.expected()) == truth.balances
    ours = {order.planned.client_order_id: order for order in ledger.orders()}
    theirs = [order for order in truth.orders if order.client_order_id is not None]
    assert len({order.client_order_id for order in theirs}) == len(theirs), "two for one intent"
    assert {order.client_order_id for order in theirs} <= ours.keys()
    reached = {name for name, order in ours.items() if order.status in REACHED}
    assert reached == {order.client_order_id for order in theirs}
    for order in theirs:
        own = ours[order.client_order_id or ""]
        assert own.status in FINAL, f"{own.symbol} is not settled: {own.status.name}"
        assert (own.status, own.filled) == (order.status, order.filled)
    names = {order.exchange_order_id: order.client_order_id for order in theirs}
    venue_fills = sorted(
        (f.fill_id, names[f.exchange_order_id], f.price, f.quantity, f.fee, f.at)
        for f in truth.fills
    )
    booked = sorted(
        (f.fill_id, f.client_order_id, f.price, f.quantity, f.fee, f.at) for f in ledger.fills()
    )
    assert booked == venue_fills
    assert not ledger.unsettled()


def proved(folder: Path) -> None:
    """The files prove themselves: the chain of the log, the tape, the numbers and the times."""
    assert verified(folder).why is None
    replay = replayed(folder)
    assert (replay["differences"], replay["exit"]) == (0, 0)
    lines = audited(folder)
    numbers = [line["cycle"] for line in lines]
    assert numbers == sorted(set(numbers))
    moments = [line["at"] for line in lines if line["outcome"] != "FAILED"]
    assert moments == sorted(set(moments)), "a market time was decided twice"


def whole_lines(image: Image) -> list[Record]:
    """The lines of the audit log that an image holds to their end."""
    text = image.get("logs/dry_run/audit.jsonl", b"")
    return [json.loads(line) for line in text.split(b"\n")[:-1]]
