"""The keys of regime: what the reference does decides, and what a regime does shows in a buy."""

from __future__ import annotations

from collections.abc import Sequence

from config.tree import Plain
from tests.builders.account import a_portfolio, a_position, a_state
from tests.keys.deciding import BTC, ETH, SOL, a_market, deciding
from tests.keys.risk import MEMBERS
from tests.keys.scenario import Change, Refused, Row, Scenario, around, both

HOUR = 4  # bars


def after(name: str, *last: float, **settings: Plain) -> Scenario:
    """The reference stood at 100 until these closes."""
    return deciding(name, a_market(closes={BTC: last}), wishes=(), settings=settings)


def stepped(share: float, hours: float) -> Scenario:
    """It stands higher or lower since so many hours."""
    bars = int(hours * HOUR)
    return after(f"BTC stepped {share:+.2%} {hours:g} h ago", *[100 * (1 + share)] * bars)


def trending(share: float) -> Scenario:
    return stepped(share, 12)  # half of the window, so the step is the trend


def wild(share: float, hours: float) -> Scenario:
    """Every bar moves by so much, up and down, for so many hours."""
    swings = [100.0, 100 * (1 + share)] * int(hours * HOUR / 2)
    return after(f"BTC swings by {share:.2%} for {hours:g} h", *swings)


def as_wild_as(daily: float) -> Scenario:
    return wild(daily / 96**0.5, 24)


def fallen(share: float, hours: float = 50) -> Scenario:
    """So far below its highest close, which it left so many hours ago."""
    closes: Sequence[float] = [100 * (1 - share)] * int(hours * HOUR)
    return after(f"BTC fell {share:.2%} {hours:g} h ago", *closes)


def a_room(regime: str) -> Scenario:
    """A buy that the cap on its position shrinks, in a regime."""
    held = a_position(SOL, quantity="6" if regime != "crash" else "3.5", price="98")
    return deciding(
        f"a position near its cap in a {regime} market",
        a_market(SOL),
        wishes=(SOL,),
        portfolio=a_portfolio(held),
        state=a_state(memberships=MEMBERS),
        settings={"regime.pinned": regime},
    )


def a_buy(regime: str) -> Scenario:
    return deciding(
        f"a buy in a {regime} market",
        a_market(SOL),
        wishes=(SOL,),
        settings={"regime.pinned": regime},
    )


CALM = after("BTC stands still")
BULL = trending(0.02)
ETH_RISES = deciding("ETH rises and BTC stands", a_market(closes={ETH: [102.0] * 48}), wishes=())
UNSEEN = deciding(
    "BTC has a short history", a_market(closes={BTC: [float("nan")] * 350}), wishes=()
)

REGIME: dict[str, Row] = {
    "regime.pinned": (
        Change("bull", CALM),
        Change("chop", BULL),
        Change("bear", CALM),
        Change("crash", CALM),
    ),
    "regime.reference": (Change("ETH", ETH_RISES),),
    "regime.when_unknown": (
        Change("bull", UNSEEN),
        Change("chop", UNSEEN),
        Change("crash", UNSEEN),
    ),
    "regime.trend_window": (Change("12h", stepped(0.015, 5)), Change("48h", stepped(0.015, 15))),
    "regime.trend_bull_min": around("regime.trend_bull_min", trending),
    "regime.trend_bear_max": (
        Change("-2%", trending(-0.015)),
        Change("-0.5%", trending(-0.0075)),
    ),
    "regime.volatility_window": (Change("12h", wild(0.01, 12)), Change("48h", wild(0.01, 24))),
    "regime.volatility_crash_min": around("regime.volatility_crash_min", as_wild_as),
    "regime.drawdown_window": (Change("36h", fallen(0.1, 50)), Change("80h", fallen(0.1, 75))),
    "regime.drawdown_bear_min": around("regime.drawdown_bear_min", fallen),
    "regime.drawdown_crash_min": around("regime.drawdown_crash_min", fallen),
    "regime.multipliers.bull.size": both("1x", "2x", a_buy("bull")),
    "regime.multipliers.chop.size": both("0.5x", "2x", a_buy("chop")),
    "regime.multipliers.bear.size": both("0.3x", "1x", a_buy("bear")),
    "regime.multipliers.crash.size": both("0.2x", "1x", a_buy("crash")),
    "regime.multipliers.bull.caps": (
        Change("0.8x", a_room("bull")),
        Refused("1.1x", "at most 1x"),
    ),
    "regime.multipliers.chop.caps": (
        Change("0.8x", a_room("chop")),
        Refused("1.1x", "at most 1x"),
    ),
    "regime.multipliers.bear.caps": both("0.7x", "1x", a_room("bear")),
    "regime.multipliers.crash.caps": both("0.4x", "1x", a_room("crash")),
}
