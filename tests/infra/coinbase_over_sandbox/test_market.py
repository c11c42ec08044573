"""What the adapter reads over the wire is what the market behind the sandbox holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from core.errors import RetryableError
from core.market import Bars, BookOrigin, Fees, Product, ProductStatus
from core.money import Ratio
from infra.exchange.coinbase.exchange import CoinbaseExchange
from infra.exchange.simulated.synthetic import SyntheticMarket
from infra.sandbox.coinbase.faults import Kind
from infra.sandbox.coinbase.quotes import Grain
from tests.builders.coinbase import SETTINGS
from tests.builders.market import BAR, a_depth, a_product
from tests.builders.venue import HandMarket, a_plan
from tests.infra.coinbase_over_sandbox.hall import Hall, HandTime, open_hall, rule

MINUTE = timedelta(minutes=1)
FEES = Fees(maker=Ratio(Decimal("0.0035")), taker=Ratio(Decimal("0.0075")))


@dataclass
class Shown:
    """A market, and what is seen of it from either side of the wire."""

    hall: Hall
    market: SyntheticMarket
    clock: HandTime
    exchange: CoinbaseExchange
    public: CoinbaseExchange

    @property
    def traded(self) -> tuple[str, ...]:
        """Products with a book of their own."""
        listed = self.hall.inside(self.market.products)
        own = [product.symbol for product in listed if product.alias_of is None]
        return tuple(self.hall.inside(lambda: self.market.tops(own)))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    given = SETTINGS.market
    clock = HandTime(given.start + timedelta(days=40, minutes=7, seconds=30))
    market = SyntheticMarket(clock, given.seed, given.start, BAR, FEES, "USD")
    grain = Grain(MINUTE, BAR, only=False)
    with open_hall(tmp_path_factory.mktemp("market"), market, clock, grain=grain) as hall:
        yield Shown(hall, market, clock, hall.exchange(), hall.exchange(signed=False))


def same(left: Bars, right: Bars) -> bool:
    columns = ("opened", "open", "high", "low", "close", "volume")
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in columns)


@pytest.fixture(params=["with a key", "without one"])
def reading(request: pytest.FixtureRequest, shown: Shown) -> CoinbaseExchange:
    return shown.exchange if request.param == "with a key" else shown.public


def test_every_product_arrives_with_its_grids_minimums_state_and_age(
    shown: Shown, reading: CoinbaseExchange
) -> None:
    held = shown.hall.inside(shown.market.products)
    told = reading.products()

    # The venue always names a largest quantity; the market behind this one knows none.
    assert [replace(one, base_max=None) for one in told] == list(held)
    assert len(told) >= 30
    assert {one.alias_of for one in told} > {None}
    assert reading.left_out == {}


@pytest.mark.parametrize("status", list(ProductStatus), ids=lambda status: status.name)
def test_every_state_of_a_product_survives_the_wire(status: ProductStatus, tmp_path: Path) -> None:
    clock = HandTime()
    product = a_product(status=status)
    market = HandMarket(clock=clock, listed={"SOL-USD": product})  # type: ignore[arg-type]
    with open_hall(tmp_path, market, clock) as hall:
        (told,) = hall.exchange().products()

    # There is no word for a state that nobody knows: "internal" takes no orders either.
    expected = ProductStatus.OFFLINE if status is ProductStatus.UNKNOWN else status
    assert told.status is expected


def test_tops_are_the_markets_and_products_without_a_book_are_left_out(
    shown: Shown, reading: CoinbaseExchange
) -> None:
    listed = [product.symbol for product in reading.products()]
    held = shown.hall.inside(lambda: shown.market.tops(listed))
    told = reading.tops(listed)

    assert told == {name: replace(top, origin=BookOrigin.VENUE) for name, top in held.items()}
    assert 0 < len(told) < len(listed)


def test_a_hundred_and_fifty_tops_are_one_request_with_a_key(shown: Shown) -> None:
    listed = [product.symbol for product in shown.exchange.products()]
    before = shown.exchange.requests
    shown.exchange.tops(listed)
    assert shown.exchange.requests - before == 1


def test_depths_are_the_markets_best_ten_levels_a_side(
    shown: Shown, reading: CoinbaseExchange
) -> None:
    wanted = shown.traded[:3]
    held = shown.hall.inside(lambda: shown.market.depths(wanted))
    told = reading.depths(wanted)

    assert told == {
        name: replace(book, bids=book.bids[:10], asks=book.asks[:10], origin=BookOrigin.VENUE)
        for name, book in held.items()
    }
    assert {len(book.bids) for book in told.values()} == {10}


@pytest.mark.parametrize("bar", [MINUTE, BAR, timedelta(hours=1)], ids=str)
@pytest.mark.parametrize("count", [1, 299, 300, 301, 720])
def test_bars_are_the_markets_page_after_page(
    shown: Shown, reading: CoinbaseExchange, bar: timedelta, count: int
) -> None:
    symbol = shown.traded[0]
    now = shown.clock.now()
    until = now - (now - SETTINGS.market.start) % bar
    since = until - bar * count
    held = shown.hall.inside(lambda: shown.market.bars(symbol, bar, since, until))
    before = reading.requests

    told = reading.bars(symbol, bar, since, until)

    assert len(told) == len(held) == count
    assert same(told, held)
    assert reading.requests - before == -(-count // 300)


def test_the_bar_that_is_still_forming_is_told_by_the_venue_and_never_by_the_adapter(
    shown: Shown,
) -> None:
    symbol, now = shown.traded[0], shown.clock.now()
    closed_at = now - (now - SETTINGS.market.start) % BAR
    opened = int(closed_at.timestamp())

    bars = shown.exchange.bars(symbol, BAR, closed_at - BAR * 2, now)

    forming = shown.hall.inside(
        lambda: shown.hall.sandbox.quotes.candles(symbol, BAR, closed_at - BAR, closed_at)
    )
    assert forming[0].opened == closed_at
    assert list(bars.opened) == [opened - 1800, opened - 900]
    # The next one is not there before the venue's own clock says that it is closed.
    with pytest.raises(RetryableError) as refused:
        shown.exchange.bars(symbol, BAR, closed_at, closed_at + BAR)
    assert refused.value.code == "BAR_STILL_FORMING"


def test_gaps_stay_gaps_and_a_window_without_a_trade_is_empty(tmp_path: Path) -> None:
    clock = HandTime()
    market = HandMarket(clock=clock)  # type: ignore[arg-type]
    first = int(clock.now().timestamp())
    rows: list[tuple[int, tuple[float, ...]]] = [
        (first + 900 * at, (100.0 + at, 101.0 + at, 99.0, 100.5, 7.25)) for at in (0, 1, 4)
    ]
    market.rows["SOL-USD"] = rows
    begins = clock.now()
    clock.set(begins + BAR * 10)
    with open_hall(tmp_path, market, clock) as hall:
        exchange = hall.exchange()
        told = exchange.bars("SOL-USD", BAR, begins, begins + BAR * 10)
        empty = exchange.bars("SOL-USD", BAR, begins + BAR * 5, begins + BAR * 10)

    assert list(told.opened) == [row[0] for row in rows]
    assert list(told.open) == [row[1][0] for row in rows]
    assert len(empty) == 0


def test_the_fees_are_the_accounts_and_without_an_account_the_assumed_ones(shown: Shown) -> None:
    assumed = Fees(maker=SETTINGS.market.maker_fee, taker=SETTINGS.market.taker_fee)
    assert shown.exchange.fees() == FEES
    assert shown.public.fees() == assumed != FEES


def test_the_time_is_the_venues_to_the_second_and_asked_for_at_most_once_a_cycle(
    shown: Shown,
) -> None:
    exchange = shown.hall.exchange()
    exchange.begin_cycle("one")
    assert abs(exchange.server_time() - shown.clock.now()) < timedelta(seconds=1)
    assert exchange.requests == 1
    exchange.tops(shown.traded[:1])
    exchange.server_time()
    assert exchange.requests == 2


@pytest.mark.parametrize("off", [-600, -30, 30, 600])
def test_a_clock_that_is_off_is_seen_by_how_much(shown: Shown, off: int) -> None:
    shown.hall.strike(rule(Kind.CLOCK_SKEW, seconds=float(off)))
    exchange = shown.hall.exchange(signed=False)
    exchange.begin_cycle("one")
    told = exchange.server_time() - shown.clock.now()
    shown.hall.calm()

    assert exchange.clock_offset is not None
    assert abs(exchange.clock_offset - timedelta(seconds=off)) <= timedelta(seconds=1)
    assert abs(told - timedelta(seconds=off)) <= timedelta(seconds=1)


def test_a_book_that_own_orders_have_eaten_is_told_without_what_they_took(tmp_path: Path) -> None:
    """The depth that the bot decides on is the one that its order would meet."""
    clock = HandTime()
    listed: dict[str, Product] = {"SOL-USD": a_product()}
    books = {"SOL-USD": a_depth(asks=(("100.02", "5"), ("100.03", "9")))}
    market = HandMarket(clock=clock, listed=listed, books=books)  # type: ignore[arg-type]
    with open_hall(tmp_path, market, clock) as hall:
        exchange = hall.exchange()
        exchange.submit(a_plan(price="100.02", quantity="2"))
        depth = exchange.depths(["SOL-USD"])["SOL-USD"]

    assert [level.quantity for level in depth.asks] == [Decimal(3), Decimal(9)]
