"""Money that is more or less than the books expect: whose it is, and when that is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.market import Balance
from core.money import Money
from core.state import DayOpen, Level
from tests.builders.market import NOON
from tests.builders.reconciling import SOL, Bookkeeping, a_wish, bookkeeping


def flows(kept: Bookkeeping) -> dict[str, Decimal]:
    return {name: amount for name, amount in kept.ledger.flows().items() if amount}


def holds_sol(kept: Bookkeeping) -> None:
    """Three SOL of our own."""
    kept.venue.fills_of(kept.sends(a_wish()), "3", "100")
    kept.cycle()


def test_the_books_are_opened_with_what_the_account_holds(tmp_path: Path) -> None:
    with bookkeeping(tmp_path, USD="1000", BTC="0.5") as kept:
        assert kept.ledger.expected() == {"USD": Decimal(1000), "BTC": Decimal("0.5")}
        assert kept.ledger.foreign() == {"BTC": Decimal("0.5")}


@pytest.mark.parametrize("amount", ["250", "-250"])
def test_cash_that_comes_or_goes_is_a_flow_once_two_cycles_have_seen_it(
    tmp_path: Path, amount: str
) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.venue.account["USD"] += Decimal(amount)
        first = kept.cycle()
        assert (flows(kept), kept.state.unexplained) == ({}, {"USD": Decimal(amount)})
        assert first.portfolio.quarantined == {}
        kept.cycle()
        assert (flows(kept), kept.state.unexplained) == ({"USD": Decimal(amount)}, {})
        assert kept.ledger.expected() == kept.venue.account


def test_a_difference_that_is_gone_in_the_next_cycle_was_none(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.venue.account["USD"] += 250
        kept.cycle()
        kept.venue.account["USD"] -= 250
        kept.cycle()
        assert (flows(kept), kept.state.unexplained) == ({}, {})


def test_only_what_both_cycles_saw_is_booked(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.venue.account["USD"] += 250
        kept.cycle()
        kept.venue.account["USD"] += 50
        kept.cycle()
        assert flows(kept) == {"USD": Decimal(250)}
        kept.cycle()
        assert flows(kept) == {"USD": Decimal(300)}


def test_a_gain_then_a_loss_is_no_flow(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.venue.account["USD"] += 250
        kept.cycle()
        kept.venue.account["USD"] -= 400
        kept.cycle()
        assert flows(kept) == {}


def test_coins_that_come_are_foreign_and_never_profit(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        holds_sol(kept)
        kept.venue.account["SOL"] += 7
        kept.cycle()
        kept.cycle()
        assert kept.ledger.foreign() == {"SOL": Decimal(7)}
        assert kept.ledger.positions()[SOL].quantity.amount == Decimal(3)


def test_foreign_coins_that_go_are_a_flow(tmp_path: Path) -> None:
    with bookkeeping(tmp_path, USD="1000", BTC="0.5") as kept:
        kept.venue.account["BTC"] = Decimal("0.1")
        first, second = kept.cycle(), kept.cycle()
        assert (first.portfolio.quarantined, second.portfolio.quarantined) == ({}, {})
        assert kept.ledger.foreign() == {"BTC": Decimal("0.1")}


def test_own_coins_that_are_gone_stop_their_product_until_they_are_explained(
    tmp_path: Path,
) -> None:
    with bookkeeping(tmp_path) as kept:
        holds_sol(kept)
        kept.venue.account["SOL"] -= 1
        for _ in range(5):
            found = kept.cycle()
            assert found.portfolio.quarantined == {SOL: "the venue holds 1 SOL less than our books"}
        assert kept.ledger.positions()[SOL].quantity.amount == Decimal(3)
        kept.venue.account["SOL"] += 1
        assert kept.cycle().portfolio.quarantined == {}


def test_an_asset_with_an_own_order_at_work_is_not_judged(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.sends(a_wish())
        kept.venue.account["USD"] -= 100
        kept.venue.account["SOL"] = Decimal(1)
        kept.venue.account["ADA"] = Decimal(2)
        for _ in range(3):
            kept.cycle()
        assert flows(kept) == {}
        assert kept.ledger.foreign() == {"ADA": Decimal(2)}


@pytest.mark.parametrize(
    ("usd", "told"),
    [
        (Balance("USD", Decimal("-1"), Decimal(0)), "a total of -1"),
        (Balance("USD", Decimal("NaN"), Decimal(0)), "a total of NaN"),
        (Balance("USD", Decimal("Infinity"), Decimal(0)), "a total of Infinity"),
        (Balance("USD", Decimal("1e16"), Decimal(0)), "a total of 1E+16"),
        (Balance("USD", Decimal("1e400"), Decimal(0)), "a total of 1E+400"),
        (Balance("USD", Decimal("1e-400"), Decimal(0)), "a total of 1E-400"),
        (Balance("USD", Decimal(5), Decimal("NaN")), "a held of NaN"),
        (Balance("USD", Decimal(5), Decimal(6)), "6 held out of 5"),
    ],
)
def test_a_balance_that_cannot_be_is_refused_and_its_wallet_pays_for_nothing(
    tmp_path: Path, usd: Balance, told: str
) -> None:
    with bookkeeping(tmp_path) as kept:
        before = kept.ledger.expected()
        kept.balances = (usd,)
        for _ in range(3):
            found = kept.cycle()
            assert found.portfolio.quarantined == {"USD": f"the venue tells {told} of USD"}
        assert kept.ledger.expected() == before


def test_a_currency_with_two_balances_is_refused(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        one = Balance("USD", Decimal(1000), Decimal(0))
        kept.balances = (one, one)
        assert kept.cycle().portfolio.quarantined == {"USD": "the venue tells two balances of USD"}


def test_an_absurd_balance_of_a_coin_stops_its_product(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        holds_sol(kept)
        usd = kept.venue.account["USD"]
        kept.balances = (Balance("USD", usd, Decimal(0)), Balance("SOL", Decimal(-3), Decimal(0)))
        assert kept.cycle().portfolio.quarantined == {SOL: "the venue tells a total of -3 of SOL"}


def test_books_are_not_opened_with_balances_that_cannot_be(tmp_path: Path) -> None:
    with bookkeeping(tmp_path, USD="-5") as kept:
        assert not kept.ledger.opened
        kept.venue.account["USD"] = Decimal(5)
        kept.cycle()
        assert kept.ledger.expected() == {"USD": Decimal(5)}


def test_without_balances_or_prices_nothing_is_judged(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.venue.account["USD"] += 250
        kept.cycle()
        kept.balances = ()
        kept.cycle()
        kept.balances, kept.missing = None, {"tops": "TIMED_OUT"}
        kept.cycle()
        assert (flows(kept), kept.state.unexplained) == ({}, {"USD": Decimal(250)})


def test_books_that_contradict_themselves_halt_and_the_account_is_still_told(
    tmp_path: Path,
) -> None:
    with bookkeeping(tmp_path) as kept:
        write = kept.ledger._db.execute
        write("INSERT INTO transactions (kind, at, note) VALUES ('flow', '2025', 'made up')")
        write(
            "INSERT INTO postings (transaction_id, account, asset, amount) "
            "SELECT max(id), 'wallet:USD', 'USD', '5' FROM transactions"
        )
        found = kept.cycle()
        assert found.sighting.halt is not None
        assert found.sighting.halt.code == "BOOKS_OPEN"
        assert (kept.state.standing.level, kept.state.standing.code) == (Level.HALTED, "BOOKS_OPEN")
        assert found.portfolio.cash["USD"] == Decimal(1000)


def test_the_whole_ledger_is_proved_in_the_first_cycle_of_a_day(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        write = kept.ledger._db.execute
        write("UPDATE postings SET amount = '1001' WHERE account = 'wallet:USD'")
        assert kept.cycle().sighting.halt is None  # it was posted and proved before
        yesterday = DayOpen(NOON.date() - timedelta(days=1), Money(Decimal(1000), "USD"))
        kept.state = replace(kept.state, day_open=yesterday)
        halt = kept.cycle().sighting.halt
        assert halt is not None
        assert (halt.code, "USD" in halt.why) == ("BOOKS_OPEN", True)
