"""What one cycle leaves behind for the next: levels, pace, anchors, memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from core.decide import decide
from core.decision import Decision, Outcome
from core.market import Side
from core.money import Money
from core.next_state import after_failure, newborn, next_state, observed, opened
from core.orders import OrderStatus
from core.reasons import Reason
from core.state import BotState, Controls, DayOpen, Halt, Level, Sent, Sighting, Standing
from tests.builders.account import a_portfolio, a_standing, a_state
from tests.builders.market import BAR, NOON, a_snapshot
from tests.builders.risk import a_policy, an_open_order, usd

NOTHING = Outcome((), ())
SILENT = Controls()


def a_decision(*symbols: str, state: BotState | None = None) -> Decision:
    return decide(a_snapshot(*symbols), a_portfolio(), state or at_noon(), a_policy(), ())


def at_noon(**changes: object) -> BotState:
    return a_state(at=NOON, **changes)


def test_a_new_folder_begins_before_its_first_cycle() -> None:
    state = newborn("247trader", NOON)
    assert (state.cycle, state.at, state.standing.level) == (0, None, Level.NORMAL)
    assert opened(state, NOON, SILENT).cycle_id == "247trader-20250302T120000Z-1"


def test_opening_a_cycle_takes_the_next_number_and_the_time_of_now() -> None:
    state = opened(a_state(cycle=97), NOON, SILENT)
    assert (state.cycle, state.at) == (98, NOON)


def test_a_kill_halts_with_the_operators_words_from_now_on() -> None:
    state = opened(a_state(), NOON, Controls(kill="odd prices"))
    assert state.standing == Standing(Level.HALTED, "KILL_SWITCH", "odd prices", NOON)


def test_a_kill_that_stands_keeps_its_beginning() -> None:
    since = Standing(Level.HALTED, "KILL_SWITCH", "odd prices", NOON - BAR)
    state = opened(a_state(standing=since), NOON, Controls(kill="odd prices, still"))
    assert state.standing == since


def test_a_kill_takes_the_place_of_any_other_cause() -> None:
    state = opened(a_state(standing=a_standing(Level.HALTED, "FATAL")), NOON, Controls(kill="me"))
    assert state.standing.code == "KILL_SWITCH"


@pytest.mark.parametrize("level", [level for level in Level if level is not Level.NORMAL])
def test_resume_ends_every_level_and_restarts_the_drawdown_anchor(level: Level) -> None:
    halted = a_state(standing=a_standing(level, "CAUSE"), equity_peak=usd("20000"))
    state = opened(halted, NOON, Controls(resume="seen to"))
    assert state.standing == Standing(Level.NORMAL, "", "resumed: seen to", NOON)
    assert state.equity_peak is None


def test_a_kill_outranks_a_resume() -> None:
    anchored = a_state(equity_peak=usd("20000"))
    state = opened(anchored, NOON, Controls(kill="no", resume="yes"))
    assert (state.standing.level, state.equity_peak) == (Level.HALTED, usd("20000"))


@pytest.mark.parametrize(
    ("ends", "level"),
    [
        (NOON + timedelta(microseconds=1), Level.PAUSED),
        (NOON, Level.NORMAL),
        (NOON - BAR, Level.NORMAL),
        (None, Level.PAUSED),
    ],
)
def test_a_pause_ends_at_the_time_it_names(ends: object, level: Level) -> None:
    paused = replace(a_standing(Level.PAUSED, "LOSSES"), until=ends)  # type: ignore[arg-type]
    assert opened(a_state(standing=paused), NOON, SILENT).standing.level is level


def test_the_universe_of_a_decision_is_remembered() -> None:
    state = next_state(at_noon(), a_decision("SOL-USD", "USDC-USD"), a_portfolio(), NOTHING)
    assert state.eligible == {"SOL-USD": "T2"}
    assert state.excluded == {"USDC-USD": "STABLE_PAIR"}
    assert state.nearest == ("SOL-USD",)


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        (OrderStatus.NOT_SENT, True),
        (OrderStatus.OPEN, True),
        (OrderStatus.UNKNOWN, True),
        (OrderStatus.REFUSED, False),
    ],
)
def test_an_order_counts_for_pace_unless_the_venue_refused_it(
    status: OrderStatus, counts: bool
) -> None:
    order = replace(an_open_order("ETH-USD", status=status), cycle=97)
    state = next_state(at_noon(), a_decision(), a_portfolio(), Outcome((order,), ()))
    assert state.sent == ((Sent("ETH-USD", Side.BUY, NOON),) if counts else ())


def test_an_order_of_an_earlier_cycle_is_not_counted_again() -> None:
    order = replace(an_open_order("ETH-USD"), cycle=96)
    state = next_state(at_noon(), a_decision(), a_portfolio(), Outcome((order,), ()))
    assert state.sent == ()


def test_a_day_of_orders_is_remembered_and_no_more() -> None:
    day = timedelta(days=1)
    ages = [day + BAR, day, day - timedelta(microseconds=1), BAR]
    sent = tuple(Sent("ETH-USD", Side.BUY, NOON - age) for age in ages)
    state = next_state(at_noon(sent=sent), a_decision(), a_portfolio(), NOTHING)
    assert state.sent == sent[2:]


@pytest.mark.parametrize(
    ("before", "after"), [(None, "10000"), ("9999", "10000"), ("10001", "10001")]
)
def test_the_equity_peak_only_rises(before: str | None, after: str) -> None:
    peak = usd(before) if before else None
    state = next_state(at_noon(equity_peak=peak), a_decision(), a_portfolio(), NOTHING)
    assert state.equity_peak == usd(after)


def test_a_day_opens_with_the_equity_of_its_first_cycle() -> None:
    yesterday = DayOpen(date(2025, 3, 1), usd("7"))
    today = DayOpen(date(2025, 3, 2), usd("8"))
    decision, portfolio = a_decision(), a_portfolio(cash="9000")
    fresh = next_state(at_noon(day_open=yesterday), decision, portfolio, NOTHING)
    assert fresh.day_open == DayOpen(date(2025, 3, 2), Money(Decimal(9000), "USD"))
    same = next_state(at_noon(day_open=today), decision, portfolio, NOTHING)
    assert same.day_open == today


WHY = {"code": Reason.BROKEN_RULE.name, "text": "a fault"}


def test_a_fatal_failure_halts_with_its_code() -> None:
    state = after_failure(at_noon(), WHY, fatal=True)
    assert state.standing == Standing(Level.HALTED, "BROKEN_RULE", "a fault", NOON)


def test_a_failure_that_passes_leaves_the_level_alone() -> None:
    state = at_noon(standing=a_standing(Level.REDUCE_ONLY, "CAUSE"))
    assert after_failure(state, WHY, fatal=False) == state


def test_a_halt_keeps_its_first_cause() -> None:
    halted = at_noon(standing=a_standing(Level.HALTED, "KILL_SWITCH", "odd"))
    assert after_failure(halted, WHY, fatal=True) == halted


def test_a_stricter_cause_takes_the_place_of_a_pause() -> None:
    paused = at_noon(standing=replace(a_standing(Level.PAUSED, "LOSSES"), until=NOON + BAR))
    standing = after_failure(paused, WHY, fatal=True).standing
    assert (standing.level, standing.until) == (Level.HALTED, None)


HALT = Halt("BOOKS_OPEN", "they do not close")


def test_what_reconciling_found_can_halt_the_cycle_that_is_open() -> None:
    state = observed(at_noon(), Sighting(halt=HALT))
    assert state.standing == Standing(Level.HALTED, "BOOKS_OPEN", "they do not close", NOON)


def test_a_halt_that_stands_is_not_replaced_by_what_reconciling_found() -> None:
    halted = at_noon(standing=a_standing(Level.HALTED, "KILL_SWITCH", "odd"))
    assert observed(halted, Sighting(halt=HALT)).standing == halted.standing


def test_memories_of_the_venue_are_those_of_now() -> None:
    before = at_noon(absent={"old": 3}, unexplained={"USD": Decimal(5)})
    state = observed(before, Sighting(absent={"new": 97}, unexplained={}))
    assert (state.absent, state.unexplained) == ({"new": 97}, {})


def test_an_order_that_never_arrived_uses_up_no_pace() -> None:
    order = replace(an_open_order("SOL-USD", status=OrderStatus.NEVER_REACHED), cycle=97)
    assert next_state(at_noon(), a_decision(), a_portfolio(), Outcome((order,), ())).sent == ()


def test_flatten_halts_until_resume_and_a_kill_beside_it_changes_nothing() -> None:
    flattened = opened(a_state(), NOON, Controls(flatten="out of here"))
    assert (flattened.standing.level, flattened.standing.code) == (Level.HALTED, "FLATTEN")
    assert opened(flattened, NOON, Controls(kill="stop")).standing == flattened.standing
    assert opened(flattened, NOON, SILENT).standing == flattened.standing
    resumed = opened(flattened, NOON, Controls(resume="seen to"))
    assert resumed.standing.level is Level.NORMAL


def test_flatten_goes_before_a_kill_that_stands() -> None:
    killed = opened(a_state(), NOON, Controls(kill="odd prices"))
    both = opened(killed, NOON, Controls(kill="odd prices", flatten="sell"))
    assert both.standing.code == "FLATTEN"


def test_a_stop_forbids_entries_for_as_long_as_the_process_lives() -> None:
    stopping = opened(a_state(), NOON, Controls(stop="asked to end"))
    assert (stopping.standing.level, stopping.standing.code) == (Level.REDUCE_ONLY, "STOPPING")
    assert opened(stopping, NOON, Controls(stop="asked to end")).standing == stopping.standing
    assert opened(stopping, NOON, SILENT).standing.level is Level.NORMAL
    halted = a_state(standing=a_standing(Level.HALTED, "FATAL"))
    assert opened(halted, NOON, Controls(stop="asked to end")).standing.code == "FATAL"
