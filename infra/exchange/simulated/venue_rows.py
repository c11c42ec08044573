"""Reading and writing the rows of the venue's file: one transaction for each change.

Amounts are text, for SQLite's own numbers round; times are whole microseconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec

from core.market import Side
from core.money import plain
from core.orders import OrderStatus
from infra.crash_points import CrashPoint, reached
from infra.exchange.simulated.entry import Deal, Entry
from infra.exchange.simulated.request import Kind
from infra.exchange.simulated.venue_file import DamagedVenue, balances_in, told

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PUT_ORDER = """
    INSERT INTO orders (number, exchange_order_id, client_order_id, symbol, side, kind, status,
                        works, created_at, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (number) DO UPDATE SET status = excluded.status, works = excluded.works,
                                       body = excluded.body
"""
_PUT_FILL = """
    INSERT INTO fills (number, exchange_order_id, symbol, at, notional, body)
    VALUES (?, ?, ?, ?, ?, ?)
"""
_PUT_BALANCE = "INSERT OR REPLACE INTO balances (currency, total) VALUES (?, ?)"
_PUT_PROGRESS = "INSERT OR REPLACE INTO progress (symbol, matched_through) VALUES (?, ?)"
_ENCODER = msgspec.msgpack.Encoder()
_ENTRY = msgspec.msgpack.Decoder(Entry)
_DEAL = msgspec.msgpack.Decoder(Deal)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderQuery:
    """Which orders are asked for; what is not named does not restrict. Newest first."""

    exchange_order_ids: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    statuses: tuple[OrderStatus, ...] = ()
    kinds: tuple[Kind, ...] = ()
    side: Side | None = None
    since: datetime | None = None  # created then or later
    until: datetime | None = None  # created before
    limit: int = 1000
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillQuery:
    """Which fills are asked for. Newest first."""

    exchange_order_ids: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Some orders, and where the next ones begin; an empty cursor: these are the last."""

    orders: tuple[Entry, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class FillPage:
    """The same for fills."""

    fills: tuple[Deal, ...]
    cursor: str


@dataclass(slots=True)
class Changes:
    """What one request changed, written together or not at all."""

    orders: dict[int, Entry] = field(default_factory=dict)
    fills: list[Deal] = field(default_factory=list)
    balances: dict[str, Decimal] = field(default_factory=dict)
    progress: dict[str, datetime] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.orders or self.fills or self.balances)


class VenueRows:
    """The rows of one open file."""

    def __init__(self, db: sqlite3.Connection, path: Path | str) -> None:
        self._db = db
        self._path = path
        self._asked: tuple[int, int] | None = None  # since when, and after how many writes
        self._told: tuple[Deal, ...] = ()

    def close(self) -> None:
        self._db.close()

    def write(self, changes: Changes) -> None:
        """Durable when it returns; on an error nothing is written."""
        with told(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(_PUT_ORDER, map(_order_row, changes.orders.values()))
                self._db.executemany(_PUT_FILL, map(_fill_row, changes.fills))
                self._db.executemany(
                    _PUT_BALANCE,
                    [(currency, plain(total)) for currency, total in changes.balances.items()],
                )
                self._db.executemany(
                    _PUT_PROGRESS, [(name, _stamp(at)) for name, at in changes.progress.items()]
                )
                reached(CrashPoint.VENUE_WRITTEN)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        reached(CrashPoint.VENUE_COMMITTED)

    def balances(self) -> dict[str, Decimal]:
        with told(self._path):
            return balances_in(self._db, self._path)

    def progress(self) -> dict[str, datetime]:
        """Up to when closed bars have done their work, by symbol."""
        with told(self._path):
            rows = self._db.execute("SELECT symbol, matched_through FROM progress")
            return {symbol: _time(stamp) for symbol, stamp in rows}

    def working(self) -> list[Entry]:
        """Every order that works, oldest first."""
        return self._entries("SELECT body FROM orders WHERE works ORDER BY number", ())

    def entry(self, exchange_order_id: str) -> Entry | None:
        found = self._entries(
            "SELECT body FROM orders WHERE exchange_order_id = ?", (exchange_order_id,)
        )
        return found[0] if found else None

    def entry_named(self, client_order_id: str) -> Entry | None:
        found = self._entries(
            "SELECT body FROM orders WHERE client_order_id = ?", (client_order_id,)
        )
        return found[0] if found else None

    def last_numbers(self) -> tuple[int, int]:
        """Of the newest order and the newest fill; 0 where there is none."""
        with told(self._path):
            (order,) = self._db.execute("SELECT max(number) FROM orders").fetchone()
            (fill,) = self._db.execute("SELECT max(number) FROM fills").fetchone()
        return order or 0, fill or 0

    def last_fill_at(self) -> datetime | None:
        with told(self._path):
            (stamp,) = self._db.execute("SELECT max(at) FROM fills").fetchone()
        return None if stamp is None else _time(stamp)

    def fills_since(self, since: datetime) -> tuple[Deal, ...]:
        """Oldest first; as they were read after the last write, for every cycle asks again."""
        asked = (_stamp(since), self._db.total_changes)
        if asked != self._asked:
            query = "SELECT body FROM fills WHERE at >= ? ORDER BY number"
            told = self._deals(query, asked[:1])
            if self._db.in_transaction:  # it may yet be undone
                return told
            self._asked, self._told = asked, told
        return self._told

    def volumes_since(self, since: datetime) -> Iterable[tuple[datetime, Decimal]]:
        """Time and notional of every fill."""
        with told(self._path):
            rows = self._db.execute(
                "SELECT at, notional FROM fills WHERE at >= ?", (_stamp(since),)
            )
            return [(_time(stamp), Decimal(notional)) for stamp, notional in rows]

    def orders(self, query: OrderQuery) -> OrderPage:
        """One page of orders, newest first."""
        where = _Where()
        where.among("exchange_order_id", query.exchange_order_ids)
        where.among("symbol", query.symbols)
        where.among("status", tuple(status.value for status in query.statuses))
        where.among("kind", tuple(kind.value for kind in query.kinds))
        where.among("side", () if query.side is None else (query.side.value,))
        where.between("created_at", query.since, query.until)
        where.before(query.cursor)
        sql = f"SELECT body FROM orders {where.sql} ORDER BY number DESC LIMIT ?"
        found = self._entries(sql, (*where.values, query.limit + 1))
        page = tuple(found[: query.limit])
        return OrderPage(page, str(page[-1].number) if len(found) > len(page) > 0 else "")

    def fills(self, query: FillQuery) -> FillPage:
        """One page of fills, newest first."""
        where = _Where()
        where.among("exchange_order_id", query.exchange_order_ids)
        where.among("symbol", query.symbols)
        where.between("at", query.since, query.until)
        where.before(query.cursor)
        sql = f"SELECT body FROM fills {where.sql} ORDER BY number DESC LIMIT ?"
        found = self._deals(sql, (*where.values, query.limit + 1))
        page = found[: query.limit]
        return FillPage(page, str(page[-1].number) if len(found) > len(page) > 0 else "")

    def _entries(self, sql: str, values: tuple[object, ...]) -> list[Entry]:
        with told(self._path):
            rows = self._db.execute(sql, values).fetchall()
        try:
            return [_ENTRY.decode(body) for (body,) in rows]
        except msgspec.MsgspecError as error:
            raise DamagedVenue(f"{self._path}: holds no order ({error})") from error

    def _deals(self, sql: str, values: tuple[object, ...]) -> tuple[Deal, ...]:
        with told(self._path):
            rows = self._db.execute(sql, values).fetchall()
        try:
            return tuple(_DEAL.decode(body) for (body,) in rows)
        except msgspec.MsgspecError as error:
            raise DamagedVenue(f"{self._path}: holds no fill ({error})") from error


class _Where:
    """Conditions of a query, joined by AND."""

    def __init__(self) -> None:
        self._terms: list[str] = []
        self.values: list[object] = []

    @property
    def sql(self) -> str:
        return f"WHERE {' AND '.join(self._terms)}" if self._terms else ""

    def among(self, column: str, values: tuple[str, ...]) -> None:
        if values:
            self._terms.append(f"{column} IN ({', '.join('?' * len(values))})")
            self.values.extend(values)

    def between(self, column: str, since: datetime | None, until: datetime | None) -> None:
        if since is not None:
            self._terms.append(f"{column} >= ?")
            self.values.append(_stamp(since))
        if until is not None:
            self._terms.append(f"{column} < ?")
            self.values.append(_stamp(until))

    def before(self, cursor: str) -> None:
        """Cursors are numbers; anything else begins nowhere."""
        if cursor:
            self._terms.append("number < ?")
            self.values.append(int(cursor) if cursor.isdecimal() else 0)


def _order_row(entry: Entry) -> tuple[object, ...]:
    request = entry.request
    return (
        entry.number,
        entry.exchange_order_id,
        request.client_order_id,
        request.symbol,
        request.side.value,
        request.kind.value,
        entry.status.value,
        int(entry.works),
        _stamp(entry.created_at),
        _ENCODER.encode(entry),
    )


def _fill_row(deal: Deal) -> tuple[object, ...]:
    return (
        deal.number,
        deal.exchange_order_id,
        deal.symbol,
        _stamp(deal.at),
        plain(deal.notional),
        _ENCODER.encode(deal),
    )


def _stamp(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _time(stamp: int) -> datetime:
    return _EPOCH + stamp * _MICROSECOND
