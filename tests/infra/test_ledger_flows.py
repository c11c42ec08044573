"""External flows: what came or went from outside is neither gain nor loss, and known by source."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import FatalError
from core.market import Side
from infra.ledger import SqliteLedger
from tests.builders.books import Trader, a_ledger, balances
from tests.builders.market import NOON
from tests.infra.test_ledger import RATES


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = a_ledger(tmp_path)
    yield opened
    opened.close()


def test_opening_balances_are_no_flow(ledger: SqliteLedger) -> None:
    ledger.open_books(balances(USD="500"), RATES, NOON)

    assert ledger.flows() == {}
    assert ledger.check().balanced


def test_money_that_comes_and_goes_is_a_flow_of_its_wallet(ledger: SqliteLedger) -> None:
    ledger.open_books(balances(USD="500", EUR="10"), RATES, NOON)

    ledger.book_flow("USD", Decimal("100.5"), NOON, "paid in")
    ledger.book_flow("USD", Decimal(-40), NOON, "paid out")
    ledger.book_flow("EUR", Decimal(7), NOON, "paid in")

    assert ledger.flows() == {"USD": Decimal("60.5"), "EUR": Decimal(7)}
    assert ledger.cash() == {"USD": Decimal("560.5"), "EUR": Decimal(17)}
    assert ledger.check().balanced
    ledger.prove()


ROOM = [("499.99", "999.99", "0"), ("500", "1000", "0"), ("500.01", "1000", "0.01")]


@pytest.mark.parametrize(("paid", "own", "foreign"), ROOM)
def test_money_paid_in_is_ours_up_to_the_capital_limit(
    ledger: SqliteLedger, paid: str, own: str, foreign: str
) -> None:
    ledger.open_books(balances(USD="500"), RATES, NOON)

    ledger.book_flow("USD", Decimal(paid), NOON, "paid in")

    assert ledger.cash()["USD"] == Decimal(own)
    assert ledger.foreign().get("USD", Decimal(0)) == Decimal(foreign)


def test_more_of_what_is_foreign_already_is_foreign_too(ledger: SqliteLedger) -> None:
    ledger.open_books(balances(USD="1001"), RATES, NOON)
    Trader(ledger).buys("BTC-USD", "1", "300")

    ledger.book_flow("USD", Decimal(300), NOON, "paid in")
    ledger.book_flow("BTC", Decimal(2), NOON, "paid in")

    assert ledger.cash()["USD"] == Decimal(700)
    assert ledger.foreign() == {"USD": Decimal(301), "BTC": Decimal(2)}
    assert ledger.flows() == {}


def test_what_goes_is_taken_from_what_is_foreign_first(ledger: SqliteLedger) -> None:
    ledger.open_books(balances(USD="1010"), RATES, NOON)

    ledger.book_flow("USD", Decimal(-30), NOON, "paid out")

    assert ledger.foreign() == {}
    assert ledger.cash()["USD"] == Decimal(980)
    assert ledger.flows() == {"USD": Decimal(-20)}


def test_own_coins_that_went_take_the_oldest_lots_at_their_cost_and_are_no_loss(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    ledger.open_books(balances(USD="1000", BTC="0.5"), RATES, NOON)
    trader = Trader(ledger)
    trader.buys("BTC-USD", "1", "100", "1 USD")
    trader.buys("BTC-USD", "1", "200", "2 USD")

    ledger.book_flow("BTC", Decimal("-1.75"), trader.at, "gone")  # 0.5 of it was not ours

    (left,) = ledger.positions()["BTC-USD"].lots
    assert (left.quantity, left.price) == (Decimal("0.75"), Decimal(202))
    assert ledger.flows() == {"USD": Decimal("-151.5")}
    assert ledger.expected() == {"USD": Decimal(697), "BTC": Decimal("0.75")}
    assert ledger.closed_since(NOON) == ()
    assert ledger.check().balanced
    (sale,) = ledger.book((trader.fill(Side.SELL, "BTC-USD", "0.75", "300"),))
    assert sale.closed is not None
    assert sale.closed.profit.amount == Decimal(225) - Decimal("151.5")
    again = a_ledger(tmp_path)
    assert (again.flows(), again.positions()) == (ledger.flows(), {})
    again.close()


@pytest.mark.parametrize(
    "amount", ["-1000.01", "NaN", "Infinity", "1E18", "1E+400", "1E-37", "-1E-400", f"5.{'1' * 40}"]
)
def test_a_flow_that_cannot_be_is_refused_and_nothing_of_it_is_booked(
    ledger: SqliteLedger, amount: str
) -> None:
    ledger.open_books(balances(USD="1000"), RATES, NOON)

    with pytest.raises(FatalError) as caught:
        ledger.book_flow("USD", Decimal(amount), NOON, "absurd")

    assert caught.value.code == "FLOW_REFUSED"
    assert ledger.expected() == {"USD": Decimal(1000)}
    assert ledger.flows() == {}
