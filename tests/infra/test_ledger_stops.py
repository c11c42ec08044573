"""What the ledger knows of resting stops: no trades, until they sell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.market import Balance, Side
from core.money import Price
from core.orders import Fill, Order, OrderStatus, OrderType, PlannedOrder, intended
from core.rates import Rates
from infra.ledger import Owner, SqliteLedger
from tests.builders.changes import a_stop, an_entry
from tests.builders.market import NOON
from tests.builders.risk import usd

SOL = "SOL-USD"
HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    """Three SOL bought at noon."""
    made = SqliteLedger(
        tmp_path / "ledger.sqlite",
        Owner(mode="PAPER", exchange="embedded"),
        quote_currencies=("USD",),
        capital_max=usd("100000"),
    )
    with closing(made):
        made.open_books((Balance("USD", Decimal(10000), Decimal(0)),), Rates("USD", {}), NOON)
        entry = replace(an_entry().planned, price=Price(Decimal(100), "USD"))
        rested(made, entry, "X-entry")
        filled(made, entry, "100", NOON)
        yield made


def rested(ledger: SqliteLedger, planned: PlannedOrder, name: str) -> None:
    intent = intended(planned, cycle=1)
    ledger.intend((intent,), NOON)
    taken: Order = replace(intent, status=OrderStatus.OPEN, exchange_order_id=name)
    ledger.settle((taken,), NOON)


def filled(ledger: SqliteLedger, planned: PlannedOrder, price: str, at: object) -> None:
    fill = Fill(
        fill_id=f"F-{planned.client_order_id}",
        client_order_id=planned.client_order_id,
        symbol=planned.symbol,
        side=planned.side,
        price=Price(Decimal(price), "USD"),
        quantity=planned.quantity,
        fee=usd("0"),
        at=at,  # type: ignore[arg-type]
    )
    ledger.book((fill,))


def test_a_stop_that_rests_is_no_trade(ledger: SqliteLedger) -> None:
    rested(ledger, a_stop().planned, "X-stop")
    assert [sent.side for sent in ledger.sent_since(NOON - HOUR)] == [Side.BUY]
    assert ledger.stops_since(NOON - HOUR) == {}


@pytest.mark.parametrize(
    ("kind", "price", "stopped"),
    [
        (OrderType.STOP_LIMIT, "94", True),
        (OrderType.BRACKET, "94", True),
        (OrderType.BRACKET, "110", False),
    ],
)
def test_a_stop_that_sold_is_known_and_a_target_is_none(
    ledger: SqliteLedger, kind: OrderType, price: str, stopped: bool
) -> None:
    planned = a_stop(kind=kind, price="110" if kind is OrderType.BRACKET else "93.1").planned
    rested(ledger, planned, "X-stop")
    filled(ledger, planned, price, NOON + HOUR)
    assert ledger.stops_since(NOON) == ({SOL: NOON + HOUR} if stopped else {})
    assert ledger.stops_since(NOON + HOUR) == {}


def test_an_exit_of_the_bot_is_no_resting_stop(ledger: SqliteLedger) -> None:
    planned = replace(a_stop().planned, reason=f"exits:{SOL}:SELL")
    rested(ledger, planned, "X-exit")
    filled(ledger, planned, "94", NOON + HOUR)
    assert ledger.stops_since(NOON) == {}
