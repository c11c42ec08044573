"""runner.ledger: the books for people and for machines, also of a running bot."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.market import Side
from core.orders import OrderStatus, moved
from infra.instance_lock import InstanceLock
from infra.ledger import Owner, SqliteLedger
from runner import ledger as program
from runner.exit_codes import ExitCode, Refusal
from tests.builders.books import Trader, a_ledger, an_order, balances
from tests.builders.market import NOON
from tests.infra.test_ledger import RATES

OWNER = Owner(mode="PAPER", exchange="embedded")
PAPER = ("--mode", "PAPER", "--exchange", "embedded")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A PAPER bot that bought, sold a part and has an order open."""
    place = tmp_path / "var" / "paper" / "embedded"
    place.mkdir(parents=True)
    state = {"state": {"at": "2025-03-02T12:30:00Z"}}
    (place / "state.json").write_text(json.dumps(state))
    with closing(a_ledger(place, OWNER)) as ledger:
        ledger.open_books(balances(USD="1500"), RATES, NOON)
        trader = Trader(ledger)
        trader.buys("SOL-USD", "2", "100", "1 USD")
        trader.sells("SOL-USD", "1", "120", "1.2 USD")
        done = [moved(order, OrderStatus.CANCELLED) for order in ledger.unsettled()]
        ledger.settle(tuple(done), NOON)
        _rests(ledger)
    return tmp_path


def _rests(ledger: SqliteLedger) -> None:
    order = an_order("resting", Side.BUY, "SOL-USD", quantity="3", price="90")
    ledger.intend((order,), NOON)
    ledger.settle((replace(moved(order, OrderStatus.OPEN), exchange_order_id="x"),), NOON)


def called(folder: Path, *words: str) -> int:
    places = ("--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs"))
    return program.main([*words, *places])


def told(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert called(folder, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def a_record(folder: Path, currency: str, quantity: str, value: str) -> None:
    """The last cycle on record, as far as the ledger's program reads it."""
    logs = folder / "logs" / "paper"
    logs.mkdir(parents=True)
    held = {"SOL-USD": {"quantity": quantity, "value": value}}
    at = "2025-03-02T12:30:00Z"
    record = {
        "hash": "",
        "cycle": 1,
        "at": at,
        "portfolio": {"currency": currency, "positions": held},
    }
    (logs / "audit.jsonl").write_text(json.dumps(record) + "\n")


def test_balances_are_what_the_venue_must_hold(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(folder, capsys, "balances") == {
        "SOL": {"total": "1", "held": "0", "foreign": "0"},
        "USD": {"total": "1417.8", "held": "270", "foreign": "500"},
    }


MARKS = [
    ("USD", "1", "119.28", "18.78"),
    ("USD", "2", "238.56", "18.78"),  # a part was sold since: at the mark of a unit
    ("EUR", "1", "100", None),
]


@pytest.mark.parametrize(("currency", "quantity", "value", "unrealised"), MARKS)
def test_a_position_is_valued_by_the_last_cycle_on_record(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    currency: str,
    quantity: str,
    value: str,
    unrealised: str | None,
) -> None:
    a_record(folder, currency, quantity, value)

    assert told(folder, capsys, "positions") == {
        "SOL-USD": {
            "quantity": "1",
            "cost": "100.5",
            "average_price": "100.5",
            "unrealised": unrealised,
            "realised": "18.3",
            "fees": "2.2",
        }
    }


def test_without_a_record_nothing_values_a_position(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(folder, capsys, "positions")["SOL-USD"]["unrealised"] is None


def test_trades_and_orders_are_those_of_the_audit_record(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = told(folder, capsys, "trades")
    assert first == {
        "fill_id": "fill-1",
        "client_order_id": "order-1",
        "symbol": "SOL-USD",
        "side": "BUY",
        "price": "100",
        "quantity": "2",
        "fee": "1",
        "fee_currency": "USD",
        "at": "2025-03-02T12:01:00Z",
    }
    assert second["side"] == "SELL"
    orders = told(folder, capsys, "orders")
    assert [(order["client_order_id"], order["filled"]) for order in orders] == [
        ("order-1", "2"),
        ("order-2", "1"),
        ("resting", "0"),
    ]


def test_in_a_pipe_a_table_is_plain_columns(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(folder, "balances") == 0
    assert capsys.readouterr().out.splitlines() == [
        "currency  total   held  foreign",
        "SOL       1       0     0",
        "USD       1417.8  270   500",
    ]


def test_books_that_close_are_said_to_and_others_end_with_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(folder, capsys, "check") == {
        "balanced": True,
        "differences": {},
        "fills": 2,
        "postings": 13,
    }
    with sqlite3.connect(folder / "var" / "paper" / "embedded" / "ledger.sqlite") as db:
        db.execute("UPDATE postings SET amount = '7' WHERE transaction_id = 1")

    assert called(folder, "check") == ExitCode.FAILED
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "the books do not close: 2 fills, 13 postings"
    assert said[1].startswith("USD in transaction 1: ")


def test_a_copy_is_made_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = folder / "copy.sqlite"
    assert told(folder, capsys, "backup", str(target))["balanced"] is True
    assert target.exists()

    with pytest.raises(Refusal, match="is there already") as caught:
        called(folder, "backup", str(target))
    assert caught.value.code == ExitCode.USAGE


def test_what_the_operator_confirms_is_booked_as_a_flow_at_the_market_time(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(folder, capsys, "adopt", "SOL", "-0.25", "sent to my wallet", *PAPER) == {
        "adopted": {"SOL": "-0.25"},
        "why": "sent to my wallet",
        "total": "0.75",
    }
    (position,) = told(folder, capsys, "positions").values()
    assert (position["quantity"], position["realised"]) == ("0.75", "18.3")
    with closing(a_ledger(folder / "var" / "paper" / "embedded", OWNER)) as ledger:
        assert ledger._rows("SELECT at, note FROM transactions WHERE kind = 'flow'") == [
            ("2025-03-02T12:30:00.000000Z", "sent to my wallet")
        ]


NOT_ADOPTED = [
    (("USD", "5", "why"), "name --mode and --exchange"),
    (("USD", "five", "why", *PAPER), "'five' is no amount"),
    (("USD", "0", "why", *PAPER), "'0' is no amount"),
    (("USD", "NaN", "why", *PAPER), "'NaN' is no amount"),
    (("usd", "5", "why", *PAPER), "a currency in capitals"),
    (("USD", "5", " ", *PAPER), "a currency in capitals"),
    (("SOL", "-1.01", "why", *PAPER), "the books hold 1"),
    (("USD", "5", "why", "--mode", "LIVE", "--exchange", "embedded"), "is not there"),
]


@pytest.mark.parametrize(("words", "complaint"), NOT_ADOPTED, ids=[why for _, why in NOT_ADOPTED])
def test_a_flow_that_is_not_clear_is_refused(
    folder: Path, words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = told(folder, capsys, "balances")

    with pytest.raises(Refusal, match=complaint) as caught:
        called(folder, "adopt", *words)

    assert caught.value.code == ExitCode.USAGE
    assert told(folder, capsys, "balances") == before


def test_nothing_is_adopted_while_a_bot_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = InstanceLock.take(folder / "var", "PAPER", "a test")

    with pytest.raises(Refusal, match="another bot runs") as caught:
        called(folder, "adopt", "USD", "5", "why", *PAPER)

    assert caught.value.code == ExitCode.LOCKED
    lock.release()
    assert called(folder, "adopt", "USD", "5", "why", *PAPER) == 0


@pytest.mark.parametrize("words", [("backup",), ("adopt", "USD"), ("check", "it"), ("audit",)])
def test_a_command_that_is_not_whole_is_told_in_one_line(
    folder: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        called(folder, *words)

    assert caught.value.code == ExitCode.USAGE
    assert capsys.readouterr().err.count("\n") == 1
