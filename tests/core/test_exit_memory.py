"""What the exits leave in the state: attempts, stops, and the levels that buys asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.decision import Outcome
from core.market import Side
from core.next_state import DAY, STOPPED_KEPT, next_state
from core.orders import Order, OrderStatus
from core.proposals import TradeProposal
from core.state import BotState, ExitLevel, ExitPlan, Wish
from tests.builders.account import a_portfolio, a_state
from tests.builders.market import NOON
from tests.builders.quiet import a_decision
from tests.builders.risk import a_buy, an_exit, an_open_order

SOL, ETH = "SOL-USD", "ETH-USD"
SECOND = timedelta(seconds=1)
LEVEL = ExitLevel(Decimal(95), "exits.stop_loss")
PLAN = ExitPlan(
    symbol=SOL,
    stop=LEVEL,
    target=LEVEL,
    entry=Decimal(100),
    opened_at=NOON,
    added_at=NOON,
    highest_close=Decimal(100),
    attempts=1,
)


def the_order(proposal: TradeProposal, status: OrderStatus) -> Order:
    """What became of the order of a proposal of this cycle."""
    order = an_open_order(proposal.symbol, side=proposal.side, status=status)
    return replace(order, cycle=97, planned=replace(order.planned, reason=proposal.id))


def after(
    *proposals: TradeProposal,
    status: OrderStatus = OrderStatus.NOT_SENT,
    state: BotState | None = None,
    open_orders: tuple[Order, ...] = (),
) -> BotState:
    """The state after a cycle in which each of these had its order."""
    decision = a_decision(proposals=proposals, exits={SOL: PLAN})
    outcome = Outcome(tuple(the_order(proposal, status) for proposal in proposals), ())
    portfolio = a_portfolio(open_orders=open_orders)
    return next_state(state or a_state(), decision, portfolio, outcome)


@pytest.mark.parametrize(
    ("status", "attempts"),
    [(OrderStatus.NOT_SENT, 2), (OrderStatus.OPEN, 2), (OrderStatus.REFUSED, 1)],
)
def test_an_exit_was_attempted_unless_the_venue_refused_it(
    status: OrderStatus, attempts: int
) -> None:
    assert after(an_exit(), status=status).exits[SOL].attempts == attempts


def test_attempts_stay_while_an_exit_waits_and_end_with_it() -> None:
    waiting = a_decision(proposals=(an_exit(),), exits={SOL: PLAN})
    still = next_state(a_state(), waiting, a_portfolio(), Outcome((), ()))
    assert still.exits[SOL].attempts == 1
    assert after().exits[SOL].attempts == 0


def test_only_stops_make_a_product_rest() -> None:
    for rule in ("stop_loss", "trailing_stop"):
        assert after(replace(an_exit(), rule=rule)).stopped == {SOL: NOON}
    for rule in ("take_profit", "held_too_long"):
        assert after(replace(an_exit(), rule=rule)).stopped == {}
    assert after(an_exit(), status=OrderStatus.REFUSED).stopped == {}


@pytest.mark.parametrize(("ago", "kept"), [(STOPPED_KEPT - SECOND, True), (STOPPED_KEPT, False)])
def test_a_stop_is_remembered_as_long_as_any_wait_may_be(ago: timedelta, kept: bool) -> None:
    state = a_state(stopped={ETH: NOON - ago})
    assert (ETH in after(state=state).stopped) == kept


def test_a_planned_buy_leaves_its_levels_for_the_lots_to_come() -> None:
    rule = "strategies.rules.parameters.momentum"
    wish = after(a_buy(SOL)).wished[SOL]
    stop, target = ExitLevel(Decimal(95), rule), ExitLevel(Decimal(110), rule)
    assert wish == Wish(stop, target, NOON)
    assert after(a_buy(SOL), status=OrderStatus.REFUSED).wished == {}


def test_levels_that_no_position_could_have_are_not_kept() -> None:
    for stop in (-1.0, 0.0, 110.0, float("nan")):
        assert after(a_buy(SOL, stop_loss=stop)).wished == {}


@pytest.mark.parametrize(("ago", "kept"), [(DAY - SECOND, True), (DAY, False)])
def test_levels_are_kept_for_a_day_or_while_their_buy_may_fill(ago: timedelta, kept: bool) -> None:
    state = a_state(wished={ETH: Wish(LEVEL, LEVEL, NOON - ago)})
    assert (ETH in after(state=state).wished) == kept
    buying, selling = an_open_order(ETH), an_open_order(ETH, side=Side.SELL)
    assert ETH in after(state=state, open_orders=(buying,)).wished
    assert (ETH in after(state=state, open_orders=(selling,)).wished) == kept
