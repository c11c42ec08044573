"""Recordings: what is read, what is refused with file and line, and how they are played."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from dataclasses import fields
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from core.errors import FatalError, RetryableError
from core.market import Bars, BookOrigin, ProductStatus
from core.money import Ratio
from core.ports import MarketData
from infra.exchange.simulated.book_model import BookModel
from infra.exchange.simulated.player import RecordedMarket
from infra.exchange.simulated.recording import BadRecording, Recording
from tests.builders.market import FEES
from tests.builders.recordings import (
    RECORDED_FROM,
    HandClock,
    csv,
    rows,
    write_candles,
)

BAR = timedelta(minutes=15)
FIRST = int(RECORDED_FROM.timestamp())
BOOKS = BookModel(Ratio(Decimal("0.0004")), Ratio(Decimal("0.1")), Ratio(Decimal("0.1")))
NAME = "SOL-USD_15m_2025.csv"


def complaint(folder: Path, bar: timedelta = BAR) -> str:
    with pytest.raises(BadRecording) as refused:
        Recording.read(folder, bar)
    assert isinstance(refused.value, FatalError)
    return str(refused.value)


def market(folder: Path, at: datetime) -> tuple[RecordedMarket, HandClock]:
    clock = HandClock(at)
    return RecordedMarket(clock, Recording.read(folder, BAR), FEES, BOOKS), clock


def same(one: Bars, other: Bars) -> bool:
    return all(
        getattr(one, field.name).tobytes() == getattr(other, field.name).tobytes()
        for field in fields(Bars)
    )


# What is read


def test_a_candle_is_read_as_it_stands(tmp_path: Path) -> None:
    write_candles(tmp_path, NAME, [(FIRST, "100.5", "101", "99.25", "100.75", "1234.5")])
    bars = Recording.read(tmp_path, BAR).bars["SOL-USD"]
    read = [getattr(bars, field.name).tolist() for field in fields(Bars)]
    assert read == [[FIRST], [100.5], [101.0], [99.25], [100.75], [1234.5]]


def test_compressed_windows_and_marked_files_are_the_same_candles(tmp_path: Path) -> None:
    text = csv(rows(5))
    for name, content in (
        ("A-USD_15m_x.csv", text.encode()),
        ("B-USD_15m_x.csv.gz", gzip.compress(text.encode())),
        ("C-USD_15m_x.csv", text.replace("\n", "\r\n").encode()),
        ("D-USD_15m_x.csv", text.encode("utf-8-sig")),
        ("E-USD_15m.csv", text.rstrip("\n").encode()),
    ):
        (tmp_path / name).write_bytes(content)
    recording = Recording.read(tmp_path, BAR)
    assert list(recording.bars) == ["A-USD", "B-USD", "C-USD", "D-USD", "E-USD"]
    assert all(same(bars, recording.bars["A-USD"]) for bars in recording.bars.values())


def test_nobody_can_change_a_recording(tmp_path: Path) -> None:
    write_candles(tmp_path, NAME, rows(5))
    later = rows(5, since=RECORDED_FROM + 9 * BAR)
    write_candles(tmp_path, "BTC-USD_15m_a.csv", rows(5))
    write_candles(tmp_path, "BTC-USD_15m_b.csv", later)
    for bars in Recording.read(tmp_path, BAR).bars.values():
        for field in fields(Bars):
            assert not getattr(bars, field.name).flags.writeable


def test_gaps_and_candles_without_volume_are_legal(tmp_path: Path) -> None:
    candles = rows(2) + rows(3, since=RECORDED_FROM + timedelta(days=40), volume="0")
    write_candles(tmp_path, NAME, candles)
    recording = Recording.read(tmp_path, BAR)
    assert len(recording.bars["SOL-USD"]) == 5
    assert recording.first == RECORDED_FROM
    assert recording.last == RECORDED_FROM + timedelta(days=40) + 3 * BAR


def test_files_of_one_product_are_joined_in_the_order_of_their_times(tmp_path: Path) -> None:
    write_candles(tmp_path, "SOL-USD_15m_a.csv", rows(3, since=RECORDED_FROM + 4 * BAR))
    write_candles(tmp_path, "SOL-USD_15m_b.csv.gz", rows(4))
    opened = Recording.read(tmp_path, BAR).bars["SOL-USD"].opened
    assert opened.tolist() == [FIRST + 900 * at for at in range(7)]


def test_files_that_overlap_by_one_candle_are_refused(tmp_path: Path) -> None:
    write_candles(tmp_path, "SOL-USD_15m_a.csv", rows(5))
    write_candles(tmp_path, "SOL-USD_15m_b.csv", rows(3, since=RECORDED_FROM + 4 * BAR))
    assert "SOL-USD_15m_b.csv:2: overlaps SOL-USD_15m_a.csv" in complaint(tmp_path)


def test_files_of_other_bars_are_not_even_opened(tmp_path: Path) -> None:
    write_candles(tmp_path, NAME, rows(3))
    (tmp_path / "SOL-USD_1h_x.csv").write_bytes(b"\xff\xff")
    assert list(Recording.read(tmp_path, BAR).bars) == ["SOL-USD"]


def test_a_file_with_another_name_is_ignored_and_that_is_said(tmp_path: Path) -> None:
    write_candles(tmp_path, NAME, rows(3))
    write_candles(tmp_path, "solusd.csv", rows(3))
    assert any(
        "solusd.csv is ignored" in notice for notice in Recording.read(tmp_path, BAR).notices
    )


def test_the_digest_is_that_of_sha256sum_over_the_files_used(tmp_path: Path) -> None:
    write_candles(tmp_path, "BTC-USD_15m_x.csv.gz", rows(3))
    write_candles(tmp_path, NAME, rows(3))
    write_candles(tmp_path, "SOL-USD_1h_x.csv", rows(3, bar=timedelta(hours=1)))
    shell = "sha256sum *_15m_* | sha256sum"
    told = subprocess.run(shell, shell=True, cwd=tmp_path, capture_output=True, check=True).stdout
    assert Recording.read(tmp_path, BAR).digest == f"sha256:{told.decode().split()[0]}"


def test_the_digest_changes_with_a_byte_a_name_and_the_product_list(tmp_path: Path) -> None:
    path = write_candles(tmp_path, NAME, rows(3))
    seen = [Recording.read(tmp_path, BAR).digest]
    path.write_text(csv(rows(3, volume="12.6")))
    seen.append(Recording.read(tmp_path, BAR).digest)
    path.rename(tmp_path / "SOL-USD_15m_2026.csv")
    seen.append(Recording.read(tmp_path, BAR).digest)
    (tmp_path / "products.json").write_text('{"products": []}')
    seen.append(Recording.read(tmp_path, BAR).digest)
    assert len(set(seen)) == 4


# What is refused

GOOD = (FIRST, "100", "101", "99", "100", "5")


def changed(**fields_: object) -> tuple[object, ...]:
    names = ("ts", "open", "high", "low", "close", "volume")
    return tuple(fields_.get(name, good) for name, good in zip(names, GOOD, strict=True))


@pytest.mark.parametrize(
    ("candle", "why"),
    [
        (changed(open="abc"), "open is no number: 'abc'"),
        (changed(volume=""), "volume is no number"),
        (changed(close="1_00"), "close is no number"),
        (changed(close="٣"), "close is no number"),
        (changed(open="nan"), "not a finite number"),
        (changed(volume="inf"), "not a finite number"),
        (changed(ts="nan"), "not a finite number"),
        (changed(low="0"), "a price is zero or negative"),
        (changed(low="-1"), "a price is zero or negative"),
        (changed(volume="-0.1"), "the volume is negative"),
        (changed(high="98"), "high is below low"),
        (changed(high="100.99999999999999", close="101"), "high is below open or close"),
        (changed(low="99.00000000000001", open="99"), "low is above open or close"),
        (changed(ts=FIRST + 900 + 1), "ts is not on the 15m grid"),
        (changed(ts=FIRST + 900.5), "ts is not on the 15m grid"),
        (changed(ts=FIRST * 1000), "are these milliseconds?"),
        (changed(ts=-900), "ts is not in UTC seconds"),
        (changed(ts=FIRST), "the same ts twice"),
        (changed(ts=FIRST - 900), "ts is before the line above"),
        (GOOD[:5], "6 columns are needed"),
        ((*GOOD, "7"), "6 columns are needed"),
        (("",), "6 columns are needed"),
    ],
)
def test_an_impossible_candle_is_refused_with_its_line(
    tmp_path: Path, candle: tuple[object, ...], why: str
) -> None:
    second = (FIRST + 900, *candle[1:]) if candle and candle[0] == FIRST else candle
    if why == "the same ts twice":
        second = candle
    path = write_candles(tmp_path, NAME, [GOOD, second, *rows(3, since=RECORDED_FROM + 5 * BAR)])
    told = complaint(tmp_path)
    assert told.startswith(f"{path}:3: ")
    assert why in told


@pytest.mark.parametrize(
    "candle",
    [
        changed(high="100", low="100"),
        changed(high="101", close="101", open="101"),
        changed(low="99", close="99", open="99"),
        changed(volume="0"),
        changed(low="0.00000001"),
    ],
)
def test_a_candle_at_the_edge_of_the_possible_is_read(
    tmp_path: Path, candle: tuple[object, ...]
) -> None:
    write_candles(tmp_path, NAME, [candle])
    assert len(Recording.read(tmp_path, BAR).bars["SOL-USD"]) == 1


def test_of_two_bad_lines_the_first_is_told(tmp_path: Path) -> None:
    candles = [GOOD, changed(ts=FIRST + 900, volume="-1"), changed(ts=FIRST + 1800, low="-1")]
    path = write_candles(tmp_path, NAME, candles)
    assert complaint(tmp_path).startswith(f"{path}:3: the volume is negative")


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"", 1, "an empty line or file"),
        (b"ts,open,high,low,close\n1,1,1,1,1\n", 1, "the header is"),
        (b"1740787200,100,101,99,100,5\n", 1, "the header is"),
        (b"ts,open,high,low,close,volume\n", 1, "a header and no candles"),
        (csv([GOOD]).encode() + b"\n" + csv(rows(1)).encode(), 3, "6 columns are needed"),
        (csv([GOOD]).encode() + b"17407881\xff0,1,1,1,1,1\n", 3, "not UTF-8"),
        (b"\x1f\x8b\x08\x00", 1, "not UTF-8"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(
    tmp_path: Path, content: bytes, line: int, why: str
) -> None:
    path = tmp_path / NAME
    path.write_bytes(content)
    told = complaint(tmp_path)
    assert told.startswith(f"{path}:{line}: ")
    assert why in told


def test_a_truncated_gzip_file_is_refused_where_it_ends(tmp_path: Path) -> None:
    path = write_candles(tmp_path, NAME + ".gz", rows(2000))
    path.write_bytes(path.read_bytes()[:-20])
    told = complaint(tmp_path)
    line = int(told.removeprefix(f"{path}:").split(":")[0])
    assert 1 < line <= 2001
    assert "damaged or ends too early" in told


@pytest.mark.parametrize("content", [b"\x1f", b"no gzip at all", b"\x1f\x8b\x08\x00rubbish....."])
def test_what_is_not_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / (NAME + ".gz")
    path.write_bytes(content)
    assert complaint(tmp_path).startswith(f"{path}:1: the gzip file is damaged")


def test_no_file_of_this_bar_names_the_bars_that_are_there(tmp_path: Path) -> None:
    write_candles(tmp_path, "SOL-USD_1h_x.csv", rows(3, bar=timedelta(hours=1)))
    write_candles(tmp_path, "BTC-USD_5m_x.csv", rows(3, bar=timedelta(minutes=5)))
    assert complaint(tmp_path).endswith("bars that are there: 1h, 5m")


def test_an_empty_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    assert complaint(tmp_path).endswith("bars that are there: none")
    assert "there is no such folder" in complaint(tmp_path / "nowhere")


# Products


def listed(symbol: str = "SOL-USD", **fields_: object) -> dict[str, object]:
    return {
        "product_id": symbol,
        "price_increment": "0.05",
        "base_increment": "0.001",
        "base_min_size": "0.0025",
        "base_max_size": "5000",
        "quote_min_size": "2",
        "status": "online",
        "new_at": "2023-01-01T00:00:00Z",
        "some_future_field": {"x": 1},
    } | fields_


def write_list(folder: Path, *products: dict[str, object]) -> Path:
    path = folder / "products.json"
    path.write_text(json.dumps({"products": products, "num_products": len(products)}))
    return path


def test_the_venues_list_gives_increments_and_minimums(tmp_path: Path) -> None:
    write_candles(tmp_path, NAME, rows(3))
    write_list(tmp_path, listed(), listed("ETH-USD"))
    recording = Recording.read(tmp_path, BAR)
    product = recording.products["SOL-USD"]
    assert list(recording.products) == ["SOL-USD"]
    assert (product.price_increment, product.base_increment) == (Decimal("0.05"), Decimal("0.001"))
    assert (product.base_min, product.base_max) == (Decimal("0.0025"), Decimal("5000"))
    assert product.quote_min == Decimal("2")
    assert product.status is ProductStatus.ONLINE
    assert product.inferred == ()
    assert product.listed_at is None
    assert recording.notices == ()


@pytest.mark.parametrize(
    ("fields_", "status"),
    [
        ({"status": "delisted"}, ProductStatus.DELISTED),
        ({"status": "offline"}, ProductStatus.OFFLINE),
        ({"status": "internal"}, ProductStatus.UNKNOWN),
        ({"trading_disabled": True}, ProductStatus.HALTED),
        ({"is_disabled": True}, ProductStatus.HALTED),
        ({"view_only": True}, ProductStatus.HALTED),
        ({"cancel_only": True, "post_only": True}, ProductStatus.CANCEL_ONLY),
        ({"auction_mode": True}, ProductStatus.AUCTION),
        ({"post_only": True}, ProductStatus.POST_ONLY),
        ({"limit_only": True}, ProductStatus.LIMIT_ONLY),
    ],
)
def test_a_restriction_in_the_list_holds_and_is_told(
    tmp_path: Path, fields_: dict[str, object], status: ProductStatus
) -> None:
    write_candles(tmp_path, NAME, rows(3))
    write_list(tmp_path, listed() | fields_)
    recording = Recording.read(tmp_path, BAR)
    assert recording.products["SOL-USD"].status is status
    assert any("SOL-USD is " in notice for notice in recording.notices)


def test_what_the_list_does_not_say_is_inferred_and_told(tmp_path: Path) -> None:
    write_candles(tmp_path, NAME, rows(3, price="100.25", volume="12.5"))
    write_candles(tmp_path, "BTC-USD_15m_x.csv", rows(3))
    write_list(tmp_path, listed(price_increment="", base_max_size=""))
    recording = Recording.read(tmp_path, BAR)
    sol, btc = recording.products["SOL-USD"], recording.products["BTC-USD"]
    assert sol.inferred == ("price_increment",)
    assert (sol.price_increment, sol.base_max) == (Decimal("0.01"), None)
    assert btc.inferred == ("price_increment", "base_increment", "base_min", "quote_min")
    assert any("BTC-USD, SOL-USD" in notice for notice in recording.notices)


@pytest.mark.parametrize(
    ("price", "volume", "tick", "lot"),
    [
        ("100.00", "12.5", "0.1", "0.0001"),  # few digits: a tick is 10 bps, a lot a cent at most
        ("100.25", "12.5", "0.01", "0.00001"),
        ("93347.59", "122.34924814", "0.01", "0.00000001"),
        ("0.00003051", "1129109047647", "0.00000001", "1"),
        ("3.051e-05", "1129109047647.0", "0.00000001", "1"),
        ("60000", "3", "1", "0.0000001"),
        ("0.30000000000000004", "0.1234567891234", "0.000000000001", "0.00000001"),
    ],
)
def test_increments_are_inferred_from_the_digits(
    tmp_path: Path, price: str, volume: str, tick: str, lot: str
) -> None:
    write_candles(tmp_path, NAME, rows(3, price=price, volume=volume))
    product = Recording.read(tmp_path, BAR).products["SOL-USD"]
    assert product.price_increment == Decimal(tick)
    assert product.base_increment == product.base_min == Decimal(lot)
    assert product.quote_min == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "not a list of products"),
        ('{"products": [', "not a list of products"),
        ("[]", "not a list of products"),
        ('{"products": [{"price_increment": "0.01"}]}', "product_id"),
        (json.dumps({"products": [listed(price_increment=0.01)]}), "price_increment"),
        (json.dumps({"products": [listed(price_increment="abc")]}), "no decimal number: 'abc'"),
        (json.dumps({"products": [listed(price_increment="NaN")]}), "no decimal number"),
        (json.dumps({"products": [listed(base_increment="-1")]}), "no decimal number"),
        (json.dumps({"products": [listed(base_increment="0.0")]}), "an increment is zero"),
    ],
)
def test_a_malformed_list_is_refused(tmp_path: Path, content: str, why: str) -> None:
    write_candles(tmp_path, NAME, rows(3))
    path = tmp_path / "products.json"
    path.write_text(content)
    told = complaint(tmp_path)
    assert told.startswith(f"{path}:1: ")
    assert why in told


def test_a_syntax_error_in_the_list_is_told_with_its_line(tmp_path: Path) -> None:
    write_candles(tmp_path, NAME, rows(3))
    (tmp_path / "products.json").write_text('{\n"products": [\n{"product_id": oops}]}')
    assert "products.json:3: " in complaint(tmp_path)


# Playing


def test_a_candle_is_there_from_the_second_it_closes(tmp_path: Path) -> None:
    write_candles(tmp_path, NAME, rows(10))
    player, clock = market(tmp_path, RECORDED_FROM + 5 * BAR - timedelta(microseconds=1))
    far = RECORDED_FROM + timedelta(days=99)
    for wait, known in ((0, 4), (1, 5), (899_999_999, 5), (1, 6)):
        clock.at += timedelta(microseconds=wait)
        assert len(player.bars("SOL-USD", BAR, RECORDED_FROM, far)) == known


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
        (-50, 1, [0]),
    ],
)
def test_bars_open_from_since_and_close_by_until(
    tmp_path: Path, since: float, until: float, opens: list[int]
) -> None:
    write_candles(tmp_path, NAME, rows(10))
    player, _ = market(tmp_path, RECORDED_FROM + 10 * BAR)
    bars = player.bars("SOL-USD", BAR, RECORDED_FROM + since * BAR, RECORDED_FROM + until * BAR)
    assert bars.opened.tolist() == [FIRST + 900 * at for at in opens]


def test_a_product_is_listed_from_its_first_bar_and_delisted_after_its_last(
    tmp_path: Path,
) -> None:
    write_candles(tmp_path, "BTC-USD_15m_x.csv", rows(20))
    write_candles(tmp_path, NAME, rows(5, since=RECORDED_FROM + 4 * BAR))
    player, clock = market(tmp_path, RECORDED_FROM)
    seen = {}
    for at in (0, 3.999, 4, 8.999, 9, 20):
        clock.at = RECORDED_FROM + at * BAR
        seen[at] = {product.symbol: product.status.name for product in player.products()}
    assert {at: statuses.get("SOL-USD") for at, statuses in seen.items()} == {
        0: None,
        3.999: None,
        4: "ONLINE",
        8.999: "ONLINE",
        9: "DELISTED",
        20: "DELISTED",
    }
    assert {statuses["BTC-USD"] for statuses in seen.values()} == {"ONLINE"}


def test_listed_at_is_the_first_bar_unless_the_recording_begins_with_it(tmp_path: Path) -> None:
    write_candles(tmp_path, "BTC-USD_15m_x.csv", rows(20))
    write_candles(tmp_path, NAME, rows(5, since=RECORDED_FROM + 4 * BAR))
    products = Recording.read(tmp_path, BAR).products
    assert products["BTC-USD"].listed_at is None
    assert products["SOL-USD"].listed_at == RECORDED_FROM + 4 * BAR


def test_books_are_modelled_now_in_one_request_from_bars_that_are_closed(tmp_path: Path) -> None:
    future = (FIRST + 9 * 900, "500", "500", "500", "500", "1")
    write_candles(tmp_path, NAME, [*rows(9), future])
    write_candles(tmp_path, "BTC-USD_15m_x.csv", rows(10))
    at = RECORDED_FROM + 10 * BAR - timedelta(seconds=1)
    player, _ = market(tmp_path, at)
    symbols = ("BTC-USD", "SOL-USD", "NONE-USD")
    tops, depths = player.tops(symbols), player.depths(symbols)
    assert player.requests == 2
    assert player.depths_per_request >= len(symbols)
    assert list(tops) == list(depths) == ["BTC-USD", "SOL-USD"]
    assert tops["SOL-USD"].mid == 100
    assert {top.origin for top in tops.values()} == {BookOrigin.MODELLED}
    assert {top.seen_at for top in tops.values()} == {at}
    assert depths["SOL-USD"].bids[0].price == tops["SOL-USD"].bid


def test_there_is_no_book_before_the_first_bar_closed_nor_after_the_delisting(
    tmp_path: Path,
) -> None:
    write_candles(tmp_path, "BTC-USD_15m_x.csv", rows(20))
    write_candles(tmp_path, NAME, rows(5))
    player, clock = market(tmp_path, RECORDED_FROM)
    seen = []
    for at in (0, 0.999, 1, 4.999, 5):
        clock.at = RECORDED_FROM + at * BAR
        seen.append("SOL-USD" in player.tops(["SOL-USD"]))
    assert seen == [False, False, True, True, False]


def test_the_default_start_has_the_warm_up_behind_it(tmp_path: Path) -> None:
    write_candles(tmp_path, NAME, rows(10))
    recording = Recording.read(tmp_path, BAR)
    assert recording.start_after(7) == RECORDED_FROM + 7 * BAR
    assert recording.start_after(10) == recording.last
    with pytest.raises(BadRecording, match="holds 10 bars of 15m; the warm-up alone is 11"):
        recording.start_after(11)


def test_every_call_is_one_request(tmp_path: Path) -> None:
    write_candles(tmp_path, NAME, rows(10))
    player: MarketData
    player, _ = market(tmp_path, RECORDED_FROM + 5 * BAR)
    assert player.requests == 0
    player.products()
    player.fees()
    player.server_time()
    player.tops(["SOL-USD"])
    player.depths(["SOL-USD"])
    player.bars("SOL-USD", BAR, RECORDED_FROM, RECORDED_FROM)
    assert player.requests == 6
    assert player.fees() == FEES
    assert player.server_time() == RECORDED_FROM + 5 * BAR


def test_an_unknown_product_is_an_error_of_this_call_only(tmp_path: Path) -> None:
    write_candles(tmp_path, NAME, rows(10))
    player, _ = market(tmp_path, RECORDED_FROM)
    with pytest.raises(RetryableError, match="BTC-USD"):
        player.bars("BTC-USD", BAR, RECORDED_FROM, RECORDED_FROM)
    with pytest.raises(ValueError, match="1:00:00"):
        player.bars("SOL-USD", timedelta(hours=1), RECORDED_FROM, RECORDED_FROM)


# Real recordings


@pytest.fixture(scope="module")
def real() -> Recording:
    folder = os.environ.get("TRADER_RECORDINGS")
    if not folder:
        pytest.skip("TRADER_RECORDINGS names no folder of real recordings")
    return Recording.read(Path(folder) / "coinbase" / "15m", BAR)


def test_half_a_year_of_real_candles_is_read_whole(real: Recording) -> None:
    assert len(real.bars) == 12
    assert {len(real.bars[symbol]) for symbol in ("BTC-USD", "SOL-USD", "ADA-USD")} == {17_376}
    assert len(real.bars["ETH-USD"]) == 17_374  # a gap of two bars, left as it is
    assert real.products["BTC-USD"].price_increment == Decimal("0.01")
    assert real.products["ZRX-USD"].price_increment == Decimal("0.000001")


def test_real_books_are_modelled_on_the_increments(real: Recording) -> None:
    player = RecordedMarket(HandClock(real.start_after(350)), real, FEES, BOOKS)
    depths = player.depths(real.bars)
    assert list(depths) == list(real.bars)
    for symbol, depth in depths.items():
        product = real.products[symbol]
        for level in (*depth.bids, *depth.asks):
            assert level.price % product.price_increment == 0
            assert level.quantity % product.base_increment == 0


def test_every_real_folder_is_read_at_its_own_bar() -> None:
    root = os.environ.get("TRADER_RECORDINGS")
    if not root:
        pytest.skip("TRADER_RECORDINGS names no folder of real recordings")
    minutes = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "1d": 1440}
    for folder in sorted(Path(root).glob("*/*")):
        if folder.name in minutes:
            recording = Recording.read(folder, timedelta(minutes=minutes[folder.name]))
            assert all(np.isfinite(bars.close).all() for bars in recording.bars.values())
