"""External flows: what came into the wallets from outside, and nothing else."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path

from core.market import Balance
from tests.builders.market import NOON
from tests.infra.test_ledger import RATES, a_ledger

FLOW = "INSERT INTO transactions (kind, at, note) VALUES (?, '2025-03-02T12:00:00Z', 'a test')"
POSTING = "INSERT INTO postings (transaction_id, account, asset, amount) VALUES (?, ?, ?, ?)"


def booked(folder: Path, kind: str, account: str, asset: str, amount: str) -> None:
    """A transaction as a later version books it."""
    with sqlite3.connect(folder / "ledger.sqlite") as db:
        number = db.execute(FLOW, (kind,)).lastrowid
        db.execute(POSTING, (number, f"{account}:{asset}", asset, amount))


def test_opening_balances_are_no_flow(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    ledger.open_books((Balance("USD", Decimal(500), Decimal(0)),), RATES, NOON)
    assert ledger.flows() == {}
    ledger.close()


def test_flows_are_summed_by_currency_and_only_those_of_the_wallets(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    booked(tmp_path, "flow", "wallet", "USD", "100.5")
    booked(tmp_path, "flow", "wallet", "USD", "-40")
    booked(tmp_path, "flow", "wallet", "EUR", "7")
    booked(tmp_path, "flow", "foreign", "USD", "1000")
    booked(tmp_path, "fill", "wallet", "USD", "-2000")
    assert ledger.flows() == {"USD": Decimal("60.5"), "EUR": Decimal(7)}
    ledger.close()
