"""A cycle that fails is on record with its code, and the next one works.

Whatever breaks: every product of the last known universe says NOT_DECIDED, nothing
is planned twice, no number is used twice, and the files still prove themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import FatalError, RetryableError
from core.proposals import Proposals, StrategyContext
from infra.audit_record import Record
from runner.alerts.alert import Sight
from runner.bot import Bot
from runner.main_loop import turn
from tests.builders.bot import (
    a_bot,
    answer,
    audited,
    cycle,
    cycles,
    dies,
    interpose,
    raising,
    replayed,
    the_places,
    verified,
)
from tests.builders.stage import Stage, decision_time

SOL, XRP = "SOL-USD", "XRP-USD"
ALL = {"BTC-USD", SOL, XRP}
NO_ROOM = OSError(28, "no room on the disk")


class BrokenStrategy:
    """Has a fault."""

    name = "rules"

    def propose(self, context: StrategyContext) -> Proposals:
        raise ZeroDivisionError("of equity by nothing")


class StubbornStrategy:
    """Breaks the allocation's rule: it wants the same product twice."""

    name = "rules"

    def __init__(self, real: object) -> None:
        self.real = real

    def propose(self, context: StrategyContext) -> Proposals:
        answer: Proposals = self.real.propose(context)  # type: ignore[attr-defined]
        return Proposals(answer.wanted * 2, answer.declined)


def broken_strategy(bot: Bot) -> None:
    bot.world = replace(bot.world, strategies=(BrokenStrategy(),))


def stubborn_strategy(bot: Bot) -> None:
    real = bot.world.strategies[0]
    bot.world = replace(bot.world, strategies=(StubbornStrategy(real),))


def breaking(port: str, method: str, error: Exception) -> Callable[[Bot], None]:
    def act(bot: Bot) -> None:
        interpose(bot, port, method, before=raising(error))

    return act


def failing_once(port: str, method: str, error: Exception, *, when: str) -> Callable[[Bot], None]:
    """Raises at the first call only, so that the failure itself can be written."""

    def act(bot: Bot) -> None:
        left = [error]

        def fail() -> None:
            if left:
                raise left.pop()

        interpose(bot, port, method, **{when: fail})

    return act


FAULTS: dict[str, tuple[Callable[[Bot], None], str, str]] = {
    # what breaks -> how, the code on record, the level after it
    "a strategy raises": (broken_strategy, "BROKEN_RULE", "HALTED"),
    "a strategy contradicts itself": (stubborn_strategy, "BROKEN_RULE", "HALTED"),
    "the disk has no reserve": (
        breaking("disk", "check", RetryableError("full", code="DISK_FULL")),
        "DISK_FULL",
        "NORMAL",
    ),
    "the tape cannot be written": (
        breaking("tape", "append", NO_ROOM),
        "STATE_NOT_WRITTEN",
        "NORMAL",
    ),
    "the tape fails after its entry": (
        failing_once("tape", "append", NO_ROOM, when="after"),
        "STATE_NOT_WRITTEN",
        "NORMAL",
    ),
    "the ledger takes no intent": (
        breaking("ledger", "intend", RetryableError("locked", code="STATE_NOT_WRITTEN")),
        "STATE_NOT_WRITTEN",
        "NORMAL",
    ),
    "the ledger is damaged": (
        breaking("ledger", "intend", FatalError("bad page", code="DAMAGED_LEDGER")),
        "DAMAGED_LEDGER",
        "HALTED",
    ),
    "the ledger fails after its intents": (
        failing_once("ledger", "intend", NO_ROOM, when="after"),
        "STATE_NOT_WRITTEN",
        "NORMAL",
    ),
    "the ledger cannot read positions": (
        breaking("ledger", "positions", RetryableError("locked", code="STATE_NOT_WRITTEN")),
        "STATE_NOT_WRITTEN",
        "NORMAL",
    ),
    "the venue has a fault when it is sent an order": (
        breaking("venue", "submit", KeyError("price")),
        "BROKEN_RULE",
        "HALTED",
    ),
    "the state cannot be saved": (
        failing_once("states", "save", NO_ROOM, when="before"),
        "STATE_NOT_WRITTEN",
        "NORMAL",
    ),
    "the audit line cannot be written": (
        failing_once("audit", "append", NO_ROOM, when="before"),
        "STATE_NOT_WRITTEN",
        "NORMAL",
    ),
}


def a_failed_cycle(bot: Bot, break_it: Callable[[Bot], None]) -> Record:
    whole = bot.world
    break_it(bot)
    failed = cycle(bot)
    bot.world = whole
    return failed


@pytest.mark.parametrize("what", FAULTS)
def test_whatever_breaks_the_cycle_is_on_record_and_the_next_one_works(
    tmp_path: Path, what: str
) -> None:
    break_it, code, level = FAULTS[what]
    stage = Stage(SOL, XRP)
    stage.rises(SOL, cycle=2)
    stage.rises(XRP, cycle=3)
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        failed = a_failed_cycle(bot, break_it)
        assert (failed["outcome"], failed["why"]["code"]) == ("FAILED", code)
        assert (failed["cycle"], failed["level"]) == (2, level)
        assert set(failed["verdicts"]) == ALL
        assert {verdict["code"] for verdict in failed["verdicts"].values()} == {"NOT_DECIDED"}
        assert answer(failed, SOL) == ("NOT_DECIDED", code, "a decision", "cycle")
        assert (failed["plan"], failed["decision"], failed["inputs"]) == ([], None, None)

        following = cycle(bot)
        assert following["cycle"] == 3
        assert following["outcome"] == ("HALTED" if level == "HALTED" else "PLANNED")
        assert not bot.stores.ledger.unsettled()
        orders = bot.stores.ledger.orders()
        names = [order.planned.client_order_id for order in orders]
        assert len(names) == len(set(names))
        # SOL's rise is seen in both cycles; it is intended at most once.
        assert sum(order.symbol == SOL for order in orders) <= 1
    assert [line["cycle"] for line in audited(tmp_path)] == [1, 2, 3]
    assert verified(tmp_path).why is None
    assert replayed(tmp_path)["differences"] == 0


@pytest.mark.parametrize("error", [NO_ROOM, FatalError("half a record", code="STATE_NOT_WRITTEN")])
def test_a_failure_that_cannot_be_written_either_uses_up_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """The tape may hold that cycle: a second one of its number would be two decisions in one."""
    stage = Stage(SOL)
    stage.rises(SOL, cycle=2)
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        whole = bot.world
        interpose(bot, "audit", "append", before=raising(error))
        at = bot.timetable.after(bot.last.state.at)
        assert at is not None
        bot.last = turn(bot, at)
        bot.world = whole
        assert "FAILED STATE_NOT_WRITTEN" in capsys.readouterr().err
        after = cycle(bot)
        assert after["cycle"] == 3
        fatal = isinstance(error, FatalError)  # what was intended counts, if anything may be bought
        assert answer(after, SOL)[0] == ("HALTED" if fatal else "COOLDOWN")
        assert [order.cycle for order in bot.stores.ledger.orders()] == [2]
    assert [line["cycle"] for line in audited(tmp_path)] == [1, 3]
    assert verified(tmp_path).why is None
    assert replayed(tmp_path) == {"cycles": 3, "differences": 0, "first": None, "exit": 0}


def test_a_ledger_that_answers_nothing_at_all_does_not_end_the_loop(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycle(bot)
        whole = bot.world
        for method in ("positions", "orders_of", "sent_since"):
            interpose(
                bot, "ledger", method, before=raising(FatalError("bad page", code="DAMAGED_LEDGER"))
            )
        failed = cycles(bot, 2)
        bot.world = whole
        assert {record["why"]["code"] for record in failed} == {"DAMAGED_LEDGER"}
        assert cycle(bot)["outcome"] == "HALTED"


def test_a_clock_that_jumps_back_fails_the_cycle_and_nothing_is_lost(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=4)
    with a_bot(tmp_path, stage) as bot:
        cycles(bot, 2)
        bot.last = turn(bot, decision_time(2) - timedelta(days=2))
        record = bot.last.record
        assert record is not None
        assert (record["outcome"], record["why"]["code"]) == ("FAILED", "CLOCK_WENT_BACK")
        assert record["level"] == "NORMAL"
        assert bot.last.state.at == decision_time(2)  # the next one is measured by the latest
        assert cycle(bot)["outcome"] == "NO_TRADE"
        assert cycle(bot)["outcome"] == "PLANNED"
    assert [line["cycle"] for line in audited(tmp_path)] == [1, 2, 3, 4, 5]
    assert verified(tmp_path).why is None
    assert replayed(tmp_path)["differences"] == 0


def test_the_same_moment_is_not_decided_twice(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        cycle(bot)
        bot.last = turn(bot, decision_time(1))
        assert bot.last.record is not None
        assert bot.last.record["why"]["code"] == "CLOCK_WENT_BACK"


@pytest.mark.parametrize(
    ("piece", "named"),
    [
        (f"bars {XRP}", f"candles {XRP}"),
        ("tops", "tops"),
        ("products", "products"),
        ("server_time", "server_time"),
        ("depths", "depth BTC-USD"),
    ],
)
def test_a_piece_that_cannot_be_had_is_named_and_fails_nothing(
    tmp_path: Path, piece: str, named: str
) -> None:
    stage = Stage(SOL, XRP)
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        stage.falls_silent(piece)
        record = cycle(bot)
        assert record["outcome"] == "NO_TRADE"
        stage.faults.clear()
        assert set(cycle(bot)["universe"]["eligible"]) <= ALL
    assert missing_in(tmp_path, 2) == {named: "TIMED_OUT: the market did not answer"}
    assert replayed(tmp_path)["differences"] == 0


def test_balances_that_cannot_be_had_are_missing_and_the_books_stand(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=2)
    with a_bot(tmp_path, stage) as bot:
        first = cycle(bot)
        # The gatherer holds the venue itself, so it is given one that does not answer.
        gatherer = replace(bot.world.gatherer, venue=Unreachable())  # type: ignore[arg-type]
        bot.world = replace(bot.world, gatherer=gatherer)
        record = cycle(bot)
        assert record["outcome"] == "PLANNED"
        assert record["portfolio"]["equity"] == first["portfolio"]["equity"] == "10000"
    assert missing_in(tmp_path, 2) == {"balances": "TIMED_OUT: no answer"}


class Unreachable:
    """An account that does not answer."""

    def balances(self) -> None:
        raise RetryableError("no answer", code="TIMED_OUT")


def missing_in(folder: Path, number: int) -> dict[str, str]:
    """What the tape says was missing in a cycle."""
    from infra.tape import frames

    (frame,) = (f for f in frames(the_places(folder).tape) if f.cycle == number)
    return dict(frame.missing)


def test_a_wait_after_failures_doubles_up_to_its_limit_and_ends_with_them(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage()) as bot:
        waits = [bot.backoff(failures).total_seconds() for failures in range(10)]
        assert waits == [0, 5, 10, 20, 40, 80, 160, 300, 300, 300]
        assert bot.backoff(10_000) == timedelta(minutes=5)


def test_a_heartbeat_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        (the_places(tmp_path).heartbeat.with_name("heartbeat.json.new")).mkdir()
        (the_places(tmp_path).heartbeat).unlink()
        (the_places(tmp_path).heartbeat).mkdir()
        assert cycle(bot)["outcome"] == "NO_TRADE"
        assert cycle(bot)["cycle"] == 2


class BrokenTeller:
    """Has a fault wherever it is asked for something."""

    def report(self, sight: Sight) -> None:
        raise ZeroDivisionError("of alerts by nothing")

    def close(self, seconds: float) -> None:
        raise ZeroDivisionError("of alerts by nothing")


def test_a_fault_in_what_tells_of_a_cycle_stops_nothing(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        bot.outside.teller = BrokenTeller()  # type: ignore[assignment]
        assert [line["outcome"] for line in cycles(bot, 2)] == ["NO_TRADE", "NO_TRADE"]
        bot.outside.teller = None
    assert verified(tmp_path).why is None


def test_a_bot_that_failed_and_died_goes_on_where_it_was(tmp_path: Path) -> None:
    stage = Stage(SOL)
    bot = a_bot(tmp_path, stage)
    cycle(bot)
    a_failed_cycle(bot, broken_strategy)
    dies(bot)
    state = json.loads((the_places(tmp_path).folder / "state.json").read_text(encoding="utf-8"))
    assert state["state"]["standing"]["code"] == "BROKEN_RULE"
    with a_bot(tmp_path, stage) as bot:
        assert cycle(bot)["cycle"] == 3
    assert replayed(tmp_path)["differences"] == 0
