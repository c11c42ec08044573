"""The keys of exits and execution, each with the situations in which it acts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from config.tree import Plain
from core.account import Lot, Position
from core.orders import Order
from core.state import ChangeMemory, ExitLevel, ExitPlan
from tests.builders.account import a_portfolio, a_state
from tests.builders.changes import a_stop, an_entry
from tests.builders.market import NOON, a_top
from tests.keys.deciding import SOL, a_market, amount, deciding
from tests.keys.risk import MEMBERS, OF_TIER, buying, share_held, sized, tiered
from tests.keys.scenario import Change, Refused, Row, Scenario, around, both

DAY = timedelta(days=1)
CRASH: dict[str, Plain] = {"regime.pinned": "crash"}


def holding(
    name: str,
    *,
    symbol: str = SOL,
    cost: float = 100,
    units: float = 1,
    age: timedelta = DAY,
    plan: ExitPlan | None = None,
    bid: float = 99.98,
    settings: dict[str, Plain] | None = None,
    changes: ChangeMemory | None = None,
) -> Scenario:
    """A position that nobody wishes more of."""
    lot = Lot(Decimal(amount(units)), Decimal(amount(cost)), NOON - age)
    held = Position(symbol, symbol.split("-")[0], "USD", (lot,))
    top = a_top(symbol, bid=amount(bid), ask=amount(bid + 0.04))
    return deciding(
        name,
        tiered(symbol, tops={symbol: top}),
        wishes=(),
        portfolio=a_portfolio(held, marks={symbol: amount(bid)}),
        state=a_state(
            memberships=MEMBERS,
            exits={symbol: plan} if plan else {},
            changes=changes or ChangeMemory(),
        ),
        settings=settings,
    )


def a_plan(symbol: str = SOL, *, entry: str, highest: str, attempts: int = 0) -> ExitPlan:
    """Stop and target far away, so that only what the plan remembers speaks."""
    return ExitPlan(
        symbol=symbol,
        stop=ExitLevel(Decimal(80), "exits.stop_loss"),
        target=ExitLevel(Decimal(200), "exits.take_profit"),
        entry=Decimal(entry),
        opened_at=NOON - DAY,
        added_at=NOON - DAY,
        highest_close=Decimal(highest),
        attempts=attempts,
    )


def at_a_loss(share: float) -> Scenario:
    return holding(f"a position {share:.2%} under water", cost=round(99.98 / (1 - share), 2))


def at_a_gain(share: float) -> Scenario:
    return holding(f"a position with a gain of {share:.2%}", cost=round(99.98 / (1 + share), 2))


def fallen_from_its_peak(share: float) -> Scenario:
    highest = amount(round(99.98 / (1 - share), 2))
    return holding(
        f"a position {share:.2%} below its highest close",
        cost=90,
        plan=a_plan(entry="90", highest=highest),
    )


def once_ahead_by(share: float) -> Scenario:
    """Its highest close was so far above its cost; now it is 6% below that."""
    highest = 100 * (1 + share)
    return holding(
        f"a position that was {share:.2%} ahead",
        bid=round(highest * 0.94, 2),
        plan=a_plan(entry="100", highest=amount(round(highest, 4))),
    )


def held_for(seconds: float) -> Scenario:
    age = timedelta(seconds=seconds)
    return holding(f"a position held for {age}", age=age)


def a_loss_in_a_crash(share: float) -> Scenario:
    cost = round(99.98 / (1 - share), 2)
    return holding(f"{share:.2%} under water in a crash", cost=cost, settings=CRASH)


def a_stop_in(tier: str) -> Scenario:
    return holding(f"a stop in {tier}", symbol=OF_TIER[tier], cost=110)


A_SECOND_TRY = holding(
    "a stop that did not sell at first", plan=a_plan(entry="110", highest="110", attempts=1), bid=79
)


def too_much_in(tier: str) -> Scenario:
    """Twice the cap of one position; the regime is calm, so nothing else is sold."""
    symbol = OF_TIER[tier]
    return holding(f"too much of a product in {tier}", symbol=symbol, units=share_held(0.16))


def beyond_the_cap(tolerance: float) -> Scenario:
    share = 0.08 * (1 + tolerance)
    return holding(f"a position {tolerance:.2%} beyond its cap", units=share_held(share) * 1.006)


def trimmed(seconds: float) -> Scenario:
    ago = timedelta(seconds=seconds)
    return holding(
        f"too much, and a slice sold {ago} ago",
        units=share_held(0.16),
        changes=ChangeMemory(trimmed={SOL: NOON - ago}),
    )


def waiting(name: str, *orders: Order, wished: tuple[str, ...] = (SOL,)) -> Scenario:
    """Own orders rest at the venue."""
    return deciding(
        name,
        a_market(SOL),
        wishes=wished,
        portfolio=a_portfolio(open_orders=orders),
        state=a_state(memberships=MEMBERS),
    )


def left_behind(share: float) -> Scenario:
    entry = an_entry(price=amount(round(99.98 / (1 + share), 2)))
    return waiting(f"an entry {share:.2%} below the best bid", entry)


def replaced(times: int) -> Scenario:
    return waiting(f"a far entry, replaced {times} times", an_entry(price="99", step=times))


UNWANTED = waiting("an entry that nobody asks for any more", an_entry(), wished=())


def resting(name: str, order: Order | None = None, **settings: Plain) -> Scenario:
    """One SOL at 100, bid 99.98: its stop is 95, its target 110."""
    lot = Lot(Decimal(1), Decimal(100), NOON - DAY)
    orders = () if order is None else (order,)
    return deciding(
        name,
        tiered(SOL),
        wishes=(),
        portfolio=a_portfolio(Position(SOL, "SOL", "USD", (lot,)), open_orders=orders),
        state=a_state(memberships=MEMBERS),
        settings={f"exits.{key}": value for key, value in settings.items()},
    )


def drifted(share: float) -> Scenario:
    """The stop that rests lies so far below the one of now."""
    order = a_stop(stop=amount(round(95 / (1 + share), 2)))
    return resting(f"a resting stop that is off by {share:.2%}", order, resting="stop_limit")


UNPROTECTED = resting("a position whose stop could rest")

POSITIONS: dict[str, Row] = {
    "exits.stop_loss": around("exits.stop_loss", at_a_loss),
    "exits.take_profit": around("exits.take_profit", at_a_gain),
    "exits.trailing": around("exits.trailing", fallen_from_its_peak),
    "exits.trailing_from": around("exits.trailing_from", once_ahead_by),
    "exits.held_max": around("exits.held_max", held_for),
    "exits.crash_tighten": (
        Change("0.25x", a_loss_in_a_crash(0.02)),
        Change("1x", a_loss_in_a_crash(0.03)),
    ),
    "exits.slippage_max.T1": both("10 bps", "60 bps", a_stop_in("T1")),
    "exits.slippage_max.T2": both("30 bps", "90 bps", a_stop_in("T2")),
    "exits.slippage_max.T3": both("90 bps", "200 bps", a_stop_in("T3")),
    "exits.through_max": both("2%", "9%", A_SECOND_TRY),
    "exits.resting": (Change("stop_limit", UNPROTECTED), Change("bracket", UNPROTECTED)),
    "exits.resting_gap": both("1%", "4%", resting("a stop to rest", resting="stop_limit")),
    "exits.resting_drift_min": around("exits.resting_drift_min", drifted),
    "execution.tiers.T1.tactic": (Change("ioc", sized("T1")),),
    "execution.tiers.T1.slippage_max": both("5 bps", "20 bps", too_much_in("T1")),
    "execution.tiers.T2.tactic": (Change("ioc", sized("T2")),),
    "execution.tiers.T2.slippage_max": both("10 bps", "40 bps", too_much_in("T2")),
    "execution.tiers.T3.tactic": (Change("maker", sized("T3")),),
    "execution.tiers.T3.slippage_max": both("20 bps", "80 bps", sized("T3")),
    "execution.maker_ttl": both("1.2x", "3x", buying("a maker buy")),
    "execution.unwanted_cycles_max": (
        Refused(-1, "at least 0"),
        Change(1, UNWANTED),
    ),
    "execution.reprice_distance_min": around("execution.reprice_distance_min", left_behind),
    "execution.reprice_max": (Change(2, replaced(2)), Change(4, replaced(3))),
    "execution.trim_tolerance": around("execution.trim_tolerance", beyond_the_cap),
    "execution.trim_slice": both("25%", "80%", too_much_in("T2")),
    "execution.trim_spacing_min": around("execution.trim_spacing_min", trimmed),
}
