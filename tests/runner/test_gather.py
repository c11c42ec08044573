"""What one cycle asks the market for: no more than it can use, the urgent first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.errors import FatalError, RetryableError
from core.market import Balance, Depth
from core.policy import Allowlist
from core.ports import Piece, ReadAll
from infra.exchange.read_only import ReadOnlyVenue
from infra.history import History, Reading
from runner.gather import Gatherer, in_turn
from tests.builders.market import BAR, NOON, a_product
from tests.builders.risk import usd
from tests.builders.shipped import shipped_policy
from tests.builders.stage import Role, Stage

SOL, XRP, BTC = "SOL-USD", "XRP-USD", "BTC-USD"
SOL_USDC = "SOL-USDC"
LENGTH = 300


class Asked(Stage):
    """A stage that notes whose depth it was asked for, request by request."""

    def __init__(self, *symbols: str, per_request: int = 1) -> None:
        super().__init__(*symbols)
        self.depths_per_request = per_request
        self.depths_asked: list[tuple[str, ...]] = []

    def depths(self, symbols: Iterable[str]) -> Mapping[str, Depth]:
        names = tuple(symbols)
        self.depths_asked.append(names)
        return super().depths(names)


def a_gatherer(stage: Stage, books: int = 4) -> Gatherer:
    history = History(BAR, LENGTH)
    return Gatherer(stage, ReadOnlyVenue((usd("10000"),)), history, shipped_policy(), books)


def read(
    gatherer: Gatherer, cycle: int = 1, *, held: tuple[str, ...] = (), nearest: tuple[str, ...] = ()
) -> Reading:
    """One cycle's reading, absorbed as run_cycle does."""
    at = NOON + (cycle - 1) * BAR
    gatherer.market.clock.set(at)  # type: ignore[attr-defined]
    reading = gatherer.read(at, nearest, held)
    gatherer.history.absorb(reading)
    return reading


def test_the_first_reading_brings_the_whole_window_and_the_next_one_bar() -> None:
    gatherer = a_gatherer(Stage(SOL))
    first, second = read(gatherer, 1), read(gatherer, 2)
    assert {symbol: len(bars) for symbol, bars in first.bars.items()} == {BTC: LENGTH, SOL: LENGTH}
    assert {symbol: len(bars) for symbol, bars in second.bars.items()} == {BTC: 1, SOL: 1}
    assert second.through == {BTC: NOON + BAR, SOL: NOON + BAR}


def test_within_a_bar_no_candles_are_asked_for() -> None:
    stage = Stage(SOL)
    gatherer = a_gatherer(stage)
    read(gatherer)
    stage.asked.clear()
    at = NOON + timedelta(minutes=14)
    stage.clock.set(at)
    reading = gatherer.read(at, (), ())
    assert (reading.bars, reading.through) == ({}, {})
    assert not [piece for piece in stage.asked if piece.startswith("bars")]


def test_candles_that_could_not_be_had_are_asked_for_again_without_a_gap() -> None:
    stage = Stage(SOL)
    gatherer = a_gatherer(stage)
    read(gatherer, 1)
    stage.falls_silent(f"bars {SOL}")
    missed = read(gatherer, 2)
    assert missed.missing == {f"candles {SOL}": "TIMED_OUT: the market did not answer"}
    assert set(missed.through) == {BTC}
    stage.faults.clear()
    assert len(read(gatherer, 4).bars[SOL]) == 3


def test_a_product_that_was_not_traded_was_still_asked_about() -> None:
    stage = Stage(SOL)
    stage.roles[SOL].gaps.append((NOON, NOON + BAR))
    gatherer = a_gatherer(stage)
    read(gatherer, 1)
    reading = read(gatherer, 2)
    assert SOL not in reading.bars
    assert reading.through[SOL] == NOON + BAR


def test_products_that_can_never_be_bought_are_not_read() -> None:
    stage = Stage(SOL, "SOL-EUR", "USDC-USD")
    gatherer = a_gatherer(stage)
    reading = read(gatherer)
    assert set(reading.bars) == {BTC, SOL}
    assert set(reading.tops) == {BTC, SOL, "USDC-USD"}  # which says what a wallet is worth


def two_wallets(*symbols: str, per_request: int = 1) -> Asked:
    """A stage on which SOL is also paid in USDC, from the same book."""
    stage = Asked(SOL, SOL_USDC, *symbols, per_request=per_request)
    stage.roles[SOL_USDC].product = a_product(SOL_USDC, alias_of=SOL)
    return stage


def test_candles_and_depth_of_a_shared_book_are_asked_for_once_and_serve_all() -> None:
    stage = two_wallets()
    reading = read(a_gatherer(stage))
    assert f"bars {SOL}" in stage.asked
    assert f"bars {SOL_USDC}" not in stage.asked
    assert reading.through == {BTC: NOON, SOL: NOON, SOL_USDC: NOON}
    assert reading.bars[SOL_USDC] is reading.bars[SOL]
    assert sorted(stage.depths_asked) == [(BTC,), (SOL,)]
    assert reading.depths[SOL_USDC] == replace(reading.depths[SOL], symbol=SOL_USDC)


def test_a_shared_book_is_urgent_because_of_either_product() -> None:
    stage = two_wallets(XRP)
    read(a_gatherer(stage, books=2), held=(SOL_USDC,))
    assert stage.depths_asked[0] == (SOL,)


def test_a_shared_book_whose_owner_is_not_read_is_read_by_itself() -> None:
    stage = two_wallets()
    history = History(BAR, LENGTH)
    policy = replace(shipped_policy(), quote_currencies=("USDC",), capital_currency="USDC")
    venue = ReadOnlyVenue((usd("10000"),))
    reading = read(Gatherer(stage, venue, history, policy, 4))
    assert set(reading.bars) == {SOL_USDC}
    assert stage.depths_asked == [(SOL_USDC,)]


def test_a_shared_book_that_could_not_be_read_is_missing_for_all() -> None:
    stage = two_wallets()
    stage.falls_silent(f"bars {SOL}")
    reading = read(a_gatherer(stage))
    assert reading.missing == {f"candles {SOL}": "TIMED_OUT: the market did not answer"}
    assert set(reading.through) == {BTC}


def test_a_fixed_universe_still_reads_a_book_that_values_its_wallets() -> None:
    stage = two_wallets(XRP)
    history = History(BAR, LENGTH)
    policy = shipped_policy()
    only_xrp = replace(policy.universe, allowlist=Allowlist(count=1, symbols=(XRP,)))
    venue = ReadOnlyVenue((usd("10000"),))
    reading = read(Gatherer(stage, venue, history, replace(policy, universe=only_xrp), 4))
    assert set(reading.bars) == {XRP}
    assert set(reading.tops) == {XRP, SOL}


def test_a_fixed_universe_reads_its_own_products_and_what_is_held() -> None:
    stage = Stage(SOL, XRP)
    history = History(BAR, LENGTH)
    policy = shipped_policy()
    only_sol = replace(policy.universe, allowlist=Allowlist(count=1, symbols=(SOL,)))
    venue = ReadOnlyVenue((usd("1"),))
    gatherer = Gatherer(stage, venue, history, replace(policy, universe=only_sol), 4)
    assert set(read(gatherer).tops) == {SOL}
    assert set(read(gatherer, 2, held=(XRP,)).tops) == {SOL, XRP}


def test_a_product_list_that_did_not_change_is_not_told_again() -> None:
    stage = Stage(SOL)
    gatherer = a_gatherer(stage)
    assert read(gatherer, 1).products is not None
    assert read(gatherer, 2).products is None
    stage.roles[XRP] = Role(a_product(XRP))
    assert read(gatherer, 3).products is not None


def test_without_a_product_list_the_last_one_holds() -> None:
    stage = Stage(SOL)
    gatherer = a_gatherer(stage)
    read(gatherer, 1)
    stage.falls_silent("products")
    reading = read(gatherer, 2)
    assert reading.products is None
    assert set(reading.tops) == {BTC, SOL}


def test_before_any_product_list_there_is_nothing_to_read_and_no_fault() -> None:
    stage = Stage(SOL)
    stage.falls_silent("products")
    reading = read(a_gatherer(stage))
    assert (reading.tops, reading.bars) == ({}, {})
    assert "products" in reading.missing


NAMES = tuple(f"C{number}-USD" for number in range(8))


def test_depths_go_to_positions_then_to_the_nearest_and_the_last_place_to_the_oldest() -> None:
    stage = Asked(*NAMES)
    gatherer = a_gatherer(stage, books=4)
    read(gatherer, 1, held=("C5-USD",), nearest=("C7-USD", "C3-USD", "C2-USD"))
    assert stage.depths_asked == [("C5-USD",), ("C7-USD",), ("C3-USD",), (BTC,)]


def test_every_products_depth_is_seen_at_last() -> None:
    stage = Asked(*NAMES)
    gatherer = a_gatherer(stage, books=2)
    for cycle in range(1, 9):
        read(gatherer, cycle, nearest=(BTC,))
    assert {names[0] for names in stage.depths_asked} == {BTC, *NAMES}
    assert [names for names in stage.depths_asked[::2]] == [(BTC,)] * 8


def test_no_more_is_asked_of_depths_than_the_policy_allows() -> None:
    stage = Asked(*NAMES, per_request=3)
    read(a_gatherer(stage, books=2))
    assert [len(names) for names in stage.depths_asked] == [3, 3]


def test_where_one_request_brings_all_depths_it_is_one_request() -> None:
    stage = Asked(*NAMES, per_request=1000)
    read(a_gatherer(stage, books=4))
    assert [len(names) for names in stage.depths_asked] == [9]


def test_without_places_no_depth_is_asked_for() -> None:
    stage = Asked(*NAMES)
    assert read(a_gatherer(stage, books=0)).depths == {}
    assert stage.depths_asked == []


def test_a_fault_that_no_retry_mends_is_not_swallowed() -> None:
    stage = Stage(SOL)
    stage.faults["tops"] = FatalError("the answer has another shape", code="ODD_WIRE")
    with pytest.raises(FatalError, match="another shape"):
        read(a_gatherer(stage))


def test_a_request_of_each_kind_and_one_for_each_bar_is_all_that_a_cycle_costs() -> None:
    stage = Stage(SOL, XRP)
    gatherer = a_gatherer(stage)
    read(gatherer, 1)
    stage.asked.clear()
    read(gatherer, 2)
    assert sorted(stage.asked) == [
        *(f"bars {name}" for name in (BTC, SOL, XRP)),
        "depths",
        "fees",
        "products",
        "server_time",
        "tops",
    ]


def backwards(asks: Sequence[Callable[[], Piece]]) -> tuple[Piece | RetryableError, ...]:
    """The last question is answered first, as threads might."""
    return in_turn(asks[::-1])[::-1]


def test_answers_that_come_in_another_order_make_the_same_reading() -> None:
    def reading(read_all: ReadAll) -> Reading:
        stage = two_wallets(XRP)
        stage.falls_silent(f"bars {XRP}")
        gatherer = replace(a_gatherer(stage), read_all=read_all)
        return read(gatherer, held=(SOL_USDC,))

    first, second = reading(in_turn), reading(backwards)

    assert list(first.bars) == list(second.bars) == [BTC, SOL, SOL_USDC]
    assert (first.tops, first.depths, first.through) == (
        second.tops,
        second.depths,
        second.through,
    )
    assert list(first.depths) == list(second.depths)
    assert (first.balances, first.missing) == (second.balances, second.missing)
    assert list(first.missing) == list(second.missing) == [f"candles {XRP}"]


def test_what_a_cycle_asks_side_by_side_is_asked_all_at_once() -> None:
    rounds = []

    def counted(asks: Sequence[Callable[[], Piece]]) -> tuple[Piece | RetryableError, ...]:
        rounds.append(len(asks))
        return in_turn(asks)

    read(replace(a_gatherer(Stage(SOL, XRP), books=2), read_all=counted))

    assert rounds == [2 + 3 + 1]  # fees and tops, candles, depth of all in one request


def test_a_venue_that_is_far_away_is_asked_for_its_list_beside_the_rest() -> None:
    """A journey less in each cycle; what is new on the list is read in the next one."""
    rounds = []

    def counted(asks: Sequence[Callable[[], Piece]]) -> tuple[Piece | RetryableError, ...]:
        rounds.append(len(asks))
        return in_turn(asks)

    stage = Stage(SOL)
    far = replace(a_gatherer(stage), read_all=counted, offset=lambda: timedelta(0))
    first = read(far, 1)
    stage.roles[XRP] = Role(a_product(XRP))
    second, third = read(far, 2), read(far, 3)

    assert first.products is not None
    assert [product.symbol for product in second.products or ()] == [BTC, SOL, XRP]
    assert (XRP in second.bars, XRP in third.bars) == (False, True)
    assert rounds == [2 + 2 + 1, 3 + 2 + 1, 3 + 3 + 1]


class Nonsense(ReadOnlyVenue):
    """A venue that tells of money what no number is."""

    def balances(self) -> tuple[Balance, ...]:
        return (*super().balances(), Balance("EUR", Decimal("NaN"), Decimal(0)))


def test_a_balance_that_is_no_number_is_no_answer_and_the_cycle_goes_on() -> None:
    stage = Stage(SOL)
    gatherer = replace(a_gatherer(stage), venue=Nonsense((usd("10000"),)))

    told = read(gatherer)

    assert told.balances == ()
    assert told.missing["balances"].startswith("ANSWER_UNREADABLE: the venue tells NaN EUR")
    assert SOL in told.tops
