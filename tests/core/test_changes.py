"""Own entries that no longer stand for what would be decided today are taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.changes import Changes
from core.market import Regime
from core.orders import OrderStatus
from core.policy import Policy
from core.reasons import Finding, Reason
from core.state import Asked, Chase, Level
from tests.builders.account import a_portfolio, a_position, a_standing, a_state
from tests.builders.changes import (
    SOL,
    WANTED,
    a_sale,
    a_scene,
    a_universe,
    an_entry,
    changed,
    remembering,
)
from tests.builders.market import NOON, a_snapshot, a_top
from tests.builders.risk import a_buy, a_policy, a_sell, an_exit, usd

ENTRY = an_entry()
NAME = ENTRY.planned.client_order_id
FLAG = Finding(Reason.RED_FLAG, "hacked", "no end", "universe.red_flags")


def with_execution(**rules: object) -> Policy:
    policy = a_policy()
    return replace(policy, execution=replace(policy.execution, **rules))  # type: ignore[arg-type]


def why(changes: Changes) -> Finding:
    (cancel,) = changes.cancels
    return cancel.why


def bid_at(bid: str) -> dict[str, object]:
    top = a_top(bid=bid, ask=str(Decimal(bid) + Decimal("0.04")))
    return {"snapshot": a_snapshot(SOL, tops={SOL: top})}


# What makes an entry stale


def test_an_entry_that_is_still_wanted_near_the_book_is_left_alone() -> None:
    changes = changed(a_scene(ENTRY))

    assert changes.cancels == ()
    assert changes.findings == {}
    assert changes.memory == a_state().changes


@pytest.mark.parametrize(
    ("level", "reason"),
    [
        (Level.REDUCE_ONLY, Reason.REDUCE_ONLY),
        (Level.PAUSED, Reason.PAUSED),
        (Level.HALTED, Reason.HALTED),
    ],
)
def test_a_level_that_forbids_buys_takes_entries_back(level: Level, reason: Reason) -> None:
    scene = a_scene(ENTRY, standing=a_standing(level, code="DRAWDOWN"))

    assert why(changed(scene)) == Finding(reason, level.name, "NORMAL", "level")


def test_a_kill_switch_is_named_as_such() -> None:
    scene = a_scene(ENTRY, standing=a_standing(Level.HALTED, code="KILL_SWITCH"))

    assert why(changed(scene)).reason is Reason.KILL_SWITCH


def test_an_entry_in_a_product_that_is_out_says_why_it_is_out() -> None:
    scene = a_scene(ENTRY, universe=a_universe(SOL, SOL_USD=FLAG))

    assert why(changed(scene)) == FLAG


def test_an_entry_in_a_product_that_is_no_longer_listed_is_taken_back() -> None:
    scene = a_scene(ENTRY, snapshot=a_snapshot(SOL, products={}), universe=a_universe("BTC-USD"))

    assert why(changed(scene)).seen == "not listed"


def test_an_entry_in_a_product_that_an_exit_leaves_is_taken_back() -> None:
    """The exit does not wait for it, so it would come back as a position."""
    held = a_portfolio(a_position())

    changes = changed(a_scene(ENTRY, portfolio=held), an_exit(), wanted=WANTED)

    assert why(changes).reason is Reason.EXITING


def test_an_entry_in_a_product_that_its_strategy_sells_is_taken_back() -> None:
    held = a_portfolio(a_position())

    finding = why(changed(a_scene(ENTRY, portfolio=held), a_sell()))

    assert (finding.reason, finding.seen) == (Reason.ORDER_UNWANTED, "rules:SOL-USD:SELL")


def test_a_sell_that_rests_is_not_taken_back_for_another() -> None:
    assert changed(a_scene(a_sale()), an_exit()).cancels == ()


@pytest.mark.parametrize(("late", "stale"), [(-1, False), (0, False), (1, True)])
def test_an_order_is_overdue_once_its_end_has_passed(late: int, stale: bool) -> None:
    order = an_entry(end_time=NOON - timedelta(seconds=late))

    changes = changed(a_scene(order))

    assert bool(changes.cancels) is stale
    if stale:
        assert why(changes).reason is Reason.ORDER_OVERDUE


@pytest.mark.parametrize(("before", "stale"), [(0, False), (1, False), (2, True)])
def test_an_entry_nobody_asks_for_is_taken_back_after_its_cycles(before: int, stale: bool) -> None:
    scene = a_scene(
        ENTRY,
        state=remembering(unwanted={NAME: before}),
        policy=with_execution(unwanted_cycles_max=2),
    )

    changes = changed(scene, wanted=None)

    assert bool(changes.cancels) is stale
    assert changes.memory.unwanted == {NAME: before + 1}
    if stale:
        key = "execution.unwanted_cycles_max"
        assert why(changes) == Finding(Reason.ORDER_UNWANTED, "3 cycles", "2 cycles", key)


def test_a_wish_that_comes_back_begins_the_count_anew() -> None:
    scene = a_scene(ENTRY, state=remembering(unwanted={NAME: 2}))

    assert changed(scene).memory.unwanted == {}


@pytest.mark.parametrize(
    ("regime", "quantity", "stale"),
    [
        (Regime.CHOP, "8", False),  # 8% of 10,000 and its fee: within the tolerance
        (Regime.CRASH, "4.3", False),  # 4% in a crash, and 10% of that
        (Regime.CRASH, "4.4", True),
    ],
)
def test_an_entry_that_a_smaller_cap_no_longer_bears_is_taken_back(
    regime: Regime, quantity: str, stale: bool
) -> None:
    changes = changed(a_scene(an_entry(price="100", quantity=quantity), regime=regime))

    assert bool(changes.cancels) is stale
    if stale:
        assert why(changes) == Finding(Reason.POSITION_FULL, "4.4264%", "4%", "risk.position_max")


def test_what_is_held_already_counts_with_the_entry() -> None:
    held = a_portfolio(a_position(quantity="4"), cash="9600")

    assert changed(a_scene(an_entry(price="100", quantity="5"), portfolio=held)).cancels != ()
    assert changed(a_scene(an_entry(price="100", quantity="4"), portfolio=held)).cancels == ()


@pytest.mark.parametrize(("bid", "away"), [("100.22", False), ("100.23", True), ("105", True)])
def test_an_entry_is_taken_back_when_the_best_bid_has_moved_away(bid: str, away: bool) -> None:
    """25 bps of 99.98 are 0.24995."""
    changes = changed(a_scene(ENTRY, **bid_at(bid)))  # type: ignore[arg-type]

    assert bool(changes.cancels) is away
    if bid == "100.23":
        key = "execution.reprice_distance_min"
        assert why(changes) == Finding(Reason.BOOK_MOVED_AWAY, "0.25%", "0.25%", key)


def test_an_entry_is_not_moved_for_a_wish_that_is_gone() -> None:
    """It would be taken back, and nobody would place it anew."""
    scene = a_scene(
        ENTRY,
        policy=with_execution(unwanted_cycles_max=5),
        **bid_at("105"),  # type: ignore[arg-type]
    )

    assert changed(scene, wanted=None).cancels == ()


@pytest.mark.parametrize(("step", "moves"), [(0, True), (2, True), (3, False), (4, False)])
def test_an_entry_is_placed_anew_so_often_and_then_left_until_its_end(
    step: int, moves: bool
) -> None:
    scene = a_scene(an_entry(step=step), **bid_at("105"))  # type: ignore[arg-type]

    assert bool(changed(scene).cancels) is moves


def test_without_a_book_nobody_knows_whether_it_moved() -> None:
    assert changed(a_scene(ENTRY, snapshot=a_snapshot(SOL, tops={}))).cancels == ()


def test_a_sell_is_left_alone_whatever_stops_buying() -> None:
    scene = a_scene(
        a_sale(),
        standing=a_standing(Level.HALTED, code="DRAWDOWN"),
        universe=a_universe(SOL, SOL_USD=FLAG),
    )

    assert changed(scene, wanted=None).cancels == ()


def test_a_sell_whose_end_has_passed_is_taken_back() -> None:
    scene = a_scene(a_sale(end_time=NOON - timedelta(minutes=1)))

    assert why(changed(scene)).reason is Reason.ORDER_OVERDUE


@pytest.mark.parametrize("status", [OrderStatus.UNKNOWN, OrderStatus.SUBMITTED])
def test_an_order_that_may_not_exist_is_not_cancelled(status: OrderStatus) -> None:
    scene = a_scene(an_entry(status=status), standing=a_standing(Level.HALTED))

    assert changed(scene).cancels == ()


def test_a_partly_filled_entry_is_taken_back_like_any_other() -> None:
    order = an_entry(status=OrderStatus.PARTIAL, filled="1")

    assert changed(a_scene(order), wanted=None).cancels != ()


# Asking is bounded


@pytest.mark.parametrize(
    ("times", "ago", "asks"),
    [(1, 1, True), (2, 1, False), (2, 2, True), (4, 7, False), (4, 8, True)],
)
def test_a_cancel_is_asked_for_ever_more_rarely(times: int, ago: int, asks: bool) -> None:
    state = remembering(asked={NAME: Asked(times, 97 - ago)})

    changes = changed(a_scene(ENTRY, state=state), wanted=None)

    assert bool(changes.cancels) is asks
    assert changes.memory.asked[NAME] == (Asked(times + 1, 97) if asks else Asked(times, 97 - ago))
    assert changes.findings[SOL].reason is Reason.ORDER_UNWANTED


def test_what_was_asked_about_an_order_that_has_ended_is_forgotten() -> None:
    state = remembering(asked={"gone": Asked(3, 90)}, unwanted={"gone": 4})

    memory = changed(a_scene(ENTRY, state=state)).memory

    assert (memory.asked, memory.unwanted) == ({}, {})


# Placing anew


def test_an_entry_that_is_moved_is_remembered_with_what_is_left_of_it() -> None:
    order = an_entry(quantity="3", filled="1", status=OrderStatus.PARTIAL, step=1)
    held = a_portfolio(a_position(quantity="2"))

    changes = changed(a_scene(order, portfolio=held, **bid_at("100.5")))  # type: ignore[arg-type]

    assert changes.memory.chases == {SOL: Chase(WANTED, 1, Decimal(2), Decimal(4))}


CHASE = Chase(WANTED, 0, Decimal(2), Decimal(2))


def test_a_replacement_waits_until_the_old_order_has_ended() -> None:
    scene = a_scene(ENTRY, state=remembering(chases={SOL: CHASE}))

    changes = changed(scene, a_buy(notional="300"))

    assert changes.proposals == (a_buy(notional="300"),)
    assert changes.memory.chases == {SOL: CHASE}


def test_a_replacement_is_the_next_step_for_what_is_left() -> None:
    scene = a_scene(state=remembering(chases={SOL: CHASE}))

    (proposal,) = changed(scene, a_buy(notional="300")).proposals

    assert (proposal.step, proposal.notional) == (1, usd("199.96"))  # 2 at the bid


def test_a_replacement_is_never_more_than_is_wanted_now() -> None:
    scene = a_scene(state=remembering(chases={SOL: CHASE}))

    (proposal,) = changed(scene, a_buy(notional="150")).proposals

    assert (proposal.step, proposal.notional) == (1, usd("150"))


def test_what_filled_while_the_cancel_was_under_way_is_not_bought_again() -> None:
    held = a_portfolio(a_position(quantity="1.5"))
    scene = a_scene(state=remembering(chases={SOL: CHASE}), portfolio=held)

    (proposal,) = changed(scene, a_buy(notional="300")).proposals

    assert proposal.notional == usd("49.99")


@pytest.mark.parametrize(
    ("chase", "held"),
    [
        (CHASE, "2"),  # all of it filled after all
        (Chase(WANTED, 0, Decimal(2), Decimal(5)), "2"),  # something was sold since
        (Chase("other:SOL-USD:BUY", 0, Decimal(2), Decimal(5)), "3"),
    ],
)
def test_another_story_is_no_replacement(chase: Chase, held: str) -> None:
    portfolio = a_portfolio(a_position(quantity=held))
    scene = a_scene(state=remembering(chases={SOL: chase}), portfolio=portfolio)

    (proposal,) = changed(scene, a_buy(notional="300")).proposals

    assert proposal == a_buy(notional="300")


def test_a_chase_is_over_one_cycle_after_the_old_order_ended() -> None:
    assert changed(a_scene(state=remembering(chases={SOL: CHASE}))).memory.chases == {}


def test_whatever_else_takes_the_order_back_ends_the_chase() -> None:
    scene = a_scene(ENTRY, state=remembering(chases={SOL: CHASE}))

    assert changed(scene, wanted=None).memory.chases == {}


def test_a_bid_off_the_tick_is_never_valued_below_what_the_plan_pays() -> None:
    top = a_top(bid="100.009", ask="100.05")
    snapshot = a_snapshot(SOL, tops={SOL: top})
    scene = a_scene(state=remembering(chases={SOL: CHASE}), snapshot=snapshot)

    (proposal,) = changed(scene, a_buy(notional="300")).proposals

    assert proposal.notional == usd("200")  # 2 at 100.00, the tick that the plan bids
