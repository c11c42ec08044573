"""How often the bot may buy, in all and in one product."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.market import Side
from core.reasons import Finding, Reason
from core.risk.verdict import Approved, Denied
from tests.builders.account import a_portfolio, a_position
from tests.builders.risk import a_buy, a_sell, a_trade, denial, verdict_on, verdicts_on

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
UNHURRIED = {"spacing_min": timedelta(0), "cooldown": timedelta(0)}


@pytest.mark.parametrize(("had", "allowed"), [(4, True), (5, True), (6, False), (7, False)])
def test_an_hour_has_so_many_trades(had: int, allowed: bool) -> None:
    sent = tuple(a_trade(ago=minute * MINUTE) for minute in range(had, 0, -1))
    verdict = verdict_on(a_buy(), sent=sent, **UNHURRIED)
    if allowed:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.HOURLY_PACE, f"{had + 1} trades", "6 trades", "risk.trades_per_hour_max"
        )


@pytest.mark.parametrize(("had", "allowed"), [(22, True), (23, True), (24, False)])
def test_a_day_has_so_many_trades(had: int, allowed: bool) -> None:
    sent = tuple(a_trade(ago=2 * HOUR + minute * MINUTE) for minute in range(had, 0, -1))
    verdict = verdict_on(a_buy(), sent=sent, **UNHURRIED)
    if allowed:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.DAILY_PACE, "25 trades", "24 trades", "risk.trades_per_day_max"
        )


@pytest.mark.parametrize(
    ("window", "key"), [(HOUR, "trades_per_hour_max"), (24 * HOUR, "trades_per_day_max")]
)
@pytest.mark.parametrize(("off", "counts"), [(-SECOND, True), (0 * SECOND, False), (SECOND, False)])
def test_a_trade_exactly_one_window_old_no_longer_counts(
    window: timedelta, key: str, off: timedelta, counts: bool
) -> None:
    sent = (a_trade(ago=window + off),)
    verdict = verdict_on(a_buy(), sent=sent, **UNHURRIED, **{key: 1})
    assert isinstance(verdict, Approved) != counts


def test_sells_count_for_pace_like_buys() -> None:
    sent = (a_trade(ago=MINUTE, side=Side.SELL),)
    verdict = verdict_on(a_buy(), sent=sent, **UNHURRIED, trades_per_hour_max=1)
    assert denial(verdict).reason is Reason.HOURLY_PACE


def test_a_clock_that_went_back_does_not_open_the_gate() -> None:
    ahead = (a_trade(ago=-MINUTE),)
    paced = verdict_on(a_buy(), sent=ahead, **UNHURRIED, trades_per_hour_max=1)
    spaced = verdict_on(a_buy(), sent=ahead)
    assert denial(paced).reason is Reason.HOURLY_PACE
    assert denial(spaced) == Finding(Reason.SPACING, "-1m", "5m", "risk.spacing_min")


@pytest.mark.parametrize(
    ("ago", "seen"), [(5 * MINUTE + SECOND, None), (5 * MINUTE, None), (299 * SECOND, "4m59s")]
)
def test_trades_keep_their_distance(ago: timedelta, seen: str | None) -> None:
    verdict = verdict_on(a_buy(), sent=(a_trade("ETH-USD", ago=2 * HOUR), a_trade(ago=ago)))
    if seen is None:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(Reason.SPACING, seen, "5m", "risk.spacing_min")


@pytest.mark.parametrize(
    ("symbol", "ago", "seen"),
    [
        ("SOL-USD", 2 * HOUR + SECOND, None),
        ("SOL-USD", 2 * HOUR, None),
        ("SOL-USD", 2 * HOUR - SECOND, "1h59m59s"),
        ("ETH-USD", HOUR, None),
    ],
)
def test_a_product_cools_down_after_a_trade(symbol: str, ago: timedelta, seen: str | None) -> None:
    verdict = verdict_on(a_buy("SOL-USD"), sent=(a_trade(symbol, ago=ago),))
    if seen is None:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(Reason.COOLDOWN, seen, "2h", "risk.cooldown")


def test_the_latest_trade_sets_the_distance_whatever_the_order_of_the_list() -> None:
    sent = (a_trade("SOL-USD", ago=HOUR), a_trade("SOL-USD", ago=3 * HOUR))
    assert denial(verdict_on(a_buy(), sent=sent)).seen == "1h"


def test_an_approval_counts_for_the_spacing_of_the_next() -> None:
    first, second = verdicts_on(a_buy("SOL-USD"), a_buy("ADA-USD"))
    assert isinstance(first, Approved)
    assert denial(second) == Finding(Reason.SPACING, "0s", "5m", "risk.spacing_min")


def test_an_approval_counts_for_the_hour_of_the_next() -> None:
    buys = [a_buy(symbol) for symbol in ("SOL-USD", "ADA-USD", "XRP-USD")]
    verdicts = verdicts_on(*buys, **UNHURRIED, trades_per_hour_max=2)  # type: ignore[arg-type]
    assert isinstance(verdicts[1], Approved)
    assert denial(verdicts[2]).seen == "3 trades"


def test_an_approval_counts_for_the_cooldown_of_its_product() -> None:
    second = verdicts_on(a_buy(), a_buy(strategy="other"), spacing_min=timedelta(0))[1]
    assert denial(second) == Finding(Reason.COOLDOWN, "0s", "2h", "risk.cooldown")


def test_a_denial_uses_nothing_up() -> None:
    first, second = verdicts_on(a_buy("SOL-USD", notional="1"), a_buy("ADA-USD"))
    assert denial(first).reason is Reason.NOTIONAL_TOO_SMALL
    assert isinstance(second, Approved)


def test_an_approved_sell_counts_for_the_pace_of_a_buy() -> None:
    portfolio = a_portfolio(a_position("SOL-USD"))
    sold, bought = verdicts_on(a_sell("SOL-USD"), a_buy("ADA-USD"), portfolio=portfolio)
    assert isinstance(sold, Approved)
    assert denial(bought).reason is Reason.SPACING


def test_a_replacement_is_the_same_intent_so_spacing_and_cooldown_do_not_count() -> None:
    just_now = (a_trade("SOL-USD", ago=timedelta(minutes=1)),)

    assert isinstance(verdict_on(a_buy(), sent=just_now), Denied)
    assert isinstance(verdict_on(a_buy(step=1), sent=just_now), Approved)


@pytest.mark.parametrize(
    ("others", "changed", "reason"),
    [
        (6, {}, Reason.HOURLY_PACE),
        (6, {"trades_per_hour_max": 24, "trades_per_day_max": 6}, Reason.DAILY_PACE),
    ],
)
def test_a_replacement_is_an_order_all_the_same(
    others: int, changed: dict[str, object], reason: Reason
) -> None:
    sent = tuple(a_trade("ETH-USD", ago=timedelta(minutes=7)) for _ in range(others))

    assert denial(verdict_on(a_buy(step=1), sent=sent, **changed)).reason is reason
