"""What a client may ask of orders and fills: filters, sorting, full pages, no strange words."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.infra.sandbox.served import API, Running, order, sandbox

BATCH, FILLS = "orders/historical/batch", "orders/historical/fills"
FAR = {"base_size": "0.001", "limit_price": "20000"}
END = {"end_time": "2025-01-02T00:00:00Z"}


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two market buys, then a GTC, a GTD and a stop that rest, and one of ether."""
    with sandbox(tmp_path_factory.mktemp("searches"), "--no-rate-limits") as running:
        for name in ("bought", "more"):
            running.create(name, "market_market_ioc", quote_size="500")
        running.create("gtc", "limit_limit_gtc", **FAR)
        running.create("gtd", "limit_limit_gtd", **(FAR | END))
        stop = {"base_size": "0.001", "stop_price": "30000", "limit_price": "29000"}
        running.create("stop", "stop_limit_stop_limit_gtc", "SELL", **stop)
        ether = {"base_size": "0.01", "limit_price": "500"}
        running.post(
            "orders", order("ether", "limit_limit_gtc", **ether) | {"product_id": "ETH-USD"}
        )
        yield running


def names(page: Any) -> list[str]:
    return [row["client_order_id"] for row in page["orders"]]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["ether", "stop", "gtd", "gtc", "more", "bought"]),
        ({"order_status": "OPEN"}, ["ether", "stop", "gtd", "gtc"]),
        ({"order_status": "QUEUED"}, []),
        ({"order_types": "STOP_LIMIT"}, ["stop"]),
        ({"order_types": "TWAP"}, []),
        ({"order_side": "SELL"}, ["stop"]),
        ({"time_in_forces": "GOOD_UNTIL_DATE_TIME"}, ["gtd"]),
        ({"product_ids": "ETH-USD"}, ["ether"]),
        ({"asset_filters": "ETH"}, ["ether"]),
        ({"product_type": "FUTURE"}, []),
        ({"order_placement_source": "RETAIL_SIMPLE"}, []),
        ({"end_date": "2025-01-01T00:00:00Z"}, []),
        ({"sort_by": "LIMIT_PRICE", "order_status": "OPEN"}, ["stop", "gtd", "gtc", "ether"]),
    ],
)
def test_a_search_finds_what_its_words_say(
    venue: Running, asked: dict[str, str], found: list[str]
) -> None:
    told = names(venue.get(BATCH, **asked))
    if "sort_by" in asked:  # the two at the same price may come either way
        assert (told[0], sorted(told[1:3]), told[3]) == (found[0], sorted(found[1:3]), found[3])
    else:
        assert told == found


@pytest.mark.parametrize("sort", [{}, {"sort_by": "LIMIT_PRICE"}])
def test_pages_are_full_whatever_a_filter_leaves_out(venue: Running, sort: dict[str, str]) -> None:
    asked = {"time_in_forces": "GOOD_UNTIL_CANCELLED", "limit": "2", **sort}
    first = venue.get(BATCH, **asked)
    second = venue.get(BATCH, **asked, cursor=first["cursor"])

    assert (len(first["orders"]), first["has_next"]) == (2, True)
    assert (len(second["orders"]), second["has_next"], second["cursor"]) == (1, False, "")
    assert sorted(names(first) + names(second)) == ["ether", "gtc", "stop"]


@pytest.mark.parametrize("name", ["order_status", "order_types", "time_in_forces", "order_side"])
def test_a_word_that_the_venue_does_not_know_is_refused(venue: Running, name: str) -> None:
    answer = venue.ask("GET", f"{API}/{BATCH}", **{name: "NEVER_HEARD"})

    assert (answer.status, answer.told["message"]) == (400, f"{name} argument is invalid")


def test_fills_are_found_by_their_trade_and_sorted_by_price(venue: Running) -> None:
    known = venue.get(FILLS)["fills"]
    one = venue.get(FILLS, trade_ids=known[-1]["trade_id"])["fills"]
    prices = [Decimal(row["price"]) for row in venue.get(FILLS, sort_by="PRICE")["fills"]]

    assert one == [known[-1]]
    assert len(prices) == len(known)
    assert prices == sorted(prices, reverse=True)
