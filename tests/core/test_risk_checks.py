"""The order of the checks, and how their words become one verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market import Depth, ProductStatus, TopOfBook
from core.reasons import Finding, Reason
from core.risk import RiskManager
from core.risk.checks import BUY_CHECKS, SELL_CHECKS
from core.risk.verdict import Approved
from core.state import Level
from tests.builders.account import a_portfolio, a_position, a_standing, a_state
from tests.builders.market import NOON, a_depth, a_flat_panel, a_product, a_snapshot, a_top
from tests.builders.risk import (
    a_buy,
    a_policy,
    a_reading,
    a_risk_policy,
    a_sale,
    a_sell,
    a_trade,
    a_universe_policy,
    an_exit,
    an_open_order,
    denial,
    granted,
    percent,
    reduction,
    usd,
    verdict_on,
    verdicts_on,
)

HOUR = timedelta(hours=1)
NOTHING = percent("0")

# One fault for each reason to deny a buy, in the order of BUY_CHECKS. A fault of the market is
# a piece of the snapshot, one of the account is a keyword of its own, the rest are risk keys.
MARKET: dict[Reason, dict[str, object]] = {
    Reason.CLOCK_OFF: {"server_time": None},
    Reason.PRODUCTS_TOO_OLD: {"missing": {"products": "TIMEOUT: no answer"}},
    Reason.PRODUCT_NOT_ONLINE: {"products": {"SOL-USD": a_product(status=ProductStatus.HALTED)}},
    Reason.CANDLES_TOO_OLD: {"candles_through": {}},
    Reason.BOOK_TOO_OLD: {"tops": {"SOL-USD": a_top(seen_at=NOON - HOUR)}},
    Reason.BOOK_OFF_CANDLES: {"panel": a_flat_panel("SOL-USD", price=200.0)},
    Reason.DEPTH_UNKNOWN: {"depths": {}},
}
ACCOUNT: dict[Reason, dict[str, object]] = {
    Reason.HALTED: {"standing": a_standing(Level.HALTED, "FATAL")},
}
SENT = {
    Reason.SPACING: a_trade("ETH-USD"),
    Reason.COOLDOWN: a_trade("SOL-USD", ago=HOUR),
}
MEMORY: dict[Reason, dict[str, object]] = {
    Reason.STOPPED_RECENTLY: {"stopped": {"SOL-USD": NOON - HOUR}},
    Reason.LOSING_STREAK: {"closed": tuple(a_sale("-1", ago=ago * HOUR) for ago in (4, 3, 2, 1))},
}
# What is held is said in one place, for a fault of the account may hold something too.
ADDS: dict[Reason, dict[str, object]] = {
    Reason.ADDS_FULL: {"adds_per_day_max": 0},
    Reason.ADD_SPACING: {"add_spacing_min": 48 * HOUR},
    Reason.ADD_NOT_IN_PROFIT: {"add_only_in_profit": True},
}
RISK: dict[Reason, dict[str, object]] = {
    Reason.SPREAD_BEYOND_LIMIT: {"spread_max": {"T2": NOTHING}},
    Reason.HOURLY_PACE: {"trades_per_hour_max": 0},
    Reason.DAILY_PACE: {"trades_per_day_max": 0},
    Reason.POSITIONS_FULL: {"positions_max": 0},
    Reason.DEPTH_TOO_SMALL: {"depth_multiple_min": Decimal(1_000_000)},
    Reason.NOTIONAL_TOO_LARGE: {"notional_max": usd("1")},
    Reason.POSITION_FULL: {"position_max": NOTHING},
    Reason.THEME_FULL: {"theme_max": {"layer1": NOTHING}},
    Reason.AT_RISK_FULL: {"at_risk_max": NOTHING},
    Reason.CASH_BUFFER: {"cash_min": percent("100")},
    Reason.IMPACT_TOO_HIGH: {"impact_max": {"T2": percent("-1")}},
    Reason.NOTIONAL_TOO_SMALL: {"notional_min": usd("301")},
}
ORDER = [
    Reason.HALTED,
    Reason.CLOCK_OFF,
    Reason.PRODUCTS_TOO_OLD,
    Reason.PRODUCT_NOT_ONLINE,
    Reason.QUARANTINED,
    Reason.ORDER_PENDING,
    Reason.RATE_UNKNOWN,
    Reason.CANDLES_TOO_OLD,
    Reason.BOOK_TOO_OLD,
    Reason.BOOK_OFF_CANDLES,
    Reason.SPREAD_BEYOND_LIMIT,
    Reason.DEPTH_UNKNOWN,
    Reason.HOURLY_PACE,
    Reason.DAILY_PACE,
    Reason.SPACING,
    Reason.COOLDOWN,
    Reason.STOPPED_RECENTLY,
    Reason.LOSING_STREAK,
    Reason.ADDS_FULL,
    Reason.ADD_SPACING,
    Reason.ADD_NOT_IN_PROFIT,
    Reason.POSITIONS_FULL,
    Reason.DEPTH_TOO_SMALL,
    Reason.NOTIONAL_TOO_LARGE,
    Reason.POSITION_FULL,
    Reason.THEME_FULL,
    Reason.AT_RISK_FULL,
    Reason.CASH_BUFFER,
    Reason.WRONG_WALLET,
    Reason.IMPACT_TOO_HIGH,
    Reason.NOTIONAL_TOO_SMALL,
]


def a_world_with(faults: list[Reason]) -> dict[str, object]:
    """The arguments of `verdict_on` in which all these faults are true at once."""
    world: dict[str, object] = {}
    pieces: dict[str, object] = {}
    memory: dict[str, object] = {}
    for fault in faults:
        pieces |= MARKET.get(fault, {})
        world |= ACCOUNT.get(fault, {}) | RISK.get(fault, {}) | ADDS.get(fault, {})
        memory |= MEMORY.get(fault, {})
    held = (a_position("SOL-USD", price="200"),) if ADDS.keys() & set(faults) else ()
    pending = (an_open_order("SOL-USD"),) if Reason.ORDER_PENDING in faults else ()
    unvalued = (a_position("ADA-EUR"),) if Reason.RATE_UNKNOWN in faults else ()
    wallets = {"cash": "200", "usdc": "9800"} if Reason.WRONG_WALLET in faults else {}
    account = a_portfolio(*held, *unvalued, open_orders=pending, **wallets)  # type: ignore[arg-type]
    odd = {"SOL-USD": "fills contradict"} if Reason.QUARANTINED in faults else {}
    world["portfolio"] = replace(account, quarantined=odd)
    world["memory"] = memory
    if Reason.ADD_NOT_IN_PROFIT not in faults:
        world["add_only_in_profit"] = False
    sent = tuple(SENT[fault] for fault in faults if fault in SENT)
    snapshot = a_snapshot("SOL-USD", **pieces)  # type: ignore[arg-type]
    return world | {"snapshot": snapshot, "sent": sent}


def test_every_buy_check_is_in_the_table() -> None:
    assert len(ORDER) == len(set(ORDER)) == len(BUY_CHECKS)


@pytest.mark.parametrize("place", range(len(ORDER)))
def test_of_many_faults_the_first_in_order_denies(place: int) -> None:
    assert denial(verdict_on(a_buy(), **a_world_with(ORDER[place:]))).reason is ORDER[place]


@pytest.mark.parametrize("fault", ORDER)
def test_each_fault_alone_denies(fault: Reason) -> None:
    assert denial(verdict_on(a_buy(), **a_world_with([fault]))).reason is fault


def test_a_denial_carries_the_proposal_as_it_was_asked_for() -> None:
    buy = a_buy(notional="900")
    verdict = verdict_on(buy, notional_max=usd("500"), cash_min=percent("100"))
    assert denial(verdict).reason is Reason.CASH_BUFFER
    assert verdict.proposal == buy


@pytest.mark.parametrize(
    ("limits", "expected", "key"),
    [
        pytest.param(
            {"notional_max": usd("503"), "position_max": percent("4.024")},
            "400",
            "risk.position_max",
            id="the later one is tighter",
        ),
        pytest.param(
            {"notional_max": usd("402.4"), "position_max": percent("5.03")},
            "400",
            "risk.notional_max",
            id="the earlier one is tighter",
        ),
        pytest.param(
            {
                "notional_max": usd("503"),
                "position_max": percent("4.024"),
                "cash_min": percent("96.982"),
            },
            "300",
            "risk.cash_min",
            id="three, the last the tightest",
        ),
    ],
)
def test_reductions_accumulate_and_the_tightest_is_named(
    limits: dict[str, object], expected: str, key: str
) -> None:
    verdict = verdict_on(a_buy(notional="900"), **limits)
    assert granted(verdict) == usd(expected)
    assert reduction(verdict) == Finding(Reason.REDUCED, "900 USD", f"{expected} USD", key)


@pytest.mark.parametrize(
    ("first", "second", "expected", "key"),
    [
        ("3.018", "2.012", "200", "risk.theme_max.two"),
        ("2.012", "3.018", "200", "risk.theme_max.one"),
        ("0", "3.018", None, "risk.theme_max.one"),
        ("3.018", "0", None, "risk.theme_max.two"),
    ],
)
def test_of_two_themes_the_tighter_speaks(
    first: str, second: str, expected: str | None, key: str
) -> None:
    policy = a_policy(
        universe=a_universe_policy(themes={"one": ("SOL",), "two": ("SOL", "ADA")}),
        risk=a_risk_policy(theme_max={"one": percent(first), "two": percent(second)}),
    )
    manager = RiskManager(a_snapshot(), a_state(), a_standing(), policy)
    (verdict,) = manager.check_all((a_buy(notional="500"),), a_portfolio().valued(), a_reading())
    assert granted(verdict) == (usd(expected) if expected else None)
    finding = denial(verdict) if expected is None else reduction(verdict)
    assert finding.key == key


def test_verdicts_come_in_the_order_of_the_proposals() -> None:
    buys = [a_buy(symbol) for symbol in ("SOL-USD", "ADA-USD", "BTC-USD")]
    assert [verdict.proposal for verdict in verdicts_on(*buys)] == buys


def test_the_strongest_proposal_is_served_first() -> None:
    buys = (a_buy("SOL-USD", notional="500"), a_buy("ADA-USD", notional="500"))
    for pair in (buys, buys[::-1]):
        first, second = verdicts_on(*pair, spacing_min=timedelta(0), positions_max=1)
        assert isinstance(first, Approved)
        assert denial(second).reason is Reason.POSITIONS_FULL


def test_no_proposals_no_verdicts() -> None:
    assert verdicts_on(snapshot=a_snapshot()) == ()


# No buying limit may keep a position.

AT_ZERO: dict[str, object] = {
    "clock_offset_max": timedelta(0),
    "book_age_max": timedelta(0),
    "candle_delay_max": timedelta(0),
    "book_off_candles_max": NOTHING,
    "spread_max": dict.fromkeys(("T1", "T2", "T3"), NOTHING),
    "depth_window": NOTHING,
    "depth_multiple_min": Decimal(10**9),
    "impact_max": dict.fromkeys(("T1", "T2", "T3"), NOTHING),
    "cash_min": percent("100"),
    "notional_min": usd("1000000"),
    "notional_max": usd("0"),
    "position_max": NOTHING,
    "theme_max": dict.fromkeys(a_risk_policy().theme_max, NOTHING),
    "at_risk_max": NOTHING,
    "positions_max": 0,
    "trades_per_hour_max": 0,
    "trades_per_day_max": 0,
    "spacing_min": timedelta(days=1),
    "cooldown": timedelta(days=1),
    "cooldown_after_stop": timedelta(days=30),
    "losing_streak_max": -1,
    "cooldown_after_losses": timedelta(days=30),
    "adds_per_day_max": 0,
    "add_spacing_min": timedelta(days=30),
    "add_only_in_profit": True,
    "day_loss_max": NOTHING,
    "week_loss_max": NOTHING,
    "drawdown_max": NOTHING,
}


def test_every_risk_limit_is_in_the_table() -> None:
    assert AT_ZERO.keys() == set(a_risk_policy().__slots__)


@given(
    tight=st.sets(st.sampled_from(sorted(AT_ZERO))),
    depth=st.sampled_from([None, a_depth(), a_depth(bids=[("50", "0.001")])]),
    level=st.sampled_from([Level.NORMAL, Level.REDUCE_ONLY]),
    price=st.sampled_from([100.0, 1000.0]),
    asked=st.decimals("0.01", "5000", places=2),
)
@settings(max_examples=80, deadline=None)
def test_no_limit_of_buying_keeps_a_position(
    tight: set[str], depth: Depth | None, level: Level, price: float, asked: Decimal
) -> None:
    """Any limits at their tightest, no cash, no depth, no candles, a full day: it sells."""
    snapshot = a_snapshot(
        depths={} if depth is None else {"SOL-USD": depth},
        candles_through={},
        panel=a_flat_panel("SOL-USD", price=price),
    )
    verdict = verdict_on(
        a_sell(notional=str(asked)),
        snapshot=snapshot,
        portfolio=a_portfolio(
            a_position("SOL-USD"), cash="0", open_orders=(an_open_order("ETH-USD"),)
        ),
        sent=tuple(a_trade("SOL-USD") for _ in range(30)),
        standing=a_standing(level),
        **{key: AT_ZERO[key] for key in sorted(tight)},
    )
    assert granted(verdict) == usd(str(min(asked, Decimal("99.98"))))


@given(
    tight=st.sets(st.sampled_from(sorted(AT_ZERO))),
    top=st.sampled_from([None, a_top(), a_top(seen_at=NOON - 9 * HOUR)]),
    level=st.sampled_from(list(Level)),
    code=st.sampled_from(["", "KILL_SWITCH", "DRAWDOWN", "DAY_LOSS"]),
    quantity=st.decimals("0.0001", "1", places=4),
)
@settings(max_examples=80, deadline=None)
def test_nothing_but_the_venue_keeps_a_protective_exit(
    tight: set[str], top: TopOfBook | None, level: Level, code: str, quantity: Decimal
) -> None:
    """Any limit, any level, no cash, no book, no candle, a pending buy: it sells all it asked."""
    leaving = an_exit(str(quantity))
    verdict = verdict_on(
        leaving,
        snapshot=a_snapshot(
            "SOL-USD",
            tops={} if top is None else {"SOL-USD": top},
            depths={},
            candles_through={},
        ),
        portfolio=a_portfolio(
            a_position("SOL-USD"), cash="0", open_orders=(an_open_order("SOL-USD"),)
        ),
        sent=tuple(a_trade("SOL-USD") for _ in range(30)),
        standing=a_standing(level, code),
        memory={"stopped": {"SOL-USD": NOON}, "closed": (a_sale("-1"),)},
        **{key: AT_ZERO[key] for key in sorted(tight)},
    )
    assert verdict == Approved(leaving)


def test_the_sells_have_checks_of_their_own() -> None:
    """Those shared with buys are about the world, never about limits of buying."""
    assert {check.__name__ for check in set(BUY_CHECKS) & set(SELL_CHECKS)} == {
        "book_fresh",
        "books_closed",
        "nothing_pending",
    }
