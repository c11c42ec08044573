"""The habits of the venue, seen over the wire."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.infra.sandbox.served import API, Running, order, sandbox

FAR = "20000"  # a price that no market of these tests comes near


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with sandbox(tmp_path_factory.mktemp("wire"), "--no-rate-limits") as running:
        yield running


def placed(answer: Any) -> str:
    """The id of an order that was taken."""
    assert answer["success"], answer
    return str(answer["success_response"]["order_id"])


def balances(venue: Running) -> dict[str, dict[str, Decimal]]:
    return {
        currency: {name: Decimal(amount) for name, amount in row.items()}
        for currency, row in venue.admin("truth")["balances"].items()
    }


# Tokens and permissions


@pytest.mark.parametrize("path", [f"{API}/accounts", f"{API}/products", f"{API}/nowhere"])
def test_without_a_token_only_public_paths_answer_and_the_no_is_plain_text(
    venue: Running, path: str
) -> None:
    no = venue.ask("GET", path, token=None)

    assert (no.status, no.body) == (401, b"Unauthorized")
    assert no.headers["Content-Type"].startswith("text/plain")


def test_public_paths_need_no_token(venue: Running) -> None:
    for path in (
        "time",
        "market/products",
        "market/products/BTC-USD",
        "market/products/BTC-USD/ticker",
    ):
        assert venue.ask("GET", f"{API}/{path}", token=None).status == 200
    assert venue.ask("GET", "/v2/currencies/crypto", token=None).status == 200


def test_a_token_for_another_path_is_refused_and_the_journal_knows_why(venue: Running) -> None:
    token = venue.token("GET", f"{API}/orders")
    before = venue.admin("journal")["count"]

    assert venue.ask("GET", f"{API}/accounts", token=token).status == 401
    (entry,) = venue.admin(f"journal?after={before}")["requests"]
    assert (entry["path"], entry["status"]) == (f"{API}/accounts", 401)
    assert "signed for" in entry["why"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("orders", 403), ("orders/batch_cancel", 403), ("orders/edit", 403), ("orders/preview", 200)],
)
def test_a_key_that_may_only_look_changes_nothing(venue: Running, path: str, status: int) -> None:
    whole = f"{API}/{path}"
    token = venue.token("POST", whole, key="coinbase_view_key.json")
    body = order("look", "limit_limit_gtc", base_size="0.001", limit_price=FAR)

    answer = venue.ask("POST", whole, body, token=token)

    assert answer.status == status
    if status == 403:
        assert b'"error_details":"Missing required scopes"' in answer.body


def test_no_token_and_no_signature_is_in_the_journal(venue: Running) -> None:
    venue.get("accounts")
    lines = venue.ask("GET", "/_sandbox/journal", token=None).body

    assert venue.key()["name"].encode() in lines
    assert b"eyJ" not in lines
    assert b"Bearer" not in lines


# Orders


def test_a_limit_buy_holds_its_cost_with_the_takers_fee_until_it_is_cancelled(
    venue: Running,
) -> None:
    before = balances(venue)["USD"]
    held = placed(venue.create("hold-1", "limit_limit_gtc", base_size="0.001", limit_price=FAR))
    during = balances(venue)["USD"]
    venue.post("orders/batch_cancel", {"order_ids": [held]})
    after = venue.order(held)

    assert during["hold"] - before["hold"] == Decimal("20.12")
    assert during["available"] + during["hold"] == before["available"] + before["hold"]
    assert (after["status"], after["cancel_message"]) == ("CANCELLED", "User requested cancel")
    assert balances(venue)["USD"] == before


def test_a_client_id_used_before_is_the_old_order_with_the_new_words(venue: Running) -> None:
    first = venue.create("twice", "limit_limit_gtc", base_size="0.001", limit_price=FAR)
    again = venue.create("twice", "limit_limit_gtc", "SELL", base_size="5", limit_price="90000")
    orders = [row["client_order_id"] for row in venue.admin("truth")["orders"]]
    venue.post("orders/batch_cancel", {"order_ids": [placed(first)]})

    assert placed(again) == placed(first)
    assert again["success_response"]["side"] == "SELL"
    assert again["order_configuration"]["limit_limit_gtc"]["base_size"] == "5"
    assert orders.count("twice") == 1


def test_a_cancel_of_what_is_done_or_of_nobody_fails_alone(venue: Running) -> None:
    done = placed(venue.create("done", "market_market_ioc", quote_size="10"))
    resting = placed(venue.create("rest", "limit_limit_gtc", base_size="0.001", limit_price=FAR))

    results = venue.post("orders/batch_cancel", {"order_ids": [done, "nobody", resting]})["results"]

    assert [row["success"] for row in results] == [False, False, True]
    assert {row["failure_reason"] for row in results[:2]} == {"UNKNOWN_CANCEL_ORDER"}


def test_a_market_buy_in_dollars_costs_what_it_names_and_a_fill_row_is_in_dollars(
    venue: Running,
) -> None:
    bought = placed(venue.create("dollars", "market_market_ioc", quote_size="100"))
    row = venue.order(bought)
    (fill,) = venue.get("orders/historical/fills", order_ids=bought)["fills"]

    assert (row["status"], row["cancel_message"], row["settled"]) == (
        "FILLED",
        "Internal error",
        True,
    )
    assert row["order_configuration"]["market_market_ioc"]["quote_size"] == "100"
    assert Decimal(99) < Decimal(row["total_value_after_fees"]) <= 100
    assert fill["size_in_quote"] is True
    base = Decimal(fill["size"]) / Decimal(fill["price"])
    assert abs(base - Decimal(row["filled_size"])) < Decimal("1e-15")


def test_a_market_buy_in_coins_is_filled_to_the_last_increment(venue: Running) -> None:
    bought = placed(venue.create("coins", "market_market_ioc", base_size="0.01"))
    row = venue.order(bought)

    assert (row["status"], row["filled_size"], row["size_in_quote"]) == ("FILLED", "0.01", False)


def test_the_market_sells_what_was_bought_and_pays_less_the_fee(venue: Running) -> None:
    placed(venue.create("buy", "market_market_ioc", base_size="0.02"))
    before = balances(venue)
    sold = placed(venue.create("sell", "market_market_ioc", "SELL", base_size="0.02"))
    row, after = venue.order(sold), balances(venue)

    assert before["BTC"]["available"] - after["BTC"]["available"] == Decimal("0.02")
    earned = after["USD"]["available"] - before["USD"]["available"]
    assert earned == Decimal(row["total_value_after_fees"])
    assert earned == Decimal(row["filled_value"]) - Decimal(row["total_fees"])


LIMIT = {"base_size": "0.001", "limit_price": FAR}
UNSUPPORTED = "UNSUPPORTED_ORDER_CONFIGURATION"
SHAPELESS = "PREVIEW_INVALID_ORDER_CONFIG"
# form and side; what is unusual about it; error; preview failure, if not PREVIEW_ and the error
REFUSED = [
    ("limit_limit_gtc BUY", {**LIMIT, "base_size": "100"}, "INSUFFICIENT_FUND", None),
    ("market_market_ioc SELL", {"quote_size": "10"}, UNSUPPORTED, SHAPELESS),
    ("market_market_ioc BUY", {}, UNSUPPORTED, SHAPELESS),
    ("twap_limit_gtd BUY", {"base_size": "0.001"}, UNSUPPORTED, SHAPELESS),
    ("limit_limit_fok BUY", {**LIMIT, "post_only": True}, UNSUPPORTED, SHAPELESS),
    ("limit_limit_gtc BUY", {**LIMIT, "base_size": "0.000000001"}, "INVALID_SIZE_PRECISION", None),
    ("limit_limit_gtc BUY", {**LIMIT, "limit_price": "9.001"}, "INVALID_PRICE_PRECISION", None),
    (
        "limit_limit_gtc BUY",
        {**LIMIT, "base_size": "0.00001"},
        "UNKNOWN_FAILURE_REASON",
        "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL",
    ),
    (
        "limit_limit_gtc BUY",
        {**LIMIT, "limit_price": "99000", "post_only": True},
        "INVALID_LIMIT_PRICE_POST_ONLY",
        None,
    ),
    (
        "limit_limit_gtd BUY",
        {**LIMIT, "end_time": "2024-12-31T00:00:00Z"},
        "END_TIME_IS_IN_THE_PAST",
        None,
    ),
    ("limit_limit_gtd BUY", LIMIT, "GTD_ORDERS_MUST_HAVE_END_TIME", None),
]


@pytest.mark.parametrize(("asked", "fields", "error", "preview"), REFUSED)
def test_a_refused_order_is_http_200_with_the_venues_own_words(
    venue: Running, asked: str, fields: dict[str, object], error: str, preview: str | None
) -> None:
    form, side = asked.split()
    before = len(venue.admin("truth")["orders"])
    answer = venue.create(f"no-{error}-{preview}-{side}", form, side, **fields)

    assert answer["success"] is False
    assert answer["error_response"]["error"] == error
    assert answer["error_response"]["preview_failure_reason"] == (preview or f"PREVIEW_{error}")
    assert fields.items() <= answer["order_configuration"][form].items()
    assert len(venue.admin("truth")["orders"]) == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"client_order_id": "m", "product_id": "BTC-USD", "side": "BUY"},
        {**order("m", "limit_limit_gtc", base_size=1, limit_price="1")},
        {**order("m", "limit_limit_gtc", base_size="x", limit_price="1")},
        {**order("m" * 129, "limit_limit_gtc", base_size="1", limit_price="1")},
    ],
    ids=["nothing", "no configuration", "a number", "no number", "a long id"],
)
def test_a_body_without_sense_is_http_400(venue: Running, body: dict[str, object]) -> None:
    answer = venue.ask("POST", f"{API}/orders", body)
    assert (answer.status, answer.told["error"]) == (400, "INVALID_ARGUMENT")


def test_an_unknown_product_and_an_unknown_order_are_404_in_the_venues_words(
    venue: Running,
) -> None:
    product = venue.ask("GET", f"{API}/products/NOPE-USD")
    nobody = venue.ask("GET", f"{API}/orders/historical/nobody")

    assert (product.status, product.told["message"]) == (404, "Product NOPE-USD not supported")
    assert nobody.status == 404
    assert nobody.told["message"] == "order with this orderID was not found"


def test_orders_and_fills_come_in_pages_without_a_gap(venue: Running) -> None:
    for number in range(5):
        placed(venue.create(f"page-{number}", "market_market_ioc", quote_size="5"))
    for path, rows, name in (
        ("orders/historical/batch", "orders", "order_id"),
        ("orders/historical/fills", "fills", "entry_id"),
    ):
        whole = [row[name] for row in venue.get(path, limit="1000")[rows]]
        paged, cursor = [], ""
        while True:
            page = venue.get(path, limit="3", **({"cursor": cursor} if cursor else {}))
            paged += [row[name] for row in page[rows]]
            cursor = page["cursor"]
            if not cursor:
                break

        assert len(whole) >= 5
        assert paged == whole


def test_a_gtd_order_expires_at_its_time_and_a_candle_forms_meanwhile(venue: Running) -> None:
    now = datetime.fromisoformat(venue.admin("clock")["at"])
    end = (now + timedelta(minutes=10)).isoformat().replace("+00:00", "Z")
    asked = {"base_size": "0.001", "limit_price": FAR, "end_time": end}
    resting = placed(venue.create("gtd", "limit_limit_gtd", **asked))
    assert venue.order(resting)["status"] == "OPEN"

    venue.admin("clock", {"advance": 601})
    after = venue.order(resting)
    since, until = str(int(now.timestamp())), str(int(now.timestamp()) + 900)
    candles = venue.get(
        "products/BTC-USD/candles", start=since, end=until, granularity="FIFTEEN_MINUTE"
    )["candles"]

    assert (after["status"], after["cancel_message"]) == ("EXPIRED", "Order expired")
    assert [row["start"] for row in candles] == [since]


def test_the_clock_never_goes_back(venue: Running) -> None:
    before = venue.admin("clock")["at"]
    no = venue.ask("POST", "/_sandbox/clock", {"at": "2024-01-01T00:00:00Z"}, token=None)

    assert (no.status, no.told["error"]) == (400, "INVALID_ARGUMENT")
    assert venue.admin("clock")["at"] == before


@pytest.mark.parametrize(("steps", "status"), [(349, 200), (350, 400)])
def test_candles_of_350_steps_are_refused_and_never_cut(
    venue: Running, steps: int, status: int
) -> None:
    end = 1735689600
    answer = venue.ask(
        "GET",
        f"{API}/products/BTC-USD/candles",
        start=str(end - steps * 60),
        end=str(end),
        granularity="ONE_MINUTE",
    )

    assert answer.status == status
    if status == 200:
        assert len(answer.told["candles"]) == 350
    else:
        assert "less than 350" in answer.told["message"]


def test_a_get_with_a_body_leaves_the_connection_in_order(venue: Running) -> None:
    context = ssl.create_default_context(cafile=venue.ready["ca_file"])
    host, port = venue.address.split(":")
    request = (
        f"GET {API}/time HTTP/1.1\r\nHost: {venue.address}\r\nContent-Length: 2\r\n\r\n{{}}"
    ).encode()
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as link,
    ):
        answers = []
        for _ in range(2):
            link.sendall(request)
            answers.append(link.recv(65_536).split(b"\r\n", 1)[0])

    assert answers == [b"HTTP/1.1 200 OK"] * 2


def test_the_truth_and_the_listings_are_one(venue: Running) -> None:
    truth = venue.admin("truth")
    listed = venue.get("orders/historical/batch", limit="1000")["orders"]
    accounts = {
        row["currency"]: (row["available_balance"]["value"], row["hold"]["value"])
        for row in venue.get("accounts", limit="250")["accounts"]
    }

    assert listed == truth["orders"][::-1]
    assert accounts == {
        currency: (row["available"], row["hold"]) for currency, row in truth["balances"].items()
    }
