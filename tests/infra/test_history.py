"""History: what venues told, on one grid, the same however it came to be known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.market import Bars, Depth, Panel, Product, Snapshot
from infra.history import History, Reading, floor_to_bar
from tests.builders.market import BAR, FEES, NOON, a_depth, a_product

SOL, XRP = "SOL-USD", "XRP-USD"
LENGTH = 6


def bars(closes: Mapping[int, float]) -> Bars:
    """Bars by the number of bars before noon at which they close: {1: 99.0, 0: 100.0}."""
    agos = sorted(closes, reverse=True)
    opened = [int((NOON - (ago + 1) * BAR).timestamp()) for ago in agos]
    close = np.array([closes[ago] for ago in agos], dtype=np.float64)
    return Bars(
        np.array(opened, dtype=np.int64), close - 1, close + 2, close - 2, close, close * 0 + 7
    )


def a_reading(
    told: Mapping[str, Bars],
    *,
    at: datetime = NOON,
    listed: Sequence[str] = (SOL,),
    depths: Mapping[str, Depth] | None = None,
    silent: Sequence[str] = (),
) -> Reading:
    products: tuple[Product, ...] = tuple(a_product(name) for name in listed)
    return Reading(
        at=at,
        server_time=at,
        products=products,
        tops={},
        depths=depths or {},
        bars=told,
        through={name: floor_to_bar(at, BAR) for name in listed if name not in silent},
        balances=(),
        fees=FEES,
        missing={},
    )


def closes(snapshot: Snapshot, symbol: str = SOL) -> list[float]:
    row = snapshot.panel.symbols.index(symbol)
    return [float(close) for close in snapshot.panel.close[row]]


def same(one: Panel, other: Panel) -> bool:
    grids = ("open", "high", "low", "close", "volume", "missing", "known")
    return one.symbols == other.symbols and all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in grids
    )


def test_bars_stand_on_the_grid_with_the_newest_last() -> None:
    snapshot = History(BAR, LENGTH).absorb(
        a_reading({SOL: bars({5: 10, 4: 11, 3: 12, 2: 13, 1: 14, 0: 15})})
    )
    assert closes(snapshot) == [10, 11, 12, 13, 14, 15]
    assert snapshot.panel.closed_at == NOON
    assert snapshot.panel.known.tolist() == [6]


def test_a_bar_without_trades_carries_the_last_close_and_is_flagged() -> None:
    panel = History(BAR, LENGTH).absorb(a_reading({SOL: bars({5: 10, 4: 11, 1: 14})})).panel
    assert panel.close[0].tolist() == [10, 11, 11, 11, 14, 14]
    assert panel.missing[0].tolist() == [False, False, True, True, False, True]
    for grid in (panel.open, panel.high, panel.low):
        assert grid[0, [2, 3, 5]].tolist() == [11, 11, 14]
    assert panel.volume[0].tolist() == [7, 7, 0, 0, 7, 0]


def test_before_its_first_bar_nothing_is_known_of_a_product() -> None:
    panel = History(BAR, LENGTH).absorb(a_reading({SOL: bars({1: 14, 0: 15})})).panel
    assert np.isnan(panel.close[0, :4]).all()
    assert panel.missing[0, :4].all()
    assert panel.known.tolist() == [2]


def test_a_product_without_any_bar_has_a_row_of_nothing() -> None:
    panel = History(BAR, LENGTH).absorb(a_reading({})).panel
    assert (panel.symbols, panel.known.tolist()) == ((SOL,), [0])
    assert np.isnan(panel.close).all()


def test_a_product_that_was_never_answered_for_has_no_row() -> None:
    panel = History(BAR, LENGTH).absorb(a_reading({}, silent=[SOL])).panel
    assert panel.symbols == ()


def test_bars_outside_the_window_are_left_out() -> None:
    snapshot = History(BAR, LENGTH).absorb(a_reading({SOL: bars({9: 1, 6: 2, 5: 10, 0: 15})}))
    assert closes(snapshot)[0] == 10
    assert snapshot.panel.known.tolist() == [6]


def test_time_moves_the_grid_on_and_what_is_too_old_falls_off() -> None:
    history = History(BAR, LENGTH)
    history.absorb(a_reading({SOL: bars({5: 10, 4: 11, 3: 12, 2: 13, 1: 14, 0: 15})}))
    later = history.absorb(a_reading({SOL: bars({-1: 16, -2: 17})}, at=NOON + 2 * BAR))
    assert closes(later) == [12, 13, 14, 15, 16, 17]


def test_a_pause_longer_than_the_window_leaves_nothing_of_before() -> None:
    history = History(BAR, LENGTH)
    history.absorb(a_reading({SOL: bars({0: 15})}))
    later = history.absorb(a_reading({SOL: bars({-20: 30})}, at=NOON + 20 * BAR))
    assert later.panel.known.tolist() == [1]


def test_between_two_bars_the_grid_stands() -> None:
    history = History(BAR, LENGTH)
    history.absorb(a_reading({SOL: bars({0: 15})}))
    later = history.absorb(a_reading({}, at=NOON + timedelta(minutes=14)))
    assert closes(later)[-1] == 15
    assert later.panel.closed_at == NOON


def test_a_bar_that_is_told_again_changes_no_snapshot_that_was_taken() -> None:
    history = History(BAR, LENGTH)
    whole = {ago: 100.0 + ago for ago in range(LENGTH)}
    before = history.absorb(a_reading({SOL: bars(whole)}))

    after = history.absorb(a_reading({SOL: bars({0: 42.0})}))

    assert closes(before)[-1] == 100.0
    assert closes(after)[-1] == 42.0


def test_history_read_in_pieces_is_that_read_at_once() -> None:
    every = {ago: 100.0 + ago for ago in range(-4, 6) if ago != 1}
    at_once = History(BAR, LENGTH).absorb(a_reading({SOL: bars(every)}, at=NOON + 4 * BAR))
    pieces = History(BAR, LENGTH)
    pieces.absorb(a_reading({SOL: bars({ago: every[ago] for ago in every if ago >= 2})}))
    pieces.absorb(a_reading({SOL: bars({0: every[0]})}))
    for step in range(1, 5):
        told = {SOL: bars({-step: every[-step]})}
        last = pieces.absorb(a_reading(told, at=NOON + step * BAR))
    assert same(last.panel, at_once.panel)


def test_a_memory_that_was_restored_goes_on_like_the_one_that_never_stopped() -> None:
    history = History(BAR, LENGTH)
    both = {SOL: bars({5: 10, 2: 13, 0: 15}), XRP: bars({1: 0.5})}
    first = a_reading(both, listed=[SOL, XRP], depths={SOL: a_depth(SOL)})
    history.absorb(first)
    again = History(BAR, LENGTH)
    again.restore(history.remembered(), history.closed_at)
    second = a_reading({SOL: bars({-1: 16})}, at=NOON + BAR, listed=[SOL, XRP])
    one, other = history.absorb(second), again.absorb(second)
    assert same(one.panel, other.panel)
    assert (one.depths, one.candles_through) == (other.depths, other.candles_through)


def test_a_product_that_is_delisted_is_forgotten_and_comes_back_empty() -> None:
    history = History(BAR, LENGTH)
    history.absorb(a_reading({SOL: bars({0: 15}), XRP: bars({0: 1})}, listed=[SOL, XRP]))
    gone = history.absorb(a_reading({}, listed=[SOL]))
    assert gone.panel.symbols == (SOL,)
    back = history.absorb(a_reading({}, listed=[SOL, XRP]))
    assert back.panel.known.tolist() == [1, 0]


def test_a_reading_without_a_product_list_keeps_the_last() -> None:
    history = History(BAR, LENGTH)
    history.absorb(a_reading({SOL: bars({0: 15})}))
    silent = replace(a_reading({}, at=NOON + BAR), products=None)
    assert set(history.absorb(silent).products) == {SOL}


def test_the_last_depth_of_a_product_stays_with_the_time_it_was_seen() -> None:
    history = History(BAR, LENGTH)
    history.absorb(a_reading({}, depths={SOL: a_depth(SOL)}))
    later = history.absorb(a_reading({}, at=NOON + BAR))
    assert later.depths[SOL].seen_at == NOON
    assert history.depth_seen_at(SOL) == NOON
    assert history.depth_seen_at(XRP) is None


@pytest.mark.parametrize(
    ("minutes", "floor"), [(0, 0), (1, 0), (14.99, 0), (15, 15), (29, 15), (-1, -15)]
)
def test_a_bar_closes_on_the_grid_of_the_epoch(minutes: float, floor: int) -> None:
    assert floor_to_bar(NOON + timedelta(minutes=minutes), BAR) == NOON + timedelta(minutes=floor)
    odd = datetime(1970, 1, 1, 5, tzinfo=UTC)
    assert floor_to_bar(odd, timedelta(days=1)) == datetime(1970, 1, 1, tzinfo=UTC)
