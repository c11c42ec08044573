"""The embedded market: one world per seed, the same everywhere, and worth trading in."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

import numpy as np
import pytest

from core.errors import RetryableError
from core.market import Bars, BookOrigin, Floats, ProductStatus, Side
from core.money import Ratio
from core.ports import MarketData
from infra.exchange.simulated.synthetic import SyntheticMarket
from tests.builders.market import FEES
from tests.builders.recordings import HandClock

START = datetime(2025, 1, 1, tzinfo=UTC)
BAR = timedelta(minutes=15)
LONG_AFTER = START + 100_000 * BAR
ORDINARY = (
    *("BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD", "DOGE-USD", "ADA-USD", "AVAX-USD", "LINK-USD"),
    *("LTC-USD", "DOT-USD", "BCH-USD", "UNI-USD", "AAVE-USD", "ATOM-USD", "XLM-USD", "SHIB-USD"),
    *("PEPE-USD", "ZEC-USD", "ZRX-USD"),
)


def market(
    at: datetime = START,
    *,
    seed: int = 7,
    start: datetime = START,
    bar: timedelta = BAR,
    quote: str = "USD",
) -> tuple[SyntheticMarket, HandClock]:
    clock = HandClock(at)
    return SyntheticMarket(clock, seed, start, bar, FEES, quote), clock


def last_bars(source: SyntheticMarket, symbol: str, count: int, at: datetime) -> Bars:
    return source.bars(symbol, BAR, at - count * BAR, at)


def content(bars: Bars) -> bytes:
    return b"".join(getattr(bars, field.name).tobytes() for field in fields(Bars))


def fingerprint() -> str:
    """Bars at three times, at three sizes, and books: what must never change by accident."""
    summary = sha256()
    for at in (START, START + 1_000 * BAR, LONG_AFTER):
        source, _ = market(at)
        for product in source.products():
            if product.alias_of is not None:
                continue  # the same book, under another name
            summary.update(content(last_bars(source, product.symbol, 20, at)))
        for size in (timedelta(minutes=1), timedelta(days=1)):
            summary.update(content(source.bars("KNC-USD", size, at - 20 * size, at)))
        for symbol, depth in sorted(source.depths(ORDINARY).items()):
            figures = [f"{level.price} {level.quantity}" for level in (*depth.bids, *depth.asks)]
            summary.update(f"{symbol}: {figures}".encode())
    return summary.hexdigest()


# One world per seed


def test_the_world_of_seed_7_is_the_one_it_always_was() -> None:
    assert fingerprint() == "5b3617be688bce24dd81ddfc8e42d93d2a55076cd2c316cf35f3e2f35d53536b"


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_the_world_is_the_same_in_another_process(hash_seed: str) -> None:
    code = "from tests.infra.test_synthetic_market import fingerprint; print(fingerprint())"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == fingerprint()


def test_another_seed_is_another_world() -> None:
    one, _ = market()
    other, _ = market(seed=8)
    for symbol in ORDINARY:
        assert content(last_bars(one, symbol, 5, START)) != content(
            last_bars(other, symbol, 5, START)
        )


def test_another_start_is_the_same_course_of_prices() -> None:
    one, _ = market(START)
    other, _ = market(START, start=START - timedelta(days=200))
    assert content(last_bars(one, "BTC-USD", 50, START)) == content(
        last_bars(other, "BTC-USD", 50, START)
    )


def test_a_market_made_late_agrees_with_one_that_lived_through() -> None:
    lived, clock = market()
    symbols = [product.symbol for product in lived.products()]
    seen: dict[str, list[bytes]] = {symbol: [] for symbol in symbols}
    for _ in range(140):
        clock.at += BAR
        for symbol in symbols:
            bars = lived.bars(symbol, BAR, clock.at - BAR, clock.at)
            seen[symbol].append(bars.close.tobytes() + bars.volume.tobytes())
        lived.tops(symbols)
    fresh, _ = market(clock.at)
    assert lived.tops(symbols) == fresh.tops(symbols)
    assert lived.depths(symbols) == fresh.depths(symbols)
    for symbol in symbols:
        bars = last_bars(fresh, symbol, 140, clock.at)
        pairs = zip(bars.close, bars.volume, strict=True)
        assert b"".join(seen[symbol]) == b"".join(a.tobytes() + b.tobytes() for a, b in pairs)


def test_a_window_is_the_same_whatever_was_asked_before_and_however_long() -> None:
    source, _ = market()
    whole = last_bars(source, "KNC-USD", 2_000, START)
    short, _ = market()
    part = last_bars(short, "KNC-USD", 70, START)
    assert len(part) > 20
    for field in fields(Bars):
        tail = getattr(whole, field.name)[-len(part) :]
        assert tail.tobytes() == getattr(part, field.name).tobytes()


def test_a_late_start_needs_no_more_work_than_the_first() -> None:
    steps = []
    for at in (START, LONG_AFTER):
        source, _ = market(at)
        calls = 0

        def count(*_: object) -> None:
            nonlocal calls
            calls += 1

        tracemalloc.start()
        sys.setprofile(count)
        last_bars(source, "BTC-USD", 350, at)
        sys.setprofile(None)
        steps.append((calls, tracemalloc.get_traced_memory()[1]))
        tracemalloc.stop()
    (first_calls, first_peak), (late_calls, late_peak) = steps
    # Not equal: there are sometimes more jumps and sometimes fewer.
    assert late_calls < first_calls * 1.5
    assert late_peak < first_peak * 1.2


# Candles


def test_a_candle_is_there_from_the_second_it_closes() -> None:
    source, clock = market(START + 5 * BAR - timedelta(microseconds=1))
    far = START + timedelta(days=99)
    for wait, known in ((0, 4), (1, 5), (899_999_999, 5), (1, 6)):
        clock.at += timedelta(microseconds=wait)
        bars = source.bars("BTC-USD", BAR, START, far)
        assert len(bars) == known
        assert bars.opened[-1] + 900 <= clock.at.timestamp()


@pytest.mark.parametrize(
    ("since", "until", "opens"),
    [
        (0, 3, [0, 1, 2]),
        (1, 3, [1, 2]),
        (1.001, 3, [2]),
        (0.999, 3, [1, 2]),
        (0, 2.999, [0, 1]),
        (0, 0, []),
        (3, 1, []),
    ],
)
def test_bars_open_from_since_and_close_by_until(
    since: float, until: float, opens: list[int]
) -> None:
    source, _ = market(START + 10 * BAR)
    bars = source.bars("BTC-USD", BAR, START + since * BAR, START + until * BAR)
    first = int(START.timestamp())
    assert bars.opened.tolist() == [first + 900 * at for at in opens]


@pytest.mark.parametrize("size", [1, 5, 15, 60, 1440])
def test_candles_join_without_a_gap_and_hold_their_own_prices(size: int) -> None:
    bar = timedelta(minutes=size)
    source, _ = market(bar=bar)
    for symbol in ORDINARY:
        bars = source.bars(symbol, bar, START - 50 * bar, START)
        assert len(bars) == 50
        assert (bars.open[1:] == bars.close[:-1]).all()
        assert (bars.high >= np.maximum(bars.open, bars.close)).all()
        assert (bars.low <= np.minimum(bars.open, bars.close)).all()
        assert (bars.low > 0).all()
        assert (bars.volume > 0).all()


def test_candles_of_two_sizes_tell_the_same_prices() -> None:
    source, _ = market()
    hour, quarter = timedelta(hours=1), BAR
    long = source.bars("SOL-USD", hour, START - 24 * hour, START)
    short = source.bars("SOL-USD", quarter, START - 24 * hour, START)
    assert long.open.tolist() == short.open[::4].tolist()
    assert long.close.tolist() == short.close[3::4].tolist()
    share = long.volume / short.volume.reshape(-1, 4).sum(-1)
    assert 0.7 < share.min() <= share.max() < 1.4


def test_prices_and_volumes_lie_on_the_increments() -> None:
    source, _ = market()
    for product in source.products():
        bars = last_bars(source, product.symbol, 60, START)
        for series, increment in (
            *((prices, product.price_increment) for prices in (bars.open, bars.high, bars.low)),
            (bars.close, product.price_increment),
            (bars.volume, product.base_increment),
        ):
            assert all(Decimal(str(value)) % increment == 0 for value in series.tolist())


def test_an_unknown_product_is_an_error_of_this_call_only() -> None:
    source, _ = market()
    with pytest.raises(RetryableError, match="GOLD-USD"):
        source.bars("GOLD-USD", BAR, START - BAR, START)
    with pytest.raises(ValueError, match="whole number of minutes"):
        source.bars("BTC-USD", timedelta(seconds=90), START - BAR, START)


# Books


def test_books_are_two_sided_on_the_increments_and_seen_now() -> None:
    at = START + timedelta(minutes=7, microseconds=5)
    source, _ = market(at)
    listed = {product.symbol: product for product in source.products()}
    tops, depths = source.tops(listed), source.depths(listed)
    assert tops.keys() == depths.keys() >= set(ORDINARY)
    for symbol, depth in depths.items():
        top, product = tops[symbol], listed[symbol]
        assert (depth.bids[0].price, depth.asks[0].price) == (top.bid, top.ask)
        assert (top.seen_at, depth.seen_at) == (at, at)
        assert top.origin is depth.origin is BookOrigin.VENUE
        assert len(depth.bids) == len(depth.asks) == 10
        assert sorted(depth.bids, reverse=True) == list(depth.bids)
        assert sorted(depth.asks) == list(depth.asks)
        for level in (*depth.bids, *depth.asks):
            assert level.price % product.price_increment == 0
            assert level.quantity % product.base_increment == 0
            assert level.quantity > 0


def test_the_book_stands_around_the_last_close_at_the_second_of_the_close() -> None:
    source, clock = market()
    for hours in range(0, 500, 50):
        clock.at = START + timedelta(hours=hours)
        tops = source.tops(ORDINARY)
        for symbol in ORDINARY:
            close = Decimal(str(last_bars(source, symbol, 1, clock.at).close[-1]))
            assert tops[symbol].bid <= close <= tops[symbol].ask


def test_spread_and_depth_follow_the_size_of_the_product() -> None:
    source, _ = market()
    tops, depths = source.tops(ORDINARY), source.depths(ORDINARY)
    window = Ratio(Decimal("0.002"))
    near = {symbol: depth.notional_within(Side.BUY, window) for symbol, depth in depths.items()}
    assert tops["BTC-USD"].spread < tops["LINK-USD"].spread < tops["ZRX-USD"].spread
    assert near["BTC-USD"] > 20 * near["AAVE-USD"] > 40 * near["ZRX-USD"]
    assert near["BTC-USD"] > 100_000
    assert tops["BTC-USD"].spread < Ratio(Decimal("0.0005"))


# The odd ones


def statuses(at: datetime) -> dict[str, ProductStatus]:
    source, _ = market(at)
    return {product.base: product.status for product in source.products()}


def test_about_25_products_from_a_hundred_thousandth_to_sixty_thousand() -> None:
    source, _ = market()
    products = source.products()
    assert 24 <= len(products) <= 30
    prices = [float(top.mid) for top in source.tops(p.symbol for p in products).values()]
    assert min(prices) < 3e-5
    assert max(prices) > 30_000
    for product in products:
        top = source.tops([product.symbol]).get(product.symbol)
        if top is not None:
            assert product.price_increment / top.mid < Decimal("0.002")


def test_symbols_carry_the_quote_currency_asked_for() -> None:
    source, _ = market(quote="EUR")
    products = source.products()
    assert {product.quote for product in products} == {"EUR"}
    assert "BTC-EUR" in source.tops(["BTC-EUR", "BTC-USD"])
    assert "BTC-USD" not in source.tops(["BTC-EUR", "BTC-USD"])


@pytest.mark.parametrize(
    ("asset", "status"),
    [("FET", ProductStatus.HALTED), ("MANA", ProductStatus.CANCEL_ONLY)],
)
def test_what_takes_no_orders_has_neither_new_candles_nor_a_book(
    asset: str, status: ProductStatus
) -> None:
    source, _ = market()
    symbol = f"{asset}-USD"
    assert statuses(START)[asset] is status
    assert source.tops([symbol]) == {}
    assert source.depths([symbol]) == {}
    assert len(last_bars(source, symbol, 20, START)) == 0
    assert len(last_bars(source, symbol, 350, START)) > 200


def test_a_post_only_product_trades_on() -> None:
    source, _ = market()
    assert statuses(START)["COMP"] is ProductStatus.POST_ONLY
    assert "COMP-USD" in source.tops(["COMP-USD"])
    assert len(last_bars(source, "COMP-USD", 20, START)) == 20


def test_a_new_listing_has_a_short_history() -> None:
    source, _ = market()
    listed = next(product for product in source.products() if product.base == "JUP")
    assert listed.status is ProductStatus.ONLINE
    assert listed.listed_at == START - timedelta(hours=36)
    assert len(last_bars(source, "JUP-USD", 350, START)) == 36 * 4


@pytest.mark.parametrize(
    ("minutes", "status"),
    [
        (20 * 60 - 1, None),
        (20 * 60, ProductStatus.POST_ONLY),
        (22 * 60 - 1, ProductStatus.POST_ONLY),
        (22 * 60, ProductStatus.ONLINE),
    ],
)
def test_one_product_is_listed_while_the_market_runs(
    minutes: int, status: ProductStatus | None
) -> None:
    at = START + timedelta(minutes=minutes)
    source, _ = market(at)
    assert statuses(at).get("TIA") is status
    assert ("TIA-USD" in source.tops(["TIA-USD"])) is (status is not None)


@pytest.mark.parametrize(
    ("minutes", "status"),
    [
        (24 * 60 - 1, ProductStatus.ONLINE),
        (24 * 60, ProductStatus.LIMIT_ONLY),
        (30 * 60 - 1, ProductStatus.LIMIT_ONLY),
        (30 * 60, ProductStatus.DELISTED),
    ],
)
def test_one_product_delists_while_the_market_runs(minutes: int, status: ProductStatus) -> None:
    at = START + timedelta(minutes=minutes)
    source, _ = market(at)
    assert statuses(at)["BAL"] is status
    assert ("BAL-USD" in source.tops(["BAL-USD"])) is (status is not ProductStatus.DELISTED)


def test_a_delisted_product_keeps_its_history_and_gets_no_more() -> None:
    end = START + timedelta(hours=30)
    source, _ = market(end + timedelta(hours=5))
    bars = source.bars("BAL-USD", BAR, START, end + timedelta(hours=5))
    assert bars.opened[-1] == end.timestamp() - 900
    assert len(bars) == 30 * 4


def test_a_stable_pair_stays_at_its_peg() -> None:
    source, _ = market()
    day = timedelta(days=1)
    bars = source.bars("USDT-USD", day, START - 365 * day, START)
    assert 0.98 < bars.low.min() < bars.high.max() < 1.02
    assert bars.high.max() > bars.low.min()


def test_a_thin_product_has_missing_bars() -> None:
    source, _ = market()
    assert 0.5 < len(last_bars(source, "KNC-USD", 350, START)) / 350 < 0.95
    assert len(last_bars(source, "BTC-USD", 350, START)) == 350


# Requests


def test_every_call_is_one_request_and_every_depth_too() -> None:
    source: MarketData
    source, _ = market()
    assert source.requests == 0
    assert source.depths_per_request == 1
    source.products()
    source.fees()
    source.server_time()
    source.tops(ORDINARY)
    source.bars("BTC-USD", BAR, START - BAR, START)
    assert source.requests == 5
    source.depths(symbol for symbol in ORDINARY[:3])
    assert source.requests == 8
    assert source.fees() == FEES
    assert source.server_time() == START


# Worth trading in: measured on 60 days of 15 m bars


@dataclass(frozen=True, slots=True)
class History:
    close: Floats  # [product x bar], in the order of ORDINARY
    volume: Floats
    moves: Floats


@pytest.fixture(scope="module")
def history() -> History:
    source, _ = market(START + timedelta(days=60))
    parts = [
        [source.bars(symbol, BAR, at, at + timedelta(days=10)) for symbol in ORDINARY]
        for at in (START + timedelta(days=days) for days in range(0, 60, 10))
    ]
    close = np.concatenate([[bars.close for bars in part] for part in parts], axis=1)
    volume = np.concatenate([[bars.volume for bars in part] for part in parts], axis=1)
    return History(close, volume, close[:, 1:] / close[:, :-1] - 1)


def test_a_day_moves_majors_by_2_to_4_per_cent_and_others_by_3_to_8(history: History) -> None:
    daily = history.close[:, 96::96] / history.close[:, :-96:96] - 1
    spread = daily.std(axis=1)
    assert (spread[:2] > 0.018).all()
    assert (spread[:2] < 0.042).all()
    assert (spread[2:] > 0.025).all()
    assert (spread[2:] < 0.085).all()


def test_products_move_together(history: History) -> None:
    btc, others = history.moves[0], history.moves[1:]
    together = np.array([np.corrcoef(btc, other)[0, 1] for other in others])
    assert together.min() > 0.25
    assert together.max() < 0.9
    assert together[0] > 0.6  # BTC with ETH


def test_wild_and_quiet_hours_come_in_clusters(history: History) -> None:
    size = np.abs(history.moves)
    size = size - size.mean(axis=1, keepdims=True)
    hour_later = (size[:, 4:] * size[:, :-4]).mean(axis=1) / (size * size).mean(axis=1)
    assert hour_later.min() > 0.12
    fourth = (history.moves**4).mean(axis=1) / (history.moves**2).mean(axis=1) ** 2
    assert fourth.min() > 5.0  # a normal distribution has 3


def test_the_direction_of_the_next_bar_is_hardly_foretold_by_the_last(history: History) -> None:
    moves = history.moves
    next_bar = (moves[:, 1:] * moves[:, :-1]).mean(axis=1) / (moves * moves).mean(axis=1)
    assert np.abs(next_bar).max() < 0.2


def test_volume_has_a_daily_rhythm_and_grows_with_the_moves(history: History) -> None:
    by_hour = history.volume.reshape(len(ORDINARY), 60, 24, 4).mean(axis=(1, 3))
    assert (by_hour[:, 14:17].mean(axis=1) > 1.5 * by_hour[:, 3:6].mean(axis=1)).all()
    size = np.abs(history.moves)
    wild = size > np.quantile(size, 0.95, axis=1, keepdims=True)
    for row in range(len(ORDINARY)):
        volume = history.volume[row, 1:]
        assert volume[wild[row]].mean() > 1.3 * volume.mean()


def test_most_cycles_have_up_to_four_products_on_the_move_and_some_have_many(
    history: History,
) -> None:
    hour = np.abs(history.close[:, 4:] / history.close[:, :-4] - 1)
    moving = ((np.abs(history.moves[:, 3:]) >= 0.01) | (hour >= 0.02)).sum(axis=0)
    assert (moving > 0).mean() + 0.1 > 0.3
    assert (moving <= 4).mean() > 0.8
    assert moving.max() >= 6
    spikes = history.volume[:, 96:] / history.volume.mean(axis=1, keepdims=True) > 2.5
    assert 0.005 < spikes.mean() < 0.15


def test_bull_chop_and_bear_all_occur(history: History) -> None:
    btc = history.close[0]
    half = 48
    means = np.array([btc[at : at + half].mean() for at in range(0, len(btc) - half, half)])
    trend = means[1:] / means[:-1] - 1
    for share in ((trend > 0.01).mean(), (trend < -0.01).mean(), (np.abs(trend) <= 0.01).mean()):
        assert share > 0.12


# Products of a second currency


ALIASES = {"BTC-USDC": "BTC-USD", "ETH-USDC": "ETH-USD", "SOL-USDC": "SOL-USD"}


def test_a_few_products_are_also_paid_in_a_second_currency_as_the_list_says() -> None:
    source, _ = market()
    listed = {product.symbol: product for product in source.products()}
    aliases = {s: p.alias_of for s, p in listed.items() if p.alias_of is not None}
    assert aliases == ALIASES
    for symbol, owner in ALIASES.items():
        alias = listed[symbol]
        assert (alias.base, alias.quote, alias.book) == (listed[owner].base, "USDC", owner)
        assert replace(alias, symbol=owner, quote="USD", alias_of=None) == listed[owner]


@pytest.mark.parametrize(("symbol", "owner"), ALIASES.items())
def test_products_that_share_a_book_show_the_same_book_and_candles(symbol: str, owner: str) -> None:
    source, _ = market()
    assert content(last_bars(source, symbol, 50, START)) == content(
        last_bars(source, owner, 50, START)
    )
    tops, depths = source.tops([symbol, owner]), source.depths([symbol, owner])
    assert replace(tops[symbol], symbol=owner) == tops[owner]
    assert replace(depths[symbol], symbol=owner) == depths[owner]


def test_a_market_of_another_currency_has_no_second_one() -> None:
    source, _ = market(quote="USDT")
    assert {product.quote for product in source.products()} == {"USDT"}
