"""How often the bot may buy: counted over cycles, over restarts and over failures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.orders import OrderStatus
from runner.bot import Bot
from tests.builders.bot import (
    a_bot,
    answer,
    cycle,
    cycles,
    dies,
    interpose,
    nothing_planned,
    raising,
    replayed,
)
from tests.builders.scripted import ScriptedVenue
from tests.builders.stage import Stage

SOL, XRP = "SOL-USD", "XRP-USD"


def silent(bot: Bot) -> ScriptedVenue:
    """From now on orders are taken, and nobody says so."""
    account = {balance.currency: balance.total for balance in bot.world.venue.balances()}
    venue = ScriptedVenue(account, lost_answers=99, blind=True)
    venue.fails("find_order")
    bot.world = replace(bot.world, venue=venue)
    return venue


def test_a_product_cools_down_after_an_order_for_exactly_its_time(tmp_path: Path) -> None:
    stage = Stage(SOL)
    for rise in range(1, 10):
        stage.rises(SOL, cycle=rise)
    calm = {"regime.pinned": "chop"}
    with a_bot(tmp_path, stage, **calm) as bot:
        bought, *cooling, again = cycles(bot, 9)
        assert bought["outcome"] == "PLANNED"
        assert [answer(record, SOL) for record in cooling][-1] == (
            "COOLDOWN",
            "1h45m",
            "2h",
            "risk.cooldown",
        )
        assert {answer(record, SOL)[0] for record in cooling} == {"COOLDOWN"}
        assert again["outcome"] == "PLANNED"  # two hours are two hours
    assert replayed(tmp_path)["differences"] == 0


def test_a_restart_forgets_no_cooldown(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=1)
    bot = a_bot(tmp_path, stage)
    cycle(bot)
    dies(bot)
    with a_bot(tmp_path, stage) as bot:
        record = cycle(bot)
        assert answer(record, SOL) == ("COOLDOWN", "15m", "2h", "risk.cooldown")
        assert nothing_planned(bot, record)
    assert replayed(tmp_path)["differences"] == 0


def test_an_order_counts_although_its_cycle_failed_after_the_intent(tmp_path: Path) -> None:
    """The ledger knows what was intended; a state that could not be written changes nothing."""
    stage = Stage(SOL)
    stage.rises(SOL, cycle=1)
    with a_bot(tmp_path, stage) as bot:
        undo = interpose(bot, "ledger", "intend", after=raising(OSError(28, "no room")))
        failed = cycle(bot)
        undo()
        assert failed["outcome"] == "FAILED"
        assert [order["symbol"] for order in failed["orders"]] == [SOL]
        record = cycle(bot)
        assert answer(record, SOL) == ("COOLDOWN", "15m", "2h", "risk.cooldown")
        assert nothing_planned(bot, record)
    assert replayed(tmp_path)["differences"] == 0


def test_a_second_buy_in_the_same_cycle_comes_too_soon(tmp_path: Path) -> None:
    stage = Stage(SOL, XRP)
    stage.rises(SOL, cycle=1)
    stage.rises(XRP, cycle=1)
    with a_bot(tmp_path, stage) as bot:
        record = cycle(bot)
        assert [order["symbol"] for order in record["plan"]] == [SOL]
        assert answer(record, XRP) == ("SPACING", "0s", "5m", "risk.spacing_min")


def test_buys_are_spaced_over_cycles(tmp_path: Path) -> None:
    stage = Stage(SOL, XRP)
    stage.rises(SOL, cycle=1)
    stage.rises(XRP, cycle=2)
    with a_bot(tmp_path, stage, **{"risk.spacing_min": "30m"}) as bot:
        _, early, at_the_limit = cycles(bot, 3)
        assert answer(early, XRP) == ("SPACING", "15m", "30m", "risk.spacing_min")
        assert nothing_planned(bot, early)
        assert [order["symbol"] for order in at_the_limit["plan"]] == [XRP]


def test_the_hour_has_its_trades_and_then_no_more(tmp_path: Path) -> None:
    stage = Stage(SOL, XRP)
    stage.rises(SOL, cycle=1)
    stage.rises(XRP, cycle=4)
    with a_bot(tmp_path, stage, **{"risk.trades_per_hour_max": "1"}) as bot:
        *_, within, after = cycles(bot, 5)
        assert answer(within, XRP) == (
            "HOURLY_PACE",
            "2 trades",
            "1 trade",
            "risk.trades_per_hour_max",
        )
        assert [order["symbol"] for order in after["plan"]] == [XRP]  # a full hour later


def test_the_day_has_its_trades_and_then_no_more(tmp_path: Path) -> None:
    stage = Stage(SOL, XRP)
    stage.rises(SOL, cycle=1)
    stage.rises(XRP, cycle=96)
    once = {"risk.trades_per_hour_max": "1", "risk.trades_per_day_max": "1"}
    with a_bot(tmp_path, stage, **once) as bot:
        *_, within, after = cycles(bot, 97)
        assert answer(within, XRP) == (
            "DAILY_PACE",
            "2 trades",
            "1 trade",
            "risk.trades_per_day_max",
        )
        assert [order["symbol"] for order in after["plan"]] == [XRP]  # 24 hours later


def test_while_an_order_is_unknown_its_product_is_not_bought(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=1)
    with a_bot(tmp_path, stage, **{"risk.cooldown": "0s"}) as bot:
        venue = silent(bot)
        assert cycle(bot)["orders"][0]["status"] == "UNKNOWN"
        record = cycle(bot)
        assert answer(record, SOL) == (
            "ORDER_PENDING",
            "BUY UNKNOWN",
            "no open order",
            "order.status",
        )
        assert nothing_planned(bot, record)
        venue.blind = False
        venue.ends(venue.newest, OrderStatus.REFUSED)  # the venue says at last that it refused it
        assert cycle(bot)["outcome"] == "PLANNED"
        assert len(venue.sent) == 2


def test_an_unknown_order_weighs_at_its_worst_in_every_cap(tmp_path: Path) -> None:
    """ADA's order may have been filled: layer1 is as full as if it were."""
    stage = Stage("ADA-USD", SOL)
    stage.rises("ADA-USD", cycle=1)
    stage.rises(SOL, cycle=2)
    with a_bot(tmp_path, stage, **{"risk.theme_max.layer1": "5%"}) as bot:
        silent(bot)
        cycle(bot)
        record = cycle(bot)
        assert answer(record, SOL) == ("THEME_FULL", "8%", "5%", "risk.theme_max.layer1")
        assert nothing_planned(bot, record)
