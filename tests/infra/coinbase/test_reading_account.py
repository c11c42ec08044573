"""Accounts, orders, fills, fees and keys off Coinbase's wire."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.market import Balance, Side
from core.money import ZERO, Money, Price, Quantity
from core.orders import OrderStatus, OrderType, TimeInForce, VenueOrder
from infra.exchange.coinbase.wire import accounts, fills, futures, orders, standing
from infra.exchange.coinbase.wire.values import Unreadable, complaint, instant, number
from tests.builders.coinbase import a_fill_row, an_order_row

# Values


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_number_is_none_and_never_zero(empty: str | None) -> None:
    assert number(empty) is None
    assert instant(empty) is None


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "1_000", " 1", "1,5", "0x10", "-", "."])
def test_what_is_no_number_is_not_read_as_one(bad: str) -> None:
    with pytest.raises(Unreadable):
        number(bad)


@pytest.mark.parametrize(
    ("text", "value"), [(".19", "0.19"), ("100.00", "100"), ("1E-8", "0.00000001"), ("-3", "-3")]
)
def test_numbers_are_read_as_they_are_written(text: str, value: str) -> None:
    assert number(text) == Decimal(value)


def test_times_have_up_to_nine_digits_of_a_second() -> None:
    assert instant("2026-11-20T12:00:00Z") == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert instant("2026-11-20T12:00:00.123456789Z") == datetime(
        2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC
    )
    with pytest.raises(Unreadable):
        instant("2026-11-20T12:00:00")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><body>secret</body></html>", "an HTML page"),
        (b"Unauthorized", "Unauthorized"),
        (b'{"error":"NOT_FOUND","message":"no such"}', "NOT_FOUND: no such"),
        (
            b'{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}',
            "rate_limit_exceeded: Too many requests",
        ),
        (b"", "no words"),
        (b"a\x00b\nc" + b"x" * 900, "a b c" + "x" * 295),
    ],
)
def test_a_complaint_is_one_short_line(body: bytes, words: str) -> None:
    assert complaint(body) == words


# Accounts


def an_account(currency: str, free: str, held: str = "0") -> dict[str, object]:
    return {
        "uuid": f"{currency}-1",
        "name": f"{currency} Wallet",
        "currency": currency,
        "available_balance": {"value": free, "currency": currency},
        "hold": {"value": held, "currency": currency},
        "type": "ACCOUNT_TYPE_CRYPTO",
        "ready": False,
        "deleted_at": None,
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }


def balances(*rows: dict[str, object]) -> tuple[Balance, ...]:
    return accounts.balances(accounts.accounts(json.dumps({"accounts": rows}).encode()))


def test_a_balance_is_what_is_free_and_what_is_held() -> None:
    assert balances(an_account("ETH", "0.2430140900000000", "1"), an_account("BTC", "0")) == (
        Balance("ETH", Decimal("1.24301409"), Decimal(1)),
    )


def test_wallets_of_one_currency_are_added_and_one_that_comes_twice_is_not() -> None:
    first, second = an_account("USD", "5"), an_account("USD", "7", "2") | {"uuid": "USD-2"}

    assert balances(first, second, first) == (Balance("USD", Decimal(14), Decimal(2)),)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "ACCOUNT_TYPE_VAULT"},
        {"type": "ACCOUNT_TYPE_PERP_FUTURES"},
        {"type": "ACCOUNT_TYPE_OF_2031"},
        {"platform": "ACCOUNT_PLATFORM_CFM_CONSUMER"},
        {"platform": "ACCOUNT_PLATFORM_INTX"},
        {"deleted_at": "2025-01-01T00:00:00Z"},
    ],
)
def test_what_cannot_be_traded_from_is_not_counted(changes: dict[str, object]) -> None:
    assert balances(an_account("USD", "5") | changes) == ()


@pytest.mark.parametrize("gone", [{"hold": None}, {"available_balance": {"value": ""}}])
def test_a_balance_without_its_number_is_unreadable(gone: dict[str, object]) -> None:
    with pytest.raises(Unreadable, match="USD"):
        balances(an_account("USD", "5") | gone)


# Orders


def an_order(**changes: object) -> VenueOrder:
    return orders.order(json.dumps({"order": an_order_row(**changes)}).encode())


def test_a_resting_order_is_read() -> None:
    order = an_order(originating_order_id="")

    assert (order.symbol, order.side) == ("BTC-USD", Side.BUY)
    assert (order.type, order.time_in_force) == (OrderType.LIMIT, TimeInForce.GTD)
    assert (order.price, order.quantity, order.stop) == (Decimal(100), Decimal("0.1"), None)
    assert order.end_time == datetime(2026, 11, 20, 12, 20, tzinfo=UTC)
    assert order.status is OrderStatus.OPEN
    assert order.originates_from is None
    assert order.told == ""


@pytest.mark.parametrize("state", ["PENDING", "QUEUED", "OPEN", "CANCEL_QUEUED", "EDIT_QUEUED"])
def test_what_is_not_over_works_and_a_part_of_it_may_be_filled(state: str) -> None:
    assert an_order(status=state).status is OrderStatus.OPEN
    assert an_order(status=state, filled_size="0.04").status is OrderStatus.PARTIAL


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        (
            {"status": "FILLED", "filled_size": "0.1", "cancel_message": "Internal error"},
            OrderStatus.FILLED,
            "",
        ),
        (
            {"status": "CANCELLED", "cancel_message": "User requested cancel"},
            OrderStatus.CANCELLED,
            "User requested cancel",
        ),
        (
            {"status": "EXPIRED", "cancel_message": "Order expired"},
            OrderStatus.EXPIRED,
            "Order expired",
        ),
        (
            {"status": "FAILED", "reject_reason": "HOLD_FAILURE", "reject_message": "no funds"},
            OrderStatus.REFUSED,
            "HOLD_FAILURE: no funds",
        ),
        ({"status": "FAILED", "filled_size": "0.01"}, OrderStatus.CANCELLED, ""),
        ({"status": "ASCENDED"}, OrderStatus.UNKNOWN, "status ASCENDED"),
        ({"status": None}, OrderStatus.UNKNOWN, "status None"),
        ({"filled_size": ""}, OrderStatus.UNKNOWN, "filled_size is missing"),
    ],
)
def test_every_end_has_its_status_and_its_words(
    changes: dict[str, object], status: OrderStatus, told: str
) -> None:
    order = an_order(**changes)

    assert (order.status, order.told) == (status, told)


def test_a_stop_and_a_bracket_tell_their_stop() -> None:
    members = {"base_size": "1", "limit_price": "90", "stop_price": "91"}
    stop = an_order(
        order_type="STOP_LIMIT", order_configuration={"stop_limit_stop_limit_gtc": members}
    )
    bracket = an_order(
        order_type="Bracket",
        order_configuration={
            "trigger_bracket_gtc": {
                "base_size": "1",
                "limit_price": "120",
                "stop_trigger_price": "91",
            }
        },
    )

    assert (stop.type, stop.price, stop.stop) == (OrderType.STOP_LIMIT, Decimal(90), Decimal(91))
    assert (bracket.type, bracket.stop) == (OrderType.BRACKET, Decimal(91))


@pytest.mark.parametrize(
    "configured",
    [
        None,
        {"market_market_ioc": {"quote_size": "10", "rfq_enabled": False}},
        {"limit_limit_gtc": {"base_size": "1"}, "limit_limit_fok": {"base_size": "2"}},
        {"limit_limit_gtc": {"base_size": 7}},
    ],
    ids=["null", "a person's market order", "two kinds", "another type"],
)
def test_what_the_configuration_does_not_say_is_none(configured: object) -> None:
    order = an_order(order_configuration=configured, order_type="MARKET")

    assert (order.price, order.quantity, order.type) == (None, None, None)


@pytest.mark.parametrize("bad", [{"side": "SHORT"}, {"created_time": ""}])
def test_an_order_without_a_side_or_a_time_is_unreadable(bad: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        an_order(**bad)


def test_a_list_of_orders_that_is_null_is_not_empty() -> None:
    with pytest.raises(Unreadable, match="orders"):
        orders.orders(b'{"orders": null, "has_next": false}')


# Fills


def page(*rows: dict[str, object]) -> fills.Page:
    return fills.page(json.dumps({"fills": rows, "cursor": ""}).encode())


def test_a_fill_sized_in_quote_is_turned_into_base() -> None:
    (fill,) = page(a_fill_row()).fills

    # 0.994 USD at 0.255 are 3.9 ALGO: never 0.994 of them.
    assert fill.quantity == Quantity(Decimal("3.8981795501500800"), "ALGO")
    assert fill.price == Price(Decimal("0.255"), "USD")
    assert fill.fee == Money(Decimal("0.0059642147117296"), "USD")
    assert fill.fill_id == "2e95db7b"


def test_a_fill_sized_in_base_stays_as_it_is() -> None:
    (fill,) = page(a_fill_row(size_in_quote=False, size="3.25")).fills

    assert fill.quantity == Quantity(Decimal("3.25"), "ALGO")


def test_the_last_digit_of_a_quote_sized_fill_is_against_us() -> None:
    bought, sold = page(
        a_fill_row(size="1", price="3"), a_fill_row(entry_id="b", size="1", price="3", side="SELL")
    ).fills

    assert bought.quantity.amount == Decimal("0.3333333333333333")
    assert sold.quantity.amount == Decimal("0.3333333333333334")


@pytest.mark.parametrize("field", ["price", "size", "commission", "trade_time", "size_in_quote"])
def test_a_fill_that_lacks_anything_is_unreadable(field: str) -> None:
    with pytest.raises(Unreadable, match="2e95db7b"):
        page(a_fill_row(**{field: None}))


@pytest.mark.parametrize("kind", ["REVERSAL", "CORRECTION", "SYNTHETIC", "OF_2031", None])
def test_a_row_that_is_no_fill_is_named_and_not_booked(kind: str | None) -> None:
    found = page(a_fill_row(trade_type=kind), a_fill_row(entry_id="good"))

    assert [fill.fill_id for fill in found.fills] == ["good"]
    assert found.strange == (f"2e95db7b ({kind})",)


def test_fills_are_told_oldest_first_and_each_once() -> None:
    rows = [
        a_fill_row(entry_id=name, trade_time=f"2026-11-20T12:00:0{at}Z")
        for name, at in (("c", 2), ("b", 1), ("a", 2), ("b", 1))
    ]

    assert [fill.fill_id for fill in fills.in_order(page(*rows).fills)] == ["b", "a", "c"]


# Fees, keys, portfolios, time, futures


def test_the_fee_tier_is_read_and_floats_beside_it_are_ignored() -> None:
    tier = {"pricing_tier": "", "taker_fee_rate": "0.0075", "maker_fee_rate": "0.0035"}
    fees = standing.fees(json.dumps({"total_volume": 5204.02, "fee_tier": tier}).encode())

    assert (fees.maker.value, fees.taker.value) == (Decimal("0.0035"), Decimal("0.0075"))


@pytest.mark.parametrize("tier", [None, {"taker_fee_rate": "", "maker_fee_rate": "0.0035"}])
def test_fees_that_are_not_told_are_not_nothing(tier: object) -> None:
    with pytest.raises(Unreadable, match="fee_rate"):
        standing.fees(json.dumps({"fee_tier": tier}).encode())


def test_permissions_are_read_and_a_power_that_is_not_mentioned_is_not_absent() -> None:
    told = {"can_view": True, "can_trade": True, "can_transfer": False, "portfolio_uuid": "p"}

    assert standing.permissions(json.dumps(told).encode()).can_transfer is False
    del told["can_transfer"]
    with pytest.raises(ValueError, match="can_transfer"):
        standing.permissions(json.dumps(told).encode())


def test_a_portfolio_that_was_deleted_is_none() -> None:
    rows = [
        {"uuid": "a", "name": "Mine", "type": "DEFAULT", "deleted": False},
        {"uuid": "b", "name": "Old", "type": "CONSUMER", "deleted": True},
    ]
    found = standing.portfolios(json.dumps({"portfolios": rows}).encode())

    assert [(one.portfolio_id, one.name) for one in found] == [("a", "Mine")]


def test_the_time_is_told_to_the_millisecond() -> None:
    body = (
        b'{"iso":"2025-01-31T07:24:45Z","epochSeconds":"1738308285","epochMillis":"1738308285753"}'
    )

    assert standing.time(body) == datetime(2025, 1, 31, 7, 24, 45, 753000, tzinfo=UTC)
    assert standing.time(b'{"iso":"2025-01-31T07:24:45Z"}').microsecond == 0
    with pytest.raises(Unreadable):
        standing.time(b"{}")


def test_futures_are_one_line_and_an_account_without_them_says_so() -> None:
    balance = {
        "balance_summary": {
            "total_usd_balance": {"value": "105.5", "currency": "USD"},
            "unrealized_pnl": {"value": "", "currency": "USD"},
        }
    }
    positions = {
        "positions": [{"product_id": "BIP-20DEC30-CDE", "side": "LONG", "number_of_contracts": "2"}]
    }

    told = futures.line(json.dumps(balance).encode(), json.dumps(positions).encode())

    assert told == ("futures: balance 105.5 USD, unrealised not told, 2 BIP-20DEC30-CDE long")
    assert futures.line(b'{"balance_summary":null}', b'{"positions":[]}') == "futures: no wallet"


def test_nothing_filled_is_zero_where_the_venue_says_so() -> None:
    assert an_order().filled == ZERO
