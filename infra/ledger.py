"""The ledger: orders and money in SQLite, durable before they matter.

Double entry: every transaction's postings sum to zero for each asset, so money is
moved and never made. Amounts are text; SQLite stores them and never adds them.
Balances are derived from postings and stored nowhere.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.account import Position
from core.errors import FatalError
from core.market import Balance, Side
from core.money import ZERO, Money, Price, Quantity, added, plain, subtracted
from core.orders import FINAL, Order, OrderStatus, OrderType, PlannedOrder, TimeInForce, moved
from core.state import Sent
from core.wording import instant
from infra.ledger_schema import MIGRATIONS

_BUSY_MS = 2_000


class DamagedLedger(FatalError):
    """The file cannot be read as the ledger of this bot."""

    code = "DAMAGED_LEDGER"


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """Whether every transaction sums to zero; `differences` by asset where one does not."""

    balanced: bool
    differences: Mapping[str, str]
    fills: int
    postings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose ledger it is; a file of another owner is refused."""

    mode: str
    exchange: str


class SqliteLedger:
    """One file, one writer. Reading programs open it beside a running bot."""

    def __init__(
        self, path: Path, owner: Owner, *, quote_currencies: tuple[str, ...], capital_max: Money
    ) -> None:
        """Open or make the file. Raises DamagedLedger, naming what is wrong and what to do."""
        self._path = path
        self._quotes = quote_currencies
        self._capital_max = capital_max
        try:
            self._db = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._migrate(owner)
            (sound,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError as error:
            raise DamagedLedger(f"{path}: cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            raise DamagedLedger(f"{path}: is damaged ({error}); restore a backup") from error
        if sound != "ok":
            raise DamagedLedger(f"{path}: is damaged ({sound}); restore a backup")

    def close(self) -> None:
        self._db.close()

    def open_books(self, balances: tuple[Balance, ...], at: datetime) -> None:
        """Book the first balances, once: own cash, and all else as foreign."""
        if not balances or self._db.execute("SELECT 1 FROM transactions LIMIT 1").fetchone():
            return
        with self._writing():
            opening = self._db.execute(
                "INSERT INTO transactions (kind, at, note) VALUES ('opening', ?, ?)",
                (instant(at), "balances at the first start"),
            ).lastrowid
            for balance in balances:
                for account, amount in self._split(balance):
                    self._post(opening, account, balance.currency, amount)
                self._post(opening, "opening", balance.currency, subtracted(ZERO, balance.total))

    def cash(self) -> Mapping[str, Decimal]:
        held = self._balances("wallet")
        return {currency: held.get(currency, ZERO) for currency in self._quotes}

    def foreign(self) -> Mapping[str, Decimal]:
        return {asset: amount for asset, amount in self._balances("foreign").items() if amount}

    def positions(self) -> Mapping[str, Position]:
        """Own lots by product. Lots come from fills, and no venue here fills yet."""
        return {}

    def intend(self, orders: tuple[Order, ...], at: datetime) -> None:
        """Write intents in one transaction; without intents nothing is written."""
        if not orders:
            return
        try:
            with self._writing():
                self._db.executemany(_INSERT, [_row(order, at) for order in orders])
        except sqlite3.IntegrityError as error:
            raise FatalError(
                "an intent with this order id exists already", code="DUPLICATE_INTENT"
            ) from error

    def settle(self, orders: tuple[Order, ...], at: datetime) -> None:
        """Write what became of intents; an impossible step raises and writes none of them."""
        if not orders:
            return
        with self._writing():
            for order in orders:
                self._move(order, at)

    def unsettled(self) -> tuple[Order, ...]:
        return self._orders("WHERE settled_at IS NULL ORDER BY cycle, rowid", ())

    def orders_of(self, cycle: int) -> tuple[Order, ...]:
        return self._orders("WHERE cycle = ? ORDER BY rowid", (cycle,))

    def orders(self) -> tuple[Order, ...]:
        """Every own order, oldest first."""
        return self._orders("ORDER BY cycle, rowid", ())

    def highest_cycle(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(cycle), 0) FROM orders").fetchone()[0])

    def sent_since(self, since: datetime) -> tuple[Sent, ...]:
        rows = self._db.execute(
            "SELECT symbol, side, intended_at FROM orders WHERE intended_at > ? AND status != ? "
            "ORDER BY intended_at, rowid",
            (instant(since), OrderStatus.REFUSED.value),
        )
        return tuple(Sent(symbol, Side(side), _time(at)) for symbol, side, at in rows)

    def check(self) -> LedgerCheck:
        """Whether the whole ledger balances: per transaction and asset the postings are zero."""
        sums: dict[tuple[int, str], Decimal] = {}
        count = 0
        for transaction, asset, amount in self._db.execute(
            "SELECT transaction_id, asset, amount FROM postings"
        ):
            count += 1
            key = (transaction, asset)
            sums[key] = added(sums.get(key, ZERO), Decimal(amount))
        off = {
            f"{asset} in {number}": plain(sums[number, asset])
            for number, asset in sorted(sums)
            if sums[number, asset] != ZERO
        }
        return LedgerCheck(not off, off, 0, count)

    def _split(self, balance: Balance) -> Iterator[tuple[str, Decimal]]:
        """Cash of our quote currencies up to the capital limit is ours; the rest is foreign."""
        if balance.currency not in self._quotes:
            yield "foreign", balance.total
            return
        own = balance.total
        if balance.currency == self._capital_max.currency:
            own = min(own, self._capital_max.amount)
        yield "wallet", own
        if own != balance.total:
            yield "foreign", subtracted(balance.total, own)

    def _post(self, transaction: int | None, account: str, asset: str, amount: Decimal) -> None:
        self._db.execute(
            "INSERT INTO postings (transaction_id, account, asset, amount) VALUES (?, ?, ?, ?)",
            (transaction, account, asset, plain(amount)),
        )

    def _balances(self, account: str) -> dict[str, Decimal]:
        totals: dict[str, Decimal] = {}
        rows = self._db.execute(
            "SELECT asset, amount FROM postings WHERE account = ? ORDER BY asset", (account,)
        )
        for asset, amount in rows:
            totals[asset] = added(totals.get(asset, ZERO), Decimal(amount))
        return totals

    def _move(self, order: Order, at: datetime) -> None:
        name = order.planned.client_order_id
        known = self._orders("WHERE client_order_id = ?", (name,))
        if not known:
            raise FatalError("no intent has this order id", code="UNKNOWN_ORDER", order=name)
        moved(known[0], order.status)
        final = instant(at) if order.status in FINAL else None
        self._db.execute(
            "UPDATE orders SET status = ?, exchange_order_id = ?, filled = ?, settled_at = ? "
            "WHERE client_order_id = ?",
            (order.status.value, order.exchange_order_id, plain(order.filled), final, name),
        )

    def _orders(self, where: str, values: tuple[Any, ...]) -> tuple[Order, ...]:
        rows = self._db.execute(f"SELECT {', '.join(_COLUMNS)} FROM orders {where}", values)
        return tuple(_order(dict(zip(_COLUMNS, row, strict=True))) for row in rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _migrate(self, owner: Owner) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise DamagedLedger(
                f"{self._path}: has schema {version}, newer than {len(MIGRATIONS)}; "
                "run the version that wrote it"
            )
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")
        stated = dict(self._db.execute("SELECT name, value FROM meta"))
        ours = {"mode": owner.mode, "exchange": owner.exchange}
        if not stated:
            with self._writing():
                self._db.executemany("INSERT INTO meta VALUES (?, ?)", sorted(ours.items()))
        elif stated != ours:
            raise DamagedLedger(
                f"{self._path}: belongs to {stated}, this run is {ours}; use --state-dir NEW"
            )


_COLUMNS = (
    "client_order_id",
    "exchange_order_id",
    "cycle",
    "symbol",
    "base",
    "quote",
    "side",
    "type",
    "time_in_force",
    "post_only",
    "end_time",
    "price",
    "quantity",
    "filled",
    "reason",
    "status",
    "intended_at",
)
_INSERT = f"INSERT INTO orders ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' for _ in _COLUMNS)})"


def _row(order: Order, at: datetime) -> tuple[Any, ...]:
    planned = order.planned
    return (
        planned.client_order_id,
        order.exchange_order_id,
        order.cycle,
        planned.symbol,
        planned.quantity.base,
        planned.price.quote,
        planned.side.value,
        planned.type.value,
        planned.time_in_force.value,
        int(planned.post_only),
        instant(planned.end_time) if planned.end_time is not None else None,
        plain(planned.price.amount),
        plain(planned.quantity.amount),
        plain(order.filled),
        planned.reason,
        order.status.value,
        instant(at),
    )


def _order(row: Mapping[str, Any]) -> Order:
    planned = PlannedOrder(
        client_order_id=row["client_order_id"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        type=OrderType(row["type"]),
        time_in_force=TimeInForce(row["time_in_force"]),
        post_only=bool(row["post_only"]),
        end_time=_time(row["end_time"]) if row["end_time"] is not None else None,
        price=Price(Decimal(row["price"]), row["quote"]),
        quantity=Quantity(Decimal(row["quantity"]), row["base"]),
        reason=row["reason"],
    )
    return Order(
        planned=planned,
        cycle=row["cycle"],
        status=OrderStatus(row["status"]),
        exchange_order_id=row["exchange_order_id"],
        filled=Decimal(row["filled"]),
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
