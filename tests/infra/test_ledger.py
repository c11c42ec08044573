"""The ledger: what was intended is never lost and never doubled, and the books close."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import FatalError, RetryableError
from core.market import Balance, Side
from core.money import Money
from core.orders import Order, OrderStatus, TimeInForce, intended, moved
from core.rates import Rate, Rates
from core.state import Sent
from infra.crash_points import CrashPoint
from infra.ledger import BooksOpen, LedgerReader, Owner, SqliteLedger
from infra.ledger_file import DamagedLedger, ForeignLedger, LedgerNotOpened
from infra.ledger_schema import MIGRATIONS
from tests.builders.market import NOON
from tests.builders.risk import an_open_order
from tests.infra.test_disk import Died, dying_at

OWNER = Owner(mode="DRY_RUN", exchange="embedded", market={"seed": "7", "bar": "15m"})


RATES = Rates("USD", {"EUR": Rate(Decimal("1.25"), NOON)})


def a_ledger(folder: Path, owner: Owner = OWNER) -> SqliteLedger:
    return SqliteLedger(
        folder / "ledger.sqlite",
        owner,
        quote_currencies=("USD", "EUR"),
        capital_max=Money(Decimal(1000), "USD"),
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = a_ledger(tmp_path)
    yield opened
    opened.close()


def an_intent(name: str = "id-1", *, cycle: int = 97, symbol: str = "SOL-USD") -> Order:
    planned = replace(an_open_order(symbol).planned, client_order_id=name)
    return intended(planned, cycle)


def balances(**totals: str) -> tuple[Balance, ...]:
    return tuple(Balance(name, Decimal(total), Decimal(0)) for name, total in totals.items())


# --- opening balances ---------------------------------------------------------


LIMITS = [("999.99", "999.99", None), ("1000", "1000", None), ("1000.01", "1000", "0.01")]


@pytest.mark.parametrize(("total", "own", "rest"), LIMITS)
def test_cash_up_to_the_capital_limit_is_ours_and_what_is_above_is_foreign(
    ledger: SqliteLedger, total: str, own: str, rest: str | None
) -> None:
    ledger.open_books(balances(USD=total), RATES, NOON)

    assert ledger.cash() == {"USD": Decimal(own), "EUR": Decimal(0)}
    assert ledger.foreign() == ({} if rest is None else {"USD": Decimal(rest)})


@pytest.mark.parametrize(
    ("euros", "own", "rest"),
    [("159.99", "159.99", None), ("160", "160", None), ("170", "160", "10")],
)
def test_what_one_wallet_leaves_of_the_capital_limit_the_next_may_fill_at_its_rate(
    ledger: SqliteLedger, euros: str, own: str, rest: str | None
) -> None:
    ledger.open_books(balances(BTC="0.12345678", EUR=euros, USD="800"), RATES, NOON)

    assert ledger.cash() == {"USD": Decimal(800), "EUR": Decimal(own)}
    assert ledger.foreign() == {"BTC": Decimal("0.12345678")} | (
        {} if rest is None else {"EUR": Decimal(rest)}
    )
    assert ledger.positions() == {}


def test_a_wallet_that_nobody_can_value_is_foreign(ledger: SqliteLedger) -> None:
    ledger.open_books(balances(EUR="100", USD="800"), Rates("USD", {}), NOON)

    assert ledger.cash() == {"USD": Decimal(800), "EUR": Decimal(0)}
    assert ledger.foreign() == {"EUR": Decimal(100)}


def test_the_books_are_opened_once(ledger: SqliteLedger) -> None:
    ledger.open_books(balances(USD="500"), RATES, NOON)
    ledger.open_books(balances(USD="900"), RATES, NOON)

    assert ledger.cash()["USD"] == Decimal(500)


def test_an_account_that_did_not_answer_does_not_open_the_books(ledger: SqliteLedger) -> None:
    ledger.open_books((), RATES, NOON)
    assert not ledger.opened

    ledger.open_books(balances(USD="500"), RATES, NOON)
    assert ledger.cash()["USD"] == Decimal(500)


def test_the_opening_balances_close(ledger: SqliteLedger) -> None:
    ledger.open_books(balances(USD="1500", BTC="0.1", ETH="0"), RATES, NOON)

    checked = ledger.check()

    assert (checked.balanced, checked.differences, checked.fills) == (True, {}, 0)
    assert checked.postings == 5  # wallet, foreign, opening; foreign, opening; none for zero


def test_a_posting_that_is_off_by_the_last_digit_is_found(tmp_path: Path) -> None:
    a_ledger(tmp_path).open_books(balances(USD="500", BTC="0.00000002"), RATES, NOON)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("UPDATE postings SET amount = '0.00000001' WHERE account = 'foreign:BTC'")

    checked = LedgerReader.open(tmp_path / "ledger.sqlite").check()

    assert not checked.balanced
    assert checked.differences == {"BTC in transaction 1": "-0.00000001"}
    with pytest.raises(BooksOpen, match=r"BTC in transaction 1: -0\.00000001"):
        a_ledger(tmp_path)


# --- intents and what became of them ------------------------------------------


def test_an_intent_comes_back_to_the_last_digit_after_a_restart(tmp_path: Path) -> None:
    order = an_intent()
    planned = replace(
        order.planned,
        time_in_force=TimeInForce.GTD,
        end_time=NOON + timedelta(microseconds=1),
        post_only=True,
        price=replace(order.planned.price, amount=Decimal("1E-8")),
        quantity=replace(order.planned.quantity, amount=Decimal("123456789.123456789000")),
    )
    order = intended(planned, 97)
    first = a_ledger(tmp_path)
    first.intend((order,), NOON)
    first.close()

    (back,) = a_ledger(tmp_path).unsettled()

    assert back == order
    assert str(back.planned.quantity.amount) == "123456789.123456789000"


def test_an_order_id_is_never_used_twice_and_the_whole_plan_falls(ledger: SqliteLedger) -> None:
    ledger.intend((an_intent("id-1"),), NOON)

    with pytest.raises(FatalError) as caught:
        ledger.intend((an_intent("id-2"), an_intent("id-1")), NOON)

    assert caught.value.code == "DUPLICATE_INTENT"
    assert "id-1" in str(caught.value)
    assert [order.planned.client_order_id for order in ledger.orders()] == ["id-1"]


def test_only_an_intent_is_written_as_one(ledger: SqliteLedger) -> None:
    with pytest.raises(FatalError) as caught:
        ledger.intend((moved(an_intent(), OrderStatus.OPEN),), NOON)

    assert caught.value.code == "IMPOSSIBLE_ORDER_STEP"
    assert ledger.orders() == ()


STATUSES = [
    (OrderStatus.NOT_SENT, True),
    (OrderStatus.REFUSED, True),
    (OrderStatus.OPEN, False),
    (OrderStatus.UNKNOWN, False),
]


@pytest.mark.parametrize(("status", "final"), STATUSES, ids=[s.name for s, _ in STATUSES])
def test_an_order_is_unsettled_until_its_status_is_final(
    ledger: SqliteLedger, status: OrderStatus, final: bool
) -> None:
    order = an_intent()
    ledger.intend((order,), NOON)
    assert ledger.unsettled() == (order,)

    after = replace(moved(order, status), exchange_order_id="venue-1")
    ledger.settle((after,), NOON)

    assert ledger.orders_of(97) == (after,)
    assert ledger.unsettled() == (() if final else (after,))


def test_an_impossible_step_is_fatal_and_nothing_of_it_is_written(ledger: SqliteLedger) -> None:
    good, bad = an_intent("id-1"), an_intent("id-2")
    ledger.intend((good, bad), NOON)
    refused = moved(bad, OrderStatus.REFUSED)
    ledger.settle((refused,), NOON)

    with pytest.raises(FatalError) as caught:
        ledger.settle(
            (moved(good, OrderStatus.OPEN), replace(refused, status=OrderStatus.OPEN)), NOON
        )

    assert caught.value.code == "IMPOSSIBLE_ORDER_STEP"
    assert ledger.orders() == (good, refused)


def test_what_was_never_intended_cannot_be_settled(ledger: SqliteLedger) -> None:
    with pytest.raises(FatalError) as caught:
        ledger.settle((moved(an_intent("nobody"), OrderStatus.OPEN),), NOON)

    assert caught.value.code == "UNKNOWN_ORDER"


CONTRADICTIONS = [
    {"exchange_order_id": None},
    {"exchange_order_id": "venue-2"},
    {"cycle": 98},
    {"planned": an_intent(symbol="XRP-USD").planned},
]


@pytest.mark.parametrize("lost", CONTRADICTIONS, ids=range(len(CONTRADICTIONS)))
def test_what_is_known_of_an_order_is_never_lost(
    ledger: SqliteLedger, lost: dict[str, object]
) -> None:
    intent = an_intent()
    ledger.intend((intent,), NOON)
    known = replace(moved(intent, OrderStatus.OPEN), exchange_order_id="venue-1", told="wait")
    ledger.settle((known,), NOON)

    with pytest.raises(FatalError) as caught:
        ledger.settle((replace(known, **lost),), NOON)  # type: ignore[arg-type]

    assert caught.value.code == "ORDER_CONTRADICTED"
    assert ledger.orders() == (known,)


def test_what_was_told_stays_and_what_is_filled_is_not_settled_but_booked(
    ledger: SqliteLedger,
) -> None:
    intent = an_intent()
    ledger.intend((intent,), NOON)
    refused = replace(moved(intent, OrderStatus.REFUSED), told="too small")

    ledger.settle((refused,), NOON)
    ledger.settle((replace(refused, told="", filled=Decimal(7)),), NOON)

    assert ledger.orders() == (refused,)


def test_two_orders_of_ours_cannot_be_one_at_the_venue(ledger: SqliteLedger) -> None:
    one, two = an_intent("id-1"), an_intent("id-2")
    ledger.intend((one, two), NOON)
    opened = replace(moved(one, OrderStatus.OPEN), exchange_order_id="venue-1")
    ledger.settle((opened,), NOON)

    with pytest.raises(FatalError, match="the same one at the venue") as caught:
        ledger.settle((replace(moved(two, OrderStatus.OPEN), exchange_order_id="venue-1"),), NOON)

    assert caught.value.code == "ORDER_CONTRADICTED"
    assert ledger.orders() == (opened, two)
    assert ledger.order_of("venue-1") == opened
    assert ledger.order_of("venue-2") is None


def test_a_cycle_without_orders_writes_nothing(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    ledger.open_books(balances(USD="500"), RATES, NOON)
    settled = moved(an_intent(), OrderStatus.NOT_SENT)
    ledger.intend((an_intent(),), NOON)
    ledger.settle((settled,), NOON)
    log = tmp_path / "ledger.sqlite-wal"
    before = log.stat().st_size

    ledger.open_books(balances(USD="500"), RATES, NOON)
    ledger.intend((), NOON)
    ledger.settle((), NOON)
    ledger.settle((settled,), NOON + timedelta(minutes=15))

    assert log.stat().st_size == before


def test_the_highest_cycle_is_that_of_the_latest_order(ledger: SqliteLedger) -> None:
    assert ledger.highest_cycle() == 0

    ledger.intend((an_intent("id-1", cycle=5), an_intent("id-2", cycle=3)), NOON)

    assert ledger.highest_cycle() == 5


def test_pace_counts_every_order_but_those_that_came_to_nothing_and_only_later_ones(
    ledger: SqliteLedger,
) -> None:
    times = [NOON - timedelta(microseconds=1), NOON, NOON + timedelta(microseconds=1)]
    for number, at in enumerate(times):
        ledger.intend((an_intent(f"id-{number}"),), at)
    later = NOON + timedelta(seconds=1)
    refused = an_intent("refused", symbol="XRP-USD")
    unseen = an_intent("unseen", symbol="ADA-USD")
    ledger.intend((refused, unseen, an_intent("id-3", symbol="ETH-USD")), later)
    ledger.settle((moved(refused, OrderStatus.REFUSED),), later)
    ledger.settle((moved(unseen, OrderStatus.NEVER_REACHED),), later)

    assert ledger.sent_since(NOON) == (
        Sent("SOL-USD", Side.BUY, times[2]),
        Sent("ETH-USD", Side.BUY, later),
    )


# --- crashes and damage -------------------------------------------------------


def test_a_crash_before_the_commit_leaves_no_intent_and_one_after_it_all(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    with dying_at(CrashPoint.LEDGER_WRITTEN, Died()), pytest.raises(Died):
        ledger.intend((an_intent("id-1"),), NOON)
    with dying_at(CrashPoint.LEDGER_COMMITTED, Died()), pytest.raises(Died):
        ledger.intend((an_intent("id-2"), an_intent("id-3")), NOON)
    ledger.close()

    names = [order.planned.client_order_id for order in a_ledger(tmp_path).unsettled()]
    assert names == ["id-2", "id-3"]


def test_a_crash_while_the_file_is_made_leaves_none(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite.tmp").write_bytes(b"half a file")

    ledger = a_ledger(tmp_path)
    ledger.close()

    assert [path.name for path in tmp_path.iterdir()] == ["ledger.sqlite"]


def test_a_killed_process_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    """The file and its log as a dead process leaves them: never closed."""
    ledger = a_ledger(tmp_path)
    ledger.intend((an_intent(),), NOON)
    after = tmp_path / "after"
    after.mkdir()
    for path in tmp_path.glob("ledger.sqlite*"):
        (after / path.name).write_bytes(path.read_bytes())

    assert a_ledger(after).unsettled() == (an_intent(),)


def damaged(folder: Path, data: bytes) -> Path:
    path = folder / "ledger.sqlite"
    path.write_bytes(data)
    return path


def test_an_empty_file_is_damage_and_no_new_ledger(tmp_path: Path) -> None:
    path = damaged(tmp_path, b"")

    with pytest.raises(DamagedLedger, match="is empty or no ledger of this bot"):
        a_ledger(tmp_path)
    assert path.read_bytes() == b""


def test_a_ledger_that_is_gone_while_its_log_is_not_is_never_made_anew(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    ledger.intend((an_intent(),), NOON)
    (tmp_path / "ledger.sqlite").unlink()

    with pytest.raises(DamagedLedger, match="restore a backup of both"):
        a_ledger(tmp_path)


def test_text_in_place_of_the_ledger_is_damage(tmp_path: Path) -> None:
    damaged(tmp_path, b"dear diary, " * 1000)

    with pytest.raises(DamagedLedger) as caught:
        a_ledger(tmp_path)
    assert str(tmp_path / "ledger.sqlite") in str(caught.value)
    assert "restore a backup" in str(caught.value)


def test_another_programs_database_is_not_ours(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")

    with pytest.raises(DamagedLedger, match="no ledger of this bot"):
        a_ledger(tmp_path)


def test_a_page_overwritten_is_found_at_the_start(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    ledger.intend(tuple(an_intent(f"id-{number}") for number in range(200)), NOON)
    ledger.close()
    data = bytearray((tmp_path / "ledger.sqlite").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8192] = b"\xaa" * 8192
    damaged(tmp_path, bytes(data))

    with pytest.raises(DamagedLedger, match="is damaged"):
        a_ledger(tmp_path)


FOREIGN = [
    (replace(OWNER, mode="PAPER"), "PAPER on embedded"),
    (replace(OWNER, exchange="recorded"), "DRY_RUN on recorded"),
    (replace(OWNER, market={"seed": "8", "bar": "15m"}), "seed 8"),
]


@pytest.mark.parametrize(("other", "named"), FOREIGN, ids=[named for _, named in FOREIGN])
def test_the_ledger_of_another_run_is_refused_and_both_are_named(
    tmp_path: Path, other: Owner, named: str
) -> None:
    a_ledger(tmp_path).close()

    with pytest.raises(ForeignLedger) as caught:
        a_ledger(tmp_path, other)

    assert named in str(caught.value)
    assert "belongs to DRY_RUN on embedded (bar 15m, seed 7)" in str(caught.value)
    assert "--state-dir NEW" in str(caught.value)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    a_ledger(tmp_path).close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")

    with pytest.raises(ForeignLedger, match=f"has schema {len(MIGRATIONS) + 1}"):
        a_ledger(tmp_path)


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, where a folder should be")

    with pytest.raises(LedgerNotOpened, match="start again"):
        a_ledger(tmp_path / "state")


def test_a_locked_ledger_is_a_reason_to_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.ledger_file._BUSY_SECONDS", 0.0)
    ledger = a_ledger(tmp_path)
    with sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RetryableError, match="locked") as caught:
            ledger.intend((an_intent(),), NOON)
        other.execute("ROLLBACK")

    assert caught.value.code == "STATE_NOT_WRITTEN"
    ledger.intend((an_intent(),), NOON)
    assert ledger.unsettled() == (an_intent(),)


def test_a_full_disk_is_told_by_its_own_code_and_undoes_the_whole_plan(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count = {pages}")
    many = tuple(an_intent(f"id-{number}") for number in range(500))

    with pytest.raises(RetryableError) as caught:
        ledger.intend(many, NOON)

    assert caught.value.code == "DISK_FULL"
    assert ledger.orders() == ()
    ledger._db.execute("PRAGMA max_page_count = 1000000")
    ledger.intend(many, NOON)
    assert len(ledger.orders()) == 500


# --- reading beside a running bot ---------------------------------------------


def test_a_reading_program_sees_what_a_running_bot_wrote_and_cannot_write(tmp_path: Path) -> None:
    bot = a_ledger(tmp_path)
    bot.open_books(balances(USD="500"), RATES, NOON)
    reader = LedgerReader.open(tmp_path / "ledger.sqlite")

    bot.intend((an_intent(),), NOON)

    assert reader.unsettled() == (an_intent(),)
    assert reader.cash() == {"USD": Decimal(500)}
    assert reader.check().balanced
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._db.execute("DELETE FROM orders")


def test_a_ledger_is_read_where_no_file_can_be_laid_beside_it(tmp_path: Path) -> None:
    bot = a_ledger(tmp_path)
    bot.open_books(balances(USD="500"), RATES, NOON)
    bot.close()
    (tmp_path / "ledger.sqlite-shm").mkdir()  # as on a disk that takes nothing any more

    reader = LedgerReader.open(tmp_path / "ledger.sqlite")

    assert reader.cash() == {"USD": Decimal(500)}
    assert reader.check().balanced


def test_what_a_dead_bot_left_beside_its_ledger_is_not_passed_over(tmp_path: Path) -> None:
    bot = a_ledger(tmp_path)
    bot.open_books(balances(USD="500"), RATES, NOON)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("ledger.sqlite", "ledger.sqlite-wal"):
        (copy / name).write_bytes((tmp_path / name).read_bytes())
    (copy / "ledger.sqlite-shm").mkdir()

    assert LedgerReader.open(copy / "ledger.sqlite").cash() == {"USD": Decimal(500)}


def test_reading_makes_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerNotOpened, match="is not there"):
        LedgerReader.open(tmp_path / "ledger.sqlite")
    assert list(tmp_path.iterdir()) == []
