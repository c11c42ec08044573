"""Products, books and candles off Coinbase's wire."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.market import ProductStatus
from infra.exchange.coinbase.wire import books, candles, products
from infra.exchange.coinbase.wire.values import Unreadable
from tests.builders.coinbase import NOON, a_row

QUARTER = timedelta(minutes=15)


def listed(*rows: dict[str, object]) -> products.Listing:
    return products.listing(json.dumps({"products": rows, "num_products": len(rows)}).encode())


def status_of(**changes: object) -> ProductStatus:
    (product,) = listed(a_row(**changes)).products
    return product.status


# Products


def test_a_product_is_read_with_its_grids_and_fields_of_next_year_are_ignored() -> None:
    (product,) = listed(a_row()).products

    assert (product.symbol, product.base, product.quote) == ("BTC-USD", "BTC", "USD")
    assert product.price_increment == Decimal("0.01")
    assert product.base_increment == Decimal("0.00000001")
    assert (product.base_max, product.quote_min) == (Decimal(3400), Decimal(1))
    assert product.status is ProductStatus.ONLINE
    assert product.inferred == ()
    assert product.listed_at is None


def test_a_minimum_off_its_increment_gives_the_smallest_quantity_on_it() -> None:
    row = a_row("TONE-USD", base_increment="1", base_min_size="26.7187147229469674")

    (product,) = listed(row).products

    assert product.base_min == Decimal("26.7187147229469674")
    assert product.smallest_quantity == Decimal(27)


def test_an_alias_shares_the_book_and_not_the_wallet() -> None:
    (product,) = listed(a_row("BTC-USDC", alias="BTC-USD")).products

    assert (product.book, product.quote) == ("BTC-USD", "USDC")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": "offline"}, ProductStatus.OFFLINE),
        ({"status": "internal"}, ProductStatus.OFFLINE),
        ({"status": "delisted"}, ProductStatus.DELISTED),
        ({"is_disabled": True}, ProductStatus.HALTED),
        ({"trading_disabled": True}, ProductStatus.HALTED),
        ({"view_only": True}, ProductStatus.HALTED),
        ({"cancel_only": True, "post_only": True}, ProductStatus.CANCEL_ONLY),
        ({"auction_mode": True, "limit_only": True}, ProductStatus.AUCTION),
        ({"post_only": True}, ProductStatus.POST_ONLY),
        ({"limit_only": True}, ProductStatus.LIMIT_ONLY),
    ],
)
def test_the_state_that_allows_least_holds(
    changes: dict[str, object], status: ProductStatus
) -> None:
    assert status_of(**changes) is status


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "frozen_by_moonlight"},
        {"status": ""},
        {"status": None},
        {"product_type": ""},
        {"product_venue": "MOON"},
    ],
)
def test_a_word_that_nobody_knows_stops_the_product(changes: dict[str, object]) -> None:
    assert status_of(**changes) is ProductStatus.UNKNOWN


@pytest.mark.parametrize("field", ["base_min_size", "quote_min_size"])
@pytest.mark.parametrize("missing", ["", None])
def test_a_missing_minimum_is_not_zero_it_stops_the_product(
    field: str, missing: str | None
) -> None:
    (product,) = listed(a_row(**{field: missing})).products

    assert product.status is ProductStatus.UNKNOWN
    assert product.inferred == (field,)


def test_a_product_whose_grid_cannot_be_read_is_left_out_with_the_reason() -> None:
    found = listed(
        a_row("ETH-USD", base_increment=""),
        a_row("SOL-USD", price_increment="a lot"),
        a_row("XRP-USD", base_increment=7),
        a_row(),
    )

    assert [product.symbol for product in found.products] == ["BTC-USD"]
    assert found.left_out["ETH-USD"] == "its increments are missing"
    assert "'a lot' is no number" in found.left_out["SOL-USD"]
    assert "base_increment" in found.left_out["row 1"]


def test_the_price_grid_of_old_answers_is_the_quote_increment() -> None:
    (product,) = listed(a_row(price_increment=None, quote_increment="0.5")).products

    assert product.price_increment == Decimal("0.5")


def test_futures_and_perpetuals_are_not_listed() -> None:
    future = a_row("BIP-20DEC30-CDE", product_type="FUTURE", product_venue="FCM", status="")

    assert [p.symbol for p in listed(future, a_row()).products] == ["BTC-USD"]


@pytest.mark.parametrize("body", [b'{"products": null}', b"{}", b'{"products": []}'])
def test_no_list_is_never_an_empty_one(body: bytes) -> None:
    with pytest.raises(Unreadable):
        products.listing(body)


# Books


def a_book(**changes: object) -> dict[str, object]:
    book = {
        "product_id": "BTC-USD",
        "bids": [{"price": "68923.66", "size": "0.17189468"}],
        "asks": [{"price": "68923.67", "size": "0.16987193"}],
        "time": "2026-11-20T12:00:00.659662782Z",
    }
    return {**book, **changes}


def tops_of(*found: dict[str, object], symbols: tuple[str, ...] = ("BTC-USD",)) -> object:
    body = json.dumps({"pricebooks": found}).encode()
    return books.tops(body, symbols, {"BTC-USDC": "BTC-USD"}, NOON)


def test_best_bid_and_ask_are_read_and_seen_when_they_came() -> None:
    top = books.tops(json.dumps({"pricebooks": [a_book()]}).encode(), ["BTC-USD"], {}, NOON)

    assert top["BTC-USD"].bid == Decimal("68923.66")
    assert top["BTC-USD"].ask == Decimal("68923.67")
    assert top["BTC-USD"].seen_at == NOON


def test_a_book_that_stands_still_is_as_old_as_it_says() -> None:
    frozen = a_book(time="2026-11-20T11:58:00Z")
    top = books.tops(json.dumps({"pricebooks": [frozen]}).encode(), ["BTC-USD"], {}, NOON)

    assert top["BTC-USD"].seen_at == NOON - timedelta(minutes=2)


def test_a_book_told_under_its_owners_name_answers_for_the_alias() -> None:
    body = json.dumps({"pricebooks": [a_book()]}).encode()

    found = books.tops(body, ["BTC-USD", "BTC-USDC"], {"BTC-USDC": "BTC-USD"}, NOON)

    assert sorted(found) == ["BTC-USD", "BTC-USDC"]
    assert found["BTC-USDC"].symbol == "BTC-USDC"


@pytest.mark.parametrize(
    "changes",
    [
        {"bids": []},
        {"asks": None},
        {"asks": [{"price": "68923.66", "size": "1"}]},
        {"asks": [{"price": "68000", "size": "1"}]},
        {"bids": [{"price": "0", "size": "0"}]},
        {"bids": [{"price": "", "size": "1"}]},
    ],
    ids=["empty", "one-sided", "locked", "crossed", "dead", "untold"],
)
def test_what_has_no_two_sides_is_no_book(changes: dict[str, object]) -> None:
    assert tops_of(a_book(**changes)) == {}
    assert (
        books.depth(json.dumps({"pricebook": a_book(**changes)}).encode(), "BTC-USD", NOON) is None
    )


def test_ten_levels_a_side_and_no_more() -> None:
    bids = [{"price": str(100 - step), "size": "1"} for step in range(12)]
    asks = [{"price": str(101 + step), "size": "2"} for step in range(12)]
    answer = {"pricebook": a_book(bids=bids, asks=asks), "last": "100.5", "mid_market": "100.5"}

    depth = books.depth(json.dumps(answer).encode(), "BTC-USD", NOON)

    assert depth is not None
    assert (len(depth.bids), len(depth.asks)) == (10, 10)
    assert (depth.bids[0].price, depth.asks[0].price) == (Decimal(100), Decimal(101))


# Candles


def a_candle(at: datetime, **changes: object) -> dict[str, object]:
    row = {
        "start": str(int(at.timestamp())),
        "low": "36640.94",
        "high": "38785.04",
        "open": "37904.99",
        "close": "38491.93",
        "volume": "19654.98487168",
    }
    return {**row, **changes}


def candles_of(*rows: dict[str, object]) -> list[candles.Candle]:
    return candles.candles(json.dumps({"candles": rows}).encode())


def test_candles_come_newest_first_and_are_kept_oldest_first_with_their_gaps() -> None:
    rows = [a_candle(NOON - QUARTER * back) for back in (1, 2, 4)]

    bars = candles.bars(candles_of(*rows), QUARTER, NOON - QUARTER * 10, NOON)

    opened = [datetime.fromtimestamp(at, UTC) for at in bars.opened.tolist()]
    assert opened == [NOON - QUARTER * back for back in (4, 2, 1)]
    assert bars.volume.tolist() == [19654.98487168] * 3
    assert bars.open.tolist() == [37904.99] * 3


def test_the_bucket_that_is_forming_is_dropped_and_one_that_just_closed_is_not() -> None:
    rows = [a_candle(NOON), a_candle(NOON - QUARTER)]

    at_noon = candles.bars(candles_of(*rows), QUARTER, NOON - QUARTER, NOON)
    almost = candles.bars(candles_of(*rows), QUARTER, NOON - QUARTER, NOON + QUARTER * 0.99)
    later = candles.bars(candles_of(*rows), QUARTER, NOON - QUARTER, NOON + QUARTER)

    assert (len(at_noon), len(almost), len(later)) == (1, 1, 2)


def test_no_trades_no_bars() -> None:
    assert len(candles.bars(candles_of(), QUARTER, NOON - QUARTER, NOON)) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"volume": ""},
        {"close": None},
        {"low": "0"},
        {"high": "37904"},
        {"volume": "-1"},
        {"high": "1e999"},
    ],
)
def test_a_candle_that_cannot_be_is_not_read(changes: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        candles_of(a_candle(NOON), a_candle(NOON - QUARTER, **changes))


@pytest.mark.parametrize(("bars", "requests"), [(0, 0), (1, 1), (300, 1), (301, 2), (601, 3)])
def test_no_request_asks_for_more_than_its_page(bars: int, requests: int) -> None:
    pages = list(candles.pages(QUARTER, NOON - QUARTER * bars, NOON))

    assert len(pages) == requests
    assert all(last - first <= 299 * 900 for first, last in pages)
    opened = [at for first, last in pages for at in range(first, last + 1, 900)]
    since = int((NOON - QUARTER * bars).timestamp())
    assert opened == list(range(since, int(NOON.timestamp()), 900))


def test_times_off_the_grid_ask_for_whole_bars_inside_them() -> None:
    aside = timedelta(minutes=1)
    (page,) = candles.pages(QUARTER, NOON - QUARTER * 2 - aside, NOON + aside)

    assert page == (int((NOON - QUARTER * 2).timestamp()), int((NOON - QUARTER).timestamp()))
