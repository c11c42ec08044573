"""Situations in which a number of ours decides: the key that explain names is set to what was seen.

Those of the triggers and rules are many, because each kind words its own number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from config.tree import Plain
from core.reasons import Reason
from core.state import Membership
from tests.builders.account import a_portfolio, a_state
from tests.builders.market import NOON, a_top
from tests.keys.deciding import ADA, SOL, a_market, deciding
from tests.keys.positions import UNWANTED, held_for, trimmed
from tests.keys.risk import (
    ADDED_ONCE,
    HOUR,
    LITTLE_CASH,
    MEMBERS,
    MINUTE,
    a_book_off_by,
    a_book_seen,
    a_deep_book,
    a_spread,
    a_theme_held,
    added_before,
    an_impact,
    asks_of,
    below,
    buying,
    candles_late_by,
    cash_of,
    clocks_apart,
    cooling,
    every,
    holding,
    lost,
    pacing,
    positions,
    share_held,
    stopped,
    traded,
)
from tests.keys.scenario import Scenario
from tests.keys.strategies import FIVE, FIVE_WISHES, PARAMETERS, TWO_SIGNS, WEAK_CLIMB, fallen
from tests.keys.triggers import (
    broken_out,
    climbed,
    crowd,
    holed,
    low_for,
    moved,
    ranging,
    regained,
    spiked,
    turned,
    turned_before,
    unsteady,
)
from tests.keys.universe import depth, listed, priced, remembered, spread, trading

USDC = "SOL-USDC"


@dataclass(frozen=True)
class Miss:
    """In this situation the product gets this code."""

    reason: Reason
    situation: Scenario
    symbol: str = SOL

    @property
    def name(self) -> str:
        return f"{self.reason.name}: {self.situation.name}"


def given(situation: Scenario, settings: Mapping[str, Plain]) -> Scenario:
    """The same situation under other keys."""
    return replace(situation, settings={**situation.settings, **settings})


def a_rate_seen(seconds: float) -> Scenario:
    """SOL is paid in USDC, whose rate was seen so long ago."""
    portfolio = a_portfolio(usdc="5000", rate_seen_at=NOON - timedelta(seconds=seconds))
    return deciding(
        f"the rate of USDC was seen {seconds:g} s ago",
        a_market(USDC, tops={USDC: a_top(USDC)}),
        wishes=(USDC,),
        portfolio=portfolio,
        state=a_state(memberships={USDC: MEMBERS[SOL]}),
    )


def a_depth_seen(seconds: float) -> Scenario:
    old = a_deep_book(seen=-seconds)
    return buying(f"a depth seen {seconds:g} s ago", snapshot=a_market(SOL, depths={SOL: old}))


QUIET_KINDS = ("price_move_60m", "breakout", "volume_spike", "momentum", "oversold")
QUICK_MOVES_ONLY: dict[str, Plain] = {
    f"triggers.{kind}.enabled": False for kind in (*QUIET_KINDS, "reversal")
}
TURNS_ONLY: dict[str, Plain] = {
    f"triggers.{kind}.enabled": False for kind in (*QUIET_KINDS, "price_move_15m")
}
SMALL_ORDERS: dict[str, Plain] = {"risk.notional_max": "25 USD"}
NEARLY_ALL_HELD = buying("7.9% in SOL", portfolio=holding(SOL, units=share_held(0.079), price="95"))
NEARLY_ALL_AT_RISK = buying(
    "61% at risk",
    portfolio=holding(*(f"{letter * 3}-USD" for letter in "ABCDEFGH"), units=share_held(0.61) / 8),
)
LOW_RSI = fallen(
    "a fall with an RSI that is not low",
    before=[99.0, 98.0, 97.0, 96.0, 95.0, 97.0, 95.0, 94.0, 96.0, 93.0, 92.0, 91.0],
)

NUMBERS: tuple[Miss, ...] = (
    Miss(Reason.LISTING_TOO_YOUNG, listed(86_400 * 5)),
    Miss(Reason.PRICE_TOO_LOW, priced(0.0000005)),
    Miss(Reason.VOLUME_TOO_LOW, trading("T2")(500_000)),
    Miss(Reason.SPREAD_TOO_WIDE, spread("T2")(0.006)),
    Miss(Reason.DEPTH_TOO_THIN, depth("T2")(3000)),
    Miss(Reason.ENTERING, remembered("SOL qualifies for the first time", Membership(None, 0))),
    Miss(Reason.CANDLES_MISSING, holed(0.4)),
    Miss(Reason.NO_TRIGGER, given(moved(1)("chop")(0.005), QUICK_MOVES_ONLY)),
    Miss(Reason.NO_TRIGGER, given(moved(1)("chop")(-0.005), QUICK_MOVES_ONLY)),
    Miss(Reason.NO_TRIGGER, moved(4)("chop")(0.015)),
    Miss(Reason.NO_TRIGGER, climbed("chop")(0.02)),
    Miss(Reason.NO_TRIGGER, unsteady(0.5)),
    Miss(Reason.NO_TRIGGER, spiked("chop")(2)),
    Miss(Reason.NO_TRIGGER, broken_out("bear")(0.003)),
    Miss(Reason.NO_TRIGGER, low_for(14)),
    Miss(Reason.NO_TRIGGER, given(turned(0.04), TURNS_ONLY)),
    Miss(Reason.NO_TRIGGER, turned_before(4 * 3600)),
    Miss(Reason.NO_TRIGGER, given(regained(0.3), TURNS_ONLY)),
    Miss(Reason.ATR_TOO_LOW, ranging(0.0005)),
    Miss(Reason.ATR_TOO_HIGH, ranging(0.08)),
    Miss(
        Reason.SCORE_TOO_LOW,
        given(moved(4)("chop")(0.025), {"triggers.score_min": "200%"}),
    ),
    Miss(Reason.TRIGGER_CAP, crowd(9), "III-USD"),
    Miss(Reason.RULE_DECLINED, LOW_RSI),
    Miss(Reason.RULE_DECLINED, fallen("a close in the middle of its bar", place=0.5)),
    Miss(Reason.RULE_DECLINED, TWO_SIGNS),
    Miss(
        Reason.CONVICTION_TOO_LOW,
        given(WEAK_CLIMB, {f"{PARAMETERS}.conviction_min": "50%"}),
    ),
    Miss(Reason.STRATEGY_PROPOSALS_FULL, FIVE_WISHES, FIVE[4]),
    Miss(Reason.ORDER_UNWANTED, UNWANTED),
    Miss(Reason.TRIM_SPACING, trimmed(1800)),
    Miss(Reason.RATE_UNKNOWN, a_rate_seen(45), USDC),
    Miss(Reason.CLOCK_OFF, clocks_apart(9)),
    Miss(Reason.BOOK_TOO_OLD, a_book_seen(45)),
    Miss(Reason.DEPTH_UNKNOWN, a_depth_seen(45)),
    Miss(Reason.CANDLES_TOO_OLD, candles_late_by(180)),
    Miss(Reason.BOOK_OFF_CANDLES, a_book_off_by(0.07)),
    Miss(Reason.SPREAD_BEYOND_LIMIT, a_spread("T2")(0.006)),
    Miss(Reason.IMPACT_TOO_HIGH, an_impact("T2", 298)(0.003)),
    Miss(Reason.NOTIONAL_TOO_SMALL, cash_of("700")),
    Miss(Reason.POSITIONS_FULL, positions(10)),
    Miss(Reason.HOURLY_PACE, traded(*every(8 * MINUTE, 6, 10 * MINUTE))),
    Miss(Reason.DAILY_PACE, traded(*every(30 * MINUTE, 24, 2 * HOUR))),
    Miss(Reason.SPACING, pacing(120)),
    Miss(Reason.COOLDOWN, cooling(3600)),
    Miss(Reason.STOPPED_RECENTLY, stopped(6 * 3600)),
    Miss(Reason.LOSING_STREAK, lost(4, HOUR)),
    Miss(Reason.ADDS_FULL, ADDED_ONCE),
    Miss(Reason.ADD_SPACING, added_before(3 * 3600)),
    Miss(Reason.DAY_LOSS, below("day")(0.05)),
    Miss(Reason.WEEK_LOSS, below("week")(0.09)),
    Miss(Reason.DRAWDOWN, below("peak")(0.16)),
    Miss(Reason.HELD_TOO_LONG, held_for(86_400 * 8)),
)

# Here a limit between the two would have let a part of it pass.
CUT: tuple[Miss, ...] = (
    Miss(
        Reason.STRATEGY_BUDGET,
        given(
            deciding(
                "five wishes, a budget for little more than one", a_market(*FIVE), wishes=FIVE
            ),
            {
                "strategies.rules.budget.exposure_max": "5%",
                "sizing.base.T1": "5%",
                "risk.spacing_min": "0s",
            },
        ),
        FIVE[1],
    ),
    Miss(
        Reason.DEPTH_TOO_SMALL,
        given(
            buying("50 USD near, all else far", snapshot=asks_of(SOL, (0, 50), (0.01, 9000))),
            {"risk.impact_max.T2": "2%"},
        ),
    ),
    Miss(Reason.CASH_BUFFER, given(LITTLE_CASH, {"risk.cash_min": "21%"})),
    Miss(Reason.NOTIONAL_TOO_LARGE, given(buying("a small limit"), SMALL_ORDERS)),
    Miss(Reason.POSITION_FULL, NEARLY_ALL_HELD),
    Miss(Reason.THEME_FULL, a_theme_held("layer1", ADA, "AVAX-USD")(0.2195), "AVAX-USD"),
    Miss(Reason.AT_RISK_FULL, NEARLY_ALL_AT_RISK),
)
