"""A copy of the ledger, taken beside a running bot and proved before it has its name."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from core.errors import FatalError
from infra.disk import aside, sync_folder
from infra.ledger_file import LedgerNotOpened, open_for_reading, opening
from infra.ledger_reader import LedgerCheck, LedgerReader


def backup(source: Path, target: Path) -> LedgerCheck:
    """Copy the ledger to a file that is not there yet, and say what a check of the copy found.

    SQLite's own backup: one moment of the file, whatever is written meanwhile. A copy that
    does not close, or was not finished, never has the name `target`.
    """
    if target.exists():
        raise FatalError(f"{target}: is there already; name a new file", code="BACKUP_REFUSED")
    if not target.parent.is_dir():
        raise FatalError(f"{target.parent}: is no folder; make it first", code="BACKUP_REFUSED")
    new = aside(target)
    try:
        with closing(open_for_reading(source)) as ledger, opening(new):
            new.unlink(missing_ok=True)
            with closing(sqlite3.connect(new, isolation_level=None)) as copy:
                ledger.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, easily carried away
        checked = _checked(new)
        new.replace(target)
        sync_folder(target.parent)
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            new.with_name(new.name + ending).unlink(missing_ok=True)
    return checked


def _checked(copy: Path) -> LedgerCheck:
    with closing(LedgerReader.open(copy)) as reader:
        checked = reader.check()
    if not checked.balanced:
        what, off = next(iter(checked.differences.items()))
        raise LedgerNotOpened(
            f"the copy does not close, and neither does the ledger ({what}: {off}); no backup "
            "was made, see `python -m runner.ledger check`"
        )
    return checked
