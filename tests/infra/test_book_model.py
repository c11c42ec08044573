"""Books modelled from closed bars: the documented formula, number by number."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from core.market import Bars, BookOrigin, Depth, Product, Side, TopOfBook
from core.money import Ratio, rounded_down
from infra.exchange.simulated.book_model import BookModel, model_book
from tests.builders.market import NOON, a_product

BAR = timedelta(minutes=15)
MODEL = BookModel(
    spread_min=Ratio(Decimal("0.0004")),
    spread_range_share=Ratio(Decimal("0.1")),
    depth_volume_share=Ratio(Decimal("0.1")),
)
TWENTY_BPS = Ratio(Decimal("0.002"))


def bars(
    *candles: tuple[float, float, float, float],
    bar: timedelta = BAR,
    closed_at: datetime = NOON,
) -> Bars:
    """Candles of (high, low, close, volume) without a gap; the last one closes at `closed_at`."""
    count = len(candles)
    last = int((closed_at - bar).timestamp())
    step = int(bar.total_seconds())
    opened = np.array([last - step * back for back in range(count)][::-1], dtype=np.int64)
    high, low, close, volume = (
        np.array([candle[field] for candle in candles]) for field in range(4)
    )
    return Bars(opened, close, high, low, close, volume)


def book(
    recent: Bars,
    *,
    product: Product | None = None,
    bar: timedelta = BAR,
    at: datetime = NOON,
) -> tuple[TopOfBook, Depth]:
    made = model_book(product or a_product(), recent, bar, MODEL, at)
    assert made is not None
    return made


def test_a_calm_bar_has_the_least_spread_around_its_close() -> None:
    top, _ = book(bars((100.0, 100.0, 100.0, 400.0)))
    assert (top.bid, top.ask) == (Decimal("99.98"), Decimal("100.02"))
    assert top.origin is BookOrigin.MODELLED
    assert top.seen_at == NOON


def test_a_wide_bar_has_a_spread_of_its_range() -> None:
    top, _ = book(bars((101.0, 99.0, 100.0, 400.0)))
    assert (top.bid, top.ask) == (Decimal("99.9"), Decimal("100.1"))


@pytest.mark.parametrize(
    ("swing", "spread"),
    [("0.39", "0.04"), ("0.40", "0.04"), ("0.42", "0.06")],
)
def test_the_range_counts_only_beyond_the_least_spread(swing: str, spread: str) -> None:
    high = float(Decimal(100) + Decimal(swing))
    top, _ = book(bars((high, 100.0, 100.0, 400.0)))
    assert top.ask - top.bid == Decimal(spread)


def test_prices_are_rounded_outward_to_the_increment() -> None:
    coarse = a_product(price_increment=Decimal("0.5"))
    top, depth = book(bars((100.0, 100.0, 100.0, 400.0)), product=coarse)
    assert (top.bid, top.ask) == (Decimal("99.5"), Decimal("100.5"))
    for level in (*depth.bids, *depth.asks):
        assert level.price % Decimal("0.5") == 0


def test_ten_levels_a_side_lie_within_20_bps_where_the_increment_allows() -> None:
    top, depth = book(bars((100.0, 100.0, 100.0, 400.0)))
    assert (len(depth.bids), len(depth.asks)) == (10, 10)
    assert (depth.bids[0].price, depth.asks[0].price) == (top.bid, top.ask)
    assert depth.bids[0].price - depth.bids[9].price == Decimal("0.18")
    assert depth.asks[9].price - depth.asks[0].price == Decimal("0.18")


def test_a_coarse_increment_spreads_the_levels_one_increment_apart() -> None:
    _, depth = book(
        bars((100.0, 100.0, 100.0, 400.0)), product=a_product(price_increment=Decimal("0.5"))
    )
    assert depth.asks[1].price - depth.asks[0].price == Decimal("0.5")


def test_each_side_holds_the_share_of_the_last_hours_notional() -> None:
    _, depth = book(bars(*[(100.0, 100.0, 100.0, 400.0)] * 4))
    share = Decimal("0.1") * 4 * 400 * 100
    for side in Side:
        within = depth.notional_within(side, TWENTY_BPS)
        assert share - Decimal("0.2") < within <= share


def test_bars_that_closed_an_hour_ago_no_longer_count() -> None:
    four = book(bars(*[(100.0, 100.0, 100.0, 400.0)] * 4))
    five = book(bars((100.0, 100.0, 100.0, 9e9), *[(100.0, 100.0, 100.0, 400.0)] * 4))
    assert five == four


def test_a_day_bar_counts_with_an_hours_part_of_its_volume() -> None:
    day = timedelta(days=1)
    _, depth = book(bars((100.0, 100.0, 100.0, 24_000.0), bar=day), bar=day)
    within = depth.notional_within(Side.BUY, TWENTY_BPS)
    assert Decimal("9999.8") < within <= Decimal("10000")


def test_quantities_lie_on_the_increment() -> None:
    _, depth = book(bars((100.0, 100.0, 100.0, 3.3333)))
    for level in (*depth.bids, *depth.asks):
        assert level.quantity == rounded_down(level.quantity, Decimal("0.0001")) > 0


def test_a_dead_hour_shows_a_depth_of_almost_nothing() -> None:
    _, depth = book(bars((100.0, 100.0, 100.0, 0.0)))
    assert {level.quantity for level in depth.asks} == {Decimal("0.0001")}


def test_levels_below_zero_are_left_out() -> None:
    cheap = a_product(price_increment=Decimal("0.00000001"), base_increment=Decimal(1))
    _, depth = book(bars((6e-08, 6e-08, 6e-08, 1e12)), product=cheap)
    assert [level.price for level in depth.bids] == [
        Decimal(ticks) * Decimal("0.00000001") for ticks in (5, 4, 3, 2, 1)
    ]
    assert len(depth.asks) == 10


def test_a_price_of_one_increment_has_no_bid_and_so_no_book() -> None:
    cheap = a_product(price_increment=Decimal("0.00000001"), base_increment=Decimal(1))
    assert model_book(cheap, bars((1e-08, 1e-08, 1e-08, 1e12)), BAR, MODEL, NOON) is None


def test_without_a_bar_there_is_no_book() -> None:
    assert model_book(a_product(), bars(), BAR, MODEL, NOON) is None


@pytest.mark.parametrize(
    ("age", "there"),
    [
        (timedelta(hours=23, minutes=59, seconds=59), True),
        (timedelta(days=1), True),
        (timedelta(days=1, seconds=1), False),
    ],
)
def test_a_last_bar_older_than_a_day_gives_no_book(age: timedelta, there: bool) -> None:
    recent = bars((100.0, 100.0, 100.0, 400.0))
    assert (model_book(a_product(), recent, BAR, MODEL, NOON + age) is not None) is there


def test_a_negative_share_is_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        BookModel(Ratio(Decimal("-0.01")), Ratio(Decimal(0)), Ratio(Decimal(0)))
