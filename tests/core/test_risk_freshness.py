"""Nothing is bought on an old or contradictory picture."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from core.reasons import Finding, Reason
from core.risk.verdict import Approved
from tests.builders.account import a_portfolio, a_position
from tests.builders.market import NOON, a_flat_panel, a_panel, a_snapshot, a_top
from tests.builders.risk import a_buy, a_sell, denial, verdict_on

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("at", "through", "late"),
    [
        pytest.param(NOON, NOON, None, id="the last bar is there"),
        pytest.param(NOON + 14 * MINUTE, NOON, None, id="no bar closed since"),
        pytest.param(NOON + MINUTE, NOON - 15 * MINUTE, None, id="late, below the limit"),
        pytest.param(NOON + 2 * MINUTE, NOON - 15 * MINUTE, None, id="late, at the limit"),
        pytest.param(
            NOON + 2 * MINUTE + SECOND, NOON - 15 * MINUTE, "2m1s", id="late, beyond the limit"
        ),
        pytest.param(NOON, NOON - 30 * MINUTE, "15m", id="the bar before is lacking too"),
        pytest.param(NOON + 3 * MINUTE, NOON - MINUTE, "3m", id="asked inside the last bar"),
        pytest.param(NOON + MINUTE, NOON - MINUTE, None, id="asked inside it, not yet late"),
    ],
)
def test_a_bar_that_should_be_there_may_be_a_little_late(
    at: datetime, through: datetime, late: str | None
) -> None:
    snapshot = a_snapshot(at=at, candles_through={"SOL-USD": through})
    verdict = verdict_on(a_buy(), snapshot=snapshot)
    if late is None:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.CANDLES_TOO_OLD, late, "2m", "risk.candle_delay_max"
        )


def test_daily_bars_close_at_midnight() -> None:
    panel = a_flat_panel("SOL-USD", bar=timedelta(days=1), closed_at=NOON - timedelta(hours=12))
    midnight = NOON - timedelta(hours=12)
    for through, late in ((midnight, None), (midnight - SECOND, "12h")):
        snapshot = a_snapshot(panel=panel, candles_through={"SOL-USD": through})
        verdict = verdict_on(a_buy(), snapshot=snapshot)
        assert isinstance(verdict, Approved) if late is None else denial(verdict).seen == late


def test_candles_that_were_never_asked_for_are_too_old() -> None:
    verdict = verdict_on(a_buy(), snapshot=a_snapshot(candles_through={}))
    assert denial(verdict) == Finding(
        Reason.CANDLES_TOO_OLD, "never", "2m", "risk.candle_delay_max"
    )


@pytest.mark.parametrize(
    ("age", "fresh"), [(29 * SECOND, True), (30 * SECOND, True), (31 * SECOND, False)]
)
def test_a_stale_book_stops_buys_and_sells_and_says_how_stale(age: timedelta, fresh: bool) -> None:
    snapshot = a_snapshot(tops={"SOL-USD": a_top(seen_at=NOON - age)})
    portfolio = a_portfolio(a_position("SOL-USD", price="90"))
    for proposal in (a_buy(), a_sell()):
        verdict = verdict_on(proposal, snapshot=snapshot, portfolio=portfolio)
        if fresh:
            assert isinstance(verdict, Approved)
        else:
            assert denial(verdict) == Finding(
                Reason.BOOK_TOO_OLD, "31s", "30s", "risk.book_age_max"
            )


def test_a_book_that_was_never_seen_is_too_old() -> None:
    verdict = verdict_on(a_buy(), snapshot=a_snapshot(tops={}))
    assert denial(verdict) == Finding(Reason.BOOK_TOO_OLD, "never", "30s", "risk.book_age_max")


@pytest.mark.parametrize(
    ("mid", "seen"),
    [
        ("104.9", None),
        ("105", None),
        ("105.01", "5.01%"),
        ("95.1", None),
        ("95", None),
        ("94.99", "5.01%"),
    ],
)
def test_a_book_far_from_the_last_close_is_not_believed(mid: str, seen: str | None) -> None:
    cents = round(float(mid) * 100)
    top = a_top(bid=f"{(cents - 1) / 100:.2f}", ask=f"{(cents + 1) / 100:.2f}")
    verdict = verdict_on(a_buy(), snapshot=a_snapshot(tops={"SOL-USD": top}))
    if seen is None:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.BOOK_OFF_CANDLES, seen, "5%", "risk.book_off_candles_max"
        )


@pytest.mark.parametrize(
    "panel",
    [
        a_flat_panel("BTC-USD"),
        a_panel({"SOL-USD": [float("nan")] * 350}),
        a_panel({"SOL-USD": [*[100.0] * 349, 0.0]}),  # a bar that closed at nothing
    ],
)
def test_a_book_without_a_close_to_hold_it_against_is_not_believed(panel: object) -> None:
    verdict = verdict_on(a_buy(), snapshot=a_snapshot(panel=panel))
    assert denial(verdict) == Finding(
        Reason.BOOK_OFF_CANDLES, "no close", "5%", "risk.book_off_candles_max"
    )


@pytest.mark.parametrize(
    ("off", "told"),
    [
        pytest.param(4.9 * SECOND, None, id="ahead, below the limit"),
        pytest.param(5 * SECOND, None, id="ahead, at the limit"),
        pytest.param(5.1 * SECOND, "5.1s", id="ahead, beyond the limit"),
        pytest.param(-5 * SECOND, None, id="behind, at the limit"),
        pytest.param(-5.1 * SECOND, "5.1s", id="behind, beyond the limit"),
    ],
)
def test_nothing_is_bought_while_the_clocks_disagree(off: timedelta, told: str | None) -> None:
    verdict = verdict_on(a_buy(), snapshot=a_snapshot(server_time=NOON + off))
    if told is None:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(Reason.CLOCK_OFF, told, "5s", "risk.clock_offset_max")


def test_a_venue_that_does_not_tell_its_time_sells_us_nothing() -> None:
    verdict = verdict_on(a_buy(), snapshot=a_snapshot(server_time=None))
    assert denial(verdict) == Finding(Reason.CLOCK_OFF, "never", "5s", "risk.clock_offset_max")


def test_an_old_product_list_is_not_believed_for_ever() -> None:
    snapshot = a_snapshot(missing={"products": "TIMEOUT: no answer"})
    assert denial(verdict_on(a_buy(), snapshot=snapshot)) == Finding(
        Reason.PRODUCTS_TOO_OLD, "TIMEOUT", "an answer", "exchange.products_age_max"
    )


def test_neither_keeps_a_position_from_being_sold() -> None:
    snapshot = a_snapshot(server_time=None, missing={"products": "TIMEOUT: no answer"})
    held = a_portfolio(a_position("SOL-USD"))
    assert isinstance(verdict_on(a_sell(), snapshot=snapshot, portfolio=held), Approved)
