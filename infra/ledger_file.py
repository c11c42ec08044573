"""The ledger's file: made whole or not at all, opened only where it is sound and ours.

Exists so that `ledger.py` can speak of orders and money only. Every fault of SQLite
becomes one clear line in the family that says what to do next.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import FatalError, RetryableError
from core.reasons import Reason
from infra.disk import aside, sync_folder
from infra.ledger_schema import APPLICATION_ID, MIGRATIONS

MEMORY = Path(":memory:")  # books that end with the process: a backtest's
_BUSY_SECONDS = 2.0
_CACHE_KIB = 256  # open orders and their index; SQLite's own 2 MB fills slowly with old ones
_PRIMARY = 0xFF  # SQLite's extended codes carry the primary one in their low byte


class DamagedLedger(FatalError):
    """The file cannot be read as a ledger."""

    code = "DAMAGED_LEDGER"


class ForeignLedger(FatalError):
    """The ledger belongs to another mode, exchange, market or version."""

    code = "FOREIGN_LEDGER"


class LedgerNotOpened(FatalError):
    """The file may be sound, and cannot be used now: locked, no room, no permission."""

    code = "LEDGER_NOT_OPENED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose ledger it is. `market` is the market's identity; an empty one is not compared."""

    mode: str
    exchange: str
    market: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's errors in our families. What may pass by itself is retryable; damage is fatal."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code == sqlite3.SQLITE_FULL:
            raise RetryableError(f"{path}: {error}", code=Reason.DISK_FULL.name) from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            raise DamagedLedger(f"{path}: is damaged ({error}); restore a backup") from error
        raise RetryableError(f"{path}: {error}", code=Reason.STATE_NOT_WRITTEN.name) from error


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """The same at start, where nothing is tried again."""
    try:
        with told(path):
            yield
    except (RetryableError, OSError) as error:
        raise LedgerNotOpened(
            f"{path}: cannot be opened ({error}); free the disk, the lock or the permission, "
            "then start again"
        ) from error


def open_for_writing(path: Path, owner: Owner) -> sqlite3.Connection:
    """The one writer's connection; a file that is not there is made first.

    Raises DamagedLedger, ForeignLedger or LedgerNotOpened, each with what to do.
    """
    if path == MEMORY:
        db = _connect(path)
        _fill(db, owner)
        return db
    with opening(path):
        if not path.exists():
            _make(path, owner)
        db = _connect(path)
        try:
            _check_version(path, db)  # before anything that writes
            db.execute("PRAGMA journal_mode = WAL")
            _migrate(db)
            _check_owner(path, db, owner)
            _check_sound(path, db)
        except BaseException:
            db.close()
            raise
    return db


# Another program has the file, and may be writing it.
_HELD = ("SQLITE_BUSY", "SQLITE_LOCKED")


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, also beside a running bot."""
    if not path.exists():
        raise LedgerNotOpened(f"{path}: is not there; no bot has run here yet")
    with opening(path):
        try:
            return _reading(path, "mode=ro")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname.startswith(_HELD):
                raise
            # SQLite wants to lay files beside it, and a full or read-only disk takes none.
            log = path.with_name(path.name + "-wal")
            if log.exists() and log.stat().st_size:
                raise  # a part of what the ledger says lies in there
            return _reading(path, "mode=ro&immutable=1")


def _reading(path: Path, how: str) -> sqlite3.Connection:
    db = sqlite3.connect(
        f"{path.resolve().as_uri()}?{how}", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
    )
    try:
        _check_version(path, db)
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version < len(MIGRATIONS):
            raise ForeignLedger(
                f"{path}: has schema {version}, this version reads {len(MIGRATIONS)}; "
                "start the bot once, and it brings the file up to date"
            )
    except BaseException:
        db.close()
        raise
    return db


def _make(path: Path, owner: Owner) -> None:
    """Aside first: a file under the real name is complete, so an empty one is damage."""
    log = path.with_name(path.name + "-wal")
    if log.exists():  # SQLite would play it into a file that it does not belong to
        raise DamagedLedger(f"{path}: is gone and {log.name} is not; restore a backup of both")
    new = aside(path)
    for ending in ("", "-wal", "-shm"):
        new.with_name(new.name + ending).unlink(missing_ok=True)
    db = _connect(new)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        _fill(db, owner)
    finally:
        db.close()
    new.replace(path)
    sync_folder(path.parent)


def _fill(db: sqlite3.Connection, owner: Owner) -> None:
    _migrate(db)
    about = {
        "mode": owner.mode,
        "exchange": owner.exchange,
        "market": json.dumps(dict(owner.market), sort_keys=True),
    }
    db.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", sorted(about.items()))


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return db


def _migrate(db: sqlite3.Connection) -> None:
    """Each migration in one transaction with its number."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        db.executescript(
            f"BEGIN IMMEDIATE; {script} PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {number}; COMMIT;"
        )


def _check_version(path: Path, db: sqlite3.Connection) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise DamagedLedger(
            f"{path}: is empty or no ledger of this bot; restore a backup, "
            "or start anew with --state-dir NEW"
        )
    if version > len(MIGRATIONS):
        raise ForeignLedger(
            f"{path}: has schema {version} and this version knows {len(MIGRATIONS)}; "
            "run the version that wrote it"
        )


def _check_owner(path: Path, db: sqlite3.Connection, owner: Owner) -> None:
    stated = dict(db.execute("SELECT name, value FROM meta"))
    try:
        market = json.loads(stated.get("market", "{}")) if owner.market else {}
    except ValueError as error:
        raise unsound(path, f"its market is no JSON: {error}") from error
    theirs = (stated.get("mode"), stated.get("exchange"), market)
    ours = (owner.mode, owner.exchange, dict(owner.market))
    if theirs != ours:
        raise ForeignLedger(
            f"{path}: belongs to {_name(*theirs)} and this run is {_name(*ours)}; "
            "run what it belongs to, or start anew with --state-dir NEW"
        )


def _name(mode: str | None, exchange: str | None, market: Mapping[str, str]) -> str:
    identity = ", ".join(f"{name} {value}" for name, value in sorted(market.items()))
    return f"{mode} on {exchange}" + (f" ({identity})" if identity else "")


def _check_sound(path: Path, db: sqlite3.Connection) -> None:
    (sound,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise unsound(path, sound)


def unsound(path: Path, trouble: str) -> DamagedLedger:
    """SQLite tells of damage in several lines, and a person is told in one."""
    return DamagedLedger(f"{path}: is damaged ({' '.join(trouble.split())}); restore a backup")
