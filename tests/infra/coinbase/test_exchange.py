"""CoinbaseExchange over a script: markets with and without a key, listings, searches."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.errors import RetryableError
from core.market import Bars
from core.orders import OrderStatus
from core.ports import Absent, CannotTell, Found, MarketData, Venue
from infra.exchange.coinbase.budget import budget
from infra.exchange.coinbase.link import Reply, Request
from tests.builders.coinbase import (
    ASSUMED,
    NOON,
    Scene,
    a_fill_row,
    a_row,
    a_scene,
    an_order_row,
    lost,
    said,
)

QUARTER = timedelta(minutes=15)
OWN = "3a7b42c6-0000-5000-8000-000000000001"


def test_it_is_a_market_and_a_venue() -> None:
    exchange = a_scene({}).exchange
    market: MarketData = exchange
    venue: Venue = exchange

    assert market.requests == venue.requests == 0
    assert market.depths_per_request == 1


# The market


def a_market(script: dict[str, Any] | None = None, *, signed: bool = True) -> Scene:
    listed = said({"products": [a_row(), a_row("BTC-USDC", alias="BTC-USD"), a_row("ETH-USD")]})
    found: dict[str, Any] = {"GET /products": listed, "GET /market/products": listed}
    found |= script or {}
    return a_scene(found, signed=signed)


def test_without_a_key_only_public_addresses_are_asked() -> None:
    scene = a_market(
        signed=False,
        script={
            "GET /market/product_book": said({"pricebook": book("BTC-USD")}),
            "GET /market/products/": said({"candles": []}),
        },
    )
    exchange = scene.exchange
    exchange.products()
    exchange.tops(["BTC-USD"])
    exchange.depths(["BTC-USD"])
    exchange.bars("BTC-USD", QUARTER, NOON - QUARTER, NOON)

    assert all(name.startswith("GET /market/") for name in scene.link.names)
    assert exchange.fees() == ASSUMED


def test_the_product_list_is_read_again_when_it_is_older_than_allowed() -> None:
    scene = a_market()
    first = scene.exchange.products()
    scene.clock.pass_by(30 * 60)
    assert scene.exchange.products() is first
    assert scene.exchange.requests == 1

    scene.clock.pass_by(1)
    scene.exchange.products()
    assert scene.exchange.requests == 2


def test_a_product_list_that_cannot_be_renewed_is_missing_and_not_an_old_one() -> None:
    scene = a_market()
    scene.exchange.products()
    scene.clock.pass_by(31 * 60)
    scene.link.script["GET /products"] = lost("TLS_REFUSED", sent=False)

    with pytest.raises(RetryableError):
        scene.exchange.products()


def test_fees_are_asked_for_again_when_they_are_older_than_allowed() -> None:
    tier = {"maker_fee_rate": "0.001", "taker_fee_rate": "0.002"}
    scene = a_market({"GET /transaction_summary": said({"fee_tier": tier})})
    assert scene.exchange.fees() != ASSUMED
    scene.clock.pass_by(3600)
    scene.exchange.fees()
    assert scene.exchange.requests == 1
    scene.clock.pass_by(1)
    scene.exchange.fees()
    assert scene.exchange.requests == 2


def book(symbol: str, **changes: object) -> dict[str, object]:
    made = {
        "product_id": symbol,
        "bids": [{"price": "99", "size": "1"}],
        "asks": [{"price": "101", "size": "1"}],
        "time": "2026-11-20T12:00:00Z",
    }
    return {**made, **changes}


def test_best_prices_of_many_products_are_one_request() -> None:
    answer = said({"pricebooks": [book("BTC-USD"), book("ETH-USD", bids=[])]})
    scene = a_market({"GET /best_bid_ask": answer})
    scene.exchange.products()

    tops = scene.exchange.tops(["BTC-USD", "BTC-USDC", "ETH-USD"])

    assert sorted(tops) == ["BTC-USD", "BTC-USDC"]
    assert scene.link.names[1:] == [
        "GET /best_bid_ask?product_ids=BTC-USD&product_ids=BTC-USDC&product_ids=ETH-USD"
    ]


def test_an_address_does_not_grow_without_end() -> None:
    scene = a_market({"GET /best_bid_ask": said({"pricebooks": []})})
    scene.exchange.tops([f"A{at}-USD" for at in range(301)])

    assert scene.exchange.requests == 3
    assert max(len(name) for name in scene.link.names) < 4500


def test_without_a_key_a_book_that_products_share_is_asked_for_once() -> None:
    def answer(request: Request) -> object:
        symbol = dict(request.query)["product_id"]
        return (
            said({"error": "X"}, 400) if symbol == "ETH-USD" else said({"pricebook": book(symbol)})
        )

    scene = a_market(signed=False, script={"GET /market/product_book": answer})
    scene.exchange.products()

    tops = scene.exchange.tops(["BTC-USD", "BTC-USDC", "ETH-USD"])

    assert sorted(tops) == ["BTC-USD", "BTC-USDC"]
    assert tops["BTC-USDC"].symbol == "BTC-USDC"
    assert scene.exchange.requests == 3


def test_without_a_single_book_there_are_no_tops() -> None:
    scene = a_market(signed=False, script={"GET /market/product_book": said({}, 400)})

    with pytest.raises(RetryableError):
        scene.exchange.tops(["BTC-USD", "ETH-USD"])
    assert scene.exchange.tops([]) == {}


def a_candle(opened: int) -> dict[str, object]:
    return {
        "start": str(opened),
        "low": "1",
        "high": "3",
        "open": "2",
        "close": "2.5",
        "volume": "10",
    }


def history(request: Request) -> Reply:
    """Every bar that was asked for, both ends included, newest first."""
    asked = dict(request.query)
    assert asked["granularity"] == "FIFTEEN_MINUTE"
    opened = range(int(asked["start"]), int(asked["end"]) + 1, 900)
    assert len(opened) <= 300
    return said({"candles": [a_candle(at) for at in reversed(opened)]})


def bars_of(scene: Scene, count: int) -> Bars:
    return scene.exchange.bars("BTC-USD", QUARTER, NOON - QUARTER * count, NOON)


@pytest.mark.parametrize(("count", "requests"), [(1, 1), (300, 1), (301, 2), (700, 3)])
def test_history_is_read_page_by_page(count: int, requests: int) -> None:
    scene = a_market({"GET /products/BTC-USD/candles": history})

    bars = bars_of(scene, count)

    assert len(bars) == count
    assert scene.exchange.requests == requests
    assert bars.opened.tolist() == sorted(bars.opened.tolist())


@pytest.mark.parametrize(("seconds", "closed"), [(-1, True), (-2, False), (0, True), (5, True)])
def test_a_bar_that_is_not_closed_by_the_venues_clock_is_not_taken(
    seconds: int, *, closed: bool
) -> None:
    """A Date of a second ago may be a moment ago: only what is proved counts."""
    dated = NOON + timedelta(seconds=seconds)

    def answer(request: Request) -> object:
        return replace(history(request), dated=dated)

    scene = a_market({"GET /products/BTC-USD/candles": answer})
    if closed:
        assert len(bars_of(scene, 2)) == 2
        return
    with pytest.raises(RetryableError) as caught:
        bars_of(scene, 2)
    assert caught.value.code == "BAR_STILL_FORMING"


def test_the_venues_time_comes_from_its_answers_and_is_asked_for_only_without_them() -> None:
    told = {"iso": "2026-11-20T12:00:07Z", "epochMillis": "1795176007500"}
    listed = said({"products": [a_row()]}, dated=NOON + timedelta(seconds=5))
    scene = a_market({"GET /time": said(told), "GET /products": listed})

    assert scene.exchange.server_time() == NOON + timedelta(seconds=7.5)
    scene.exchange.products()
    assert scene.exchange.server_time() == NOON + timedelta(seconds=5)
    assert scene.exchange.requests == 2


# Listings


def pages(*rows: list[dict[str, object]], name: str = "orders") -> Any:
    """A listing in pages whose cursors are their numbers."""

    def answer(request: Request) -> object:
        at = int(dict(request.query).get("cursor", "0"))
        last = at == len(rows) - 1
        return said({name: rows[at], "has_next": not last, "cursor": "" if last else str(at + 1)})

    return answer


def account(currency: str) -> dict[str, object]:
    money = {"value": "1", "currency": currency}
    return {"uuid": currency, "currency": currency, "available_balance": money, "hold": money}


def test_every_page_of_accounts_is_read() -> None:
    rows = ([account("USD")], [account("BTC")], [account("ETH")])
    scene = a_scene({"GET /accounts": pages(*rows, name="accounts")})

    assert [one.currency for one in scene.exchange.balances()] == ["BTC", "ETH", "USD"]
    assert scene.exchange.requests == 3


@pytest.mark.parametrize("again", ["same", "there and back"])
def test_a_listing_that_never_ends_is_no_listing(again: str) -> None:
    def answer(request: Request) -> object:
        cursor = dict(request.query).get("cursor", "")
        following = "a" if again == "same" or cursor != "a" else "b"
        return said({"accounts": [], "has_next": True, "cursor": following})

    scene = a_scene({"GET /accounts": answer})
    with pytest.raises(RetryableError) as caught:
        scene.exchange.balances()

    assert caught.value.code == "LISTING_INCOMPLETE"
    assert scene.exchange.requests <= 4


def test_a_page_that_cannot_be_had_spoils_the_listing() -> None:
    first = said({"accounts": [account("USD")], "has_next": True, "cursor": "a"})
    scene = a_scene({"GET /accounts": [first, said({}, 400)]})

    with pytest.raises(RetryableError):
        scene.exchange.balances()


def test_open_orders_are_told_oldest_first_and_the_queued_ones_too_where_there_may_be_some() -> (
    None
):
    old = an_order_row(order_id="old", created_time="2026-11-20T11:00:00Z")
    new = an_order_row(order_id="new", created_time="2026-11-20T12:00:00Z")
    queued = an_order_row(order_id="queued", created_time="2026-11-20T11:30:00Z", status="QUEUED")
    scene = a_scene(
        {
            "GET /orders/historical/batch?order_status=OPEN": pages([new], [old]),
            "GET /orders/historical/batch?order_status=PENDING": pages([queued, new]),
        }
    )

    first = scene.exchange.open_orders()
    assert [order.exchange_order_id for order in first] == ["old", "queued", "new"]
    assert scene.exchange.requests == 3

    scene.exchange.open_orders()
    assert scene.exchange.requests == 5  # nothing was sent: nothing can be in between


def test_for_a_minute_after_a_cancel_orders_may_be_in_between() -> None:
    scene = a_scene(
        {
            "GET /orders/historical/batch": pages([]),
            "POST /orders/batch_cancel": said({"results": []}),
        }
    )
    scene.exchange.open_orders()
    scene.exchange.cancel_all(["a"])
    before = scene.exchange.requests
    scene.clock.pass_by(60)
    scene.exchange.open_orders()
    assert scene.exchange.requests == before + 2

    scene.clock.pass_by(1)
    scene.exchange.open_orders()
    assert scene.exchange.requests == before + 3


def test_an_order_that_the_venue_does_not_know_yet_is_none() -> None:
    unknown = {"error": "NOT_FOUND", "message": "order with this orderID was not found"}
    scene = a_scene({"GET /orders/historical/x": said(unknown, 404)})

    assert scene.exchange.order("x") is None
    scene.link.script["GET /orders/historical/x"] = said({"order": an_order_row()})
    found = scene.exchange.order("x")
    assert found is not None
    assert found.status is OrderStatus.OPEN


def searched(answer: Any) -> object:
    return a_scene({"GET /orders/historical/batch": answer}).exchange.find_order(OWN, NOON)


def test_an_order_is_found_on_the_last_page() -> None:
    other = an_order_row(client_order_id="other")
    found = searched(pages([other], [other], [an_order_row()]))

    assert isinstance(found, Found)
    assert found.order.client_order_id == OWN


def test_an_order_is_absent_only_from_a_complete_listing_from_before_its_intent() -> None:
    scene = a_scene({"GET /orders/historical/batch": pages([an_order_row(client_order_id="x")])})

    assert scene.exchange.find_order(OWN, NOON) == Absent()
    (asked,) = scene.link.asked
    assert dict(asked.query)["start_date"] < "2026-11-20T12:00:00Z"
    assert "order_status" not in dict(asked.query)


@pytest.mark.parametrize(
    "answer",
    [
        lost("TLS_REFUSED", sent=False),
        said({}, 400),
        said({"orders": None, "has_next": False}),
        said({"orders": [], "has_next": True, "cursor": "again"}),
        said({"orders": [an_order_row(client_order_id="")], "has_next": False, "cursor": ""}),
        said({"orders": [an_order_row(side="")], "has_next": False, "cursor": ""}),
    ],
    ids=["no answer", "refused", "null", "endless", "nameless", "unreadable"],
)
def test_half_a_listing_proves_nothing(answer: object) -> None:
    assert isinstance(searched(answer), CannotTell)


def test_every_page_of_fills_is_read_without_has_next(caplog: pytest.LogCaptureFixture) -> None:
    rows = [
        [a_fill_row(entry_id="c", trade_time="2026-11-20T12:00:03Z")],
        [
            a_fill_row(entry_id="b", trade_time="2026-11-20T12:00:02Z"),
            a_fill_row(entry_id="r", trade_type="REVERSAL"),
        ],
        [],
    ]

    def answer(request: Request) -> object:
        at = int(dict(request.query).get("cursor", "0"))
        return said({"fills": rows[at], "cursor": "" if at == 2 else str(at + 1)})

    scene = a_scene({"GET /orders/historical/fills": answer})

    assert [fill.fill_id for fill in scene.exchange.fills(NOON)] == ["b", "c"]
    assert dict(scene.link.asked[0].query)["start_sequence_timestamp"] == "2026-11-20T12:00:00Z"
    assert "r (REVERSAL)" in caplog.text


# What the doctor asks


def test_the_portfolio_of_the_key_is_told_by_its_name() -> None:
    key = {"can_view": True, "can_trade": True, "can_transfer": False, "portfolio_uuid": "b"}
    rows = [{"uuid": "a", "name": "Savings"}, {"uuid": "b", "name": "Bot", "type": "CONSUMER"}]
    scene = a_scene(
        {"GET /key_permissions": said(key), "GET /portfolios": said({"portfolios": rows})}
    )

    portfolio = scene.exchange.portfolio()

    assert portfolio is not None
    assert portfolio.name == "Bot"
    assert scene.exchange.permissions().can_trade
    scene.link.script["GET /portfolios"] = said({"portfolios": []})
    assert scene.exchange.portfolio() is None


def test_a_cycle_asks_no_more_than_the_budget_says() -> None:
    scene = a_market(
        {
            "GET /best_bid_ask": said({"pricebooks": [book("BTC-USD"), book("ETH-USD")]}),
            "GET /accounts": said({"accounts": []}, dated=NOON),
            "GET /orders/historical/batch": pages([]),
            "GET /orders/historical/fills": said({"fills": [], "cursor": ""}),
            "GET /products/": history,
            "GET /product_book": said({"pricebook": book("BTC-USD")}),
            "GET /transaction_summary": said(
                {"fee_tier": {"maker_fee_rate": "0", "taker_fee_rate": "0"}}
            ),
        }
    )
    exchange = scene.exchange

    def cycle() -> int:
        before = exchange.requests
        exchange.begin_cycle("bot")
        exchange.products()
        exchange.fees()
        exchange.tops(["BTC-USD", "BTC-USDC", "ETH-USD"])
        exchange.balances()
        exchange.open_orders()
        exchange.fills(NOON)
        exchange.depths(["BTC-USD"])
        for symbol in ("BTC-USD", "ETH-USD"):
            exchange.bars(symbol, QUARTER, NOON - QUARTER, NOON)
        exchange.server_time()
        return exchange.requests - before

    cold, warm = cycle(), cycle()

    assert warm == budget(2, 1, signed=True).total == 4 + 2 + 1
    assert cold == warm + 3  # the product list, our fees, orders in between states
