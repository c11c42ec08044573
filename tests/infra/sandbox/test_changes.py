"""Orders that are all or nothing, changed, tried; and what the market shows when asked closely."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.infra.sandbox.served import API, Running, order, sandbox


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with sandbox(tmp_path_factory.mktemp("changes"), "--no-rate-limits") as running:
        yield running


def placed(answer: Any) -> str:
    assert answer["success"], answer
    return str(answer["success_response"]["order_id"])


def asks(venue: Running, symbol: str = "BTC-USD", **query: str) -> list[Any]:
    book = venue.get("product_book", product_id=symbol, **query)["pricebook"]
    return list(book["asks"])


@pytest.mark.parametrize(("more", "state"), [("0", "FILLED"), ("0.001", "CANCELLED")])
def test_fill_or_kill_takes_all_that_is_there_or_nothing(
    venue: Running, more: str, state: str
) -> None:
    """Its limit lets it to the best level and no further."""
    venue.admin("clock", {"advance": 120})  # what was taken before is there again
    best = asks(venue, "AAVE-USD")[0]
    size = Decimal(best["size"]) + Decimal(more)
    fields = {"base_size": str(size), "limit_price": best["price"]}
    body = order(f"fok {more}", "limit_limit_fok", **fields) | {"product_id": "AAVE-USD"}
    row = venue.order(placed(venue.post("orders", body)))

    assert (row["status"], row["time_in_force"]) == (state, "FILL_OR_KILL")
    assert Decimal(row["filled_size"]) == (size if state == "FILLED" else 0)


def test_a_change_is_tried_with_its_own_price_and_size(venue: Running) -> None:
    far = {"base_size": "0.001", "limit_price": "20000"}
    name = placed(venue.create("tried", "limit_limit_gtc", **far))
    change = {"order_id": name, "price": "30000", "size": "0.002"}
    tried = venue.post("orders/edit_preview", change)
    nobody = venue.post("orders/edit_preview", change | {"order_id": "nobody"})
    off_grid = venue.post("orders/edit_preview", change | {"price": "30000.001"})
    kept = venue.order(name)["order_configuration"]["limit_limit_gtc"]

    assert (tried["errors"], tried["quote_size"], tried["base_size"]) == ([], "60", "0.002")
    assert nobody["errors"] == [{"edit_failure_reason": "ORDER_NOT_FOUND"}]
    assert off_grid["errors"][0]["preview_failure_reason"] == "PREVIEW_INVALID_PRICE_PRECISION"
    assert kept["limit_price"] == "20000"


def test_the_stop_of_an_order_can_be_changed(venue: Running) -> None:
    placed(venue.create("coins", "market_market_ioc", base_size="0.001"))
    stop = {"base_size": "0.001", "stop_price": "30000", "limit_price": "29000"}
    name = placed(venue.create("a stop", "stop_limit_stop_limit_gtc", "SELL", **stop))
    change = {"order_id": name, "price": "29000", "size": "0.001", "stop_price": "31000"}

    assert venue.post("orders/edit", change) == {"success": True, "errors": []}
    told = venue.order(name)["order_configuration"]["stop_limit_stop_limit_gtc"]
    assert told["stop_price"] == "31000"


@pytest.mark.parametrize("size", ["1E-3", "0.00_1", " 1", "+1", "NaN", "."])
def test_a_number_is_digits_and_a_point(venue: Running, size: str) -> None:
    body = order("odd", "limit_limit_gtc", base_size=size, limit_price="20000")
    answer = venue.ask("POST", f"{API}/orders", body)

    assert (answer.status, answer.told["message"]) == (400, "base_size is not a number")


def test_an_unknown_direction_of_a_stop_is_refused(venue: Running) -> None:
    stop = {"base_size": "0.001", "stop_price": "30000", "limit_price": "29000"}
    body = order("odd", "stop_limit_stop_limit_gtc", "SELL", stop_direction="SIDEWAYS", **stop)

    assert venue.ask("POST", f"{API}/orders", body).status == 400


def test_what_hangs_on_an_order_is_told_with_it(venue: Running) -> None:
    body = order("hung", "limit_limit_gtc", base_size="0.001", limit_price="20000")
    hangs = {"trigger_bracket_gtc": {"limit_price": "200000", "stop_trigger_price": "10000"}}
    name = placed(venue.post("orders", body | {"attached_order_configuration": hangs}))

    assert venue.order(name)["attached_order_configuration"] == hangs


def test_there_is_no_position_to_close(venue: Running) -> None:
    told = venue.post("orders/close_position", {"client_order_id": "x", "product_id": "BTC-USD"})

    assert told["success"] is False
    assert told["error_response"]["error"] == "CANNOT_CLOSE_ZERO_POSITION"


def test_a_book_can_be_asked_for_in_coarse_steps(venue: Running) -> None:
    fine, coarse = asks(venue), asks(venue, aggregation_price_increment="10")

    assert all(Decimal(level["price"]) % 10 == 0 for level in coarse)
    assert Decimal(coarse[0]["price"]) >= Decimal(fine[0]["price"])
    assert sum(Decimal(a["size"]) for a in coarse) == sum(Decimal(a["size"]) for a in fine)


def test_trades_are_told_of_the_time_asked_for_and_to_the_public_a_hundred(
    venue: Running,
) -> None:
    now = int(venue.get("time")["epochSeconds"])
    asked = {"limit": "5", "start": str(now - 3_600), "end": str(now - 1_800)}
    told = venue.get("products/BTC-USD/ticker", **asked)["trades"]
    public = venue.get("market/products/BTC-USD/ticker", limit="500")["trades"]

    assert len(told) == 5
    assert all(row["time"] <= venue.get("time")["iso"] for row in told)
    assert venue.get("products/BTC-USD/ticker", limit="5")["trades"] != told
    assert len(public) == 100


def test_older_paths_tell_prices_and_that_nothing_was_paid_in(venue: Running) -> None:
    """ccxt asks for them."""
    prices = [
        Decimal(venue.ask("GET", f"/v2/prices/BTC-USD/{kind}", token=None).told["data"]["amount"])
        for kind in ("sell", "spot", "buy")
    ]
    wallet = venue.ask("GET", "/v2/accounts").told["data"][0]["id"]

    assert prices == sorted(prices)
    assert prices[0] < prices[2]
    assert venue.ask("GET", f"/v2/accounts/{wallet}/deposits").told["data"] == []
