"""What a person can do at the simulated venue, beyond what the bot's port knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.errors import RetryableError
from core.market import Balance, Fees, ProductStatus, Side
from core.money import ZERO, Money, Ratio
from core.orders import OrderStatus, TimeInForce
from infra.exchange.simulated.entry import Deal, Entry, Liquidity
from infra.exchange.simulated.exchange import SimulatedExchange
from infra.exchange.simulated.fee_schedule import FeeSchedule, FeeTier
from infra.exchange.simulated.request import (
    Attached,
    CancelRefusal,
    EditRefusal,
    Kind,
    Refusal,
    StopDirection,
    VenueRequest,
)
from infra.exchange.simulated.venue_rows import FillQuery, OrderQuery
from tests.builders.market import FEES, NOON, a_depth, a_product
from tests.builders.venue import HandMarket, a_request, an_exchange, rules

MINUTE = timedelta(minutes=1)


def placed(exchange: SimulatedExchange, request: VenueRequest) -> Entry:
    entry = exchange.create(request)
    assert isinstance(entry, Entry), entry
    return entry


def now_of(exchange: SimulatedExchange, entry: Entry) -> Entry:
    found = exchange.order(entry.exchange_order_id)
    assert found is not None
    return found


def fills_of(exchange: SimulatedExchange) -> tuple[Deal, ...]:
    return exchange.fills_since(NOON - timedelta(days=1))


def holding(exchange: SimulatedExchange, currency: str) -> Balance:
    return next(row for row in exchange.balances() if row.currency == currency)


def a_market_buy(**changes: object) -> VenueRequest:
    return a_request(Side.BUY, **({"kind": Kind.MARKET, "price": None} | changes))


# Market orders


def test_a_market_buy_walks_the_book_level_by_level() -> None:
    market = HandMarket()
    market.books["SOL-USD"] = a_depth(asks=(("100", "1"), ("101", "2"), ("102", "9")))
    exchange = an_exchange(market)

    entry = placed(exchange, a_market_buy(quantity="4"))

    taken = [f"{deal.quantity} at {deal.price}" for deal in fills_of(exchange)]
    assert taken == ["1 at 100", "2 at 101", "1 at 102"]
    assert (entry.status, entry.value) == (OrderStatus.FILLED, Decimal(404))


def test_a_market_buy_in_quote_currency_spends_its_money_and_no_more_fees_included() -> None:
    exchange = an_exchange(HandMarket())

    entry = placed(exchange, a_market_buy(quantity=None, notional="6.36"))

    assert entry.status is OrderStatus.FILLED
    spent = entry.value + entry.fees
    assert Decimal("6.35999990") < spent <= Decimal("6.36")
    assert holding(exchange, "USD") == Balance("USD", 10_000 - spent, ZERO)


def test_a_market_buy_beyond_the_book_is_cancelled_for_the_rest() -> None:
    market = HandMarket()
    market.books["SOL-USD"] = a_depth(asks=(("100", "1"),))
    exchange = an_exchange(market)

    entry = placed(exchange, a_market_buy(quantity="4"))

    assert (entry.status, entry.filled) == (OrderStatus.CANCELLED, Decimal(1))
    assert holding(exchange, "USD").held == ZERO


def test_what_was_taken_from_a_book_is_gone_for_a_minute_and_seen_to_be() -> None:
    market = HandMarket()
    market.books["SOL-USD"] = a_depth(asks=(("100", "1"), ("101", "2")))
    exchange = an_exchange(market)
    placed(exchange, a_market_buy(quantity="2"))

    book = exchange.product_book("SOL-USD")
    assert book is not None
    assert book.asks == ((Decimal(101), Decimal(1)),)
    assert placed(exchange, a_market_buy(quantity="1")).value == 101

    market.clock.set(NOON + MINUTE)
    assert placed(exchange, a_market_buy(quantity="1")).value == 100


def test_products_that_share_a_book_share_what_is_in_it() -> None:
    market = HandMarket()
    market.listed["SOL-USDC"] = replace(a_product("SOL-USDC"), alias_of="SOL-USD")
    market.books["SOL-USD"] = a_depth(asks=(("100", "1"), ("101", "2")))
    market.books["SOL-USDC"] = a_depth("SOL-USDC", asks=(("100", "1"), ("101", "2")))
    starting = (Money(Decimal(500), "USD"), Money(Decimal(500), "USDC"))
    exchange = an_exchange(market, starting=starting)

    placed(exchange, a_market_buy(quantity="1"))
    entry = placed(exchange, a_market_buy(symbol="SOL-USDC", quantity="1"))

    assert entry.value == 101
    assert holding(exchange, "USDC").total == 500 - entry.value - entry.fees


# Refusals that only people meet


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (a_request(symbol="NO-USD"), Refusal.INVALID_PRODUCT_ID),
        (
            a_request(Side.SELL, kind=Kind.MARKET, price=None, quantity=None, notional="5"),
            Refusal.PREVIEW_INVALID_ORDER_CONFIG,
        ),
        (a_request(notional="5"), Refusal.UNSUPPORTED_ORDER_CONFIGURATION),
        (a_request(price=None), Refusal.UNSUPPORTED_ORDER_CONFIGURATION),
        (a_request(stop="98"), Refusal.UNSUPPORTED_ORDER_CONFIGURATION),
        (
            a_request(time_in_force=TimeInForce.IOC, post_only=True),
            Refusal.UNSUPPORTED_ORDER_CONFIGURATION,
        ),
        (a_request(time_in_force=TimeInForce.GTD), Refusal.GTD_ORDERS_MUST_HAVE_END_TIME),
        (
            a_request(time_in_force=TimeInForce.GTD, end_time=NOON),
            Refusal.END_TIME_IS_IN_THE_PAST,
        ),
        (a_request(price="0"), Refusal.INVALID_LIMIT_PRICE),
        (a_request(price=Decimal("NaN")), Refusal.INVALID_LIMIT_PRICE),
        (a_request(quantity=Decimal("Infinity")), Refusal.PREVIEW_INVALID_BASE_SIZE_TOO_SMALL),
        (a_request(quantity="-1"), Refusal.PREVIEW_INVALID_BASE_SIZE_TOO_SMALL),
        (
            a_market_buy(quantity=None, notional="0.99"),
            Refusal.PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL,
        ),
        (
            a_market_buy(quantity=None, notional="1.000000001"),
            Refusal.PREVIEW_INVALID_QUOTE_SIZE_PRECISION,
        ),
        (
            a_request(Side.SELL, kind=Kind.STOP_LIMIT, stop="99.98", price="99"),
            Refusal.PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE,
        ),
        (
            a_request(kind=Kind.STOP_LIMIT, stop="100.02", price="101"),
            Refusal.PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE,
        ),
        (
            a_request(Side.SELL, kind=Kind.STOP_LIMIT, stop="95", price="96"),
            Refusal.PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE,
        ),
        (
            a_request(kind=Kind.STOP_LIMIT, stop="105", price="104"),
            Refusal.PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE,
        ),
        (
            a_request(Side.SELL, kind=Kind.STOP_LIMIT, stop="95.001", price="95"),
            Refusal.PREVIEW_INVALID_STOP_PRICE_PRECISION,
        ),
        (
            a_request(kind=Kind.BRACKET, stop="95", price="110"),
            Refusal.PREVIEW_INVALID_BRACKET_ORDER_SIDE,
        ),
        (
            a_request(Side.SELL, kind=Kind.BRACKET, stop="95", price="95"),
            Refusal.INVALID_BRACKET_PRICES,
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_venues_code(
    request_: VenueRequest, why: Refusal
) -> None:
    exchange = an_exchange(HandMarket())

    assert exchange.create(request_) is why
    assert exchange.preview(request_).refusals == (why,)
    assert exchange.working() == ()


@pytest.mark.parametrize(
    ("status", "limit", "post_only", "market_order"),
    [
        (ProductStatus.ONLINE, None, None, None),
        (ProductStatus.LIMIT_ONLY, None, None, Refusal.ORDER_ENTRY_DISABLED),
        (
            ProductStatus.POST_ONLY,
            Refusal.ORDER_ENTRY_DISABLED,
            None,
            Refusal.ORDER_ENTRY_DISABLED,
        ),
        *(
            (status, why, why, why)
            for status, why in (
                (ProductStatus.CANCEL_ONLY, Refusal.ORDER_ENTRY_DISABLED),
                (ProductStatus.HALTED, Refusal.PRODUCT_TRADING_HALTED),
                (ProductStatus.OFFLINE, Refusal.PRODUCT_TRADING_HALTED),
                (ProductStatus.AUCTION, Refusal.PRODUCT_TRADING_HALTED),
                (ProductStatus.DELISTED, Refusal.UNTRADABLE_PRODUCT),
                (ProductStatus.UNKNOWN, Refusal.UNTRADABLE_PRODUCT),
            )
        ),
    ],
)
def test_each_state_of_a_product_takes_the_orders_that_it_takes(
    status: ProductStatus,
    limit: Refusal | None,
    post_only: Refusal | None,
    market_order: Refusal | None,
) -> None:
    market = HandMarket(listed={"SOL-USD": replace(a_product(), status=status)})
    exchange = an_exchange(market)

    requests = (a_request(), a_request(post_only=True), a_market_buy())
    for request, why in zip(requests, (limit, post_only, market_order), strict=True):
        assert exchange.preview(request).refusals == (() if why is None else (why,))


def test_a_market_order_without_a_book_has_nothing_to_meet_and_a_limit_order_waits() -> None:
    market = HandMarket(books={})
    exchange = an_exchange(market)

    assert exchange.create(a_market_buy()) is Refusal.INVALID_NO_LIQUIDITY
    assert placed(exchange, a_request(price="105")).status is OrderStatus.OPEN

    market.clock.set(NOON + MINUTE)
    market.book("99.98", "100.02")
    (deal,) = fills_of(exchange)
    assert (deal.price, deal.liquidity) == (Decimal("100.02"), Liquidity.TAKER)


def test_where_the_market_does_not_answer_no_order_is_taken() -> None:
    market = HandMarket(unavailable={"depths"})
    exchange = an_exchange(market)

    with pytest.raises(RetryableError):
        exchange.create(a_request())

    market.unavailable = set()
    assert exchange.working() == ()


def test_the_sentence_of_a_refusal_carries_the_codes_of_order_and_preview() -> None:
    funds, small = Refusal.INSUFFICIENT_FUND, Refusal.PREVIEW_INVALID_BASE_SIZE_TOO_SMALL
    assert (funds.error, funds.preview) == ("INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND")
    assert (small.error, small.preview) == ("UNKNOWN_FAILURE_REASON", small.name)
    assert str(funds) == "INSUFFICIENT_FUND: Insufficient balance in source account"


def test_a_preview_tells_total_and_fee_and_a_shapeless_one_no_number() -> None:
    exchange = an_exchange(HandMarket())

    good = exchange.preview(a_request(quantity="2"))
    assert (good.total, good.fee) == (Decimal("199.188"), Decimal("1.188"))
    assert (good.best_bid, good.best_ask) == (Decimal("99.98"), Decimal("100.02"))
    bad = exchange.preview(a_request(price=None))
    assert (bad.total, bad.fee, bad.best_bid) == (None, None, None)


# Stops


def test_a_buy_stop_is_set_off_by_a_rising_market() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    entry = placed(exchange, a_request(kind=Kind.STOP_LIMIT, stop="105", price="106"))
    assert entry.hold == Money(Decimal("106.636"), "USD")

    market.close_bar(100, 105.5, 100, 105.2)

    (deal,) = fills_of(exchange)
    assert (deal.price, deal.liquidity) == (Decimal("105.5"), Liquidity.TAKER)


def test_a_sale_may_wait_for_the_market_to_rise_to_its_stop() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    up = a_request(
        Side.SELL, kind=Kind.STOP_LIMIT, stop="105", price="104", stop_direction=StopDirection.UP
    )
    entry = placed(exchange, up)

    market.close_bar(100, 104, 90, 100)
    assert not now_of(exchange, entry).triggered
    market.close_bar(100, 106, 100, 105)

    assert now_of(exchange, entry).status is OrderStatus.FILLED


def test_target_and_stop_hang_on_a_buy_and_work_when_it_has_ended() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    attached = Attached(target=Decimal(110), stop=Decimal(95))

    parent = placed(exchange, a_request(price="101", attached=attached))

    (child,) = exchange.working()
    assert child.originates_from == parent.exchange_order_id
    assert (child.request.kind, child.request.quantity) == (Kind.BRACKET, Decimal(1))
    assert holding(exchange, "SOL").held == 1

    market.close_bar(100, 111, 99, 110.5)
    assert now_of(exchange, child).status is OrderStatus.FILLED


def bracket_of(exchange: SimulatedExchange, parent: Entry) -> Entry:
    """What hung on the order and was placed when it had ended."""
    rows = exchange.orders(OrderQuery()).orders
    (child,) = [row for row in rows if row.originates_from == parent.exchange_order_id]
    return child


def test_a_stop_that_hangs_on_a_buy_works_in_the_bars_that_follow_also_when_nobody_looked() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    attached = Attached(target=Decimal(110), stop=Decimal(95))
    parent = placed(exchange, a_request(price="99", attached=attached))

    market.close_bar(100, 100, 98, 98.5)
    fell = market.close_bar(98, 98, 94, 94.5)
    market.close_bar(96, 101, 96, 101)

    child = bracket_of(exchange, parent)
    assert (child.status, child.last_fill_at) == (OrderStatus.FILLED, fell)
    assert fills_of(exchange)[-1].price == Decimal(94)


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        ((100, 112, 95.01, 100), None),  # the high may have come before the buy
        ((100, 100, 95, 100), "95"),  # the buy was above the stop, so the stop came after it
        ((100, 100, 80, 100), "90.25"),
        ((98, 112, 98, 111), "110"),  # the close came after everything
    ],
)
def test_in_the_bar_of_its_buy_a_stop_is_met_by_the_low_and_a_target_by_the_close_alone(
    bar: tuple[float, ...], price: str | None
) -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    attached = Attached(target=Decimal(110), stop=Decimal(95))
    parent = placed(exchange, a_request(price="99", attached=attached))

    market.close_bar(*bar)
    child = bracket_of(exchange, parent)

    sold = [deal.price for deal in fills_of(exchange) if deal.side is Side.SELL]
    assert sold == ([] if price is None else [Decimal(price)])
    assert child.created_at == market.clock.now()


def test_a_buy_that_arrived_within_its_bar_brings_a_stop_that_sees_only_the_close() -> None:
    market = HandMarket()
    exchange = an_exchange(market, matching=rules(latency=timedelta(minutes=5)))
    attached = Attached(target=Decimal(110), stop=Decimal(95))
    parent = placed(exchange, a_request(price="101", attached=attached))

    market.close_bar(100, 100, 90, 100)

    assert now_of(exchange, parent).status is OrderStatus.FILLED
    assert bracket_of(exchange, parent).status is OrderStatus.OPEN


def test_what_hangs_on_a_buy_of_a_product_that_nobody_lists_any_more_is_told() -> None:
    market = HandMarket()
    market.book("99.98", "100.02", each="0.3")
    exchange = an_exchange(market)
    placed(exchange, a_request(price="101", attached=Attached(Decimal(110), Decimal(95))))

    market.listed.clear()
    market.clock.set(NOON + MINUTE)
    assert exchange.working() == ()

    assert exchange.notices() == ("SOL-USD: nobody lists it, so nothing protects it",)


# Post-only


@pytest.mark.parametrize(
    ("latency", "status", "deals"),
    [
        (timedelta(minutes=15), OrderStatus.CANCELLED, []),  # the next bar opens beyond its limit
        # Within a bar nobody knows: against the order, it rested and the market fell through it.
        (timedelta(minutes=16), OrderStatus.FILLED, [(Decimal(99), Liquidity.MAKER)]),
    ],
)
def test_a_post_only_order_that_arrives_where_it_would_cross_never_takes(
    latency: timedelta, status: OrderStatus, deals: list[object]
) -> None:
    market = HandMarket()
    exchange = an_exchange(market, matching=rules(latency=latency))
    entry = placed(exchange, a_request(price="99", post_only=True))

    market.close_bar(100, 100, 98, 98)
    market.close_bar(98, 98, 97, 97)

    assert now_of(exchange, entry).status is status
    assert [(deal.price, deal.liquidity) for deal in fills_of(exchange)] == deals


def test_a_post_only_order_that_met_no_book_is_cancelled_where_the_first_bar_is_beyond_it() -> None:
    market = HandMarket(books={})
    exchange = an_exchange(market)
    crosses = placed(exchange, a_request(price="105", post_only=True))
    rests = placed(exchange, a_request(price="99.5", post_only=True))

    market.close_bar(100, 101, 99, 100)

    assert now_of(exchange, crosses).status is OrderStatus.CANCELLED
    assert [(deal.exchange_order_id, deal.liquidity) for deal in fills_of(exchange)] == [
        (rests.exchange_order_id, Liquidity.MAKER)
    ]


# Cancel, edit


def test_a_cancel_is_asked_once_and_only_of_what_works() -> None:
    exchange = an_exchange(HandMarket())
    entry = placed(exchange, a_request())

    assert exchange.cancel("nobody") is CancelRefusal.UNKNOWN_CANCEL_ORDER
    assert exchange.cancel(entry.exchange_order_id) is None
    assert now_of(exchange, entry).told == "User requested cancel"
    assert exchange.cancel(entry.exchange_order_id) is CancelRefusal.UNKNOWN_CANCEL_ORDER


def test_with_latency_an_order_arrives_later_and_a_fill_may_win_against_a_cancel() -> None:
    market = HandMarket()
    exchange = an_exchange(market, matching=rules(latency=timedelta(seconds=30)))
    entry = placed(exchange, a_request(price="101"))
    assert entry.filled == 0

    market.clock.set(NOON + timedelta(seconds=10))
    assert exchange.cancel(entry.exchange_order_id) is None
    assert exchange.cancel(entry.exchange_order_id) is CancelRefusal.DUPLICATE_CANCEL_REQUEST
    market.clock.set(NOON + timedelta(seconds=35))

    assert now_of(exchange, entry).status is OrderStatus.FILLED


def test_with_latency_what_would_take_at_once_gets_the_worst_price_of_the_bar_it_met() -> None:
    market = HandMarket()
    exchange = an_exchange(market, matching=rules(latency=timedelta(seconds=30)))
    dear = placed(exchange, a_market_buy(quantity=None, notional="500"))
    cheap = placed(exchange, a_request(price="99", time_in_force=TimeInForce.IOC))

    market.close_bar(100, 104, 99.5, 101)

    assert now_of(exchange, cheap).status is OrderStatus.CANCELLED
    (deal,) = fills_of(exchange)
    assert deal.exchange_order_id == dear.exchange_order_id
    assert deal.price == 101  # of a bar that had begun before it only the close is known


def test_an_edit_changes_price_and_quantity_and_what_is_held() -> None:
    exchange = an_exchange(HandMarket())
    entry = placed(exchange, a_request(price="99", quantity="1"))

    edited = exchange.edit(entry.exchange_order_id, price=Decimal(98), quantity=Decimal(3))

    assert isinstance(edited, Entry)
    assert edited.exchange_order_id == entry.exchange_order_id
    assert (edited.request.price, edited.left) == (Decimal(98), Decimal(3))
    assert holding(exchange, "USD").held == Decimal("295.764")
    assert [(edit.price, edit.quantity) for edit in edited.edits] == [(Decimal(99), Decimal(1))]


def test_an_edit_to_a_crossing_price_takes_and_one_beyond_the_purse_is_refused() -> None:
    exchange = an_exchange(HandMarket())
    entry = placed(exchange, a_request())

    name = entry.exchange_order_id
    denied = exchange.edit(name, price=Decimal(99), quantity=Decimal(1000))
    assert denied is Refusal.INSUFFICIENT_FUND
    assert now_of(exchange, entry).request == entry.request
    edited = exchange.edit(name, price=Decimal(101), quantity=Decimal(50))
    assert isinstance(edited, Entry)
    assert (edited.status, edited.value) == (OrderStatus.FILLED, Decimal(5001))


@pytest.mark.parametrize(
    ("price", "quantity", "stop", "why"),
    [
        ("99", "1", None, EditRefusal.EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST),
        ("0", "1", None, EditRefusal.INVALID_EDITED_PRICE),
        ("99", "0", None, EditRefusal.INVALID_EDITED_SIZE),
        ("99", "2", "90", EditRefusal.CANNOT_EDIT_STOP_PRICE_FOR_TRIGGERED_ORDER),
        ("99.001", "1", None, Refusal.INVALID_PRICE_PRECISION),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(
    price: str, quantity: str, stop: str | None, why: EditRefusal | Refusal
) -> None:
    exchange = an_exchange(HandMarket())
    entry = placed(exchange, a_request())

    answer = exchange.edit(
        entry.exchange_order_id,
        price=Decimal(price),
        quantity=Decimal(quantity),
        stop=None if stop is None else Decimal(stop),
    )

    assert answer is why


def test_only_working_gtc_orders_can_be_edited_and_not_below_what_is_filled() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    end = NOON + timedelta(hours=1)
    dated = placed(exchange, a_request(time_in_force=TimeInForce.GTD, end_time=end))
    done = placed(exchange, a_request(price="101"))
    part = placed(exchange, a_request(price="98", quantity="20"))
    market.close_bar(100, 100, 97.9, 100, volume=130)

    def edit(entry: Entry, quantity: str) -> object:
        return exchange.edit(entry.exchange_order_id, price=Decimal(97), quantity=Decimal(quantity))

    assert edit(dated, "2") is EditRefusal.ONLY_OPEN_ORDERS_CAN_BE_EDITED  # it filled first
    assert edit(done, "2") is EditRefusal.ONLY_OPEN_ORDERS_CAN_BE_EDITED
    assert edit(part, "12") is EditRefusal.CANNOT_EDIT_TO_BELOW_FILLED_SIZE
    assert isinstance(edit(part, "12.5"), Entry)
    exchange.cancel(part.exchange_order_id)
    assert exchange.edit("nobody", price=Decimal(1), quantity=Decimal(1)) is (
        EditRefusal.ORDER_NOT_FOUND
    )
    dated = placed(exchange, a_request(price="97", time_in_force=TimeInForce.GTD, end_time=end))
    assert edit(dated, "2") is EditRefusal.ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED


def test_a_smaller_quantity_keeps_its_place_and_another_price_loses_it() -> None:
    market = HandMarket()
    exchange = an_exchange(market, matching=rules(share="1"))
    first = placed(exchange, a_request(quantity="5"))
    second = placed(exchange, a_request(quantity="5"))
    market.clock.set(NOON + MINUTE)
    exchange.edit(first.exchange_order_id, price=Decimal(99), quantity=Decimal(4))
    market.close_bar(100, 100, 98, 98.5, volume=0)
    market.book("98.96", "99.00", each="4")

    assert now_of(exchange, first).filled == 4

    market.book("99.50", "99.54")
    market.clock.set(market.clock.now() + MINUTE)
    third = placed(exchange, a_request(price="98.5", quantity="1"))
    market.clock.set(market.clock.now() + MINUTE)
    exchange.edit(second.exchange_order_id, price=Decimal("98.5"), quantity=Decimal(5))
    market.clock.set(market.clock.now() + MINUTE)
    market.book("98.46", "98.50", each="1")

    assert now_of(exchange, third).filled == 1
    assert now_of(exchange, second).filled == 0


def test_a_larger_quantity_goes_to_the_end_of_the_queue() -> None:
    market = HandMarket()
    exchange = an_exchange(market, matching=rules(share="1"))
    first = placed(exchange, a_request(quantity="5"))
    second = placed(exchange, a_request(quantity="5"))
    market.clock.set(NOON + MINUTE)
    exchange.edit(first.exchange_order_id, price=Decimal(99), quantity=Decimal(6))

    market.clock.set(NOON + 2 * MINUTE)
    market.book("98.96", "99.00", each="5")

    assert now_of(exchange, second).filled == 5
    assert now_of(exchange, first).filled == 0


@pytest.mark.parametrize(("close", "status"), [(100, OrderStatus.OPEN), (96, OrderStatus.FILLED)])
def test_what_a_bar_did_before_an_order_was_edited_does_nothing_to_it(
    close: float, status: OrderStatus
) -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    entry = placed(exchange, a_request(price="90"))
    market.clock.set(NOON + timedelta(minutes=14))
    exchange.edit(entry.exchange_order_id, price=Decimal(97), quantity=Decimal(1))

    market.close_bar(100, 101, 95, close)

    assert now_of(exchange, entry).status is status


# Lists


def test_orders_are_listed_newest_first_in_pages_that_neither_miss_nor_repeat() -> None:
    exchange = an_exchange(HandMarket())
    names = [placed(exchange, a_request(price="90")).exchange_order_id for _ in range(7)]
    placed(exchange, a_request(Side.SELL, price="110"))

    listed: list[str] = []
    query = OrderQuery(side=Side.BUY, limit=3)
    while True:
        page = exchange.orders(query)
        listed += [entry.exchange_order_id for entry in page.orders]
        if not page.cursor:
            break
        query = replace(query, cursor=page.cursor)

    assert listed == names[::-1]


def test_orders_can_be_asked_for_by_what_they_are() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    done = placed(exchange, a_request(price="101"))
    market.clock.set(NOON + MINUTE)
    works = placed(exchange, a_request(Side.SELL, kind=Kind.STOP_LIMIT, stop="95", price="94"))

    def found(**query: object) -> list[Entry]:
        return list(exchange.orders(OrderQuery(**query)).orders)  # type: ignore[arg-type]

    assert found(statuses=(OrderStatus.OPEN,)) == [works]
    assert found(kinds=(Kind.LIMIT,)) == [done]
    assert found(until=NOON + MINUTE) == [done]
    assert found(since=NOON + MINUTE) == [works]
    assert found(exchange_order_ids=(done.exchange_order_id,)) == [done]
    assert found(symbols=("BTC-USD",)) == []


def test_fills_are_listed_newest_first_in_pages() -> None:
    exchange = an_exchange(HandMarket())
    for _ in range(5):
        placed(exchange, a_market_buy(quantity="1"))

    first = exchange.fills(FillQuery(limit=3))
    rest = exchange.fills(FillQuery(limit=3, cursor=first.cursor))

    assert [deal.number for deal in (*first.fills, *rest.fills)] == [5, 4, 3, 2, 1]
    assert rest.cursor == ""
    assert exchange.fills(FillQuery(limit=3, cursor="garbage")).fills == ()


# Fees


def test_fees_fall_with_what_was_traded_in_thirty_days_and_rise_again() -> None:
    cheap = Fees(maker=Ratio(Decimal("0.001")), taker=Ratio(Decimal("0.002")))
    market = HandMarket()
    schedule = FeeSchedule((FeeTier(ZERO, FEES), FeeTier(Decimal(500), cheap)))
    exchange = an_exchange(market, fees=schedule)

    placed(exchange, a_market_buy(quantity="4.9"))
    assert exchange.fees() == FEES
    placed(exchange, a_market_buy(quantity="0.1"))
    assert (exchange.volume(), exchange.fees()) == (Decimal("500.1"), cheap)
    market.clock.set(NOON + timedelta(days=31))
    assert exchange.fees() == FEES


def test_the_fee_of_an_order_is_rounded_up_once_however_many_parts_it_has() -> None:
    market = HandMarket(listed={"SOL-USD": a_product(price_increment=Decimal("0.000001"))})
    levels = tuple((f"1.00000{digit}", "0.3333") for digit in range(1, 8))
    market.books["SOL-USD"] = a_depth(bids=(("0.9", "1"),), asks=levels)
    exchange = an_exchange(market)

    entry = placed(exchange, a_market_buy(quantity="2"))

    exact = entry.value * FEES.taker.value
    assert entry.fees == entry.fees.quantize(Decimal("0.00000001")) != exact
    assert exact <= entry.fees < exact + Decimal("0.00000001")
    assert sum(deal.fee for deal in fills_of(exchange)) == entry.fees


# Products that go


def test_orders_of_a_delisted_product_are_cancelled() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    entry = placed(exchange, a_request())

    market.listed["SOL-USD"] = replace(a_product(), status=ProductStatus.DELISTED)
    market.clock.set(NOON + MINUTE)

    assert now_of(exchange, entry).told == "Product delisted"
    assert holding(exchange, "USD").held == ZERO


def test_the_venues_time_never_goes_back() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    placed(exchange, a_request(price="101"))
    market.clock.set(NOON - MINUTE)

    late = placed(exchange, a_request(price="101"))

    assert late.created_at == NOON
    assert [deal.at for deal in fills_of(exchange)] == [NOON, NOON]
