"""Who may be looked at while the bot runs: products come, go, and stay out with a reason."""

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
    cycle,
    cycles,
    edited,
    exclusion,
    interpose,
    nothing_planned,
    replayed,
    verified,
)
from tests.builders.market import NOON, a_product
from tests.builders.stage import Role, Stage

SOL = "SOL-USD"


def a_rising_stage(cycle: int = 2) -> Stage:
    stage = Stage(SOL)
    stage.rises(SOL, cycle=cycle)
    return stage


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
        "SOL-EUR": ("QUOTE_NOT_OURS", "EUR", "USD, USDC", "app.quote_currencies"),
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
