"""What is compared by a short cut is compared as by the long way, and rows are what they were."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.market import Side
from core.money import Ratio
from tests.builders.market import a_depth, a_flat_panel, a_panel, a_top

prices = some.decimals("0.00000001", "99999", places=8).filter(lambda price: price > 0)
shares = some.decimals("0", "0.5", places=6).map(Ratio)


@given(bid=prices, wide=prices, most=shares)
def test_a_spread_is_too_wide_by_product_where_it_is_by_division(
    bid: Decimal, wide: Decimal, most: Ratio
) -> None:
    top = a_top(bid=str(bid), ask=str(bid + wide))

    assert top.wider_than(most) == (top.spread > most)


@pytest.mark.parametrize(("most", "wider"), [("0.0003", True), ("0.0004", False), ("1", False)])
def test_a_spread_at_its_limit_is_not_too_wide(most: str, wider: bool) -> None:
    assert a_top(bid="99.98", ask="100.02").wider_than(Ratio(Decimal(most))) is wider


@given(
    least=some.decimals("1", "90000", places=2),
    window=some.decimals("0", "0.003", places=4).map(Ratio),
)
def test_a_book_holds_what_its_thinner_side_holds_within_the_window(
    least: Decimal, window: Ratio
) -> None:
    depth = a_depth()

    thinner = min(depth.notional_within(side, window) for side in Side)

    assert depth.holds(least, window) == (thinner >= least)


@pytest.mark.parametrize(("window", "held"), [("0.0009", False), ("0.001", True), ("0.002", True)])
def test_a_level_at_the_end_of_the_window_counts(window: str, held: bool) -> None:
    depth = a_depth(bids=(("100", "1"), ("99.9", "1")), asks=(("200", "1"), ("200.2", "1")))

    assert depth.holds(Decimal("199.9"), Ratio(Decimal(window))) is held


def test_neighbouring_rows_are_looked_at_where_they_lie() -> None:
    panel = a_flat_panel("A-USD", "B-USD", "C-USD", "D-USD")

    assert np.shares_memory(panel.rows(("C-USD", "B-USD")).close, panel.close)
    assert not np.shares_memory(panel.rows(("A-USD", "C-USD")).close, panel.close)


@pytest.mark.parametrize("asked", [("B-USD",), ("C-USD", "B-USD"), ("C-USD", "A-USD"), ()])
def test_rows_are_the_same_numbers_in_sorted_order(asked: tuple[str, ...]) -> None:
    closes = {f"{name}-USD": [float(at)] * 4 for at, name in enumerate("ABC", start=1)}

    rows = a_panel(closes).rows(asked)

    assert rows.symbols == tuple(sorted(asked))
    assert rows.close.tolist() == [closes[symbol] for symbol in sorted(asked)]


def test_rows_of_an_unknown_product_are_a_fault() -> None:
    with pytest.raises(KeyError):
        a_flat_panel("A-USD", "B-USD").rows(("A-USD", "X-USD"))
