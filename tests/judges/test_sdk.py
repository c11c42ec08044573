"""The official SDK as judge: a client that nobody here wrote finds a Coinbase that it knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from coinbase.rest import RESTClient
from coinbase.websocket import WSClient
from requests import HTTPError

from tests.infra.sandbox.served import Running, sandbox

PATIENCE = 20.0  # seconds for a message that must come


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with sandbox(tmp_path_factory.mktemp("sdk"), "--no-rate-limits") as running:
        yield running


@pytest.fixture(scope="module")
def client(venue: Running) -> RESTClient:
    return rest(venue, Path(venue.ready["key_file"]))


def rest(venue: Running, key_file: Path) -> RESTClient:
    made = RESTClient(key_file=str(key_file), base_url=venue.address, timeout=20)
    made.session.trust_env = False
    made.session.verify = venue.ready["ca_file"]
    return made


def test_it_loads_the_markets_with_their_increments(client: RESTClient) -> None:
    listed = {product["product_id"]: product for product in client.get_products()["products"]}

    assert listed["BTC-USD"]["base_increment"] == "0.00000001"
    assert listed["BTC-USD"]["price_increment"] == "0.01"
    assert listed["BTC-USDC"]["alias"] == "BTC-USD"
    assert listed["COMP-USD"]["post_only"] is True
    assert client.get_product("ETH-USD")["product_id"] == "ETH-USD"
    assert client.get_public_products()["num_products"] == len(listed)


def test_it_sees_the_balances_page_by_page(client: RESTClient) -> None:
    first = client.get_accounts(limit=20)
    second = client.get_accounts(limit=20, cursor=first["cursor"])
    rows = [*first["accounts"], *second["accounts"]]
    wallets = {row["currency"]: row for row in rows}

    assert len(rows) == len(wallets) == len(client.get_accounts()["accounts"])
    assert (first["has_next"], second["has_next"], second["cursor"]) == (True, False, "")
    assert wallets["USD"]["available_balance"]["value"] == "10000"
    assert wallets["BTC"]["type"] == "ACCOUNT_TYPE_CRYPTO"
    assert client.get_account(wallets["USD"]["uuid"])["account"]["currency"] == "USD"


def test_it_sees_the_book_the_best_prices_and_the_candles(client: RESTClient) -> None:
    now = int(client.get_unix_time()["epoch_seconds"])
    book = client.get_product_book("BTC-USD", limit=3)["pricebook"]
    best = client.get_best_bid_ask(["BTC-USD", "SOL-USDC"])["pricebooks"]
    candles = client.get_candles("BTC-USD", str(now - 3600), str(now), "FIVE_MINUTE")["candles"]
    opened = [int(candle["start"]) for candle in candles]

    assert (len(book["bids"]), len(book["asks"])) == (3, 3)
    assert float(book["bids"][0]["price"]) < float(book["asks"][0]["price"])
    assert [row["product_id"] for row in best] == ["BTC-USD", "SOL-USDC"]
    assert opened == sorted(opened, reverse=True)
    assert opened[-1] == now - 3600
    assert client.get_market_trades("BTC-USD", limit=5)["trades"][0]["exchange"] == "coinbase"


def test_it_places_and_cancels_a_limit_order(client: RESTClient) -> None:
    answer = client.limit_order_gtc_buy("sdk-1", "BTC-USD", "0.001", "20000", post_only=True)
    order_id = answer["success_response"]["order_id"]
    resting = client.get_order(order_id)["order"]
    usd = {row["currency"]: row for row in client.get_accounts(limit=250)["accounts"]}["USD"]
    listed = client.list_orders(order_status=["OPEN"])["orders"]
    cancelled = client.cancel_orders([order_id, "of-nobody"])["results"]

    assert (answer["success"], resting["status"]) == (True, "OPEN")
    assert answer["order_configuration"]["limit_limit_gtc"]["limit_price"] == "20000"
    assert usd["hold"]["value"] == "20.12"
    assert [row["order_id"] for row in listed] == [order_id]
    assert [(row["success"], row["failure_reason"]) for row in cancelled] == [
        (True, "UNKNOWN_CANCEL_FAILURE_REASON"),
        (False, "UNKNOWN_CANCEL_ORDER"),
    ]
    assert client.get_order(order_id)["order"]["status"] == "CANCELLED"


def test_its_market_order_in_dollars_is_filled_at_the_cost_it_named(client: RESTClient) -> None:
    answer = client.market_order_buy("sdk-2", "BTC-USD", quote_size="100")
    order_id = answer["success_response"]["order_id"]
    order = client.get_order(order_id)["order"]
    (fill,) = client.get_fills(order_ids=[order_id])["fills"]

    assert (order["status"], order["cancel_message"]) == ("FILLED", "Internal error")
    assert round(float(order["total_value_after_fees"]), 6) == 100
    assert (fill["size_in_quote"], fill["liquidity_indicator"]) == (True, "TAKER")
    assert float(fill["size"]) + float(fill["commission"]) == pytest.approx(100, abs=1e-6)


def test_its_fill_or_kill_is_filled_or_gone(client: RESTClient) -> None:
    near = client.limit_order_fok_buy("sdk-fok-1", "BTC-USD", "0.001", "200000")
    far = client.limit_order_fok_buy("sdk-fok-2", "BTC-USD", "0.001", "20000")
    told = [
        client.get_order(answer["success_response"]["order_id"])["order"]["status"]
        for answer in (near, far)
    ]

    assert told == ["FILLED", "CANCELLED"]


def test_it_tries_a_change_before_it_makes_it(client: RESTClient) -> None:
    answer = client.limit_order_gtc_buy("sdk-try", "BTC-USD", "0.001", "20000")
    order_id = answer["success_response"]["order_id"]
    tried = client.preview_edit_order(order_id, size="0.002", price="30000")
    client.cancel_orders([order_id])

    assert (tried["errors"], tried["quote_size"]) == ([], "60")


def test_it_sells_what_it_bought(client: RESTClient) -> None:
    client.market_order_buy("sdk-3", "ETH-USD", base_size="0.1")
    answer = client.market_order_sell("sdk-4", "ETH-USD", base_size="0.1")
    order = client.get_order(answer["success_response"]["order_id"])["order"]

    assert (order["status"], order["filled_size"], order["side"]) == ("FILLED", "0.1", "SELL")


def test_it_edits_and_previews(client: RESTClient) -> None:
    told = client.limit_order_gtc_buy("sdk-5", "BTC-USD", "0.001", "20000")
    order_id = told["success_response"]["order_id"]

    assert client.edit_order(order_id, size="0.002", price="20100")["success"] is True
    edited = client.get_order(order_id)["order"]
    preview = client.preview_limit_order_gtc_buy("BTC-USD", "10", "20000")
    client.cancel_orders([order_id])

    assert edited["order_configuration"]["limit_limit_gtc"]["limit_price"] == "20100"
    assert edited["edit_history"][0]["price"] == "20000"
    assert preview["errs"] == ["PREVIEW_INSUFFICIENT_FUND"]
    assert preview["order_total"] == "201200"


def test_a_refused_order_is_told_with_success_false_and_raises_nothing(client: RESTClient) -> None:
    answer = client.limit_order_gtc_buy("sdk-6", "BTC-USD", "100", "20000")

    assert answer["success"] is False
    assert answer["error_response"]["error"] == "INSUFFICIENT_FUND"
    assert answer["error_response"]["message"] == "Insufficient balance in source account"


def test_it_reads_fees_permissions_and_portfolio(client: RESTClient) -> None:
    portfolio = client.get_api_key_permissions()["portfolio_uuid"]
    breakdown = client.get_portfolio_breakdown(portfolio)["breakdown"]

    assert client.get_transaction_summary()["fee_tier"]["taker_fee_rate"] == "0.006"
    assert client.get_portfolios()["portfolios"][0]["uuid"] == portfolio
    assert breakdown["portfolio_balances"]["total_balance"]["value"] > 12_000
    assert client.get_futures_balance_summary()["balance_summary"]["unrealized_pnl"]


def test_a_key_that_may_only_look_cannot_trade(venue: Running) -> None:
    looking = rest(venue, Path(venue.ready["key_file"]).parent / "coinbase_view_key.json")

    assert looking.get_api_key_permissions()["can_trade"] is False
    with pytest.raises(HTTPError, match="Missing Required Scopes"):
        looking.market_order_buy("sdk-7", "BTC-USD", quote_size="10")


def test_its_streams_bring_beats_prices_trades_and_orders(
    venue: Running, client: RESTClient
) -> None:
    heard: Queue[str] = Queue()
    stream = WSClient(
        key_file=venue.ready["key_file"],
        base_url=venue.ready["ws_url"],
        on_message=heard.put,
        retry=False,
    )
    stream.open()
    stream.subscribe(["BTC-USDC"], ["heartbeats", "ticker", "market_trades"])
    stream.subscribe([], ["user"])

    first = frames(heard, {"heartbeats", "ticker", "market_trades", "user", "subscriptions"})
    order_id = client.limit_order_gtc_buy("sdk-8", "BTC-USD", "0.001", "20000")
    placed = frames(heard, {"user"})["user"]["events"][0]
    client.cancel_orders([order_id["success_response"]["order_id"]])
    ended = frames(heard, {"user"})["user"]["events"][0]
    stream.close()

    assert first["ticker"]["events"][0]["tickers"][0]["product_id"] == "BTC-USD"
    assert first["ticker"]["events"][0]["type"] == "snapshot"
    assert len(first["market_trades"]["events"][0]["trades"]) == 100
    assert first["user"]["events"][0]["type"] == "snapshot"
    assert (placed["type"], placed["orders"][0]["status"]) == ("update", "OPEN")
    assert ended["orders"][0]["status"] == "CANCELLED"
    assert ended["orders"][0]["cancel_reason"] == "User requested cancel"


def frames(heard: Queue[str], channels: set[str]) -> dict[str, Any]:
    """The next frame of each of these channels; numbers never leave one out."""
    found: dict[str, Any] = {}
    last = None
    while channels - found.keys():
        frame = json.loads(heard.get(timeout=PATIENCE))
        assert frame["channel"], frame
        assert last is None or frame["sequence_num"] == last + 1
        last = frame["sequence_num"]
        found.setdefault(frame["channel"], frame)
    return found
