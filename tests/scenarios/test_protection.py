"""Stops that rest at the venue, through the whole bot in PAPER on the simulated venue.

SOL rises, is bought with an order that rests, and fills before cycle 3, in which its stop
is sent. What happens then is the test's. In every story there is never more than one live
sell of the position, the books close, and replay finds nothing different.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.market import Side
from core.orders import OrderStatus, OrderType, PlannedOrder
from core.ports import Answer
from runner.bot import Bot
from runner.main_loop import turn
from tests.builders.bot import (
    Killed,
    a_bot,
    audited,
    cycle,
    cycles,
    dies,
    interpose,
    raising,
    replayed,
    verified,
)
from tests.builders.stage import Stage, decision_time

SOL = "SOL-USD"
PAPER = {"app.mode": "PAPER", "regime.pinned": "chop"}
BRACKET = {**PAPER, "exits.resting": "bracket"}
STOP_LIMIT = {**PAPER, "exits.resting": "stop_limit"}


def a_stage() -> Stage:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=2)
    stage.rises(SOL, cycle=3, share=-0.003)
    return stage


def protection(record: Any) -> Any:
    return record["verdicts"][SOL]["protection"]


def sells(record: Any) -> list[Any]:
    return [fill for fill in record["fills"] if fill["side"] == "SELL"]


def live_sells(bot: Bot) -> list[Any]:
    """Own sells that work at the venue."""
    return [order for order in bot.world.venue.open_orders() if order.side is Side.SELL]


@contextmanager
def a_holder(folder: Path, stage: Stage, **settings: str) -> Iterator[Bot]:
    """A bot after cycle 3: it holds SOL, and its stop was sent. Proved when it leaves."""
    with a_bot(folder, stage, **settings) as bot:
        cycles(bot, 3)
        assert SOL in bot.world.ledger.positions()
        yield bot
        closed(folder, bot)


def closed(folder: Path, bot: Bot) -> None:
    ledger = bot.stores.ledger
    held = {balance.currency: balance.total for balance in bot.world.venue.balances()}
    assert dict(ledger.expected()) == {name: total for name, total in held.items() if total}
    assert len(live_sells(bot)) <= 1
    assert verified(folder).ok
    assert replayed(folder)["differences"] == 0


def test_a_stop_is_placed_in_the_cycle_that_sees_the_position_and_goes_on_resting(
    tmp_path: Path,
) -> None:
    with a_holder(tmp_path, a_stage(), **BRACKET) as bot:
        (third,) = [line for line in audited(tmp_path) if line["cycle"] == 3]
        assert protection(third)["guard"] == "PLACED"
        fourth = cycle(bot)
        assert protection(fourth)["guard"] == "RESTING"
        assert fourth["plan"] == []
        (stop,) = live_sells(bot)
        assert stop.type is OrderType.BRACKET
        position = bot.world.ledger.positions()[SOL]
        assert stop.quantity == position.quantity.amount
        watched = fourth["portfolio"]["positions"][SOL]["stop"]
        assert 0 <= float(protection(fourth)["stop"]) - float(watched) < 0.01  # one tick


def test_a_policy_that_watches_leaves_no_sell_at_the_venue(tmp_path: Path) -> None:
    with a_holder(tmp_path, a_stage(), **PAPER) as bot:
        assert protection(cycle(bot))["guard"] == "WATCHED"
        assert live_sells(bot) == []


def later(bot: Bot, number: int) -> Any:
    """The next cycle, at the market time at which cycle `number` would have been due."""
    bot.last = turn(bot, decision_time(number))
    assert bot.last.record is not None
    return bot.last.record


def test_a_stop_fills_while_the_bot_is_away_and_the_next_start_finds_it(tmp_path: Path) -> None:
    stage = a_stage()
    stage.rises(SOL, cycle=6, share=-0.08)
    stage.rises(SOL, cycle=7, share=0.09)
    with a_holder(tmp_path, stage, **BRACKET) as bot:
        stop = protection(cycle(bot))["stop"]

    with a_bot(tmp_path, stage, **BRACKET) as bot:
        found = later(bot, 10)  # the price is back where it was
        (sale,) = sells(found)
        assert float(sale["price"]) <= float(stop)
        assert SOL not in found["portfolio"]["positions"]
        assert found["plan"] == []
        assert bot.last.state.stopped[SOL] == decision_time(6)
        assert live_sells(bot) == []
        closed(tmp_path, bot)


def test_after_a_stop_that_filled_at_the_venue_the_product_rests(tmp_path: Path) -> None:
    stage = a_stage()
    stage.rises(SOL, cycle=5, share=-0.08)
    stage.rises(SOL, cycle=7)
    with a_holder(tmp_path, stage, **BRACKET) as bot:
        records = cycles(bot, 4)
        assert [len(sells(record)) for record in records] == [0, 1, 0, 0]
        codes = [record["verdicts"].get(SOL, {}).get("code") for record in records]
        assert codes[-1] in ("COOLDOWN", "STOPPED_RECENTLY")


def test_what_was_stopped_is_known_after_a_crash_too(tmp_path: Path) -> None:
    stage = a_stage()
    stage.rises(SOL, cycle=5, share=-0.08)
    with a_holder(tmp_path, stage, **BRACKET) as bot:
        cycle(bot)
        interpose(bot, "tape", "append", before=raising(Killed()))
        with pytest.raises(Killed):
            cycle(bot)
        dies(bot)
        with a_bot(tmp_path, stage, **BRACKET) as again:
            record = cycle(again)
            assert SOL not in record["portfolio"]["positions"]
            assert again.last.state.stopped[SOL] == decision_time(5)


def test_a_trailing_stop_raises_the_one_that_rests(tmp_path: Path) -> None:
    stage = a_stage()
    for number in (5, 6):
        stage.rises(SOL, cycle=number, share=0.008)
    trailing = {"exits.trailing": "0.5%", "exits.trailing_from": "0.5%"}
    with a_holder(tmp_path, stage, **STOP_LIMIT, **trailing) as bot:
        first = protection(cycle(bot))["stop"]
        records = cycles(bot, 3)
        last = protection(records[-1])
        assert last["guard"] == "RESTING"
        assert float(last["stop"]) > float(first)
        raised = [record for record in records if record["plan"]]
        assert [[order["type"] for order in record["plan"]] for record in raised] == [
            ["CANCEL", "STOP_LIMIT"]
        ] * len(raised)
        assert raised
        # Its money is still in one order: the old ones have ended.
        assert [order.status for order in live_sells(bot)] == [OrderStatus.OPEN]


def test_an_exit_takes_the_stop_back_and_sells_in_the_same_cycle(tmp_path: Path) -> None:
    with a_holder(tmp_path, a_stage(), **{**BRACKET, "exits.held_max": "30m"}) as bot:
        records = cycles(bot, 4)
        (out,) = [record for record in records if record["plan"]]
        assert [order["type"] for order in out["plan"]] == ["CANCEL", "LIMIT"]
        assert out["plan"][0]["reason"] == "STOP_GIVES_WAY"
        assert len(sells(out)) == 1
        assert live_sells(bot) == []
        assert bot.world.ledger.positions() == {}


def test_a_stop_that_sells_while_it_is_taken_back_is_not_sold_twice(tmp_path: Path) -> None:
    """Between the decision and the cancel the price falls through the stop."""
    stage = a_stage()
    with a_holder(tmp_path, stage, **{**STOP_LIMIT, "exits.held_max": "30m"}) as bot:
        cycle(bot)

        def falls() -> None:
            stage.roles[SOL].book_off = 0.99
            stage.clock.set(stage.clock.now() + timedelta(seconds=2))

        undo = interpose(bot, "venue", "cancel", before=falls)
        record = cycle(bot)
        while not record["plan"]:
            record = cycle(bot)
        undo()
        by_status = {order["reason"]: order["status"] for order in record["orders"]}
        assert by_status[f"protect:{SOL}:SELL"] == "FILLED"
        assert by_status[f"exits:{SOL}:SELL"] == "NOT_SENT"
        assert bot.world.ledger.positions() == {}
        assert SOL in bot.last.state.stopped


@dataclass
class Refusing:
    """A venue that takes no order of these types."""

    venue: Any
    types: set[OrderType]
    asked: list[OrderType]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.venue, name)

    def submit(self, order: PlannedOrder) -> Answer:
        self.asked.append(order.type)
        if order.type in self.types:
            return Answer(OrderStatus.REFUSED, told="BRACKET_ORDER_NOT_SUPPORTED")
        return self.venue.submit(order)  # type: ignore[no-any-return]


def refusing(bot: Bot, *types: OrderType) -> Refusing:
    venue = Refusing(bot.world.venue, set(types), [])
    bot.world = replace(bot.world, venue=venue)
    return venue


def test_what_the_venue_refuses_as_a_bracket_rests_as_a_stop_limit(tmp_path: Path) -> None:
    with a_bot(tmp_path, a_stage(), **BRACKET) as bot:
        refusing(bot, OrderType.BRACKET)
        records = cycles(bot, 5)
        assert protection(records[2])["guard"] == "PLACED"
        assert protection(records[3])["guard"] == "PLACED"
        assert protection(records[4])["guard"] == "RESTING"
        assert [order.type for order in live_sells(bot)] == [OrderType.STOP_LIMIT]
        closed(tmp_path, bot)


def test_a_venue_that_takes_no_stops_is_asked_ever_more_rarely_and_the_bot_watches(
    tmp_path: Path,
) -> None:
    stage = a_stage()
    stage.rises(SOL, cycle=20, share=-0.12)
    with a_bot(tmp_path, stage, **STOP_LIMIT) as bot:
        venue = refusing(bot, OrderType.STOP_LIMIT)
        records = cycles(bot, 19)
        placed = [r["cycle"] for r in records[2:] if protection(r)["guard"] == "PLACED"]
        assert placed == [3, 4, 6, 10, 18]
        watched = protection(records[6])
        assert (watched["guard"], watched["code"]) == ("WATCHED", "STOP_REFUSED")
        assert watched["seen"] == "BRACKET_ORDER_NOT_SUPPORTED"
        sold = cycle(bot)
        assert venue.asked[-1] is OrderType.LIMIT
        assert len(sells(sold)) == 1
        closed(tmp_path, bot)


def test_a_stop_that_sold_a_part_leaves_the_rest_to_the_bot(tmp_path: Path) -> None:
    stage = a_stage()
    stage.rises(SOL, cycle=5, share=-0.06)
    stage.roles[SOL].volumes[decision_time(5)] = 10.0
    settings = {**STOP_LIMIT, "exits.resting_gap": "0.1%"}
    with a_holder(tmp_path, stage, **settings) as bot:
        cycle(bot)
        fifth = cycle(bot)
        partly, rest = sells(fifth)
        assert partly["client_order_id"] != rest["client_order_id"]
        cycle(bot)
        assert bot.world.ledger.positions() == {}
        assert live_sells(bot) == []


def test_a_kill_switch_leaves_stops_and_still_places_them(tmp_path: Path) -> None:
    with a_bot(tmp_path, a_stage(), **BRACKET) as bot:
        cycles(bot, 2)
        bot.world.controls.write_kill("a drill")  # type: ignore[attr-defined]
        placed, kept = cycles(bot, 2)
        assert placed["level"] == kept["level"] == "HALTED"
        assert protection(placed)["guard"] == "PLACED"
        assert protection(kept)["guard"] == "RESTING"
        assert len(live_sells(bot)) == 1
        closed(tmp_path, bot)
