"""What the ledger says, for every program; nothing here can write.

Balances are derived from postings and stored nowhere, so they cannot disagree with
them. SQLite finds and orders the rows; it never adds an amount.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from core.account import Position
from core.market import Side
from core.money import ZERO, added, plain
from core.orders import Order, OrderStatus
from core.state import Sent
from infra.ledger_file import DamagedLedger, open_for_reading, told
from infra.ledger_rows import COLUMNS, Cell, time_text, to_order

WALLET, FOREIGN, OPENING = "wallet", "foreign", "opening"


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """Whether every transaction sums to zero; `differences` where one does not."""

    balanced: bool
    differences: Mapping[str, str]  # "USD in transaction 3" -> what is too much
    fills: int
    postings: int


class LedgerReader:
    """The queries of the ledger, over any connection to it."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path = path
        self._db = db

    @classmethod
    def open(cls, path: Path) -> LedgerReader:
        """Read a ledger, also that of a running bot."""
        return LedgerReader(path, open_for_reading(path))

    def close(self) -> None:
        self._db.close()

    def cash(self) -> Mapping[str, Decimal]:
        """Own cash by currency."""
        return self._balances(WALLET)

    def foreign(self) -> Mapping[str, Decimal]:
        """What lies on the account and is not ours to use, by asset."""
        return {asset: amount for asset, amount in self._balances(FOREIGN).items() if amount}

    def flows(self) -> Mapping[str, Decimal]:
        """What external flows moved into the wallets, less what they moved out, by currency."""
        totals: dict[str, Decimal] = {}
        for asset, amount in self._rows(
            "SELECT postings.asset, postings.amount FROM postings "
            "JOIN transactions ON transactions.id = postings.transaction_id "
            "WHERE transactions.kind = 'flow' AND postings.account = ? || ':' || postings.asset "
            "ORDER BY postings.asset, postings.id",
            WALLET,
        ):
            totals[asset] = added(totals.get(asset, ZERO), Decimal(amount))
        return totals

    def positions(self) -> Mapping[str, Position]:
        """Own lots by product. Lots come from fills, and no venue here fills yet: none."""
        return {}

    def orders(self) -> tuple[Order, ...]:
        """Every own order, oldest first."""
        return self._orders("ORDER BY id")

    def orders_of(self, cycle: int) -> tuple[Order, ...]:
        return self._orders("WHERE cycle = ? ORDER BY id", cycle)

    def unsettled(self) -> tuple[Order, ...]:
        """Every own order without a final status, oldest first."""
        return self._orders("WHERE settled_at IS NULL ORDER BY id")

    def highest_cycle(self) -> int:
        """The highest cycle that has an order; 0 where there is none."""
        ((highest,),) = self._rows("SELECT coalesce(max(cycle), 0) FROM orders")
        return int(highest)

    def sent_since(self, since: datetime) -> tuple[Sent, ...]:
        """Orders intended after `since` that count for pace: all but those the venue refused."""
        rows = self._rows(
            "SELECT symbol, side, intended_at FROM orders WHERE intended_at > ? AND status != ? "
            "ORDER BY intended_at, id",
            time_text(since),
            OrderStatus.REFUSED.name,
        )
        return tuple(Sent(name, Side(side), datetime.fromisoformat(at)) for name, side, at in rows)

    def check(self) -> LedgerCheck:
        """Read everything and prove it: the file is whole, every transaction balances."""
        for (trouble,) in self._rows("PRAGMA integrity_check(1)"):
            if trouble != "ok":
                raise DamagedLedger(f"{self._path}: is damaged ({trouble}); restore a backup")
        rows = self._rows(
            "SELECT transaction_id, asset, amount FROM postings ORDER BY transaction_id, asset"
        )
        off: dict[str, str] = {}
        postings = 0
        for (number, asset), parts in groupby(rows, key=lambda row: row[:2]):
            amounts = [Decimal(amount) for _, _, amount in parts]
            postings += len(amounts)
            if (total := added(*amounts)) != ZERO:
                off[f"{asset} in transaction {number}"] = plain(total)
        ((fills,),) = self._rows("SELECT count(*) FROM transactions WHERE kind = 'fill'")
        return LedgerCheck(not off, off, int(fills), postings)

    def _balances(self, account: str) -> dict[str, Decimal]:
        """Asset -> total over all postings of "account:asset"."""
        totals: dict[str, Decimal] = {}
        for asset, amount in self._rows(
            "SELECT asset, amount FROM postings WHERE account >= ? AND account < ? ORDER BY asset",
            f"{account}:",
            f"{account};",  # the character after the colon: all names that begin so
        ):
            totals[asset] = added(totals.get(asset, ZERO), Decimal(amount))
        return totals

    def _orders(self, which: str, *values: Cell) -> tuple[Order, ...]:
        rows = self._rows(f"SELECT {COLUMNS} FROM orders {which}", *values)
        return tuple(to_order(row) for row in rows)

    def _rows(self, query: str, *values: Cell) -> list[tuple[str, ...]]:
        with told(self._path):
            return self._db.execute(query, values).fetchall()
