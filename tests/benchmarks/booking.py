"""What the ledger costs: one more fill, and a start on a long history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from core.market import Side
from core.orders import Fill, Order
from core.rates import Rates
from infra.ledger import SqliteLedger
from tests.benchmarks.measured import Row, timed
from tests.builders.books import a_fill, a_ledger, an_order, balances
from tests.builders.market import NOON

HISTORY = 100_000  # orders, and as many fills
BATCH = 1_000
BOOKED = 300
PRODUCTS = 30
BOOKING_BUDGET, START_BUDGET = 0.5, 2.0  # milliseconds, seconds


def booking_rows() -> list[Row]:
    with TemporaryDirectory() as folder:
        path = Path(folder)
        ledger = a_ledger(path, capital_max="1000000000")
        ledger.open_books(balances(USD="1000000000"), Rates("USD", {}), NOON)
        for first in range(0, HISTORY, BATCH):
            _trade(ledger, range(first, first + BATCH))
        booking = _one_by_one(ledger, range(HISTORY, HISTORY + BOOKED))
        recent = NOON + timedelta(seconds=HISTORY) - timedelta(days=1)
        sales = timed(partial(ledger.closed_since, recent), times=3, warm_up=0)
        ledger.close()
        start = timed(lambda: a_ledger(path, capital_max="1000000000").close(), times=3, warm_up=1)
    note = f"{HISTORY:,} orders and fills of {PRODUCTS} products in the ledger"
    return [
        Row("booking a fill, besides its fsync", booking * 1_000, "ms", BOOKING_BUDGET, note),
        Row("opening and proving that ledger", start, "s", START_BUDGET, "median of 3"),
        Row("  the sales of its last day again", sales, "s", None, "after a start or a failure"),
    ]


def _trade(ledger: SqliteLedger, numbers: range) -> None:
    pairs = [_order_and_fill(number) for number in numbers]
    ledger.intend(tuple(order for order, _ in pairs), NOON)
    ledger.book(tuple(fill for _, fill in pairs))


def _order_and_fill(number: int) -> tuple[Order, Fill]:
    """Each product is bought and sold in turn, so that what is held stays small."""
    symbol = f"C{number % PRODUCTS:02}-USD"
    side = Side.BUY if number // PRODUCTS % 2 == 0 else Side.SELL
    order = an_order(f"order-{number:08}-{'x' * 20}", side, symbol)
    quantity, price = ("0.12345678", f"{100 + number % 17}.{number % 100:02}")
    fill = a_fill(
        order, f"fill-{number:08}-{'x' * 20}", quantity=quantity, price=price, fee="0.07 USD"
    )
    return order, replace(fill, at=NOON + timedelta(seconds=number))


def _one_by_one(ledger: SqliteLedger, numbers: range) -> float:
    """Median seconds of booking one fill, less those of a transaction that writes one row."""
    booking, syncing = [], []
    for number in numbers:
        order, fill = _order_and_fill(number)
        began = perf_counter()
        ledger.intend((order,), NOON)
        syncing.append(perf_counter() - began)
        began = perf_counter()
        ledger.book((fill,))
        booking.append(perf_counter() - began)
    return median(booking) - median(syncing)
