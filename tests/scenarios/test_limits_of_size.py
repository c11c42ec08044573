"""What makes an order smaller, or too small or too large to be sent at all.

SOL rises in the named cycle and is worth 300 USD of 10000, fee included: 3% of
equity. ADA, which rises with it where two are needed, comes after it.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.builders.bot import a_bot, answer, cycle, nothing_planned, replayed
from tests.builders.stage import Stage

SOL, ADA, BTC = "SOL-USD", "ADA-USD", "BTC-USD"
WANTED = "298.21073558 USD"  # and 0.6% of it for the taker fee make 300
TOGETHER = {"risk.spacing_min": "0s"}  # two products may be bought in one cycle


def a_stage(*rising: str, cycle: int = 1) -> Stage:
    stage = Stage(*rising)
    for symbol in rising:
        stage.rises(symbol, cycle=cycle)
    return stage


def cost(notional: str) -> Decimal:
    return Decimal(notional.removesuffix(" USD")) * Decimal("1.006")


@pytest.mark.parametrize(
    ("key", "value", "granted", "named"),
    [
        ("risk.notional_max", "200 USD", "200", "risk.notional_max"),
        ("regime.multipliers.chop.caps", "0.25x", "200", "risk.position_max"),  # of its 8%
        ("risk.theme_max.layer1", "1%", "100", "risk.theme_max.layer1"),
        ("risk.cash_min", "99%", "100", "risk.cash_min"),
    ],
)
def test_a_limit_cuts_the_order_to_what_it_leaves(
    tmp_path: Path, key: str, value: str, granted: str, named: str
) -> None:
    with a_bot(tmp_path, a_stage(SOL), **{key: value}) as bot:
        record = cycle(bot)
        code, seen, limit, told = answer(record, SOL)
        assert (code, seen, told) == ("REDUCED", WANTED, named)
        assert Decimal(granted) - Decimal("0.0001") < cost(limit) <= Decimal(granted)
        (order,) = record["plan"]
        assert Decimal(order["notional"]) <= Decimal(limit.removesuffix(" USD"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("risk.notional_max", "300 USD"),
        ("risk.theme_max.layer1", "3%"),
        ("risk.cash_min", "97%"),
        ("strategies.rules.budget.exposure_max", "3%"),
        ("risk.positions_max", "1"),
        ("triggers.per_cycle_max", "1"),
    ],
)
def test_exactly_at_a_limit_the_whole_order_is_approved(
    tmp_path: Path, key: str, value: str
) -> None:
    with a_bot(tmp_path, a_stage(SOL), **{key: value}) as bot:
        assert answer(cycle(bot), SOL) == ("APPROVED", WANTED, WANTED, "risk")


def test_an_order_too_small_for_its_fee_is_not_sent(tmp_path: Path) -> None:
    small = {"sizing.base.T2": "0.25%"}
    with a_bot(tmp_path, a_stage(SOL), **small) as bot:
        record = cycle(bot)
        assert answer(record, SOL) == (
            "NOTIONAL_TOO_SMALL",
            "24.7 USD",
            "25 USD",
            "risk.notional_min",
        )
        assert nothing_planned(bot, record)


def test_an_order_may_be_too_large_to_be_cut_to_size(tmp_path: Path) -> None:
    """A largest order that is smaller than the smallest after its fee lets nothing through."""
    narrow = {"risk.notional_max": "25 USD"}
    with a_bot(tmp_path, a_stage(SOL), **narrow) as bot:
        record = cycle(bot)
        assert answer(record, SOL) == (
            "NOTIONAL_TOO_LARGE",
            "300 USD",
            "25 USD",
            "risk.notional_max",
        )
        assert nothing_planned(bot, record)


def test_a_position_cap_without_room_for_one_order_refuses(tmp_path: Path) -> None:
    with a_bot(tmp_path, a_stage(SOL), **{"regime.multipliers.chop.caps": "0.02x"}) as bot:
        record = cycle(bot)
        assert answer(record, SOL) == ("POSITION_FULL", "3%", "0.16%", "risk.position_max")
        assert nothing_planned(bot, record)


@pytest.mark.parametrize(
    ("overrides", "refusal"),
    [
        (
            {"risk.theme_max.layer1": "5%"},
            ("THEME_FULL", "8%", "5%", "risk.theme_max.layer1"),
        ),
        ({"risk.cash_min": "95%"}, ("CASH_BUFFER", "92%", "95%", "risk.cash_min")),
        (
            {"risk.positions_max": "1"},
            ("POSITIONS_FULL", "2 positions", "1 position", "risk.positions_max"),
        ),
        (
            {"strategies.rules.budget.exposure_max": "5%"},
            ("STRATEGY_BUDGET", "8%", "5%", "strategies.rules.budget.exposure_max"),
        ),
        (
            {"strategies.rules.budget.proposals_per_cycle_max": "1"},
            (
                "STRATEGY_PROPOSALS_FULL",
                "rank 2",
                "1 proposal",
                "strategies.rules.budget.proposals_per_cycle_max",
            ),
        ),
        (
            {"triggers.per_cycle_max": "1"},
            ("TRIGGER_CAP", "rank 2", "1 product", "triggers.per_cycle_max"),
        ),
    ],
)
def test_what_the_first_order_of_a_cycle_uses_up_is_gone_for_the_second(
    tmp_path: Path, overrides: dict[str, str], refusal: tuple[str, str, str, str]
) -> None:
    with a_bot(tmp_path, a_stage(ADA, SOL), **(TOGETHER | overrides)) as bot:
        record = cycle(bot)
        assert answer(record, ADA)[0] == "APPROVED"
        assert answer(record, SOL) == refusal
        assert [order["symbol"] for order in record["plan"]] == [ADA]
    assert replayed(tmp_path)["differences"] == 0


def test_a_thin_book_takes_a_third_of_what_it_holds(tmp_path: Path) -> None:
    stage = a_stage(SOL, cycle=2)
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        stage.roles[SOL].quantity = "3"
        record = cycle(bot)
        code, seen, limit, key = answer(record, SOL)
        held = 3 * Decimal("102.52") + 3 * Decimal("102.52") * Decimal("1.001")
        assert (code, seen, key) == ("REDUCED", WANTED, "risk.depth_multiple_min")
        assert Decimal(limit.removesuffix(" USD")) == (held / 3).quantize(Decimal("1.00000000"))


def test_a_book_that_holds_next_to_nothing_takes_no_order(tmp_path: Path) -> None:
    stage = a_stage(SOL, cycle=2)
    with a_bot(tmp_path, stage) as bot:
        cycle(bot)
        stage.roles[SOL].quantity = "0.3"
        record = cycle(bot)
        assert answer(record, SOL) == (
            "DEPTH_TOO_SMALL",
            "0.2063x",
            "3x",
            "risk.depth_multiple_min",
        )
        assert nothing_planned(bot, record)


def test_an_order_that_would_move_the_price_is_refused(tmp_path: Path) -> None:
    stage = a_stage(BTC)
    role = stage.roles[BTC]
    role.quantity_at_best, role.next_level = "0.01", "0.0019"
    with a_bot(tmp_path, stage) as bot:
        record = cycle(bot)
        assert answer(record, BTC) == ("IMPACT_TOO_HIGH", "0.1897%", "0.1%", "risk.impact_max.T1")
        assert nothing_planned(bot, record)


def test_the_whole_account_at_risk_is_full_whatever_the_theme(tmp_path: Path) -> None:
    """UNI and XRP share no theme, so only the cap of all stands between them."""
    caps = {"risk.at_risk_max": "12%", "regime.multipliers.chop.caps": "0.5x"}
    with a_bot(tmp_path, a_stage("UNI-USD", "XRP-USD", BTC), **(TOGETHER | caps)) as bot:
        record = cycle(bot)
        # BTC takes the 4% of a position, UNI the 2% that are left of 6% in all.
        assert answer(record, BTC)[::3] == ("REDUCED", "risk.position_max")
        assert answer(record, "UNI-USD")[::3] == ("REDUCED", "risk.at_risk_max")
        code, _, limit, key = answer(record, "XRP-USD")
        assert (code, limit, key) == ("AT_RISK_FULL", "6%", "risk.at_risk_max")
        assert [order["symbol"] for order in record["plan"]] == [BTC, "UNI-USD"]
