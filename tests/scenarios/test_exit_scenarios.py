"""Exits, driving the whole bot: lots are handed to it, and the price walks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from core.market import ProductStatus
from infra.audit_record import Record
from runner import kill
from runner.bot import Bot
from tests.builders.bot import a_bot, answer, cycle, cycles, replayed, the_places, verified
from tests.builders.lots import hand_lots_to
from tests.builders.market import NOON
from tests.builders.stage import Stage, decision_time

SOL = "SOL-USD"
# A book of the stage has its bid 2 cents below a close near 100.


def closes(stage: Stage, cycle: int, close: float, before: float = 100.0) -> None:
    """The bar that closes when `cycle` decides ends there."""
    stage.rises(SOL, cycle, close / before - 1)


def run_to(bot: Bot, count: int) -> Record:
    return cycles(bot, count)[-1]


def sound(folder: Path) -> bool:
    """Every line is true, and every cycle comes out again."""
    return verified(folder).ok and replayed(folder)["differences"] == 0


@pytest.mark.parametrize(
    ("close", "code", "limit"),
    [
        (95.03, "HELD", "stop 95 USD, 0.0105% away"),
        (95.02, "STOP_LOSS", "stop 95 USD, 0% beyond"),
        (94.0, "STOP_LOSS", "stop 95 USD, 1.0853% beyond"),
        (110.01, "HELD", "target 110 USD, 0.009% away"),
        (110.03, "TAKE_PROFIT", "target 110 USD, 0.009% beyond"),
    ],
)
def test_the_price_walks_to_an_exit_and_just_not_there(
    tmp_path: Path, close: float, code: str, limit: str
) -> None:
    stage = Stage(SOL)
    closes(stage, 3, close)
    with a_bot(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL)
        before = run_to(bot, 2)
        assert answer(before, SOL) == (
            "HELD",
            "bid 99.98 USD",
            "stop 95 USD, 4.9809% away",
            "exits.stop_loss",
        )
        record = cycle(bot)
        watched = record["verdicts"][SOL]["exit"]
        assert (watched["code"], watched["limit"]) == (code, limit)
        assert [(o["side"], o["quantity"], o["status"]) for o in record["orders"]] == (
            [] if code == "HELD" else [("SELL", "1", "NOT_SENT")]
        )
    assert sound(tmp_path)


@pytest.mark.parametrize(
    ("peak", "then", "code"),
    [
        (104.99, 100.0, "HELD"),  # never armed
        (105.0, 100.83, "HELD"),  # level 100.8, bid 100.81
        (105.0, 100.82, "TRAILING_STOP"),
    ],
)
def test_a_trailing_stop_follows_the_highest_close(
    tmp_path: Path, peak: float, then: float, code: str
) -> None:
    stage = Stage(SOL)
    closes(stage, 2, peak)
    closes(stage, 4, then, before=peak)
    with a_bot(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL)
        record = run_to(bot, 4)
        assert answer(record, SOL)[0] == code
        assert record["portfolio"]["positions"][SOL]["highest_close"] == str(peak).rstrip("0.")


@pytest.mark.parametrize(("held", "code"), [("1h15m", "HELD"), ("1h14m59s", "HELD_TOO_LONG")])
def test_a_position_is_left_when_it_was_held_too_long(tmp_path: Path, held: str, code: str) -> None:
    with a_bot(tmp_path, Stage(SOL), **{"exits.held_max": held}) as bot:
        hand_lots_to(bot).holds(SOL, opened_at=NOON - timedelta(hours=1))
        record = run_to(bot, 2)
        assert answer(record, SOL)[0] == code


def test_a_crash_draws_the_exits_nearer(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises("BTC-USD", 3, -0.2)
    closes(stage, 2, 97.4)
    with a_bot(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL)
        calm, crashed = cycles(bot, 3)[1:]
        assert (calm["regime"], answer(calm, SOL)[0]) == ("chop", "HELD")
        assert crashed["regime"] == "crash"
        assert answer(crashed, SOL)[:3] == (
            "STOP_LOSS",
            "bid 97.38 USD",
            "stop 97.5 USD, 0.1232% beyond",
        )


def test_an_exit_is_priced_at_the_book_first_and_goes_through_it_next(tmp_path: Path) -> None:
    stage = Stage(SOL)
    closes(stage, 2, 94.02)
    closes(stage, 4, 98.02, before=94.02)
    closes(stage, 5, 94.02, before=98.02)
    with a_bot(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL)
        records = cycles(bot, 5)
        prices = [[order["price"] for order in record["plan"]] for record in records]
        # 94 less 60 bps, then less 5%; the price recovers, and the next stop is a first attempt.
        assert prices == [[], ["93.44"], ["89.3"], [], ["93.44"]]
        attempts = [r["portfolio"]["positions"][SOL]["exit_attempts"] for r in records]
        assert attempts == [0, 1, 2, 0, 1]
    assert sound(tmp_path)


def test_a_product_with_an_exit_gets_no_entry_in_the_same_cycle(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, 2)
    with a_bot(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL, price="93")  # target 102.3
        record = run_to(bot, 2)
        assert {proposal["id"] for proposal in record["proposals"]} == {
            "rules:SOL-USD:BUY",
            "exits:SOL-USD:SELL",
        }
        assert [order["side"] for order in record["plan"]] == ["SELL"]
        assert answer(record, SOL)[0] == "TAKE_PROFIT"


def test_a_buy_that_is_denied_does_not_hide_what_the_exits_watch(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, 2)
    with a_bot(tmp_path, stage, **{"risk.add_spacing_min": "0s"}) as bot:
        hand_lots_to(bot).holds(SOL, price="104")
        record = run_to(bot, 2)
        verdict = record["verdicts"][SOL]
        assert verdict["code"] == "ADD_NOT_IN_PROFIT"
        assert verdict["exit"] == {
            "code": "HELD",
            "seen": "bid 102.48 USD",
            "limit": "stop 98.8 USD, 3.5909% away",
            "key": "exits.stop_loss",
        }


def test_no_level_and_no_kill_switch_stops_a_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(SOL)
    closes(stage, 3, 94.0)
    with a_bot(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL)
        cycles(bot, 2)
        kill.main(["--state-dir", str(the_places(tmp_path).state_dir), "something is odd"])
        record = cycle(bot)
        assert record["level"] == "HALTED"
        assert answer(record, SOL)[0] == "STOP_LOSS"
        assert [order["side"] for order in record["plan"]] == ["SELL"]


def test_a_stop_acts_on_the_last_close_while_the_books_cannot_be_had(tmp_path: Path) -> None:
    stage = Stage(SOL)
    closes(stage, 3, 94.0)
    with a_bot(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL)
        cycles(bot, 2)
        stage.falls_silent("tops")
        record = cycle(bot)
        assert answer(record, SOL)[:2] == ("STOP_LOSS", "close 94 USD, no fresh book")
        assert [order["price"] for order in record["plan"]] == ["89.3"]
    assert sound(tmp_path)


def test_a_product_that_left_the_universe_is_still_watched_and_sold(tmp_path: Path) -> None:
    stage = Stage(SOL)
    closes(stage, 3, 94.02)
    with a_bot(tmp_path, stage, **{"universe.price_min": "1000 USD"}) as bot:
        hand_lots_to(bot).holds(SOL)
        calm, fallen = cycles(bot, 3)[1:]
        assert SOL not in fallen["universe"]["eligible"]
        assert answer(calm, SOL)[0] == "HELD"
        assert answer(fallen, SOL)[0] == "STOP_LOSS"
        # 94 less 120 bps: a product in no tier gives way as far as the widest.
        assert [order["price"] for order in fallen["plan"]] == ["92.88"]


def test_an_exit_that_the_venue_cannot_take_says_so_and_is_asked_for_again(tmp_path: Path) -> None:
    stage = Stage(SOL)
    closes(stage, 2, 94.02)
    with a_bot(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL)
        cycle(bot)
        stage.becomes(SOL, ProductStatus.HALTED)
        halted = cycle(bot)
        stage.becomes(SOL, ProductStatus.ONLINE)
        again = cycle(bot)
        assert answer(halted, SOL)[:2] == ("PRODUCT_NOT_ONLINE", "halted")
        assert halted["verdicts"][SOL]["exit"]["code"] == "STOP_LOSS"
        assert halted["why"]["code"] == "PRODUCT_NOT_ONLINE"
        # Still a first attempt; a product that was halted is in no tier for a while.
        assert [order["price"] for order in again["plan"]] == ["92.88"]
        assert again["portfolio"]["positions"][SOL]["exit_attempts"] == 1


def test_the_levels_of_the_buy_that_opened_a_position_are_watched(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, 2)
    with a_bot(tmp_path, stage) as bot:
        lots = hand_lots_to(bot)
        bought = run_to(bot, 2)
        (wanted,) = bought["proposals"]
        assert bought["plan"]
        lots.holds(SOL, price="102.5", opened_at=decision_time(2))
        record = cycle(bot)
        held = record["portfolio"]["positions"][SOL]
        assert (held["stop"], held["target"]) == (wanted["stop_loss"], wanted["take_profit"])
        rule = f"strategies.rules.parameters.{wanted['rule']}"
        assert record["verdicts"][SOL]["exit"]["key"] == rule
    assert sound(tmp_path)


def test_a_position_that_cannot_be_watched_halts_and_all_others_are_watched(
    tmp_path: Path,
) -> None:
    stage = Stage(SOL, "XRP-USD")
    closes(stage, 2, 90.0)
    with a_bot(tmp_path, stage) as bot:
        lots = hand_lots_to(bot)
        lots.holds("XRP-USD", price="0")
        lots.holds(SOL)
        first, second = cycles(bot, 2)
        for record in (first, second):
            assert (record["level"], record["standing"]["code"]) == ("HALTED", "NO_EXIT_PLAN")
            assert "XRP-USD" in record["standing"]["text"]
            assert "have no cost" in record["portfolio"]["quarantined"]["XRP-USD"]
        assert first["verdicts"][SOL]["code"] == "HELD"
        assert [(order["symbol"], order["side"]) for order in second["plan"]] == [(SOL, "SELL")]
    assert sound(tmp_path)


def test_plans_survive_a_restart(tmp_path: Path) -> None:
    stage = Stage(SOL)
    closes(stage, 2, 108.0)
    with a_bot(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL)
        cycles(bot, 2)
        before = bot.last.state.exits
    with a_bot(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL)
        cycle(bot)
        assert bot.last.state.exits == before
        hand_lots_to(bot)
        cycle(bot)
        assert bot.last.state.exits == {}
