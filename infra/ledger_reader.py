"""What the ledger says, for every program; nothing here can write.

Balances are derived from postings and stored nowhere, so they cannot disagree with
them. SQLite finds and orders the rows; it never adds an amount.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from core.account import Position
from core.accounting import DUST, FOREIGN, HOLDINGS, WALLET, one_per_order
from core.market import Side, quote_of
from core.money import ZERO, Money
from core.orders import PROTECT, Fill, Order, OrderStatus
from core.protection import stopped_by
from core.state import Closed, Sent
from infra.ledger_derived import Derived, matched
from infra.ledger_file import DamagedLedger, open_for_reading, told, unsound
from infra.ledger_orders import orders_off
from infra.ledger_rows import COLUMNS, FILL_COLUMNS, Cell, time_text, to_fill, to_order
from infra.ledger_walk import Proof


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """Whether the books close; `differences` where they do not."""

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
        return self.derived().by_asset(WALLET)

    def foreign(self) -> Mapping[str, Decimal]:
        """What lies on the account and is not ours to use, by asset."""
        return self.derived().by_asset(FOREIGN)

    def dust(self) -> Mapping[str, Decimal]:
        """Own coins that cannot be sold alone, by asset."""
        return self.derived().by_asset(DUST)

    def expected(self) -> Mapping[str, Decimal]:
        """What the venue must hold by our books, by asset: wallets, lots, dust and foreign."""
        return self.derived().by_asset(*HOLDINGS)

    def flows(self) -> Mapping[str, Decimal]:
        """What external flows moved into the wallets, less what they moved out, by currency.

        Own coins that went out count at what they had cost.
        """
        return self.derived().flows()

    def positions(self) -> Mapping[str, Position]:
        """Own lots by product, those that are set aside as dust left out."""
        held = self.derived().positions()
        return {symbol: holding.position() for symbol, holding in held.items()}

    def last_fill_at(self) -> datetime | None:
        """Time of the newest fill that is booked."""
        return self.derived().last_fill_at

    def fills(self) -> tuple[Fill, ...]:
        """Every fill that is booked, oldest first."""
        rows = self._rows(f"SELECT {FILL_COLUMNS} FROM fills ORDER BY at, fill_id")
        return tuple(to_fill(row) for row in rows)

    def booked_after(self, fill_id: str | None) -> tuple[Fill, ...]:
        """Fills booked after that one, in the order of their booking; all where it is None."""
        rows = self._rows(
            f"SELECT {FILL_COLUMNS} FROM fills WHERE id > "
            "coalesce((SELECT id FROM fills WHERE fill_id = ?), 0) ORDER BY id",
            fill_id,
        )
        return tuple(to_fill(row) for row in rows)

    def closed_since(self, since: datetime) -> tuple[Closed, ...]:
        """Sales of own lots after `since`, all fills of an order as one.

        In the order in which each was last added to when it was booked, as the state has them.
        """
        with self._snapshot():
            sold = self._rows(
                "SELECT fill_id, client_order_id, symbol, at FROM fills WHERE client_order_id IN "
                "(SELECT client_order_id FROM fills WHERE side = ? AND at > ?) ORDER BY id",
                Side.SELL.value,
                time_text(since),
            )
            profits: dict[str, Decimal] = {name: ZERO for name, *_ in sold}

            def keep(fill_id: str, profit: Decimal) -> None:
                if fill_id in profits:
                    profits[fill_id] = profit

            for symbol in sorted({symbol for _, _, symbol, _ in sold}):
                matched(self._db, symbol, keep)
        return one_per_order(
            Closed(
                symbol, order, datetime.fromisoformat(at), Money(profits[name], quote_of(symbol))
            )
            for name, order, symbol, at in sold
        )

    def stops_since(self, since: datetime) -> Mapping[str, datetime]:
        """When a stop of ours that rested at the venue last sold, by product, after `since`."""
        rows = self._rows(
            f"SELECT {FILL_COLUMNS} FROM fills WHERE at > ? AND client_order_id IN "
            "(SELECT client_order_id FROM orders WHERE reason LIKE ?) ORDER BY at, fill_id",
            time_text(since),
            f"{PROTECT}:%",
        )
        fills = [to_fill(row) for row in rows]
        names = {fill.client_order_id for fill in fills}
        orders = {name: self._orders("WHERE client_order_id = ?", name)[0] for name in names}
        return {
            fill.symbol: fill.at
            for fill in fills
            if stopped_by(orders[fill.client_order_id].planned, fill)
        }

    def order_of(self, exchange_order_id: str) -> Order | None:
        """The own order that the venue calls so."""
        found = self._orders("WHERE exchange_order_id = ?", exchange_order_id)
        return found[0] if found else None

    def orders(self) -> tuple[Order, ...]:
        """Every own order, oldest first."""
        return self._orders("ORDER BY id")

    def orders_of(self, cycle: int) -> tuple[Order, ...]:
        return self._orders("WHERE cycle = ? ORDER BY id", cycle)

    def unsettled(self) -> tuple[Order, ...]:
        """Every own order without a final status, oldest first."""
        return self._orders("WHERE settled_at IS NULL ORDER BY id")

    def unsettled_since(self) -> datetime | None:
        """When the oldest own order without a final status was intended."""
        ((at,),) = self._rows("SELECT min(intended_at) FROM orders WHERE settled_at IS NULL")
        return datetime.fromisoformat(at) if at is not None else None

    def highest_cycle(self) -> int:
        """The highest cycle that has an order; 0 where there is none."""
        ((highest,),) = self._rows("SELECT coalesce(max(cycle), 0) FROM orders")
        return int(highest)

    def sent_since(self, since: datetime) -> tuple[Sent, ...]:
        """Orders intended after `since` that count for pace: all but what came to nothing.

        Nor does a stop count that rests: it is no trade until it fills.
        """
        rows = self._rows(
            "SELECT symbol, side, intended_at FROM orders WHERE intended_at > ? "
            "AND status NOT IN (?, ?) AND reason NOT LIKE ? ORDER BY intended_at, id",
            time_text(since),
            OrderStatus.REFUSED.name,
            OrderStatus.NEVER_REACHED.name,
            f"{PROTECT}:%",
        )
        return tuple(Sent(name, Side(side), datetime.fromisoformat(at)) for name, side, at in rows)

    def check(self) -> LedgerCheck:
        """Read everything and prove it: the file is whole, every transaction balances, the
        postings of a fill are those of its numbers, lots and orders agree with the fills.
        """
        ((trouble,),) = self._rows("PRAGMA integrity_check(1)")
        if trouble != "ok":
            raise unsound(self._path, trouble)
        proof = Proof()
        with self._snapshot():
            self._proved_whole(proof)
        return LedgerCheck(not proof.off, proof.off, proof.fills, proof.postings)

    def derived(self) -> Derived:
        """What follows from the rows as they are now."""
        with self._snapshot():
            return self._derive(Proof())

    def _proved_whole(self, proof: Proof) -> Derived:
        """What follows from all rows; what contradicts among them goes into `proof`."""
        derived = self._derive(proof)
        proof.off.update(orders_off(self._db))
        proof.off.update(derived.contradictions())
        return derived

    def _derive(self, proof: Proof) -> Derived:
        """Raises DamagedLedger where a row cannot be read as what it should be."""
        try:
            return Derived.read(self._db, proof)
        except (ValueError, ArithmeticError, TypeError, KeyError) as error:
            raise DamagedLedger(
                f"{self._path}: holds a row that is none of ours ({error!r}); restore a backup"
            ) from error

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """One state of the file for several queries, whatever the bot writes meanwhile."""
        with told(self._path):
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                if self._db.in_transaction:
                    self._db.execute("COMMIT")

    def _orders(self, which: str, *values: Cell) -> tuple[Order, ...]:
        rows = self._rows(f"SELECT {COLUMNS} FROM orders {which}", *values)
        return tuple(to_order(row) for row in rows)

    def _rows(self, query: str, *values: Cell) -> list[tuple[str, ...]]:
        with told(self._path):
            return self._db.execute(query, values).fetchall()
