"""Money that was damaged, moved or locked: nothing is traded on it, and one line says why.

Each test breaks the ledger or the venue's file of a PAPER that has traded, and starts it
again as a person would. What `runner.ledger check` says of the same file is held beside it.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from runner import ledger
from runner.exit_codes import ExitCode
from tests.builders.terminal import Answer, asked, on_record, the_bot

CYCLES = 8  # the seventh buys
HOME = Path("var/paper/embedded")
PAPER = ("--mode", "PAPER", "--exchange", "embedded")


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State and logs of a PAPER that has bought something and stopped."""
    folder = tmp_path_factory.mktemp("traded")
    assert the_bot(folder, *PAPER, cycles=CYCLES).code == 0
    assert [fill["side"] for record in on_record(folder, "paper") for fill in record["fills"]]
    return folder


@pytest.fixture
def home(traded: Path, tmp_path: Path) -> Path:
    """A copy of it, to damage."""
    for name in ("var", "logs"):
        shutil.copytree(traded / name, tmp_path / name)
    return tmp_path


def money(home: Path, command: str) -> Answer:
    folders = ("--state-dir", home / "var", "--log-dir", home / "logs")
    return asked(ledger.main, command, *folders)


def refused(home: Path, file: str, *said: str) -> None:
    """The bot says one line with these words in it, ends with 6, and has done nothing."""
    answer = the_bot(home, *PAPER)

    assert answer.code == ExitCode.DAMAGED
    assert str(home / HOME / file) in answer.told
    assert [words for words in said if words not in answer.told] == []
    assert len(on_record(home, "paper")) == CYCLES


Damage = Callable[[Path], object]


def says(statement: str, file: str = "ledger.sqlite") -> Damage:
    """Somebody changes rows behind the bot's back."""

    def change(folder: Path) -> None:
        with closing(sqlite3.connect(folder / file)) as db, db:
            db.execute(statement)

    return change


def holds(content: bytes, file: str = "ledger.sqlite") -> Damage:
    return lambda folder: (folder / file).write_bytes(content)


def overwritten(file: str) -> Damage:
    def change(folder: Path) -> None:
        whole = bytearray((folder / file).read_bytes())
        whole[5_000:9_000] = b"\xa5" * 4_000
        (folder / file).write_bytes(whole)

    return change


DAMAGED: list[tuple[str, Damage, str]] = [
    ("overwritten", overwritten("ledger.sqlite"), "restore a backup"),
    ("emptied", holds(b""), "restore a backup"),
    ("text", holds(b"hello\n" * 1000), "restore a backup"),
    ("a table is gone", says("DROP TABLE fills"), "restore a backup"),
    ("nonsense in a fill", says("UPDATE fills SET side = 'UP'"), "restore a backup"),
    ("nonsense as market", says("UPDATE meta SET value = '{,' WHERE name = 'market'"), "backup"),
    ("newer", says("PRAGMA user_version = 99"), "run the version that wrote it"),
    ("of another mode", says("UPDATE meta SET value = 'LIVE' WHERE name = 'mode'"), "to LIVE on"),
    (
        "of another market",
        says("UPDATE meta SET value = replace(value, '7', '8') WHERE name = 'market'"),
        "seed 8",
    ),
]


@pytest.mark.parametrize(
    ("damage", "said"), [row[1:] for row in DAMAGED], ids=[row[0] for row in DAMAGED]
)
def test_a_ledger_that_is_damaged_or_not_ours_is_refused(
    home: Path, damage: Damage, said: str
) -> None:
    damage(home / HOME)

    refused(home, "ledger.sqlite", said)


OPEN: list[tuple[str, str]] = [
    ("UPDATE postings SET amount = '9' WHERE account = 'wallet:USD' AND transaction_id = 2", "USD"),
    ("UPDATE postings SET amount = 'NaN' WHERE transaction_id = 1", "USD"),
    ("UPDATE fills SET price = '1'", "its postings are not those of its numbers"),
    ("DELETE FROM fills", "its row is gone"),
    ("UPDATE orders SET filled = '1'", "its fills say"),
    ("UPDATE orders SET status = 'LOST'", "status 'LOST'"),
    ("DELETE FROM orders", "belongs to nothing in orders"),
]


@pytest.mark.parametrize(("statement", "said"), OPEN, ids=[said for _, said in OPEN])
def test_books_that_do_not_close_let_nothing_start_and_the_check_says_what_is_off(
    home: Path, statement: str, said: str
) -> None:
    says(statement)(home / HOME)

    refused(home, "ledger.sqlite", "BOOKS_OPEN", said)
    checked = money(home, "check")
    assert (checked.code, checked.err) == (ExitCode.FAILED, "")
    assert said in checked.out
    assert "do not close" in checked.out


@contextmanager
def held_by_another(home: Path, mode: str) -> Iterator[None]:
    """Another program has the ledger open, and does not let go."""
    path = home / HOME / "ledger.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"PRAGMA locking_mode = {mode}")
        other.execute("BEGIN EXCLUSIVE")
        yield


def test_a_ledger_that_another_program_holds_is_refused_at_the_start(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.ledger_file._BUSY_SECONDS", 0.0)
    with held_by_another(home, "EXCLUSIVE"):
        refused(home, "ledger.sqlite", "locked", "then start again")
        assert money(home, "check").code == ExitCode.DAMAGED

    assert the_bot(home, *PAPER).code == 0


def test_a_ledger_that_is_held_for_a_while_fails_cycles_and_sends_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.ledger_file._BUSY_SECONDS", 0.0)
    with held_by_another(home, "NORMAL"):
        assert the_bot(home, *PAPER, cycles=10).code == 0

    records = on_record(home, "paper")[CYCLES:]
    held = [r for r in records if r["outcome"] == "FAILED"]
    assert {r["why"]["code"] for r in held} == {"STATE_NOT_WRITTEN"}
    assert [r["orders"] for r in held] == [[]] * len(held)
    assert the_bot(home, *PAPER, cycles=2).code == 0
    assert "the books close" in money(home, "check").out


# The venue's own file, as on another machine


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "venue.sqlite").unlink(), "is gone, and ledger.sqlite stands on"),
        (overwritten("venue.sqlite"), "restore a backup"),
        (holds(b"", "venue.sqlite"), "restore a backup"),
        (says("DROP TABLE fills", "venue.sqlite"), "restore a backup"),
        (says("UPDATE meta SET value = '{,' WHERE name = 'market'", "venue.sqlite"), "backup"),
        (says("UPDATE balances SET total = 'NaN'", "venue.sqlite"), "'NaN'"),
        (says("UPDATE balances SET total = 'much'", "venue.sqlite"), "'much'"),
        (says("PRAGMA user_version = 99", "venue.sqlite"), "run the version that wrote it"),
    ],
    ids=[
        "gone",
        "overwritten",
        "emptied",
        "a table is gone",
        "nonsense as market",
        "NaN",
        "text",
        "newer",
    ],
)
def test_the_simulated_venue_is_never_made_anew_under_a_ledger_that_stands_on_it(
    home: Path, damage: Damage, said: str
) -> None:
    damage(home / HOME)

    refused(home, "venue.sqlite", said)
