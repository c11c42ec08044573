"""What closed bars do to orders that rest, every doubt against the order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from core.market import Side
from core.money import rounded_down
from core.orders import OrderStatus, TimeInForce
from infra.clock import MarketClock
from infra.exchange.simulated.entry import Deal, Entry, Liquidity
from infra.exchange.simulated.exchange import AccountTerms, SimulatedExchange
from infra.exchange.simulated.request import Kind, VenueRequest
from infra.exchange.simulated.synthetic import SyntheticMarket
from infra.exchange.simulated.venue import SimulatedVenue
from tests.builders.market import BAR, FEES, NOON
from tests.builders.venue import (
    IDENTITY,
    STARTING,
    HandMarket,
    a_plan,
    a_request,
    an_exchange,
    rules,
)


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


@pytest.mark.parametrize(
    ("side", "low", "high", "filled"),
    [
        (Side.BUY, 99.01, 101, "0"),
        (Side.BUY, 99.00, 101, "0"),  # touched, not traded through
        (Side.BUY, 98.99, 101, "1"),
        (Side.SELL, 99, 100.99, "0"),
        (Side.SELL, 99, 101.00, "0"),
        (Side.SELL, 99, 101.01, "1"),
    ],
)
def test_a_resting_limit_fills_at_its_price_and_only_where_the_bar_trades_through_it(
    side: Side, low: float, high: float, filled: str
) -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    price = "99" if side is Side.BUY else "101"
    entry = placed(exchange, a_request(side, price=price))

    market.close_bar(100, high, low, 100)

    assert now_of(exchange, entry).filled == Decimal(filled)
    for deal in fills_of(exchange):
        assert (deal.price, deal.liquidity) == (Decimal(price), Liquidity.MAKER)
        assert deal.at == market.clock.now()


def test_a_bar_that_touches_stop_and_target_is_a_stop() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    entry = placed(exchange, a_request(Side.SELL, kind=Kind.BRACKET, price="110", stop="95"))

    market.close_bar(100, 112, 94, 100)

    (deal,) = fills_of(exchange)
    assert deal.price == Decimal(94)  # the worst of the bar, above the limit of 95 less 5%
    assert deal.liquidity is Liquidity.TAKER
    assert now_of(exchange, entry).status is OrderStatus.FILLED


def test_a_bracket_whose_bar_touches_the_target_alone_sells_at_the_target() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    placed(exchange, a_request(Side.SELL, kind=Kind.BRACKET, price="110", stop="95"))

    market.close_bar(100, 112, 99, 111)

    (deal,) = fills_of(exchange)
    assert (deal.price, deal.liquidity) == (Decimal(110), Liquidity.MAKER)


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        ((100, 101, 95.01, 96), None),  # not reached
        ((100, 101, 95, 95.5), "95"),  # the low is the worst it can have got
        ((100, 101, 90, 91), "94"),  # its limit bounds the loss
        ((93, 93.5, 90, 93), None),  # jumped over stop and limit, never came back
        ((93, 95.5, 92, 94.5), "94"),  # came back and closed above the limit
    ],
)
def test_a_stop_limit_set_off_within_a_bar_fills_pessimistically(
    bar: tuple[float, ...], price: str | None
) -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    placed(exchange, a_request(Side.SELL, kind=Kind.STOP_LIMIT, stop="95", price="94"))

    market.close_bar(*bar)
    market.book("89", "90")

    assert [deal.price for deal in fills_of(exchange)] == (
        [] if price is None else [Decimal(price)]
    )


def test_resting_orders_get_at_most_a_share_of_a_bars_volume_the_better_price_first() -> None:
    market = HandMarket()
    exchange = an_exchange(market, matching=rules(share="0.1"))
    worse = placed(exchange, a_request(price="98", quantity="5"))
    better = placed(exchange, a_request(price="99", quantity="8"))

    market.close_bar(100, 100, 97, 100, volume=100)

    assert now_of(exchange, better).filled == 8
    assert now_of(exchange, worse).filled == 2
    assert now_of(exchange, worse).status is OrderStatus.PARTIAL

    market.close_bar(100, 100, 97, 100, volume=100)

    assert now_of(exchange, worse).status is OrderStatus.FILLED


def test_after_downtime_the_bars_in_between_are_taken_in_the_order_of_time() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    entry = placed(exchange, a_request(Side.SELL, kind=Kind.BRACKET, price="110", stop="95"))

    reached = market.close_bar(100, 112, 99, 111)
    market.close_bar(111, 111, 90, 91)

    (deal,) = fills_of(exchange)
    assert (deal.price, deal.at) == (Decimal(110), reached)
    assert now_of(exchange, entry).status is OrderStatus.FILLED


def test_a_bar_before_the_order_does_nothing_to_it_and_of_its_own_bar_only_the_close_counts() -> (
    None
):
    market = HandMarket()
    market.clock.set(NOON + timedelta(minutes=5))
    exchange = an_exchange(market)
    dear = placed(exchange, a_request(price="99"))
    cheap = placed(exchange, a_request(price="97"))

    market.close_bar(100, 100, 90, 98)

    assert now_of(exchange, dear).filled == 1
    assert now_of(exchange, cheap).filled == 0


def test_of_the_bar_in_which_an_order_ends_only_the_open_counts() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    end = NOON + timedelta(minutes=20)
    entry = placed(exchange, a_request(time_in_force=TimeInForce.GTD, end_time=end))

    market.close_bar(100, 101, 99.5, 100)
    market.close_bar(100, 100, 90, 95)

    after = now_of(exchange, entry)
    assert after.told == "Order expired"
    assert (after.status, after.filled) == (OrderStatus.EXPIRED, Decimal(0))


def test_bars_that_cannot_be_had_fill_nothing_are_reported_and_made_up_for_later() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    entry = placed(exchange, a_request(price="99"))

    market.unavailable = {"bars"}
    market.close_bar(100, 100, 98, 98.5)
    market.book("98.48", "98.52")
    assert now_of(exchange, entry).filled == 0
    (notice,) = exchange.notices()
    assert notice.startswith("SOL-USD: candles since")
    assert "HTTP_503" in notice

    market.clock.set(market.clock.now() + timedelta(minutes=1))
    taker = placed(exchange, a_request(Side.SELL, price="98", time_in_force=TimeInForce.IOC))
    assert taker.status is OrderStatus.FILLED

    market.unavailable = set()
    market.clock.set(market.clock.now() + timedelta(minutes=1))
    after = now_of(exchange, entry)
    assert after.status is OrderStatus.FILLED
    assert exchange.notices() == ()
    # Found out late, it is told late: nobody who reads fills by time can miss it.
    assert after.last_fill_at == taker.last_fill_at


def test_what_the_venue_could_not_do_is_in_the_log_of_the_bot_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    market = HandMarket()
    venue = SimulatedVenue(an_exchange(market))
    venue.submit(a_plan(price="99"))
    market.unavailable = {"bars"}
    for _ in range(3):
        market.close_bar(100, 100, 98, 98.5)
        venue.balances()

    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("SOL-USD: candles since 2025-03-02T12:00:00Z could not be had")


def test_on_the_embedded_market_an_order_below_it_fills_when_the_price_comes_down() -> None:
    clock = MarketClock(NOON)
    market = SyntheticMarket(clock, 7, NOON, BAR, FEES, "USD")
    terms = AccountTerms(identity=IDENTITY, starting=STARTING, rules=rules())
    exchange = SimulatedExchange(market, clock, terms)
    book = exchange.product_book("BTC-USD")
    assert book is not None
    price = rounded_down(book.bids[0].price * Decimal("0.995"), Decimal("0.01"))
    order = a_request(symbol="BTC-USD", price=price, quantity="0.01", post_only=True)
    entry = placed(exchange, order)

    through = None
    for _ in range(200):
        opened = clock.now()
        clock.set(opened + BAR)
        low = market.bars("BTC-USD", BAR, opened, clock.now()).low[0]
        if through is None and low < float(price):
            through = clock.now()
        assert (now_of(exchange, entry).filled > 0) == (through is not None)
    assert through is not None
    assert now_of(exchange, entry).last_fill_at == through


def test_a_stop_that_was_set_off_stays_a_limit_order_when_the_market_comes_back() -> None:
    market = HandMarket()
    exchange = an_exchange(market)
    request = a_request(Side.SELL, kind=Kind.STOP_LIMIT, stop="95", price="94")
    entry = placed(exchange, request)

    market.close_bar(93, 93.5, 90, 93)
    market.book("96", "96.04")

    assert now_of(exchange, entry).triggered
    (deal,) = fills_of(exchange)
    assert (deal.price, deal.liquidity) == (Decimal(94), Liquidity.MAKER)
