"""Loss rules, driving the whole bot: lots are handed to it, the price falls, buying stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from runner import resume
from runner.bot import Bot
from tests.builders.bot import a_bot, answer, cycle, cycles, dies, replayed, the_places, verified
from tests.builders.lots import hand_lots_to
from tests.builders.risk import a_sale
from tests.builders.stage import Stage

SOL, XRP = "SOL-USD", "XRP-USD"
# 10000 USD in cash and 100 SOL: at a bid of 99.98 less the fee equity is 19938.012 USD.
MANY = "100"
CYCLES_A_DAY = 96
# The stop of a lot that is never sold is sent in every cycle, and counts for pace each time.
AT_ONCE = {
    "risk.spacing_min": "0s",
    "risk.trades_per_hour_max": "100",
    "risk.trades_per_day_max": "100",
}


def sound(folder: Path) -> bool:
    return verified(folder).ok and replayed(folder)["differences"] == 0


def falls(stage: Stage, cycle: int, to: float, before: float = 100.0) -> None:
    stage.rises(SOL, cycle, to / before - 1)


def holds_much(bot: Bot) -> None:
    """So much SOL that its price moves equity."""
    hand_lots_to(bot).holds(SOL, quantity=MANY)


@pytest.mark.parametrize(
    ("close", "level", "code"),
    [(91.98, "NORMAL", "APPROVED"), (91.97, "PAUSED", "DAY_LOSS")],  # 3.9984% and 4.0034%
)
def test_a_bad_day_stops_buying_until_midnight(
    tmp_path: Path, close: float, level: str, code: str
) -> None:
    stage = Stage(SOL, XRP)
    falls(stage, 3, close)
    stage.rises(XRP, 3)
    with a_bot(tmp_path, stage, **AT_ONCE) as bot:
        holds_much(bot)
        record = cycles(bot, 3)[-1]
        assert record["level"] == level
        assert answer(record, XRP)[0] == code
        assert answer(record, SOL)[0] == "STOP_LOSS"  # whatever the level, the stop is sent
        if level == "PAUSED":
            assert answer(record, XRP)[1:] == ("4.0034%", "4%", "risk.day_loss_max")
            assert record["standing"]["until"] == "2025-03-03T00:00:00Z"
            to_midnight = CYCLES_A_DAY // 2 - 2
            rest = cycles(bot, to_midnight)
            assert {r["level"] for r in rest[:-1]} == {"PAUSED"}
            assert (rest[-1]["at"], rest[-1]["level"]) == ("2025-03-03T00:00:00Z", "NORMAL")
    assert sound(tmp_path)


def test_a_bad_week_stops_buying_until_monday(tmp_path: Path) -> None:
    stage = Stage(SOL, XRP)
    falls(stage, 2, 80.0)
    with a_bot(tmp_path, stage, **{"risk.day_loss_max": "15%"}) as bot:
        holds_much(bot)
        calm, fallen = cycles(bot, 2)
        assert (calm["level"], fallen["level"]) == ("NORMAL", "PAUSED")
        assert fallen["standing"]["code"] == "WEEK_LOSS"
        assert fallen["standing"]["until"] == "2025-03-03T00:00:00Z"  # NOON is a Sunday
        assert fallen["portfolio"]["week_loss"] == fallen["standing"]["seen"]


@pytest.mark.parametrize(
    ("close", "level"),
    [(69.92, "PAUSED"), (69.90, "HALTED")],  # bid 69.91 and 69.89: 14.99% and 15.0011%
)
def test_a_deep_fall_from_the_peak_halts(tmp_path: Path, close: float, level: str) -> None:
    stage = Stage(SOL)
    falls(stage, 3, close)
    with a_bot(tmp_path, stage) as bot:
        holds_much(bot)
        record = cycles(bot, 3)[-1]
        assert record["level"] == level


def test_a_drawdown_halt_outlives_its_process_and_ends_only_by_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(SOL, XRP)
    falls(stage, 2, 60.0)
    stage.rises(XRP, 5)
    with a_bot(tmp_path, stage, **AT_ONCE) as bot:
        holds_much(bot)
        fallen = cycles(bot, 2)[-1]
        assert (fallen["level"], fallen["standing"]["code"]) == ("HALTED", "DRAWDOWN")
        dies(bot)
    with a_bot(tmp_path, stage, **AT_ONCE) as bot:
        holds_much(bot)
        later = cycles(bot, 3)[-1]
        assert later["level"] == "HALTED"
        assert later["standing"] == fallen["standing"]
        assert answer(later, XRP)[0] == "DRAWDOWN"
        resume.main(["--state-dir", str(the_places(tmp_path).state_dir), "seen, sized, go on"])
        resumed = cycle(bot)
        assert resumed["level"] == "NORMAL"
        assert resumed["standing"]["text"] == "resumed: seen, sized, go on"
        assert resumed["portfolio"]["drawdown"] == "0%"  # the anchor is present equity
        assert answer(resumed, XRP)[0] == "APPROVED"
        assert cycle(bot)["level"] == "NORMAL"  # and it does not come back
    assert sound(tmp_path)


def test_a_product_that_was_stopped_is_not_bought_again_at_once(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, 5)
    for wait, code in (("1h", "STOPPED_RECENTLY"), ("45m", "APPROVED")):
        folder = tmp_path / wait
        waits = {"risk.cooldown": "0s", "risk.cooldown_after_stop": wait}
        with a_bot(folder, stage, **waits) as bot:
            lots = hand_lots_to(bot)
            cycle(bot)
            lots.holds(SOL, price="200")
            stopped = cycle(bot)
            assert answer(stopped, SOL)[0] == "STOP_LOSS"
            lots.sold(SOL)
            record = cycles(bot, 3)[-1]
            assert answer(record, SOL)[0] == code
            if code == "STOPPED_RECENTLY":
                assert answer(record, SOL)[1:] == ("45m", "1h", "risk.cooldown_after_stop")
        assert sound(folder)


@pytest.mark.parametrize(("losses", "code"), [(3, "APPROVED"), (4, "LOSING_STREAK")])
def test_a_streak_of_losses_stops_every_buy(tmp_path: Path, losses: int, code: str) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, 2)
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        closed = tuple(a_sale("-1", ago=timedelta(hours=hours)) for hours in range(losses, 0, -1))
        bot.last = replace(bot.last, state=replace(bot.last.state, closed=closed))
        record = cycle(bot)
        assert answer(record, SOL)[0] == code
        if losses == 4:
            assert answer(record, SOL)[1:] == (
                "1h15m since the last of 4 sales that lost",
                "6h",
                "risk.cooldown_after_losses",
            )


@pytest.mark.parametrize(
    ("price", "also", "code"),
    [
        ("90", {}, "APPROVED"),
        ("90", {"risk.adds_per_day_max": "0"}, "ADDS_FULL"),
        ("90", {"risk.add_spacing_min": "1h15m"}, "APPROVED"),
        ("90", {"risk.add_spacing_min": "1h15m1s"}, "ADD_SPACING"),
        ("101", {}, "APPROVED"),
        ("102", {}, "ADD_NOT_IN_PROFIT"),  # 102.48 less the fee
        ("102", {"risk.add_only_in_profit": "false"}, "APPROVED"),
    ],
)
def test_a_position_is_added_to_as_policy_allows(
    tmp_path: Path, price: str, also: dict[str, str], code: str
) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, 2)
    calm = {"risk.add_spacing_min": "0s", "exits.take_profit": "100%"}
    with a_bot(tmp_path, stage, **(calm | also)) as bot:
        hand_lots_to(bot).holds(SOL, price=price)
        record = cycles(bot, 2)[-1]
        assert answer(record, SOL)[0] == code
