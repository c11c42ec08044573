"""What the ledger does not book, and what a crash or a late row leaves of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import FatalError, RetryableError
from core.market import Side
from core.money import Money, Price, Quantity
from core.orders import OrderStatus, OrderType, intended, moved
from core.rates import Rates
from infra.crash_points import CrashPoint
from infra.ledger import BooksOpen, LedgerReader, SqliteLedger
from infra.ledger_copy import backup
from infra.ledger_file import ForeignLedger, open_for_reading
from infra.ledger_schema import APPLICATION_ID, MIGRATIONS
from tests.builders.books import Trader, a_fill, a_ledger, an_order, balances
from tests.builders.market import NOON
from tests.infra.test_disk import Died, dying_at

USD = Rates("USD", {})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = a_ledger(tmp_path)
    opened.open_books(balances(USD="1000"), USD, NOON)
    yield opened
    opened.close()


@pytest.fixture
def trader(ledger: SqliteLedger) -> Trader:
    return Trader(ledger)


IMPOSSIBLE: list[dict[str, object]] = [
    {"quantity": Quantity(Decimal(0), "BTC")},
    {"quantity": Quantity(Decimal("1000.00000001"), "BTC")},
    {"quantity": Quantity(Decimal(1), "ETH")},
    {"price": Price(Decimal(1), "EUR")},
    {"price": Price(Decimal("1E18"), "USD")},
    {"price": Price(Decimal("1E-19"), "USD")},
    {"price": Price(Decimal("1.1234567890123456789012345678"), "USD")},
    {"fee": Money(Decimal("-0.01"), "USD")},
    {"fee": Money(Decimal("0.01"), "BNB")},
    {"fee": Money(Decimal(1), "BTC")},
    {"side": Side.SELL},
    {"symbol": "ETH-USD"},
    {"fill_id": ""},
    {"at": NOON.replace(tzinfo=None)},
]


@pytest.mark.parametrize("wrong", IMPOSSIBLE, ids=range(len(IMPOSSIBLE)))
def test_numbers_that_cannot_be_true_are_not_booked_and_nothing_beside_them_is(
    ledger: SqliteLedger, trader: Trader, wrong: dict[str, object]
) -> None:
    good = trader.fill(Side.BUY, "BTC-USD", "1", "100")
    bad = replace(trader.fill(Side.BUY, "BTC-USD", "1", "100"), **wrong)  # type: ignore[arg-type]

    with pytest.raises(FatalError) as caught:
        ledger.book((good, bad) if bad.at.tzinfo else (bad,))

    assert caught.value.code == "FILL_REFUSED"
    assert ledger.fills() == ()
    assert ledger.expected() == {"USD": Decimal(1000)}
    assert len(ledger.book((good,))) == 1


def test_the_largest_numbers_of_this_world_are_booked(ledger: SqliteLedger) -> None:
    order = an_order("big", Side.BUY, quantity="1E17")
    ledger.intend((order,), NOON)
    fill = a_fill(
        order,
        "big-1",
        quantity="99999999999999999.123456789",
        price="0.000000012345678901",
        fee="0.123456789012345678901234567890123456 USD",
    )

    ledger.book((fill,))
    sale = an_order("sale", Side.SELL, quantity="1E17")
    ledger.intend((sale,), NOON)
    ledger.book((a_fill(sale, "sale-1", quantity="1.123456789012345678", price="1"),))

    ledger.prove()
    assert ledger.check().balanced


def test_a_fill_of_no_order_of_ours_is_refused(ledger: SqliteLedger) -> None:
    with pytest.raises(FatalError) as caught:
        ledger.book((a_fill(an_order("nobody", Side.BUY), "f", quantity="1", price="1"),))

    assert caught.value.code == "UNKNOWN_ORDER"


@pytest.mark.parametrize(
    ("quantity", "fee", "sold"),
    [
        ("0.99", "0 BTC", True),
        ("1", "0 BTC", True),
        ("1.00000001", "0 BTC", False),
        ("0.99", "0.01 BTC", True),
        ("0.99", "0.01000001 BTC", False),
    ],
)
def test_a_sale_beyond_own_lots_is_fatal_and_is_not_booked(
    ledger: SqliteLedger, trader: Trader, quantity: str, fee: str, sold: bool
) -> None:
    ledger.book_flow("BTC", Decimal(5), NOON, "coins of somebody else")
    trader.buys("BTC-USD", "1", "100")
    sale = trader.fill(Side.SELL, "BTC-USD", quantity, "100", fee)

    if sold:
        assert len(ledger.book((sale,))) == 1
        return
    with pytest.raises(FatalError) as caught:
        ledger.book((sale,))
    assert caught.value.code == "BEYOND_OWN_LOTS"
    assert len(ledger.fills()) == 1
    assert ledger.positions()["BTC-USD"].quantity.amount == Decimal(1)


# --- dust ---------------------------------------------------------------------


def test_dust_closes_the_position_and_the_next_buy_takes_it_back_with_its_cost(
    tmp_path: Path, ledger: SqliteLedger, trader: Trader
) -> None:
    trader.buys("BTC-USD", "1", "100", "1 USD")
    trader.sells("BTC-USD", "0.999", "110")
    cost = ledger.positions()["BTC-USD"].cost

    ledger.to_dust("BTC-USD", trader.at)

    assert ledger.positions() == {}
    assert ledger.dust() == {"BTC": Decimal("0.001")}
    assert ledger.expected()["BTC"] == Decimal("0.001")
    again = a_ledger(tmp_path)
    assert (again.positions(), again.dust()) == ({}, ledger.dust())
    again.close()

    trader.buys("BTC-USD", "1", "200")

    assert ledger.dust() == {}
    assert ledger.positions()["BTC-USD"].cost == cost + Money(Decimal(200), "USD")
    assert ledger.check().balanced
    ledger.prove()
    trader.sells("BTC-USD", "1.001", "200")
    assert ledger.positions() == {}
    assert ledger.expected().keys() == {"USD"}


def test_a_late_sale_of_what_was_set_aside_is_booked(ledger: SqliteLedger, trader: Trader) -> None:
    trader.buys("BTC-USD", "1", "100")
    sale = trader.fill(Side.SELL, "BTC-USD", "0.4", "100")
    ledger.to_dust("BTC-USD", trader.at)

    ledger.book((sale,))

    assert ledger.dust() == {}
    assert ledger.positions()["BTC-USD"].quantity.amount == Decimal("0.6")
    assert ledger.check().balanced


def test_there_must_be_a_position_to_set_aside(ledger: SqliteLedger) -> None:
    with pytest.raises(FatalError) as caught:
        ledger.to_dust("BTC-USD", NOON)
    assert caught.value.code == "NO_POSITION"


# --- sales again --------------------------------------------------------------


def test_all_fills_of_an_order_are_one_sale_in_the_order_in_which_they_were_booked(
    ledger: SqliteLedger, trader: Trader
) -> None:
    trader.buys("BTC-USD", "3", "100")
    first = trader.fill(Side.SELL, "BTC-USD", "1", "110")
    between = trader.sells("BTC-USD", "1", "90")
    rest = replace(
        first,
        fill_id="rest",
        quantity=Quantity(Decimal("0.5"), "BTC"),
        at=between.at + timedelta(minutes=1),
    )
    ledger.book((first,))
    ledger.book((rest,))

    def told(since: datetime) -> list[tuple[str, datetime, Decimal]]:
        return [(sale.order, sale.at, sale.profit.amount) for sale in ledger.closed_since(since)]

    whole = (first.client_order_id, rest.at, Decimal(15))
    assert told(NOON) == [(between.client_order_id, between.at, Decimal(-10)), whole]
    assert told(between.at) == [whole]
    assert told(rest.at) == []


# --- crashes and what a file can be -------------------------------------------


def test_a_crash_before_the_commit_books_nothing_and_one_after_it_all(
    tmp_path: Path, ledger: SqliteLedger, trader: Trader
) -> None:
    one = trader.fill(Side.BUY, "BTC-USD", "1", "100")
    two = trader.fill(Side.BUY, "BTC-USD", "1", "100")
    with dying_at(CrashPoint.LEDGER_WRITTEN, Died()), pytest.raises(Died):
        ledger.book((one,))
    with dying_at(CrashPoint.LEDGER_COMMITTED, Died()), pytest.raises(Died):
        ledger.book((two,))

    again = a_ledger(tmp_path)
    for books in (again, ledger):  # also where the process went on
        assert books.fills() == (two,)
        assert books.expected() == {"USD": Decimal(900), "BTC": Decimal(1)}
        assert [order.filled for order in books.orders()] == [0, 1]
    again.close()


def test_a_full_disk_books_nothing_and_all_of_it_later(
    ledger: SqliteLedger, trader: Trader
) -> None:
    fill = trader.fill(Side.BUY, "BTC-USD", "1", "100")
    order = an_order("many", Side.BUY)
    ledger.intend((order,), NOON)
    rows = tuple(a_fill(order, f"row-{n}", quantity="0.001", price="1") for n in range(500))
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(RetryableError) as caught:
        ledger.book((fill, *rows))

    assert caught.value.code == "DISK_FULL"
    assert ledger.expected() == {"USD": Decimal(1000)}
    ledger._db.execute("PRAGMA max_page_count = 1000000")
    assert len(ledger.book((fill, *rows))) == 501


def tampered(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "ledger.sqlite") as db:
        assert db.execute(statement).rowcount > 0


TAMPERING = [
    ("UPDATE postings SET amount = '1.01' WHERE account = 'lots:BTC-USD'", "BTC in transaction 2"),
    ("UPDATE fills SET price = '101'", "fill fill-1"),
    ("UPDATE fills SET fee = '1'", "fill fill-1"),
    ("DELETE FROM fills", "transaction 2"),
    ("UPDATE transactions SET kind = 'flow' WHERE kind = 'fill'", "fill fill-1"),
    ("UPDATE transactions SET at = '2020-01-01T00:00:00.000000Z' WHERE id = 2", "fill fill-1"),
    ("DELETE FROM postings WHERE transaction_id = 2", "fill fill-1"),
]


@pytest.mark.parametrize(("statement", "named"), TAMPERING, ids=[named for _, named in TAMPERING])
def test_books_that_do_not_close_are_found_after_the_cycle_at_the_start_and_by_the_check(
    tmp_path: Path, ledger: SqliteLedger, trader: Trader, statement: str, named: str
) -> None:
    ledger.prove()
    trader.buys("BTC-USD", "1", "100", "0.5 USD")
    tampered(tmp_path, statement)

    with pytest.raises(BooksOpen) as caught:
        ledger.prove()
    assert caught.value.code == "BOOKS_OPEN"
    assert named in str(caught.value)
    with pytest.raises(BooksOpen):
        a_ledger(tmp_path)
    assert named in LedgerReader.open(tmp_path / "ledger.sqlite").check().differences


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE orders SET filled = '2'", {"order order-1": "is filled 2, its fills say 1"}),
        ("UPDATE orders SET filled = '0'", {"order order-1": "is filled 0, its fills say 1"}),
        ("UPDATE orders SET filled = '1.0'", {}),
        ("UPDATE orders SET side = 'UP'", {"order order-1": "says side 'UP'"}),
        ("UPDATE orders SET status = 'LOST'", {"order order-1": "says status 'LOST'"}),
        ("UPDATE orders SET status = 'FILLED'", {"order order-1": "says settled_at 'nothing'"}),
        ("UPDATE orders SET price = '1,5'", {"order order-1": "says price '1,5'"}),
        ("UPDATE orders SET filled = 'NaN'", {"order order-1": "says filled 'NaN'"}),
        (
            "UPDATE orders SET type = '', time_in_force = 'DAY'",
            {"order order-1": "says type '', time_in_force 'DAY'"},
        ),
        ("DELETE FROM orders", {"row 2 of fills": "belongs to nothing in orders"}),
    ],
)
def test_an_order_that_is_not_what_its_fills_say_or_says_nonsense_is_found_by_start_and_check(
    tmp_path: Path, ledger: SqliteLedger, trader: Trader, statement: str, told: dict[str, str]
) -> None:
    trader.buys("BTC-USD", "1", "100")
    tampered(tmp_path, statement)

    assert ledger.check().differences == told
    if not told:
        a_ledger(tmp_path).close()
        return
    with pytest.raises(BooksOpen, match=next(iter(told))):
        a_ledger(tmp_path)


def test_the_parts_of_an_order_are_added_up(
    tmp_path: Path, ledger: SqliteLedger, trader: Trader
) -> None:
    part = trader.fill(Side.BUY, "BTC-USD", "1", "100")
    ledger.book((part, replace(part, fill_id="another")))
    assert ledger.check().balanced

    tampered(tmp_path, "UPDATE orders SET filled = '1'")

    assert ledger.check().differences == {"order order-1": "is filled 1, its fills say 2"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE fills SET side = 'UP'",
        "UPDATE fills SET price = 'dear'",
        "UPDATE transactions SET at = 'noon'",
        "UPDATE postings SET amount = 'much' WHERE transaction_id = 1",
        "DROP TABLE postings",
        "DROP TABLE fills",
        "DROP TABLE orders",
    ],
)
def test_a_row_or_a_table_that_cannot_be_read_is_damage_told_in_one_line(
    tmp_path: Path, ledger: SqliteLedger, trader: Trader, statement: str
) -> None:
    trader.buys("BTC-USD", "1", "100")
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute(statement)

    with pytest.raises(FatalError) as caught:
        a_ledger(tmp_path)
    assert caught.value.code in ("DAMAGED_LEDGER", "BOOKS_OPEN")
    assert str(tmp_path / "ledger.sqlite") in str(caught.value)
    assert "\n" not in str(caught.value)
    reader = LedgerReader.open(tmp_path / "ledger.sqlite")
    with suppress(FatalError):
        assert not reader.check().balanced
    reader.close()


def test_what_was_proved_is_not_read_again(ledger: SqliteLedger, trader: Trader) -> None:
    trader.buys("BTC-USD", "1", "100", "0.5 USD")
    ledger.prove()
    ledger._db.execute("UPDATE postings SET amount = '7' WHERE account = 'lots:BTC-USD'")

    ledger.prove()
    assert not ledger.check().balanced


@pytest.mark.parametrize("total", ["NaN", "-0.01", "Infinity", "1E30", "1E-400"])
def test_absurd_balances_do_not_open_the_books(tmp_path: Path, total: str) -> None:
    ledger = a_ledger(tmp_path)

    with pytest.raises(FatalError) as caught:
        ledger.open_books(balances(USD="1", BTC=total), USD, NOON)

    assert caught.value.code == "BALANCE_REFUSED"
    assert not ledger.opened
    ledger.close()


def a_ledger_of_the_first_schema(path: Path) -> None:
    with sqlite3.connect(path, isolation_level=None) as db:
        db.executescript(MIGRATIONS[0])
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        db.executescript("""
            INSERT INTO meta VALUES ('mode', 'PAPER'), ('exchange', 'embedded'),
                ('market', '{"bar": "15m", "seed": "7"}');
            INSERT INTO orders VALUES (1, 'a', NULL, 3, 'BTC-USD', 'BTC', 'USD', 'BUY', 'LIMIT',
                'GTC', 0, NULL, '100', '1', '0', 'why', 'OPEN', '2025-01-01T00:00:00.000000Z',
                NULL);
            INSERT INTO transactions VALUES (7, 'opening', '2025-01-01T00:00:00.000000Z', 'first');
            INSERT INTO postings VALUES (4, 7, 'wallet:USD', 'USD', '50'),
                (5, 7, 'opening:USD', 'USD', '-50');
        """)


def test_a_ledger_of_the_first_schema_is_brought_up_to_date_with_every_row(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    a_ledger_of_the_first_schema(path)
    with pytest.raises(ForeignLedger, match=r"has schema 1.*start the bot once"):
        open_for_reading(path)

    ledger = a_ledger(tmp_path)

    assert ledger.cash()["USD"] == Decimal(50)
    (order,) = ledger.unsettled()
    assert (order.planned.client_order_id, order.planned.stop, order.told) == ("a", None, "")
    ledger.book((a_fill(order, "f", quantity="0.1", price="100"),))
    assert ledger.check().balanced
    assert [int(number) for (number,) in ledger._rows("SELECT id FROM transactions")] == [7, 8]
    ledger.close()


def test_a_stop_and_what_the_venue_told_come_back_after_a_restart(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    planned = replace(
        an_order("stop", Side.SELL).planned,
        type=OrderType.STOP_LIMIT,
        stop=Price(Decimal("99.10"), "USD"),
    )
    order = intended(planned, 4)
    ledger.intend((order,), NOON)
    refused = replace(moved(order, OrderStatus.REFUSED), told="no stop today")
    ledger.settle((refused,), NOON)
    ledger.close()

    again = a_ledger(tmp_path)
    assert again.orders() == (refused,)
    again.close()


# --- a copy -------------------------------------------------------------------


def test_a_copy_is_taken_beside_the_bot_and_can_take_its_place(
    tmp_path: Path, ledger: SqliteLedger, trader: Trader
) -> None:
    trader.buys("BTC-USD", "1", "100")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    checked = backup(tmp_path / "ledger.sqlite", elsewhere / "ledger.sqlite")
    trader.buys("BTC-USD", "1", "100")

    assert (checked.balanced, checked.fills) == (True, 1)
    assert [path.name for path in elsewhere.iterdir()] == ["ledger.sqlite"]
    copy = a_ledger(elsewhere)
    assert copy.expected() == {"USD": Decimal(900), "BTC": Decimal(1)}
    copy.close()


def test_a_copy_never_takes_the_place_of_a_file(tmp_path: Path, ledger: SqliteLedger) -> None:
    target = tmp_path / "diary"
    target.write_text("dear diary")

    with pytest.raises(FatalError, match="is there already") as caught:
        backup(tmp_path / "ledger.sqlite", target)

    assert caught.value.code == "BACKUP_REFUSED"
    assert target.read_text() == "dear diary"


def test_a_ledger_that_does_not_close_is_not_copied(
    tmp_path: Path, ledger: SqliteLedger, trader: Trader
) -> None:
    trader.buys("BTC-USD", "1", "100")
    tampered(tmp_path, "UPDATE postings SET amount = '2' WHERE account = 'lots:BTC-USD'")

    with pytest.raises(FatalError, match="no backup was made"):
        backup(tmp_path / "ledger.sqlite", tmp_path / "copy")

    assert not (tmp_path / "copy").exists()
