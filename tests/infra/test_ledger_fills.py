"""Fills in the ledger: booked once, balanced, and followed by lots and profit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.account import Lot
from core.errors import FatalError
from core.market import Side
from core.money import Money, Price, Quantity
from core.orders import OrderStatus, moved
from core.ports import Books
from core.state import Closed
from infra.ledger import SqliteLedger
from tests.builders.books import Trader, a_ledger, balances
from tests.builders.market import NOON
from tests.infra.test_ledger import RATES


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = a_ledger(tmp_path)
    opened.open_books(balances(USD="1000"), RATES, NOON)
    yield opened
    opened.close()


@pytest.fixture
def trader(ledger: SqliteLedger) -> Trader:
    return Trader(ledger)


def test_the_ledger_is_the_books_that_the_loop_asks_for(ledger: SqliteLedger) -> None:
    books: Books = ledger
    assert books.book(()) == ()


def test_a_buy_moves_money_into_a_lot_that_cost_its_price_and_its_fee(
    ledger: SqliteLedger, trader: Trader
) -> None:
    fill = trader.fill(Side.BUY, "BTC-USD", "2", "100", "1.2 USD")

    (booked,) = ledger.book((fill,))

    assert (booked.fill, booked.closed) == (fill, None)
    assert ledger.cash()["USD"] == Decimal("798.8")
    assert ledger.positions()["BTC-USD"].lots == (Lot(Decimal(2), Decimal("100.6"), fill.at),)
    assert ledger.expected() == {"USD": Decimal("798.8"), "BTC": Decimal(2)}
    assert ledger.orders()[0].filled == Decimal(2)
    assert ledger.last_fill_at() == fill.at
    ledger.prove()
    assert ledger.check().balanced
    assert ledger.check().fills == 1


def test_a_sale_takes_the_oldest_lots_and_its_profit_is_net_of_both_fees(
    ledger: SqliteLedger, trader: Trader
) -> None:
    trader.buys("BTC-USD", "1", "100", "1 USD")
    newer = trader.buys("BTC-USD", "1", "120", "1 USD")
    sale = trader.fill(Side.SELL, "BTC-USD", "1.5", "130", "2 USD")

    (booked,) = ledger.book((sale,))

    # 195 less 2, less 101 and half of 121
    assert booked.closed == Closed(
        "BTC-USD", sale.client_order_id, sale.at, Money(Decimal("31.5"), "USD")
    )
    assert ledger.positions()["BTC-USD"].lots == (Lot(Decimal("0.5"), Decimal(121), newer.at),)
    assert ledger.cash()["USD"] == Decimal(1000) - 101 - 121 + 193


def test_a_fee_in_coins_is_coins_that_cost_something_and_are_gone(
    ledger: SqliteLedger, trader: Trader
) -> None:
    trader.buys("BTC-USD", "1", "99", "0.01 BTC")
    assert ledger.positions()["BTC-USD"].lots[0].price == Decimal(100)
    assert ledger.expected() == {"USD": Decimal(901), "BTC": Decimal("0.99")}

    sale = trader.fill(Side.SELL, "BTC-USD", "0.9", "110", "0.09 BTC")
    (booked,) = ledger.book((sale,))

    assert booked.closed is not None
    assert booked.closed.profit == Money(Decimal(0), "USD")  # 99 came, and 99 had been paid
    assert ledger.positions() == {}
    assert ledger.expected() == {"USD": Decimal(1000)}


def test_a_row_that_comes_again_changes_nothing(ledger: SqliteLedger, trader: Trader) -> None:
    fill = trader.buys("BTC-USD", "1", "100")

    assert ledger.book((fill, fill)) == ()
    assert ledger.expected() == {"USD": Decimal(900), "BTC": Decimal(1)}
    assert ledger.orders()[0].filled == Decimal(1)


def test_a_new_row_told_twice_at_once_is_one(ledger: SqliteLedger, trader: Trader) -> None:
    fill = trader.fill(Side.BUY, "BTC-USD", "1", "100")

    assert len(ledger.book((fill, fill))) == 1
    assert ledger.expected()["BTC"] == Decimal(1)


OTHERWISE: list[dict[str, object]] = [
    {"price": Price(Decimal(101), "USD")},
    {"quantity": Quantity(Decimal("1.00000001"), "BTC")},
    {"fee": Money(Decimal("0.01"), "USD")},
    {"at": NOON},
    {"client_order_id": "order-2"},
    {"side": Side.SELL},
]


@pytest.mark.parametrize("other", OTHERWISE, ids=[next(iter(other)) for other in OTHERWISE])
def test_a_row_that_contradicts_what_is_booked_is_fatal_and_changes_nothing(
    ledger: SqliteLedger, trader: Trader, other: dict[str, object]
) -> None:
    fill = trader.buys("BTC-USD", "1", "100")
    new = trader.fill(Side.BUY, "BTC-USD", "1", "100")

    with pytest.raises(FatalError) as caught:
        ledger.book((new, replace(fill, **other)))  # type: ignore[arg-type]

    assert caught.value.code == "FILL_CONTRADICTED"
    assert fill.fill_id in str(caught.value)
    assert ledger.fills() == (fill,)


def test_a_late_fill_of_a_cancelled_order_is_booked(ledger: SqliteLedger, trader: Trader) -> None:
    fill = trader.fill(Side.BUY, "BTC-USD", "1", "100")
    (order,) = ledger.orders()
    ledger.settle((moved(order, OrderStatus.CANCELLED),), fill.at)

    assert len(ledger.book((fill,))) == 1
    assert ledger.orders()[0].filled == Decimal(1)


def test_lots_and_sales_are_known_again_after_a_restart(tmp_path: Path) -> None:
    first = a_ledger(tmp_path)
    first.open_books(balances(USD="1000"), RATES, NOON)
    trader = Trader(first)
    trader.buys("BTC-USD", "1", "100", "0.333 USD")
    trader.sells("BTC-USD", "0.3", "110", "0.1 USD")
    trader.buys("ETH-EUR", "3", "7")
    known = (first.positions(), first.expected(), first.closed_since(NOON), first.last_fill_at())
    first.close()

    again = a_ledger(tmp_path)

    assert known == (
        again.positions(),
        again.expected(),
        again.closed_since(NOON),
        again.last_fill_at(),
    )
    again.close()
