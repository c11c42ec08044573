"""What makes a product unfit to be bought now, on a bot that would else buy it.

In every scenario SOL rises in the named cycle and would be bought; one thing about
its book, its candles or its listing is wrong.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.market import ProductStatus
from core.state import Membership
from tests.builders.bot import (
    a_bot,
    a_bot_of,
    answer,
    cycle,
    cycles,
    edited,
    exclusion,
    interpose,
    nothing_planned,
    replayed,
    verified,
)
from tests.builders.market import BAR, NOON, a_product
from tests.builders.stage import Role, Stage, decision_time

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


@pytest.mark.parametrize(
    "status",
    [status for status in ProductStatus if status is not ProductStatus.ONLINE],
)
def test_a_product_that_is_not_fully_online_is_left_out(
    tmp_path: Path, status: ProductStatus
) -> None:
    stage = a_rising_stage()
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        stage.becomes(SOL, status)
        record = cycle(bot)
        assert exclusion(record, SOL) == (
            "PRODUCT_NOT_ONLINE",
            status.value,
            "online",
            "product.status",
        )
        assert SOL not in record["verdicts"]
        assert nothing_planned(bot, record)


def test_a_product_that_delists_while_the_bot_runs_leaves_and_the_bot_goes_on(
    tmp_path: Path,
) -> None:
    stage = a_rising_stage(cycle=3)
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        del stage.roles[SOL]
        gone, after = cycles(bot, 2)
        assert SOL not in gone["universe"]["eligible"]
        assert gone["universe"]["excluded"] == {}
        assert after["outcome"] == "NO_TRADE"
        assert set(after["verdicts"]) == {"BTC-USD"}
    assert verified(tmp_path).why is None
    assert replayed(tmp_path)["differences"] == 0


def test_a_product_that_is_listed_while_the_bot_runs_enters_after_its_cycles(
    tmp_path: Path,
) -> None:
    stage = Stage()
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        stage.roles[SOL] = Role(a_product(SOL))
        stage.rises(SOL, cycle=3)
        entering, inside = cycles(bot, 2)
        assert exclusion(entering, SOL) == (
            "ENTERING",
            "1 cycle",
            "2 cycles",
            "universe.hysteresis.enter_cycles",
        )
        assert inside["universe"]["eligible"][SOL] == "T2"
        assert inside["outcome"] == "PLANNED"


def test_a_thinner_book_leaves_only_after_the_cycles_of_the_hysteresis(tmp_path: Path) -> None:
    stage = Stage(SOL)
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        stage.roles[SOL].spread = "0.0050"
        *staying, leaving = cycles(bot, 4)
        assert all(SOL in record["universe"]["eligible"] for record in staying)
        assert exclusion(leaving, SOL) == (
            "SPREAD_TOO_WIDE",
            "0.5%",
            "0.4%",
            "universe.tiers.T2.spread_max",
        )
        assert bot.last.state.memberships[SOL] == Membership(None, 0)
        stage.roles[SOL].spread = "0.0004"
        back, in_again = cycles(bot, 2)
        assert exclusion(back, SOL)[0] == "ENTERING"
        assert SOL in in_again["universe"]["eligible"]
    assert replayed(tmp_path)["differences"] == 0


def test_a_red_flag_keeps_an_asset_out_until_its_day(tmp_path: Path) -> None:
    stage = Stage(SOL)
    flags = "red_flags: [{asset: SOL, reason: depegged, until: 2025-03-03}]"
    flagged_sol = edited(tmp_path, ("universe.yaml", "red_flags: []", flags))
    with a_bot_of(flagged_sol, tmp_path, stage) as bot:
        records = cycles(bot, 50)  # noon to half past midnight
        assert exclusion(records[0], SOL) == (
            "RED_FLAG",
            "depegged",
            "until 2025-03-03",
            "universe.red_flags",
        )
        flagged = [r["at"] for r in records if SOL in r["universe"]["excluded"].get("RED_FLAG", [])]
        assert (len(flagged), flagged[-1]) == (48, "2025-03-02T23:45:00Z")
        assert exclusion(records[48], SOL)[0] == "ENTERING"
        assert SOL in records[49]["universe"]["eligible"]
    # The day changed: the log was rotated, the tape began a new file, and both still prove.
    assert verified(tmp_path).why is None
    assert replayed(tmp_path) == {"cycles": 50, "differences": 0, "first": None, "exit": 0}


def test_every_other_exclusion_of_the_universe_speaks_in_a_running_bot(tmp_path: Path) -> None:
    stage = Stage("SOL-EUR", "USDC-USD", "NEW-USD", "DUST-USD", "IDLE-USD", "MUTE-USD")
    stage.roles["NEW-USD"].product = a_product("NEW-USD", listed_at=NOON - timedelta(days=3))
    stage.roles["DUST-USD"].price = 0.05
    stage.roles["IDLE-USD"].volume = 1
    stage.roles["MUTE-USD"].gaps.append((NOON - timedelta(days=30), NOON + timedelta(days=1)))
    with a_bot(tmp_path, stage, **{"universe.price_min": "0.06 USD"}) as bot:
        record = cycle(bot)
    codes = {symbol: exclusion(record, symbol) for symbol in stage.roles if symbol != "BTC-USD"}
    assert codes == {
        "SOL-EUR": ("QUOTE_NOT_OURS", "EUR", "USD", "app.quote_currencies"),
        "USDC-USD": (
            "STABLE_PAIR",
            "USDC",
            "none of USD, USDC, USDT, DAI, PYUSD, EURC, GUSD",
            "universe.stable_assets",
        ),
        "NEW-USD": ("LISTING_TOO_YOUNG", "3d", "14d", "universe.listing_age_min"),
        "DUST-USD": ("PRICE_TOO_LOW", "0.04 USD", "0.06 USD", "universe.price_min"),
        "IDLE-USD": (
            "VOLUME_TOO_LOW",
            "9600 USD",
            "100000 USD",
            "universe.tiers.T3.volume_24h_min",
        ),
        "MUTE-USD": ("HISTORY_MISSING", "0 bars", "1 bar", "product.candles"),
    }


def test_a_fixed_universe_knows_only_the_symbols_it_names(tmp_path: Path) -> None:
    only_sol = edited(
        tmp_path,
        ("universe.yaml", "count: 0\n", "count: 1\n"),
        ("universe.yaml", "symbols: []", f"symbols: [{SOL}]"),
    )
    with a_bot_of(only_sol, tmp_path, Stage(SOL)) as bot:
        record = cycle(bot)
    assert set(record["universe"]["eligible"]) == {SOL}
    assert exclusion(record, "BTC-USD") == (
        "NOT_ON_ALLOWLIST",
        "BTC-USD",
        f"one of {SOL}",
        "universe.allowlist.symbols",
    )


def test_without_discovery_an_unnamed_asset_is_in_no_tier(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage("UNI-USD"), **{"universe.discovery": "false"}) as bot:
        record = cycle(bot)
    assert exclusion(record, "UNI-USD") == (
        "NOT_IN_A_TIER",
        "UNI",
        "named in a tier",
        "universe.discovery",
    )


def test_a_product_without_a_book_is_left_out(tmp_path: Path) -> None:
    stage = a_rising_stage(cycle=1)
    with a_bot(tmp_path, stage) as bot:
        stage.falls_silent("tops")
        record = cycle(bot)
    assert exclusion(record, SOL) == ("BOOK_MISSING", "no book", "bid and ask", "product.book")
    assert record["why"]["code"] == "NOTHING_ELIGIBLE"


def test_a_book_too_thin_for_its_tier_is_left_out(tmp_path: Path) -> None:
    stage = Stage(SOL)
    stage.roles[SOL].quantity = "20"
    with a_bot(tmp_path, stage) as bot:
        record = cycle(bot)
    code, seen, limit, key = exclusion(record, SOL)
    assert (code, limit, key) == ("DEPTH_TOO_THIN", "5000 USD", "universe.tiers.T2.depth_min")
    assert Decimal("3990") < Decimal(seen.removesuffix(" USD")) < Decimal("4000")


def test_what_a_running_bot_says_last_is_never_silence(tmp_path: Path) -> None:
    """Whatever happened, each product the venue lists is in exactly one place."""
    stage = Stage(SOL, "XRP-USD", "UNI-USD", "SOL-EUR")
    with a_bot(tmp_path, stage) as bot:
        stage.rises(SOL, cycle=2)
        interpose(bot, "venue", "balances", before=lambda: stage.falls_silent("bars XRP-USD"))
        for record in cycles(bot, 4):
            universe = record["universe"]
            out = [name for names in universe["excluded"].values() for name in names]
            assert sorted([*universe["eligible"], *out]) == sorted(stage.roles)
            assert set(record["verdicts"]) == set(universe["eligible"])
