"""Two wallets, driving the whole bot: which one pays, which one is short, what neither is worth.

SOL is paid in USD and in USDC from one book; ADA and USDC itself stand alone where a
test lists them. A product that rises wants 3% of equity.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.market import ProductStatus
from infra.audit_record import Record
from runner.bot import Bot
from tests.builders.bot import a_bot, a_bot_of, answer, cycle, cycles, edited, replayed
from tests.builders.lots import hand_lots_to
from tests.builders.market import a_product
from tests.builders.stage import Stage

SOL, SOL_USDC, ADA, PAIR = "SOL-USD", "SOL-USDC", "ADA-USDC", "USDC-USD"
BTC_USDC = "BTC-USDC"
BALANCES = ("app.yaml", "[10000 USD, 2500 USDC]")


def a_stage(*more: str, shared: bool = True) -> Stage:
    """Without the shared book, SOL-USDC has one of its own."""
    stage = Stage(SOL, SOL_USDC, *more)
    if shared:
        stage.roles[SOL_USDC].product = a_product(SOL_USDC, alias_of=SOL)
    if BTC_USDC in stage.roles:
        stage.roles[BTC_USDC].product = a_product(BTC_USDC, alias_of="BTC-USD")
    if PAIR in stage.roles:
        stage.roles[PAIR].price = 1.0  # its book: 0.99 to 1.01
    return stage


def rising(stage: Stage, *symbols: str, cycle: int = 1) -> Stage:
    for symbol in symbols:
        stage.rises(symbol, cycle=cycle)
    return stage


def a_bot_with(
    folder: Path, stage: Stage, balances: str = "[10000 USD, 2500 USDC]", order: str = "USD, USDC"
) -> Bot:
    folder.mkdir(exist_ok=True)
    configuration = edited(
        folder,
        (*BALANCES, balances),
        ("app.yaml", "quote_currencies: [USD, USDC]", f"quote_currencies: [{order}]"),
    )
    return a_bot_of(configuration, folder, stage)


def money(record: Record) -> tuple[str, dict[str, str], dict[str, str], dict[str, str]]:
    portfolio = record["portfolio"]
    return portfolio["equity"], portfolio["cash"], portfolio["rates"], portfolio["foreign"]


def test_one_product_of_an_asset_is_traded_and_the_other_says_where(tmp_path: Path) -> None:
    with a_bot_with(tmp_path, rising(a_stage(), SOL, SOL_USDC)) as bot:
        record = cycle(bot)
    assert answer(record, SOL)[0] == "APPROVED"
    assert answer(record, SOL_USDC) == (
        "OTHER_WALLET",
        "place 2",
        "place 1 of SOL-USD",
        "app.quote_currencies",
    )
    assert {SOL, SOL_USDC} <= set(record["universe"]["eligible"])
    assert [order["symbol"] for order in record["plan"]] == [SOL]
    assert money(record) == ("12500", {"USD": "10000", "USDC": "2500"}, {"USDC": "1"}, {})
    assert replayed(tmp_path)["differences"] == 0


def test_the_policy_may_prefer_the_other_wallet(tmp_path: Path) -> None:
    with a_bot_with(tmp_path, rising(a_stage(), SOL, SOL_USDC), order="USDC, USD") as bot:
        record = cycle(bot)
    assert [order["symbol"] for order in record["plan"]] == [SOL_USDC]
    assert answer(record, SOL)[:3] == ("OTHER_WALLET", "place 2", f"place 1 of {SOL_USDC}")


def test_a_wallet_too_short_for_the_largest_order_leaves_it_to_the_other(tmp_path: Path) -> None:
    stage = rising(a_stage(), SOL, SOL_USDC)
    with a_bot_with(tmp_path, stage, "[300 USD, 9701 USDC]") as bot:
        record = cycle(bot)
    # 3% of 10001 USD are 300.03.
    assert answer(record, SOL) == (
        "OTHER_WALLET",
        "300 USD",
        "9701 USDC of SOL-USDC",
        "portfolio.cash",
    )
    (order,) = record["plan"]
    assert order["symbol"] == SOL_USDC
    assert replayed(tmp_path)["differences"] == 0


def test_a_buy_whose_wallet_is_short_is_denied_and_names_the_wallet_that_has_it(
    tmp_path: Path,
) -> None:
    with a_bot_with(tmp_path, rising(a_stage(ADA), ADA), "[9900 USD, 100 USDC]") as bot:
        record = cycle(bot)
    assert answer(record, ADA) == (
        "WRONG_WALLET",
        "100 USDC",
        "500 USDC (the USD wallet has 9900 USD)",
        "app.quote_currencies",
    )
    assert record["plan"] == []
    assert record["why"]["code"] == "WRONG_WALLET"
    assert replayed(tmp_path)["differences"] == 0


def test_the_same_buy_goes_out_once_its_wallet_holds_enough(tmp_path: Path) -> None:
    with a_bot_with(tmp_path, rising(a_stage(ADA), ADA), "[9500 USD, 500 USDC]") as bot:
        record = cycle(bot)
    assert answer(record, ADA)[0] == "APPROVED"


def test_an_order_from_a_wallet_off_par_spends_what_was_approved_at_its_rate(
    tmp_path: Path,
) -> None:
    with a_bot_with(tmp_path, rising(a_stage(ADA, PAIR, shared=False), ADA)) as bot:
        record = cycle(bot)
    assert money(record)[::2] == ("12475", {"USDC": "0.99"})  # 2500 USDC at the bid
    assert answer(record, ADA)[:2] == ("APPROVED", "620.02982107 USD")  # 5% less its fee
    (order,) = record["plan"]
    spent = Decimal(order["notional"]) * Decimal("0.99")
    lot = Decimal(order["price"]) * Decimal("0.0001")
    assert Decimal("620.02982107") - lot < spent <= Decimal("620.02982107")


@pytest.mark.parametrize("restarts", [False, True])
def test_a_rate_that_grows_old_keeps_its_wallet_in_equity_and_out_of_trading(
    tmp_path: Path, restarts: bool
) -> None:
    stage = rising(a_stage(ADA, PAIR, shared=False), ADA, cycle=2)
    with a_bot_with(tmp_path / "one", stage) as bot:
        assert money(cycle(bot))[0] == "12475"
        stage.roles[PAIR].book_lag = timedelta(hours=1)
        if not restarts:
            record = cycle(bot)
    if restarts:
        with a_bot(tmp_path / "one", stage) as bot:
            record = cycle(bot)
    assert answer(record, ADA) == ("RATE_UNKNOWN", "15m", "30s", "risk.book_age_max")
    assert money(record)[:3] == ("12475", {"USD": "10000", "USDC": "2500"}, {"USDC": "0.99"})
    assert replayed(tmp_path / "one")["differences"] == 0


def test_a_wallet_that_was_never_valued_is_foreign_and_its_products_are_left_alone(
    tmp_path: Path,
) -> None:
    with a_bot_with(tmp_path, rising(a_stage(ADA, shared=False), SOL, ADA)) as bot:
        record = cycle(bot)
    assert money(record) == ("10000", {"USD": "10000"}, {}, {"USDC": "2500"})
    assert record["universe"]["changed"][ADA] == {
        "code": "RATE_UNKNOWN",
        "seen": "USDC never",
        "limit": "a rate to USD",
        "key": "app.quote_currencies",
    }
    assert answer(record, SOL)[0] == "APPROVED"


def test_prices_that_could_not_be_read_at_first_make_no_wallet_foreign_for_good(
    tmp_path: Path,
) -> None:
    stage = a_stage()
    stage.falls_silent("tops")
    with a_bot_with(tmp_path, stage) as bot:
        assert money(cycle(bot))[0] == "0"
        stage.faults.clear()
        assert money(cycle(bot))[:2] == ("12500", {"USD": "10000", "USDC": "2500"})
    assert replayed(tmp_path)["differences"] == 0


def test_what_one_wallet_bought_cools_its_asset_down_in_the_other(tmp_path: Path) -> None:
    stage = rising(rising(a_stage(BTC_USDC), SOL, SOL_USDC), SOL_USDC, SOL, cycle=2)
    with a_bot_with(tmp_path, stage) as bot:
        assert answer(cycle(bot), SOL)[0] == "APPROVED"
        stage.becomes(SOL, ProductStatus.LIMIT_ONLY)
        record = cycle(bot)
    assert answer(record, SOL_USDC)[0] == "COOLDOWN"


def test_a_position_is_sold_in_its_own_wallet_whatever_its_rate(tmp_path: Path) -> None:
    stage = a_stage(PAIR, shared=False)
    stage.rises(SOL_USDC, cycle=3, share=-0.10)
    stage.rises(SOL, cycle=3)
    with a_bot_with(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL_USDC)
        held = cycles(bot, 2)[-1]
        assert answer(held, SOL_USDC)[0] == "HELD"
        stage.becomes(PAIR, ProductStatus.HALTED)
        record = cycle(bot)
    assert record["verdicts"][SOL_USDC]["exit"]["code"] == "STOP_LOSS"
    (order,) = record["plan"]
    assert (order["symbol"], order["side"], order["quantity"]) == (SOL_USDC, "SELL", "1")
    # Nobody buys in one wallet what an exit sells in the other.
    assert answer(record, SOL)[:3] == ("EXITING", "stop_loss", "no exit of the asset")
    assert replayed(tmp_path)["differences"] == 0


def test_a_position_counts_in_equity_at_the_rate_of_its_wallet(tmp_path: Path) -> None:
    stage = a_stage(PAIR, shared=False)
    with a_bot_with(tmp_path, stage) as bot:
        hand_lots_to(bot).holds(SOL_USDC)
        portfolio = cycle(bot)["portfolio"]
    value = Decimal("99.98") * Decimal("0.994") * Decimal("0.99")
    assert Decimal(portfolio["exposure"]) == value
    assert Decimal(portfolio["positions"][SOL_USDC]["value"]) == value
    assert Decimal(portfolio["equity"]) == 10000 + 2500 * Decimal("0.99") + value


def test_a_position_of_a_wallet_that_the_policy_gave_up_is_still_valued(tmp_path: Path) -> None:
    with a_bot_with(tmp_path, a_stage(PAIR, shared=False), order="USD") as bot:
        hand_lots_to(bot).holds(SOL_USDC)
        record = cycle(bot)
    assert money(record)[1:] == ({"USD": "10000"}, {"USDC": "0.99"}, {"USDC": "2500"})
    assert Decimal(record["portfolio"]["exposure"]) == Decimal("98.3863188")
    # Out of the universe, so it is sold in slices; until then it counts at its worth.
    assert [order["side"] for order in record["plan"]] == ["SELL"]
