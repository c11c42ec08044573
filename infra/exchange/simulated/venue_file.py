"""The simulated venue's own file: its accounts, orders and fills, as on another machine.

Exists so that PAPER can lose its process and not its account. What the venue says it
did is on disk first. A file of another mode or market, of a newer version, or one that
is damaged is refused with what to do; nothing is ever read as empty. ":memory:" is the
same file for one process. It knows no rule of trading.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from core.errors import FatalError, RetryableError
from core.money import Money, plain
from core.reasons import Reason
from infra.disk import aside, sync_folder

MEMORY = ":memory:"

_APPLICATION_ID = 247_002
_VERSION = 1
_BUSY_SECONDS = 2.0
_PRIMARY = 0xFF  # SQLite's extended codes carry the primary one in their low byte
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)

_SCHEMA = """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE balances (currency TEXT PRIMARY KEY, total TEXT NOT NULL) STRICT;
    CREATE TABLE progress (symbol TEXT PRIMARY KEY, matched_through INTEGER NOT NULL) STRICT;
    CREATE TABLE orders (
        number            INTEGER PRIMARY KEY,
        exchange_order_id TEXT NOT NULL UNIQUE,
        client_order_id   TEXT UNIQUE,
        symbol            TEXT NOT NULL,
        side              TEXT NOT NULL,
        kind              TEXT NOT NULL,
        status            TEXT NOT NULL,
        works             INTEGER NOT NULL,
        created_at        INTEGER NOT NULL,  -- microseconds since 1970
        body              BLOB NOT NULL      -- the whole order
    ) STRICT;
    CREATE INDEX orders_working ON orders (number) WHERE works;
    CREATE INDEX orders_by_time ON orders (created_at);
    CREATE TABLE fills (
        number            INTEGER PRIMARY KEY,
        exchange_order_id TEXT NOT NULL REFERENCES orders (exchange_order_id),
        symbol            TEXT NOT NULL,
        at                INTEGER NOT NULL,
        notional          TEXT NOT NULL,
        body              BLOB NOT NULL
    ) STRICT;
    CREATE INDEX fills_by_time ON fills (at);
    CREATE INDEX fills_of_order ON fills (exchange_order_id);
"""


_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(E[+-]?[0-9]+)?")  # no NaN, and nothing infinite


class DamagedVenue(FatalError):
    """The file cannot be read as a simulated venue's."""

    code = "DAMAGED_VENUE"


class ForeignVenue(FatalError):
    """The file belongs to another mode, market or version."""

    code = "FOREIGN_VENUE"


class VenueNotOpened(FatalError):
    """The file may be sound, and cannot be used now: locked, no room, no permission."""

    code = "VENUE_NOT_OPENED"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueIdentity:
    """Whose account it is, on which market."""

    mode: str
    market: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        market = ", ".join(f"{name} {value}" for name, value in sorted(self.market.items()))
        return f"{self.mode} on {market or 'a market without a name'}"


def open_venue_file(
    path: Path | str, identity: VenueIdentity, starting: tuple[Money, ...]
) -> sqlite3.Connection:
    """The one writer's connection; a file that is not there is made, with `starting` in it.

    Raises DamagedVenue, ForeignVenue or VenueNotOpened, each with what to do.
    """
    if path == MEMORY:
        db = sqlite3.connect(MEMORY, isolation_level=None)
        _fill(db, identity, starting)
        return db
    place = Path(path)
    try:
        with told(place):
            if not place.exists():
                _make(place, identity, starting)
            return _opened(place, identity)
    except (RetryableError, OSError) as error:
        raise VenueNotOpened(
            f"{place}: cannot be opened ({error}); free the disk, the lock or the permission, "
            "then start again"
        ) from error


@contextmanager
def told(path: Path | str) -> Iterator[None]:
    """SQLite's errors in our families. What may pass by itself is retryable; damage is fatal."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise DamagedVenue(f"{path}: contradicts itself ({error}); restore a backup") from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code == sqlite3.SQLITE_FULL:
            raise RetryableError(f"{path}: {error}", code=Reason.DISK_FULL.name) from error
        if code in _DAMAGE:
            raise DamagedVenue(f"{path}: is damaged ({error}); restore a backup") from error
        raise RetryableError(f"{path}: {error}", code="VENUE_NOT_WRITTEN") from error


def _opened(path: Path, identity: VenueIdentity) -> sqlite3.Connection:
    db = _connect(path)
    try:
        _check_version(path, db)  # before anything that writes
        db.execute("PRAGMA journal_mode = WAL")
        _check_identity(path, db, identity)
        (sound,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if sound != "ok":
            told_of = " ".join(sound.split())  # in one line
            raise DamagedVenue(f"{path}: is damaged ({told_of}); restore a backup")
    except BaseException:
        db.close()
        raise
    return db


def _make(path: Path, identity: VenueIdentity, starting: tuple[Money, ...]) -> None:
    """Aside first: a file under the real name is complete, so an empty one is damage."""
    log = path.with_name(path.name + "-wal")
    if log.exists():  # SQLite would play it into a file that it does not belong to
        raise DamagedVenue(f"{path}: is gone and {log.name} is not; restore a backup of both")
    new = aside(path)
    for ending in ("", "-wal", "-shm"):
        new.with_name(new.name + ending).unlink(missing_ok=True)
    db = _connect(new)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        _fill(db, identity, starting)
    finally:
        db.close()
    new.replace(path)
    sync_folder(path.parent)


def _fill(db: sqlite3.Connection, identity: VenueIdentity, starting: tuple[Money, ...]) -> None:
    currencies = [money.currency for money in starting]
    if len(set(currencies)) < len(currencies):
        raise ValueError(f"a currency has two starting balances: {', '.join(currencies)}")
    db.executescript(
        f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {_APPLICATION_ID}; "
        f"PRAGMA user_version = {_VERSION}; COMMIT;"
    )
    about = {"mode": identity.mode, "market": _market(identity)}
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", sorted(about.items()))
    db.executemany(
        "INSERT INTO balances (currency, total) VALUES (?, ?)",
        [(money.currency, plain(money.amount)) for money in starting],
    )
    db.execute("COMMIT")


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA synchronous = FULL")
    return db


def _market(identity: VenueIdentity) -> str:
    return json.dumps(dict(identity.market), sort_keys=True)


def _check_version(path: Path, db: sqlite3.Connection) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION_ID:
        raise DamagedVenue(
            f"{path}: is empty or no file of the simulated venue; restore a backup, "
            "or start anew with --state-dir NEW"
        )
    if version > _VERSION:
        raise ForeignVenue(
            f"{path}: has schema {version} and this version knows {_VERSION}; "
            "run the version that wrote it"
        )


def _check_identity(path: Path, db: sqlite3.Connection, identity: VenueIdentity) -> None:
    stated = dict(db.execute("SELECT name, value FROM meta"))
    try:
        market = json.loads(stated.get("market", "{}"))
    except ValueError as error:
        told = f"{path}: is damaged (its market is no JSON: {error}); restore a backup"
        raise DamagedVenue(told) from error
    theirs = VenueIdentity(mode=stated.get("mode", "no mode"), market=market)
    if str(theirs) != str(identity):
        raise ForeignVenue(
            f"{path}: belongs to {theirs} and this run is {identity}; "
            "run what it belongs to, or start anew with --state-dir NEW"
        )


def balances_in(db: sqlite3.Connection, path: Path | str) -> dict[str, Decimal]:
    """What the account holds, by currency."""
    found = {}
    for currency, total in db.execute("SELECT currency, total FROM balances ORDER BY currency"):
        if not _NUMBER.fullmatch(total):
            raise DamagedVenue(f"{path}: holds {total!r} {currency}; restore a backup")
        found[currency] = Decimal(total)
    return found
