"""ccxt as judge, in an environment of its own, because it pins what we pin otherwise."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.sandbox.served import sandbox

PYTHON = os.environ.get("TRADER_CCXT_PYTHON")
JUDGE = Path(__file__).with_name("ccxt_judge.py")

pytestmark = pytest.mark.skipif(not PYTHON, reason="TRADER_CCXT_PYTHON names no Python with ccxt")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with sandbox(tmp_path_factory.mktemp("ccxt"), "--no-rate-limits") as running:
        done = subprocess.run(
            [str(PYTHON), str(JUDGE), json.dumps(dict(running.ready))],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_it_loads_the_markets(told: Any) -> None:
    assert {"BTC/USD", "ETH/USDC", "KNC/USD"} <= set(told["markets"])
    assert told["precision"] == {"amount": 1e-8, "price": 0.01}
    assert told["taker"] == 0.006
    assert {"USD", "USDC", "BTC"} <= set(told["currencies"])


def test_it_reads_the_balances_of_both_versions(told: Any) -> None:
    assert told["cash_v2"]["total"] == 10_000
    assert told["cash_v3"] == {"free": 10_000, "used": 0, "total": 10_000}


def test_it_reads_book_candles_and_trades(told: Any) -> None:
    bids, asks = told["book"]["bids"], told["book"]["asks"]

    assert (len(bids), len(asks), told["trades"]) == (5, 5, 5)
    assert bids[1][0] < bids[0][0] < told["last"] < asks[0][0] < asks[1][0]
    assert [row[0] for row in told["candles"]] == [
        told["now"] - (10 - bar) * 900_000 for bar in range(10)
    ]
    assert all(low <= close <= high for _, _, high, low, close, _ in told["candles"])


def test_its_limit_order_rests_is_edited_and_cancelled(told: Any) -> None:
    assert told["rested"] == ["open", 20_000, 0.001]
    assert told["opened"] is True
    assert told["held"] == pytest.approx(20.12)
    assert told["edited"] is True
    assert told["cancelled"] == [True, "canceled"]


def test_its_market_orders_fill_and_the_fills_are_in_base_units(told: Any) -> None:
    status, cost, filled = told["bought"]

    assert status == "closed"
    assert cost == pytest.approx(100 / 1.006, rel=1e-6)
    assert told["sold"] == ["closed", 0.0005]
    assert sorted(told["fills"]) == [["buy", pytest.approx(filled), "USD"], ["sell", 0.0005, "USD"]]
    assert told["closed"] == ["closed", "closed"]


def test_it_asks_for_many_at_once_and_for_what_was_paid_in(told: Any) -> None:
    assert sorted(told["tops"]) == ["BTC/USD", "ETH/USD"]
    assert all(bid < ask for bid, ask in told["tops"].values())
    assert told["tickers"] == len(told["markets"])
    assert told["of_a_time"] == 10
    assert told["fees"] == 0.004
    assert told["moved"] == [[], []]


def test_its_special_orders_are_all_or_nothing_and_stops_that_rest(told: Any) -> None:
    assert told["entire"] == ["canceled", "closed"]
    assert told["stop"] == ["open", 30_000, True]
    assert (told["listed"], told["cancelled_listed"]) == (True, True)


def test_it_understands_a_refusal(told: Any) -> None:
    assert told["refused"] == "InsufficientFunds"
