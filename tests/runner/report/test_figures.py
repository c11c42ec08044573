"""Figures of a report: each by a case that can be checked by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from math import sqrt

import pytest

from runner.report.figures import (
    DAYS_MIN,
    deepest_fall,
    drawdowns,
    held_from_the_start,
    invested,
    ratios,
    sales_of,
)
from tests.builders.stories import SOL, a_chronicle, a_sale

DAY = timedelta(days=1)


def test_the_deepest_fall_is_measured_from_the_peak_before_it() -> None:
    fall = deepest_fall([100, 120, 90, 130, 117])

    assert (fall.depth, fall.peak, fall.bottom) == (0.25, 1, 2)


def test_what_only_rises_never_fell() -> None:
    assert deepest_fall([1, 2, 3]).depth == 0.0


def test_a_drawdown_is_told_against_the_highest_so_far() -> None:
    assert drawdowns([100, 80, 100, 50]) == pytest.approx([0, -0.2, 0, -0.5])


def test_sales_are_won_or_lost_after_fees_and_nothing_is_not_won() -> None:
    sales = sales_of(a_sale(str(n), profit) for n, profit in enumerate(("30", "-10", "0", "-5")))

    assert (sales.count, sales.won) == (4, 1)
    assert (sales.gained, sales.lost, sales.profit) == (Decimal(30), Decimal(15), Decimal(15))
    assert (sales.win_rate, sales.profit_factor) == (0.25, 2.0)


def test_no_sale_has_no_win_rate_and_no_loss_has_no_profit_factor() -> None:
    assert sales_of([]).win_rate is None
    assert sales_of([a_sale("1", "3")]).profit_factor is None


def test_buy_and_hold_pays_the_ask_and_both_fees() -> None:
    chronicle = a_chronicle([1000, 1000], bids={SOL: [100, 150]})
    chronicle.first_asks = {SOL: 102.0}

    held = held_from_the_start(chronicle, 1000.0, 0.006)

    quantity = 1000 / (102 * 1.006)
    assert held == pytest.approx([quantity * 100 * 0.994, quantity * 150 * 0.994])


def test_buy_and_hold_is_spread_evenly_and_keeps_the_last_price_of_what_has_no_book() -> None:
    bids = {"A-USD": [10.0, float("nan"), 20.0], "B-USD": [1.0, 2.0]}

    held = held_from_the_start(a_chronicle([100, 100, 100], bids=bids), 100.0, 0.0)

    assert held == pytest.approx([100, 150, 200])


def test_without_a_book_there_is_nothing_to_hold() -> None:
    assert held_from_the_start(a_chronicle([100]), 100.0, 0.0) is None


def test_what_is_invested_is_a_share_of_equity_and_nothing_before_the_first_buy() -> None:
    chronicle = a_chronicle([100, 200, 200], exposure={"SOL": [0, 50], "BTC": [0, 50, 20]})

    assert invested(chronicle) == [0.0, 0.5, 0.1]


@pytest.mark.parametrize(("days", "told"), [(DAYS_MIN - 1, False), (DAYS_MIN, True)])
def test_a_ratio_of_too_few_days_is_not_told(days: int, told: bool) -> None:
    equity = [100.0 + (day % 3) for day in range(days + 1)]

    found = ratios(a_chronicle(equity, step=DAY).seconds, equity)

    assert found.days == days
    assert (found.sharpe is not None) is told
    assert (found.sortino is not None) is told


def test_the_ratios_are_those_of_the_textbook() -> None:
    equity = [100.0]
    for day in range(40):
        equity.append(equity[-1] * (1.02 if day % 2 else 0.99))

    found = ratios(a_chronicle(equity, step=DAY).seconds, equity)

    mean, deviation, downside = 0.005, 0.015, sqrt(0.5 * 0.01**2)
    assert found.sharpe == pytest.approx(mean / deviation * sqrt(365))
    assert found.sortino == pytest.approx(mean / downside * sqrt(365))


def test_a_day_ends_at_its_last_decision() -> None:
    equity = [100.0 + row for row in range(24 * (DAYS_MIN + 1))]

    assert ratios(a_chronicle(equity).seconds, equity).days == DAYS_MIN + 1


def test_equity_that_stands_has_no_ratio() -> None:
    equity = [100.0] * 50

    found = ratios(a_chronicle(equity, step=DAY).seconds, equity)

    assert (found.sharpe, found.sortino) == (None, None)
