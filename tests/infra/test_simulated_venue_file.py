"""The simulated venue's file: it outlives its process and refuses what is not its own."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import BotError, RetryableError
from core.market import Side
from core.money import Money
from core.orders import OrderStatus
from infra.exchange.simulated.entry import Entry
from infra.exchange.simulated.request import Kind
from infra.exchange.simulated.venue_file import (
    DamagedVenue,
    ForeignVenue,
    VenueIdentity,
    VenueNotOpened,
)
from tests.builders.market import NOON
from tests.builders.venue import HandMarket, a_request, an_exchange, rules


def made(folder: Path) -> Path:
    path = folder / "venue.sqlite"
    an_exchange(HandMarket(), path=path).close()
    return path


def test_starting_balances_are_booked_once(tmp_path: Path) -> None:
    path = made(tmp_path)
    more = (Money(Decimal(1), "USD"), Money(Decimal(7), "EUR"))

    exchange = an_exchange(HandMarket(), path=path, starting=more)

    totals = {row.currency: row.total for row in exchange.balances()}
    assert totals == {"SOL": Decimal(50), "USD": Decimal(10_000)}


def test_a_partly_filled_bar_is_not_taken_again_after_a_restart(tmp_path: Path) -> None:
    market = HandMarket()
    path = tmp_path / "venue.sqlite"
    exchange = an_exchange(market, path=path, matching=rules(share="0.1"))
    entry = exchange.create(a_request(quantity="20"))
    assert isinstance(entry, Entry)
    market.close_bar(100, 100, 98, 100, volume=50)
    before = exchange.order(entry.exchange_order_id)
    exchange.close()

    again = an_exchange(market, path=path, matching=rules(share="0.1"))

    assert before is not None
    assert before.filled == 5
    assert again.order(entry.exchange_order_id) == before
    assert again.balances() == again.balances()


def test_a_stop_that_was_set_off_meets_no_bar_from_before_that_after_a_restart(
    tmp_path: Path,
) -> None:
    market, path = HandMarket(), tmp_path / "venue.sqlite"
    exchange = an_exchange(market, path=path)
    stop = exchange.create(a_request(Side.SELL, kind=Kind.STOP_LIMIT, stop="95", price="94"))
    assert isinstance(stop, Entry)
    market.close_bar(100, 101, 99, 100)
    market.close_bar(93, 93.5, 90, 93)
    assert exchange.order(stop.exchange_order_id) is not None
    exchange.close()

    again = an_exchange(market, path=path)

    after = again.order(stop.exchange_order_id)
    assert after is not None
    assert (after.triggered, after.status) == (True, OrderStatus.OPEN)


def test_an_order_that_was_edited_meets_no_bar_from_before_that_after_a_restart(
    tmp_path: Path,
) -> None:
    market, path = HandMarket(), tmp_path / "venue.sqlite"
    exchange = an_exchange(market, path=path)
    entry = exchange.create(a_request(price="90"))
    assert isinstance(entry, Entry)
    market.close_bar(100, 101, 95, 100)
    exchange.edit(entry.exchange_order_id, price=Decimal(97), quantity=Decimal(1))
    exchange.close()

    after = an_exchange(market, path=path).order(entry.exchange_order_id)

    assert after is not None
    assert after.status is OrderStatus.OPEN


def test_a_restart_does_not_refill_the_book(tmp_path: Path) -> None:
    market, path = HandMarket(), tmp_path / "venue.sqlite"
    market.book("99.98", "100.02", each="3")
    first = an_exchange(market, path=path)
    first.create(a_request(price="101", quantity="3"))
    first.close()

    entry = an_exchange(market, path=path).create(a_request(price="101", quantity="1"))

    assert isinstance(entry, Entry)
    assert entry.filled == 0


def test_bars_that_closed_while_it_was_away_are_made_up_for(tmp_path: Path) -> None:
    market, path = HandMarket(), tmp_path / "venue.sqlite"
    exchange = an_exchange(market, path=path)
    entry = exchange.create(a_request(Side.SELL, price="101"))
    assert isinstance(entry, Entry)
    exchange.close()
    reached = market.close_bar(100, 102, 99, 100)
    market.close_bar(100, 100, 99, 99)

    after = an_exchange(market, path=path).order(entry.exchange_order_id)

    assert after is not None
    assert (after.status, after.last_fill_at) == (OrderStatus.FILLED, reached)


@pytest.mark.parametrize(
    "identity",
    [
        VenueIdentity(mode="BACKTEST", market={"exchange": "hand", "seed": "1"}),
        VenueIdentity(mode="PAPER", market={"exchange": "hand", "seed": "2"}),
    ],
)
def test_the_file_of_another_mode_or_market_is_refused_and_both_are_named(
    tmp_path: Path, identity: VenueIdentity
) -> None:
    path = made(tmp_path)

    with pytest.raises(ForeignVenue) as told:
        an_exchange(HandMarket(), path=path, identity=identity)

    assert str(identity) in str(told.value)
    assert "PAPER on exchange hand, seed 1" in str(told.value)


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 9")

    with pytest.raises(ForeignVenue, match="has schema 9"):
        an_exchange(HandMarket(), path=path)


@pytest.mark.parametrize("content", [b"", b"not a database" * 100])
def test_an_empty_file_and_a_file_of_another_kind_are_damage(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "venue.sqlite"
    path.write_bytes(content)

    with pytest.raises(DamagedVenue, match="restore a backup"):
        an_exchange(HandMarket(), path=path)


def test_a_cut_file_is_damage_and_never_an_empty_account(tmp_path: Path) -> None:
    path = made(tmp_path)
    path.write_bytes(path.read_bytes()[:9_000])

    with pytest.raises(DamagedVenue):
        an_exchange(HandMarket(), path=path)


def test_an_order_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    path, market = tmp_path / "venue.sqlite", HandMarket()
    exchange = an_exchange(market, path=path)
    exchange.create(a_request())
    exchange.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE orders SET body = x'93'")

    with pytest.raises(DamagedVenue, match="holds no order"):
        an_exchange(market, path=path)


def test_a_log_without_its_file_is_damage(tmp_path: Path) -> None:
    (tmp_path / "venue.sqlite-wal").write_bytes(b"left over")

    with pytest.raises(DamagedVenue, match="is gone and"):
        an_exchange(HandMarket(), path=tmp_path / "venue.sqlite")


def test_a_folder_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(VenueNotOpened, match="cannot be opened"):
        an_exchange(HandMarket(), path=tmp_path / "nowhere" / "venue.sqlite")


def test_a_locked_file_is_told_in_one_line(tmp_path: Path) -> None:
    path = made(tmp_path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE meta SET value = value")
    try:
        with pytest.raises(BotError, match="locked"):
            an_exchange(HandMarket(), path=path).create(a_request())
    finally:
        other.close()


def test_what_could_not_be_written_did_not_happen(tmp_path: Path) -> None:
    path, market = tmp_path / "venue.sqlite", HandMarket()
    exchange = an_exchange(market, path=path)
    before = exchange.balances()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(RetryableError):
        exchange.create(a_request(price="101", client_order_id="one"))
    other.execute("ROLLBACK")
    other.close()

    assert exchange.balances() == before
    assert exchange.fills_since(NOON - timedelta(days=1)) == ()
    assert exchange.order_named("one") is None
    entry = exchange.create(a_request(price="101", client_order_id="one"))
    assert isinstance(entry, Entry)
    assert entry.status is OrderStatus.FILLED
