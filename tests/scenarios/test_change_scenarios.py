"""What is ours changes with the world: the whole bot, driven until each rule acts.

Orders rest on a venue that takes them; lots are what the test puts there. After each
rule has acted the world stands still for twenty cycles, and nothing may become a loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.market import ProductStatus
from core.orders import OrderStatus
from core.state import Level
from infra.audit_record import Record
from runner import kill, resume
from runner.bot import Bot
from runner.screen import cycle_line
from tests.builders.bot import (
    a_bot,
    a_bot_of,
    answer,
    cycle,
    cycles,
    edited,
    replayed,
    the_places,
    verified,
)
from tests.builders.resting import RestingVenue, holding, resting
from tests.builders.stage import Stage
from tests.checker.limits import complaints

SOL = "SOL-USD"
LONGER = {"execution.maker_ttl": "100x"}
PATIENT = {"execution.unwanted_cycles_max": "2"}


def planned(record: Record, kind: str = "CANCEL") -> list[dict[str, Any]]:
    return [entry for entry in record["plan"] if entry["type"] == kind]


def sells(records: Iterable[Record]) -> list[dict[str, Any]]:
    return [entry for one in records for entry in planned(one, "LIMIT") if entry["side"] == "SELL"]


def proved(folder: Path) -> bool:
    """The log is sound, and every cycle comes out the same from the tape."""
    report = verified(folder)
    assert report.ok, f"{report.where}: {report.why}"
    return bool(replayed(folder)["differences"] == 0)


def a_stage_on_which_sol_is_bought(at: int = 2) -> Stage:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=at)
    return stage


def with_an_entry(bot: Bot, venue: RestingVenue) -> Record:
    """Two cycles, the second of which has left an entry in SOL resting at the venue."""
    _, bought = cycles(bot, 2)
    assert bought["outcome"] == "TRADED"
    assert list(venue.status.values()) == [OrderStatus.OPEN]
    return bought


def the_only(record: Record) -> dict[str, Any]:
    (cancel,) = planned(record)
    assert record["plan"][0] == cancel
    return cancel


# Entries


def test_an_entry_is_taken_back_in_the_cycle_in_which_its_wish_is_gone(tmp_path: Path) -> None:
    with a_bot(tmp_path, a_stage_on_which_sol_is_bought(), **LONGER) as bot:
        venue, _ = resting(bot)
        bought = with_an_entry(bot, venue)
        until = cycles(bot, 3)  # the rise is in the window of an hour until cycle 5
        assert [planned(record) for record in until] == [[], [], []]
        assert answer(until[-1], SOL)[0] == "ORDER_PENDING"

        gone = cycle(bot)
        (order,) = bought["orders"]
        cancel = the_only(gone)
        assert gone["outcome"] == "TRADED"
        assert (cancel["client_order_id"], cancel["reason"]) == (
            order["client_order_id"],
            "ORDER_UNWANTED",
        )
        assert [cancel[name] for name in ("side", "price", "quantity", "notional")] == [
            order[name] for name in ("side", "price", "quantity", "notional")
        ]
        assert answer(gone, SOL) == (
            "ORDER_UNWANTED",
            "1 cycle",
            "0 cycles",
            "execution.unwanted_cycles_max",
        )
        assert gone["orders"] == [{**order, "status": "CANCELLED", "cancel": "ACCEPTED"}]

        after = cycles(bot, 20)
        assert venue.cancelled == [order["client_order_id"]]
        assert [record["plan"] for record in after] == [[]] * 20
    assert proved(tmp_path)


def test_an_entry_may_rest_for_as_many_cycles_without_a_wish_as_policy_says(
    tmp_path: Path,
) -> None:
    with a_bot(tmp_path, a_stage_on_which_sol_is_bought(), **LONGER, **PATIENT) as bot:
        venue, _ = resting(bot)
        with_an_entry(bot, venue)
        still_wanted = cycles(bot, 3)
        tolerated = cycles(bot, 2)
        assert [planned(record) for record in still_wanted + tolerated] == [[]] * 5
        assert answer(cycle(bot), SOL)[:3] == ("ORDER_UNWANTED", "3 cycles", "2 cycles")


def test_a_cancel_that_comes_to_nothing_is_asked_for_ever_more_rarely(tmp_path: Path) -> None:
    with a_bot(tmp_path, a_stage_on_which_sol_is_bought(), **LONGER) as bot:
        venue, _ = resting(bot)
        with_an_entry(bot, venue)
        venue.deaf = True
        cycles(bot, 3)
        records = cycles(bot, 1 + 20)
        asked = [at for at, record in enumerate(records) if planned(record)]
        assert asked == [0, 1, 3, 7, 15]
        assert len(venue.cancelled) == 5
        assert {answer(record, SOL)[0] for record in records} == {"ORDER_UNWANTED"}
    assert proved(tmp_path)


def test_the_kill_switch_stops_every_order_and_no_cancel(tmp_path: Path) -> None:
    state_dir = ["--state-dir", str(the_places(tmp_path).state_dir)]
    with a_bot(tmp_path, a_stage_on_which_sol_is_bought(), **LONGER) as bot:
        venue, _ = resting(bot)
        with_an_entry(bot, venue)
        kill.main([*state_dir, "enough"])
        halted = cycle(bot)
        assert (halted["level"], halted["outcome"]) == ("HALTED", "TRADED")
        assert the_only(halted)["reason"] == "KILL_SWITCH"
        assert len(venue.cancelled) == 1
        assert sum(len(record["plan"]) for record in cycles(bot, 20)) == 0
        resume.main([*state_dir, "go on"])
        assert cycle(bot)["level"] == "NORMAL"
    assert proved(tmp_path)


def test_an_entry_is_taken_back_when_its_product_may_not_be_bought_any_more(
    tmp_path: Path,
) -> None:
    stage = a_stage_on_which_sol_is_bought()
    with a_bot(tmp_path, stage, **LONGER) as bot:
        venue, _ = resting(bot)
        with_an_entry(bot, venue)
        assert planned(cycle(bot)) == []
        stage.becomes(SOL, ProductStatus.POST_ONLY)
        out = cycle(bot)
        assert the_only(out)["reason"] == "PRODUCT_NOT_ONLINE"
        assert SOL not in out["verdicts"]  # neither eligible nor held: the universe speaks
        assert [planned(record) for record in cycles(bot, 20)] == [[]] * 20
    assert proved(tmp_path)


def test_an_entry_that_outlives_its_own_end_is_taken_back(tmp_path: Path) -> None:
    """The venue should have let it expire; 22 and a half minutes are a cycle and a half."""
    with a_bot(tmp_path, a_stage_on_which_sol_is_bought()) as bot:
        venue, _ = resting(bot)
        with_an_entry(bot, venue)
        in_time, late = cycles(bot, 2)
        assert planned(in_time) == []
        cancel = the_only(late)
        assert (cancel["reason"], cancel["limit"]) == ("ORDER_OVERDUE", cancel["end_time"])


@pytest.mark.parametrize(("share", "moves"), [(0.002, False), (0.004, True)])
def test_an_entry_follows_the_book_once_the_old_order_has_ended(
    tmp_path: Path, share: float, moves: bool
) -> None:
    stage = a_stage_on_which_sol_is_bought()
    stage.rises(SOL, cycle=3, share=share)
    with a_bot(tmp_path, stage, **LONGER) as bot:
        venue, _ = resting(bot)
        bought = with_an_entry(bot, venue)
        moved = cycle(bot)
        assert bool(planned(moved)) is moves
        if not moves:
            return
        assert the_only(moved)["reason"] == "BOOK_MOVED_AWAY"
        assert planned(moved, "LIMIT") == []  # not in the cycle in which the old one may fill

        (old,), (anew,) = bought["plan"], cycle(bot)["plan"]
        assert anew["side"] == "BUY"
        assert Decimal(anew["price"]) > Decimal(old["price"])
        assert Decimal(anew["quantity"]) <= Decimal(old["quantity"])
        first, second = venue.sent
        assert first.client_order_id != second.client_order_id
        assert venue.status[first.client_order_id] is OrderStatus.CANCELLED
    assert proved(tmp_path)


def test_a_replacement_is_not_sent_while_the_old_order_may_still_fill(tmp_path: Path) -> None:
    stage = a_stage_on_which_sol_is_bought()
    stage.rises(SOL, cycle=3, share=0.004)
    with a_bot(tmp_path, stage, **LONGER) as bot:
        venue, _ = resting(bot)
        with_an_entry(bot, venue)
        venue.deaf = True
        assert the_only(cycle(bot))["reason"] == "BOOK_MOVED_AWAY"
        waiting = cycle(bot)
        assert planned(waiting, "LIMIT") == []
        assert answer(waiting, SOL)[0] == "ORDER_PENDING"
        venue.status = dict.fromkeys(venue.status, OrderStatus.CANCELLED)
        (anew,) = planned(cycle(bot), "LIMIT")
        assert anew["side"] == "BUY"


def test_what_filled_before_the_cancel_is_not_bought_again(tmp_path: Path) -> None:
    stage = a_stage_on_which_sol_is_bought()
    stage.rises(SOL, cycle=3, share=0.004)
    with a_bot(tmp_path, stage, **LONGER) as bot:
        venue, holdings = resting(bot)
        bought = with_an_entry(bot, venue)
        cycle(bot)
        holdings.owns(SOL, "2", price="102.5")
        (anew,) = planned(cycle(bot), "LIMIT")
        left = Decimal(bought["plan"][0]["quantity"]) - 2
        assert Decimal(anew["quantity"]) <= left


def test_a_cancel_is_recorded_for_what_is_left_of_its_order(tmp_path: Path) -> None:
    with a_bot(tmp_path, a_stage_on_which_sol_is_bought(), **LONGER) as bot:
        venue, holdings = resting(bot)
        (bought,) = with_an_entry(bot, venue)["orders"]
        cycles(bot, 3)
        venue.status[bought["client_order_id"]] = OrderStatus.PARTIAL
        holdings.filled[bought["client_order_id"]] = Decimal("1.5")
        cancel = the_only(cycle(bot))
        left = Decimal(bought["quantity"]) - Decimal("1.5")
        assert Decimal(cancel["quantity"]) == left
        assert Decimal(cancel["notional"]) == left * Decimal(bought["price"])


def test_an_entry_chases_the_book_a_bounded_number_of_times(tmp_path: Path) -> None:
    stage = Stage(SOL)
    for number in range(2, 30):
        stage.rises(SOL, cycle=number, share=0.012)
    free = {"risk.trades_per_hour_max": "24", "universe.price_min": "0.000001 USD"}
    with a_bot(tmp_path, stage, **LONGER, **free, **{"triggers.atr.max": "100%"}) as bot:
        venue, _ = resting(bot)
        records = cycles(bot, 25)
        buys = [(one["at"], entry) for one in records for entry in planned(one, "LIMIT")]
        # One entry and three replacements, of which the last one takes what is there. Here
        # that is nothing; the next entry is another intent, after the cooldown.
        kinds = [entry["time_in_force"] for _, entry in buys]
        assert kinds == ["GTD", "GTD", "GTD", "IOC"] * 2
        waited = datetime.fromisoformat(buys[4][0]) - datetime.fromisoformat(buys[3][0])
        assert waited >= timedelta(hours=2)
        assert len(venue.cancelled) == 6
        assert OrderStatus.OPEN not in venue.status.values()
    assert proved(tmp_path)


# Slices


def test_a_position_beyond_its_cap_is_trimmed_until_it_is_within_its_tolerance(
    tmp_path: Path,
) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        venue, holdings = resting(bot)
        holdings.owns(SOL, "9.4")  # 934 USD of 10,934: 8.5%, within 8.8%
        assert cycle(bot)["plan"] == []
        holdings.owns(SOL, "14")  # 12.2%
        first = cycle(bot)
        (sold,) = first["plan"]
        assert answer(first, SOL)[0] == "APPROVED"
        assert first["verdicts"][SOL]["proposal"] == "trims:SOL-USD:SELL"
        assert (sold["side"], sold["time_in_force"]) == ("SELL", "IOC")

        records = cycles(bot, 20)
        assert 1 <= len(sells(records)) <= 5
        assert answer(records[0], SOL) == (
            "TRIM_SPACING",
            "15m",
            "1h",
            "execution.trim_spacing_min",
        )
        last = records[-1]["portfolio"]
        share = Decimal(last["positions"][SOL]["value"]) / Decimal(last["equity"])
        assert Decimal("0.08") <= share <= Decimal("0.088")
        assert sells(cycles(bot, 8)) == []
        assert all(order.side.value == "SELL" for order in venue.sent)
    assert proved(tmp_path)


def test_a_slice_that_sells_nothing_is_not_tried_every_cycle(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        venue, holdings = resting(bot)
        venue.takes = False
        holdings.owns(SOL, "14")
        records = cycles(bot, 21)
        tried = [at for at, record in enumerate(records) if sells([record])]
        assert tried == [0, 4, 8, 12, 16, 20]  # an hour apart


def test_in_dry_run_a_slice_is_planned_as_often_and_never_sent(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        holding(bot, SOL="14")
        records = cycles(bot, 21)
        assert len(sells(records)) == 6
        orders = [order for record in records for order in record["orders"]]
        assert {order["status"] for order in orders} == {"NOT_SENT"}
    assert proved(tmp_path)


def test_a_crash_halves_the_caps_and_positions_follow_in_slices(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.rises("BTC-USD", cycle=3, share=-0.2)
    with a_bot(tmp_path, stage) as bot:
        _, holdings = resting(bot)
        holdings.owns(SOL, "7")
        calm = cycles(bot, 2)
        assert sells(calm) == []
        records = cycles(bot, 21)
        assert records[0]["regime"] == "crash"
        assert 1 <= len(sells(records)) <= 6
        last = records[-1]["portfolio"]
        share = Decimal(last["positions"][SOL]["value"]) / Decimal(last["equity"])
        assert share <= Decimal("0.044")
        assert sells(cycles(bot, 8)) == []


def test_a_product_with_a_red_flag_is_sold_whole_in_slices_and_then_nothing_more(
    tmp_path: Path,
) -> None:
    flag = ("universe.yaml", "red_flags: []", "red_flags: [{asset: SOL, reason: hacked}]")
    with a_bot_of(edited(tmp_path, flag), tmp_path, Stage(SOL)) as bot:
        venue, holdings = resting(bot)
        holdings.owns(SOL, "4")
        records = cycles(bot, 24)
        quantities = [Decimal(entry["quantity"]) for entry in sells(records)]
        assert sum(quantities) == 4
        assert len(quantities) == 4  # 200, 100, 50 and the last two of 25 in one
        assert SOL not in holdings.lots
        assert sells(cycles(bot, 20)) == []
        assert len(venue.sent) == 4
    assert proved(tmp_path)


def test_a_product_that_cannot_be_sold_says_so_and_is_not_tried(tmp_path: Path) -> None:
    stage = Stage(SOL)
    with a_bot(tmp_path, stage) as bot:
        venue, holdings = resting(bot)
        holdings.owns(SOL, "4")
        assert cycle(bot)["plan"] == []
        stage.becomes(SOL, ProductStatus.CANCEL_ONLY)
        records = cycles(bot, 20)
        assert sells(records) == []
        assert {answer(record, SOL) for record in records} == {
            ("PRODUCT_NOT_ONLINE", "cancel_only", "online or limit_only", "product.status")
        }
        stage.becomes(SOL, ProductStatus.LIMIT_ONLY)
        assert len(sells([cycle(bot)])) == 1
        assert len(venue.sent) == 1


def test_a_book_that_is_gone_for_a_while_sells_nothing(tmp_path: Path) -> None:
    stage = Stage(SOL)
    with a_bot(tmp_path, stage) as bot:
        _, holdings = resting(bot)
        holdings.owns(SOL, "4")
        cycle(bot)
        stage.roles[SOL].volume = 1.0  # no tier takes so little
        records = cycles(bot, 110)
        assert SOL in records[-1]["universe"]["excluded"]["VOLUME_TOO_LOW"]
        assert sells(records) == []


@pytest.mark.parametrize(
    ("level", "sold"), [("NORMAL", 1), ("REDUCE_ONLY", 1), ("PAUSED", 0), ("HALTED", 0)]
)
def test_slices_are_sold_where_a_strategy_may_sell(tmp_path: Path, level: str, sold: int) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        _, holdings = resting(bot)
        holdings.owns(SOL, "14")
        standing = replace(bot.last.state.standing, level=Level[level], code="TEST")
        bot.last = replace(bot.last, state=replace(bot.last.state, standing=standing))
        assert len(sells([cycle(bot)])) == sold


def test_what_is_too_much_already_is_not_added_to(tmp_path: Path) -> None:
    stage = a_stage_on_which_sol_is_bought()
    with a_bot(tmp_path, stage, **{"execution.trim_tolerance": "50%"}) as bot:
        _, holdings = resting(bot)
        holdings.owns(SOL, "10")
        cycle(bot)
        assert answer(cycle(bot), SOL)[0] == "POSITION_FULL"


def test_an_exit_takes_a_resting_entry_back_and_nothing_is_bought_again(tmp_path: Path) -> None:
    """The exit does not wait for the entry; left alone, it would come back as a position."""
    stage = a_stage_on_which_sol_is_bought()
    stage.rises(SOL, cycle=3, share=0.001)
    with a_bot(tmp_path, stage, **LONGER) as bot:
        venue, holdings = resting(bot)
        with_an_entry(bot, venue)
        holdings.owns(SOL, "1", price="120")
        left = cycle(bot)
        assert answer(left, SOL)[0] == "STOP_LOSS"
        assert the_only(left)["reason"] == "EXITING"
        (sold,) = planned(left, "LIMIT")
        assert (sold["side"], sold["quantity"]) == ("SELL", "1")
        assert SOL not in holdings.lots
        after = cycles(bot, 20)
        assert [record["plan"] for record in after] == [[]] * 20
    assert proved(tmp_path)


def test_an_exit_that_sells_the_whole_leaves_nothing_to_slice(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage(SOL)) as bot:
        _, holdings = resting(bot)
        holdings.owns(SOL, "14", price="120")
        (sold,) = cycle(bot)["plan"]
        assert (sold["reason"], sold["quantity"]) == ("exits:SOL-USD:SELL", "14")


def test_a_slice_of_a_second_wallets_product_is_paid_in_that_wallet(tmp_path: Path) -> None:
    other = "SOL-USDC"
    stage = Stage(other, "USDC-USD")
    stage.roles["USDC-USD"].price = 0.5
    with a_bot(tmp_path, stage) as bot:
        _, holdings = resting(bot)
        holdings.owns(other, "28")
        first = cycle(bot)
        (sold,) = first["plan"]
        portfolio = first["portfolio"]
        excess = Decimal(portfolio["positions"][other]["value"]) - (
            Decimal("0.08") * Decimal(portfolio["equity"])
        )
        assert excess > 300
        usdc = excess / Decimal("0.49")  # at the bid of the wallet
        assert abs(Decimal(sold["quantity"]) * Decimal("99.98") - usdc / 2) < Decimal("0.02")
    assert proved(tmp_path)


# What people read


def test_a_cancel_is_told_on_the_screen_and_judged_by_the_checker(tmp_path: Path) -> None:
    with a_bot(tmp_path, a_stage_on_which_sol_is_bought(), **LONGER) as bot:
        venue, _ = resting(bot)
        with_an_entry(bot, venue)
        gone = cycles(bot, 4)[-1]
        cancel = the_only(gone)
        line = f"CANCEL BUY {cancel['quantity']} SOL-USD at {cancel['price']} (ORDER_UNWANTED)"
        assert cycle_line(gone).endswith(line)
        policy = {"execution": {"unwanted_cycles_max": 0}}
        own = {**gone, "verdicts": {SOL: gone["verdicts"][SOL]}}
        own["universe"] = {**own["universe"], "changed": {}}
        assert list(complaints(own, policy)) == []


def test_a_cancel_that_the_mode_keeps_back_is_a_plan_and_no_trade(tmp_path: Path) -> None:
    with a_bot(tmp_path, a_stage_on_which_sol_is_bought(), **LONGER) as bot:
        venue, _ = resting(bot)
        with_an_entry(bot, venue)
        venue.mute = True
        gone = cycles(bot, 4)[-1]
        assert planned(gone) != []
        assert (gone["outcome"], gone["why"]) == ("PLANNED", None)
        assert [order["cancel"] for order in gone["orders"]] == ["NOT_SENT"]
        assert venue.cancelled == []
    assert proved(tmp_path)
