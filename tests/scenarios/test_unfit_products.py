"""What makes a product unfit to be bought now, on a bot that would else buy it.

In every scenario SOL rises in the named cycle and would be bought; one thing about
its book, its candles or its listing is wrong.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.builders.bot import (
    a_bot,
    answer,
    cycle,
    cycles,
    nothing_planned,
    replayed,
)
from tests.builders.market import BAR, NOON
from tests.builders.stage import Stage, decision_time

SOL = "SOL-USD"


def a_rising_stage(cycle: int = 2) -> Stage:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=cycle)
    return stage


def test_a_book_that_is_too_old_stops_a_buy_and_says_how_old(tmp_path: Path) -> None:
    stage = a_rising_stage()
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        stage.roles[SOL].book_lag = timedelta(seconds=31)
        record = cycle(bot)
        assert answer(record, SOL) == ("BOOK_TOO_OLD", "31s", "30s", "risk.book_age_max")
        assert nothing_planned(bot, record)


def test_a_book_at_the_limit_of_its_age_is_still_believed(tmp_path: Path) -> None:
    stage = a_rising_stage()
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        stage.roles[SOL].book_lag = timedelta(seconds=30)
        assert cycle(bot)["outcome"] == "PLANNED"


def test_without_any_depth_a_buy_is_refused(tmp_path: Path) -> None:
    stage = a_rising_stage(cycle=1)
    stage.falls_silent("depths")
    with a_bot(tmp_path, stage) as bot:
        record = cycle(bot)
        assert answer(record, SOL) == ("DEPTH_UNKNOWN", "never", "30s", "risk.book_age_max")
        assert nothing_planned(bot, record)


def test_a_depth_of_the_cycle_before_is_too_old_to_buy_on(tmp_path: Path) -> None:
    stage = a_rising_stage()
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        stage.falls_silent("depths")
        record = cycle(bot)
        assert answer(record, SOL) == ("DEPTH_UNKNOWN", "15m", "30s", "risk.book_age_max")
        assert nothing_planned(bot, record)


def test_a_feed_that_stopped_stops_buys_of_that_product_once_its_bar_is_too_late(
    tmp_path: Path,
) -> None:
    stage = Stage(SOL, "XRP-USD")
    stage.rises(SOL, cycle=1)
    stage.rises("XRP-USD", cycle=3)
    with a_bot(tmp_path, stage, **{"risk.candle_delay_max": "10m", "risk.cooldown": "0s"}) as bot:
        stage.roles[SOL].book_lag = timedelta(minutes=1)  # keeps the first cycle from buying
        cycle(bot)
        stage.roles[SOL].book_lag = timedelta(0)
        stage.falls_silent(f"bars {SOL}")
        at_close, later = cycles(bot, 2)
        # A bar may be late by 10 minutes: due at the decision it is not late, 15 minutes on it is.
        assert at_close["plan"] != []
        assert answer(later, SOL) == ("CANDLES_TOO_OLD", "15m", "10m", "risk.candle_delay_max")
        assert [order["symbol"] for order in later["plan"]] == ["XRP-USD"]
    assert replayed(tmp_path)["differences"] == 0


def test_a_book_far_off_the_candles_is_not_believed(tmp_path: Path) -> None:
    stage = a_rising_stage()
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        stage.roles[SOL].book_off = 1.06
        record = cycle(bot)
        assert answer(record, SOL) == (
            "BOOK_OFF_CANDLES",
            "6%",
            "5%",
            "risk.book_off_candles_max",
        )
        assert nothing_planned(bot, record)


def test_a_jump_without_volume_is_taken_for_a_bad_tick(tmp_path: Path) -> None:
    stage = a_rising_stage()
    stage.roles[SOL].volumes[decision_time(2)] = 100
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        record = cycle(bot)
        code, seen, limit, key = answer(record, SOL)
        assert (code, key) == ("OUTLIER", "triggers.outlier.move_min")
        assert seen.startswith("2.5% on 10.09")
        assert limit.endswith("on 25% of the mean volume")
        assert nothing_planned(bot, record)


def test_a_spread_between_the_universes_limit_and_risks_own_is_refused_by_risk(
    tmp_path: Path,
) -> None:
    stage = a_rising_stage()
    with a_bot(tmp_path, stage, **{"risk.spread_max.T2": "25 bps"}) as bot:
        cycle(bot)
        stage.roles[SOL].spread = "0.003"
        record = cycle(bot)
        code, seen, limit, key = answer(record, SOL)
        assert (code, limit, key) == ("SPREAD_BEYOND_LIMIT", "0.25%", "risk.spread_max.T2")
        assert seen == "0.2927%"
        assert nothing_planned(bot, record)


def test_a_product_with_too_many_holes_in_its_candles_is_not_judged(tmp_path: Path) -> None:
    stage = a_rising_stage(cycle=1)
    stage.roles[SOL].gaps.append((NOON - 25 * BAR, NOON - 5 * BAR))
    with a_bot(tmp_path, stage) as bot:
        record = cycle(bot)
        assert answer(record, SOL) == (
            "CANDLES_MISSING",
            "20.8333%",
            "20%",
            "market.gap_share_max",
        )
        assert nothing_planned(bot, record)


def test_a_product_with_a_short_history_is_not_judged(tmp_path: Path) -> None:
    stage = a_rising_stage(cycle=1)
    stage.roles[SOL].first_close = NOON - 199 * BAR
    with a_bot(tmp_path, stage) as bot:
        record = cycle(bot)
        assert answer(record, SOL) == (
            "HISTORY_TOO_SHORT",
            "200 bars",
            "257 bars",
            "triggers.atr.window",
        )
