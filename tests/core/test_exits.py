"""Protective exits: one plan for every position, levels at and around, prices that sell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.account import Lot, Position
from core.errors import FatalError
from core.execution import plan_orders
from core.exits import Exits, exit_plans, protective_exits
from core.market import Panel, Regime, Snapshot
from core.money import Price
from core.orders import TimeInForce
from core.proposals import Purpose, TradeProposal
from core.reasons import Finding, Reason
from core.risk.verdict import Approved
from core.state import BotState, ExitLevel, ExitPlan, Wish
from tests.builders.account import a_portfolio, a_position, a_state
from tests.builders.market import BAR, NOON, a_flat_panel, a_panel, a_product, a_snapshot, a_top
from tests.builders.risk import a_buy, a_policy, an_exits_policy

SOL = "SOL-USD"
DAY = timedelta(days=1)
RULE = "strategies.rules.parameters.momentum"


def lots(*bought: tuple[str, datetime], quantity: str = "1") -> Position:
    """SOL, a lot for each price and time."""
    return Position(
        SOL,
        "SOL",
        "USD",
        tuple(Lot(Decimal(quantity), Decimal(price), at) for price, at in bought),
    )


def a_wish(stop: str, target: str, at: datetime = NOON - DAY) -> Wish:
    return Wish(ExitLevel(Decimal(stop), RULE), ExitLevel(Decimal(target), RULE), at)


def plan_of(
    position: Position, state: BotState | None = None, panel: Panel | None = None, **policy: object
) -> ExitPlan:
    panel = panel if panel is not None else a_flat_panel(SOL, price=90.0)
    portfolio = a_portfolio(position)
    plans = exit_plans(state or a_state(), portfolio, panel, an_exits_policy(**policy))
    return plans[SOL]


def a_plan(**changes: object) -> ExitPlan:
    """A position bought at 100 yesterday: stop 95, target 110."""
    fields: dict[str, object] = {
        "symbol": SOL,
        "stop": ExitLevel(Decimal(95), "exits.stop_loss"),
        "target": ExitLevel(Decimal(110), "exits.take_profit"),
        "entry": Decimal(100),
        "opened_at": NOON - DAY,
        "added_at": NOON - DAY,
        "highest_close": Decimal(100),
    }
    return ExitPlan(**(fields | changes))  # type: ignore[arg-type]


def exits_at(
    bid: str | None,
    plan: ExitPlan | None = None,
    *,
    regime: Regime = Regime.CHOP,
    snapshot: Snapshot | None = None,
    tiers: Mapping[str, str] | None = None,
    **policy: object,
) -> Exits:
    """What the exits say of one SOL while its bid is there; None for no book at all."""
    tops = {} if bid is None else {SOL: a_top(bid=bid, ask=str(Decimal(bid) + 1))}
    return protective_exits(
        snapshot or a_snapshot(SOL, tops=tops),
        a_portfolio(a_position(SOL), marks={SOL: bid or "100"}),
        {SOL: plan or a_plan()},
        tiers if tiers is not None else {SOL: "T2"},
        regime,
        a_policy(exits=an_exits_policy(**policy)),
    )


def seen_at(bid: str | None, plan: ExitPlan | None = None, **world: object) -> Finding:
    return exits_at(bid, plan, **world).watched[SOL]  # type: ignore[arg-type]


def sale_at(bid: str | None, plan: ExitPlan | None = None, **world: object) -> TradeProposal:
    (proposal,) = exits_at(bid, plan, **world).proposals  # type: ignore[arg-type]
    return proposal


# --- the plan ------------------------------------------------------------------


def test_a_position_nobody_wished_for_gets_its_levels_from_the_policy() -> None:
    plan = plan_of(lots(("100", NOON - DAY), ("102", NOON - DAY)))
    assert plan.entry == Decimal(101)
    assert plan.stop == ExitLevel(Decimal("95.95"), "exits.stop_loss")
    assert plan.target == ExitLevel(Decimal("111.1"), "exits.take_profit")


def test_the_buy_that_opened_a_position_brings_its_own_levels() -> None:
    state = a_state(wished={SOL: a_wish("97", "104")})
    plan = plan_of(lots(("100", NOON - DAY)), state)
    assert (plan.stop, plan.target) == (
        ExitLevel(Decimal(97), RULE),
        ExitLevel(Decimal(104), RULE),
    )


def test_a_buy_planned_after_the_lots_were_there_did_not_open_them() -> None:
    state = a_state(wished={SOL: a_wish("97", "104", at=NOON - DAY + BAR)})
    assert plan_of(lots(("100", NOON - DAY)), state).stop.price == Decimal(95)


def test_a_plan_is_carried_on_and_not_made_anew() -> None:
    known = a_plan(stop=ExitLevel(Decimal(97), RULE), attempts=2)
    state = a_state(exits={SOL: known}, wished={SOL: a_wish("10", "20")})
    assert plan_of(lots(("100", NOON - DAY)), state) == known


@pytest.mark.parametrize(("asked", "stop"), [("94", "95"), ("96", "96")])
def test_an_add_brings_its_own_levels_but_a_stop_only_rises(asked: str, stop: str) -> None:
    state = a_state(exits={SOL: a_plan()}, wished={SOL: a_wish(asked, "130", at=NOON - BAR)})
    plan = plan_of(lots(("100", NOON - DAY), ("110", NOON - BAR)), state)
    assert (plan.stop.price, plan.target.price, plan.entry) == (
        Decimal(stop),
        Decimal(130),
        Decimal(105),
    )


def test_a_position_sold_and_bought_again_is_another_one() -> None:
    old = a_plan(highest_close=Decimal(500), attempts=3)
    plan = plan_of(lots(("80", NOON - BAR)), a_state(exits={SOL: old}))
    assert (plan.stop.price, plan.attempts) == (Decimal(76), 0)
    assert plan.highest_close < 500


def test_a_lot_sold_before_the_others_does_not_end_the_plan() -> None:
    known = a_plan(added_at=NOON - BAR, stop=ExitLevel(Decimal(97), RULE))
    plan = plan_of(lots(("110", NOON - BAR)), a_state(exits={SOL: known}))
    assert (plan.stop.price, plan.entry) == (Decimal(97), Decimal(110))


def test_the_highest_close_counts_from_the_first_bar_that_closed_after_the_entry() -> None:
    closes = [100.0] * 350
    closes[-4], closes[-3], closes[-2] = 130.0, 120.0, 110.0
    panel = a_panel({SOL: closes})
    at_close = plan_of(lots(("100", NOON - 3 * BAR)), panel=panel)  # of the bar with 130
    before = plan_of(lots(("100", NOON - 3 * BAR - timedelta(seconds=1))), panel=panel)
    assert at_close.highest_close == Decimal(120)
    assert before.highest_close == Decimal(130)


def test_a_bar_without_trades_carries_no_close_of_before_the_entry() -> None:
    closes = [100.0] * 348 + [130.0, np.nan]
    plan = plan_of(lots(("100", NOON - BAR)), panel=a_panel({SOL: closes}))
    assert plan.highest_close == Decimal(100)


def test_the_highest_close_is_remembered_beyond_the_history() -> None:
    state = a_state(exits={SOL: a_plan(highest_close=Decimal(140))})
    assert plan_of(lots(("100", NOON - DAY)), state).highest_close == Decimal(140)


@pytest.mark.parametrize("position", [lots(("0", NOON - DAY)), lots(("9", NOON), quantity="0")])
def test_a_position_that_cannot_be_watched_ends_the_cycle(position: Position) -> None:
    with pytest.raises(FatalError) as error:
        plan_of(position)
    assert error.value.code == "NO_EXIT_PLAN"
    assert SOL in str(error.value)


# --- which exit, at and around its level -----------------------------------------

BOUGHT_UP = a_plan(highest_close=Decimal(106))  # trailing stop armed at 105, level 101.76


@pytest.mark.parametrize(
    ("bid", "plan", "reason"),
    [
        ("95.01", a_plan(), Reason.HELD),
        ("95", a_plan(), Reason.STOP_LOSS),
        ("94.99", a_plan(), Reason.STOP_LOSS),
        ("109.99", a_plan(), Reason.HELD),
        ("110", a_plan(), Reason.TAKE_PROFIT),
        ("110.01", a_plan(), Reason.TAKE_PROFIT),
        ("101.77", BOUGHT_UP, Reason.HELD),
        ("101.76", BOUGHT_UP, Reason.TRAILING_STOP),
        ("101.75", BOUGHT_UP, Reason.TRAILING_STOP),
        ("100", a_plan(highest_close=Decimal("104.99")), Reason.HELD),
        ("100", a_plan(highest_close=Decimal("105")), Reason.TRAILING_STOP),
        ("94", BOUGHT_UP, Reason.STOP_LOSS),
    ],
)
def test_a_level_is_reached_by_touching_it(bid: str, plan: ExitPlan, reason: Reason) -> None:
    assert seen_at(bid, plan).reason is reason
    assert len(exits_at(bid, plan).proposals) == (reason is not Reason.HELD)


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (timedelta(days=7) - BAR, Reason.HELD),
        (timedelta(days=7), Reason.HELD),
        (timedelta(days=7, seconds=1), Reason.HELD_TOO_LONG),
    ],
)
def test_a_position_may_be_held_as_long_as_allowed_and_no_longer(
    held: timedelta, reason: Reason
) -> None:
    finding = seen_at("100", a_plan(opened_at=NOON - held))
    assert finding.reason is reason
    if reason is Reason.HELD_TOO_LONG:
        assert finding == Finding(reason, "7d1s", "7d", "exits.held_max")


@pytest.mark.parametrize(
    ("bid", "plan", "crash"),
    [
        ("97.51", a_plan(), Reason.HELD),
        ("97.5", a_plan(), Reason.STOP_LOSS),
        ("104.99", a_plan(), Reason.HELD),
        ("105", a_plan(), Reason.TAKE_PROFIT),
        ("100.5", a_plan(highest_close=Decimal("102.49")), Reason.HELD),
        ("100.46", a_plan(highest_close=Decimal("102.5")), Reason.HELD),
        ("100.45", a_plan(highest_close=Decimal("102.5")), Reason.TRAILING_STOP),
    ],
)
def test_a_crash_halves_every_distance(bid: str, plan: ExitPlan, crash: Reason) -> None:
    assert seen_at(bid, plan, regime=Regime.CRASH).reason is crash
    assert seen_at(bid, plan, regime=Regime.BEAR).reason is Reason.HELD


def test_a_stop_above_the_cost_is_not_loosened_by_a_crash() -> None:
    plan = a_plan(stop=ExitLevel(Decimal(104), RULE))
    assert seen_at("104", plan, regime=Regime.CRASH).reason is Reason.STOP_LOSS


# --- what is said -----------------------------------------------------------------


def test_a_held_position_names_the_exit_that_is_nearest_and_how_far_it_is() -> None:
    assert seen_at("98.2") == Finding(
        Reason.HELD, "bid 98.2 USD", "stop 95 USD, 3.2586% away", "exits.stop_loss"
    )
    assert seen_at("105") == Finding(
        Reason.HELD, "bid 105 USD", "target 110 USD, 4.7619% away", "exits.take_profit"
    )
    trailing = a_plan(highest_close=Decimal(106))
    assert seen_at("104", trailing) == Finding(
        Reason.HELD, "bid 104 USD", "trailing stop 101.76 USD, 2.1538% away", "exits.trailing"
    )


def test_an_exit_that_fires_names_its_level_and_who_set_it() -> None:
    plan = a_plan(stop=ExitLevel(Decimal(97), RULE))
    assert seen_at("96", plan) == Finding(
        Reason.STOP_LOSS, "bid 96 USD", "stop 97 USD, 1.0416% beyond", RULE
    )


def test_without_a_fresh_book_the_last_close_is_watched_and_that_is_said() -> None:
    for tops in ({}, {SOL: a_top(bid="100", seen_at=NOON - timedelta(seconds=31))}):
        snapshot = a_snapshot(SOL, tops=tops, panel=a_flat_panel(SOL, price=94.0))
        finding = seen_at(None, snapshot=snapshot)
        assert finding.reason is Reason.STOP_LOSS
        assert finding.seen == "close 94 USD, no fresh book"


def test_a_book_exactly_as_old_as_allowed_is_believed() -> None:
    tops = {SOL: a_top(bid="100", seen_at=NOON - timedelta(seconds=30))}
    snapshot = a_snapshot(SOL, tops=tops, panel=a_flat_panel(SOL, price=94.0))
    assert seen_at(None, snapshot=snapshot).reason is Reason.HELD


def test_without_book_and_candles_what_it_was_valued_at_is_watched() -> None:
    snapshot = a_snapshot(SOL, tops={}, panel=a_flat_panel("BTC-USD"))
    assert seen_at(None, snapshot=snapshot).seen == "mark 100 USD, no fresh book and no candle"


# --- what is proposed --------------------------------------------------------------


def test_an_exit_sells_the_whole_position() -> None:
    sale = sale_at("94")
    assert sale.exit is not None
    assert (sale.id, sale.purpose, sale.rule) == ("exits:SOL-USD:SELL", Purpose.EXIT, "stop_loss")
    assert str(sale.exit.quantity) == "1 SOL"
    assert str(sale.notional) == "94 USD"


@pytest.mark.parametrize(
    ("attempts", "tier", "slippage"),
    [(0, "T1", "0.3%"), (0, "T2", "0.6%"), (0, None, "1.2%"), (1, "T1", "5%"), (2, None, "5%")],
)
def test_the_first_attempt_keeps_to_the_tiers_slippage_and_the_next_goes_through(
    attempts: int, tier: str | None, slippage: str
) -> None:
    tiers = {} if tier is None else {SOL: tier}
    sale = sale_at("94", a_plan(attempts=attempts), tiers=tiers)
    assert sale.exit is not None
    assert str(sale.exit.slippage_max) == slippage


def test_a_price_that_is_no_fresh_bid_is_gone_through_at_once() -> None:
    snapshot = a_snapshot(SOL, tops={}, panel=a_flat_panel(SOL, price=94.0))
    sale = sale_at(None, snapshot=snapshot)
    assert sale.exit is not None
    assert (str(sale.exit.price), str(sale.exit.slippage_max)) == ("94 USD", "5%")


def test_what_an_exit_sells_is_nobody_elses_business() -> None:
    exits = exits_at("94")
    assert exits.kept_out((a_buy(SOL), a_buy("ETH-USD"))) == {
        "rules:SOL-USD:BUY": Finding(
            Reason.EXITING, "stop_loss", "no exit of the asset", "exits.stop_loss"
        )
    }


# --- what is sent ------------------------------------------------------------------


def planned(sale: TradeProposal, **product: object) -> object:
    snapshot = a_snapshot(SOL, tops={}, products={SOL: a_product(SOL, **product)})
    plan = plan_orders((Approved(sale),), snapshot, "bot-1", a_policy())
    return plan.orders[0] if plan.orders else plan.refused[sale.id]


def test_an_exit_is_a_limit_that_takes_what_is_there_and_needs_no_book() -> None:
    order = planned(sale_at("94"))
    assert (order.time_in_force, order.post_only) == (TimeInForce.IOC, False)  # type: ignore[attr-defined]
    assert (str(order.price), str(order.quantity)) == ("93.44 USD", "1 SOL")  # type: ignore[attr-defined]


def test_more_than_one_order_may_hold_goes_in_parts() -> None:
    order = planned(sale_at("94"), base_max=Decimal("0.4"))
    assert str(order.quantity) == "0.4 SOL"  # type: ignore[attr-defined]


def test_dust_is_refused_with_the_venues_own_number() -> None:
    finding = planned(sale_at("94"), quote_min=Decimal(100))
    assert finding == Finding(
        Reason.BELOW_VENUE_MINIMUM, "93.44 USD", "100 USD", "product.quote_min"
    )


@given(
    bid=st.decimals("0.02", "95", places=4),
    tick=st.sampled_from(["0.0001", "0.01", "0.02"]),
    attempts=st.integers(0, 2),
)
@settings(max_examples=100, deadline=None)
def test_rounding_never_puts_an_exit_above_the_bid_nor_below_its_slippage(
    bid: Decimal, tick: str, attempts: int
) -> None:
    sale = sale_at(str(bid), a_plan(attempts=attempts))
    assert sale.exit is not None
    order = planned(sale, price_increment=Decimal(tick), quote_min=Decimal(0), base_min=Decimal(0))
    price: Price = order.price  # type: ignore[attr-defined]
    assert price.amount <= bid
    assert price.amount % Decimal(tick) == 0
    least = bid * (1 - sale.exit.slippage_max.value)
    assert price.amount >= least or price.amount + Decimal(tick) > bid


def test_levels_of_the_smallest_prices_keep_their_digits() -> None:
    plan = plan_of(replace(lots(("0.00000123457", NOON - DAY))), panel=a_flat_panel("BTC-USD"))
    assert plan.stop.price == Decimal("0.000001172841500")
