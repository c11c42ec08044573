"""PAPER dies between two effects and goes on as if it had not, but for ids and numbers.

SOL rises, is bought with an order that rests, fills in the next candle, and falls through
its stop: an entry, its fill and its exit, each in a cycle of its own. The process dies in
every one of them at every effect. What must not differ is what was bought and sold, for
how much, and what the bot remembers of it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.orders import OrderStatus
from core.state import BotState
from infra.crash_points import CrashPoint, hooked
from runner.bot import Bot
from runner.main_loop import turn
from tests.builders.bot import Killed, a_bot, audited, cycle, dies, replayed, verified
from tests.builders.stage import Stage

SOL = "SOL-USD"
CYCLES = 6
PAPER = {"app.mode": "PAPER", "regime.pinned": "chop"}


def a_stage() -> Stage:
    """SOL rises in cycle 2, its candle before cycle 3 trades below the entry, then it falls."""
    stage = Stage(SOL)
    stage.rises(SOL, cycle=2)
    stage.rises(SOL, cycle=3, share=-0.003)
    stage.rises(SOL, cycle=5, share=-0.12)
    return stage


def to_the_end(bot: Bot) -> None:
    while bot.last.state.at is None or bot.last.state.at < bot.timetable.start + CYCLES * (
        bot.timetable.interval
    ):
        cycle(bot)


def uncounted(state: BotState) -> BotState:
    """The state without what names a cycle or an order."""
    closed = tuple(replace(sale, order="") for sale in state.closed)
    changes = replace(state.changes, asked={}, unwanted={})
    return replace(state, cycle=0, closed=closed, changes=changes, absent={})


def traded(folder: Path) -> list[Any]:
    """Every fill on record, without its names."""
    return [
        (fill["at"], fill["symbol"], fill["side"], fill["price"], fill["quantity"], fill["fee"])
        for record in audited(folder)
        for fill in record["fills"]
    ]


def story(folder: Path, bot: Bot) -> tuple[Any, ...]:
    ledger = bot.stores.ledger
    booked = [(f.at, f.symbol, f.side, f.price, f.quantity, f.fee) for f in ledger.fills()]
    held = {balance.currency: balance.total for balance in bot.world.venue.balances()}
    assert dict(ledger.expected()) == {name: total for name, total in held.items() if total}
    assert not ledger.unsettled()
    return booked, dict(ledger.expected()), uncounted(bot.last.state)


def points_of(folder: Path) -> list[CrashPoint]:
    """Every point that a run passes, in order."""
    passed: list[CrashPoint] = []
    with a_bot(folder, a_stage(), **PAPER) as bot, hooked(passed.append):
        to_the_end(bot)
    return passed


def test_the_story_has_an_entry_a_fill_and_an_exit(tmp_path: Path) -> None:
    with a_bot(tmp_path, a_stage(), **PAPER) as bot:
        to_the_end(bot)
        story(tmp_path, bot)
    assert [fill[2] for fill in traded(tmp_path)] == ["BUY", "SELL"]
    assert len({fill[0] for fill in traded(tmp_path)}) == 2
    assert replayed(tmp_path)["differences"] == 0


@pytest.mark.parametrize("part", range(6))
def test_a_death_at_any_point_changes_nothing_that_was_bought_or_sold(
    tmp_path: Path, part: int
) -> None:
    with a_bot(tmp_path / "calm", a_stage(), **PAPER) as bot:
        to_the_end(bot)
        wanted = story(tmp_path / "calm", bot)
    points = points_of(tmp_path / "count")
    for nth in range(part, len(points), 6):
        folder = tmp_path / str(nth)
        dead_at(folder, nth)
        with a_bot(folder, a_stage(), **PAPER) as bot:
            to_the_end(bot)
            told = story(folder, bot)
            orders = bot.stores.ledger.orders()
            # An intent that was never sent is proved absent first, and decided afresh later.
            if all(order.status is not OrderStatus.NEVER_REACHED for order in orders):
                assert told == wanted, f"after {points[nth].name}, effect {nth}"
            reached = [order for order in orders if order.exchange_order_id is not None]
            assert len(reached) <= 3
            booked = [fill.fill_id for fill in bot.stores.ledger.fills()]
        on_record = [fill["fill_id"] for line in audited(folder) for fill in line["fills"]]
        assert sorted(on_record) == sorted(booked)  # each once
        assert verified(folder).why is None
        assert replayed(folder)["differences"] == 0


def dead_at(folder: Path, nth: int) -> None:
    passed = 0

    def kill_there(_: CrashPoint) -> None:
        nonlocal passed
        passed += 1
        if passed > nth:
            raise Killed

    bot = a_bot(folder, a_stage(), **PAPER)
    with hooked(kill_there), pytest.raises(Killed):
        runs_for_ever(bot)
    dies(bot)


def runs_for_ever(bot: Bot) -> None:
    while True:
        at = bot.timetable.after(bot.last.state.at)
        assert at is not None
        bot.last = turn(bot, at)
