"""External flows: what came or went from outside is neither gain nor loss, and known by source."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from infra.ledger import SqliteLedger
from tests.builders.books import a_ledger, balances
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
