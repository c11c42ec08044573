"""The audit record: names, forms and the deciding reason, as people and jq read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from core.account import Portfolio
from core.decision import Decision, Outcome
from core.exits import exit_plans
from core.orders import OrderStatus
from core.reasons import Finding, Reason
from core.state import DayOpen, ExitLevel, ExitPlan, Level, Membership
from infra.audit_portfolio import portfolio_members
from infra.audit_record import (
    Footprint,
    Identity,
    Record,
    changed_exclusions,
    cost_members,
    decided_members,
    decided_record,
    deciding_reason,
    decision_digest,
    failed_record,
)
from infra.codec import canonical_json, digest
from tests.builders.account import a_portfolio, a_position, a_standing, a_state
from tests.builders.decisions import SOL, a_rising_market, decided
from tests.builders.market import NOON, a_snapshot
from tests.builders.risk import an_exits_policy, an_open_order, usd

IDENTITY = Identity(mode="DRY_RUN", exchange="embedded", config="sha256:c", version="1", run_id="r")
NOTHING = Outcome((), ())
STATE = a_state(at=NOON, cycle=97)


def a_record(
    decision: Decision | None = None,
    outcome: Outcome = NOTHING,
    portfolio: Portfolio | None = None,
) -> Record:
    return decided_record(
        IDENTITY,
        STATE,
        decision or decided(),
        portfolio or a_portfolio(),
        outcome,
        inputs="sha256:i",
    )


def calm() -> Decision:
    """SOL has risen, and cooled down it has not: something is proposed, nothing planned."""
    halted = a_standing(Level.HALTED, "KILL_SWITCH", "odd prices")
    return decided(state=a_state(at=NOON, standing=halted))


def test_the_members_of_the_contract_are_there() -> None:
    names = set(a_record()) | set(cost_members(Footprint(timing_ms={}, requests=0, rss_mb=0)))
    assert names >= {
        *("schema", "cycle", "cycle_id", "run_id", "at", "mode", "exchange", "config"),
        *("version", "outcome", "why", "level", "regime", "universe", "triggers", "proposals"),
        *("verdicts", "plan", "decision", "inputs", "orders", "fills", "portfolio"),
        *("timing_ms", "requests", "rss_mb"),
    }


def test_a_failed_record_has_the_same_members() -> None:
    failed = failed_record(IDENTITY, STATE, NOON, {"code": "X", "text": "y"})
    assert set(failed) == set(a_record())


def test_the_digest_is_taken_over_the_members_that_the_verifier_takes() -> None:
    record = a_record()
    members = {
        name: record[name]
        for name in (
            *("at", "level", "regime", "universe", "triggers"),
            *("proposals", "verdicts", "plan"),
        )
    }
    assert record["decision"] == digest(canonical_json(members)) == decision_digest(decided())


@pytest.mark.parametrize("member", ["level", "regime", "verdicts", "plan", "proposals", "triggers"])
def test_every_member_of_the_decision_is_in_its_digest(member: str) -> None:
    members = decided_members(decided())
    emptied = {**members, member: None}
    assert digest(canonical_json(emptied)) != digest(canonical_json(members))


def test_a_plan_that_was_not_sent_is_planned() -> None:
    record = a_record()
    assert (record["outcome"], record["why"]) == ("PLANNED", None)


def test_an_order_at_the_venue_is_a_trade() -> None:
    order = replace(an_open_order(SOL, status=OrderStatus.OPEN), cycle=97)
    assert a_record(outcome=Outcome((order,), ()))["outcome"] == "TRADED"


def test_an_order_of_an_earlier_cycle_that_ended_is_told_and_is_no_trade() -> None:
    record = a_record(outcome=Outcome((an_open_order(SOL, status=OrderStatus.EXPIRED),), ()))
    assert [order["status"] for order in record["orders"]] == ["EXPIRED"]
    assert record["outcome"] != "TRADED"


def test_a_halt_is_the_reason_of_its_cycle() -> None:
    record = a_record(calm())
    assert (record["outcome"], record["why"]["code"]) == ("HALTED", "KILL_SWITCH")
    assert record["why"]["text"] == "odd prices"


def test_of_several_fates_the_one_of_the_strongest_proposal_decides() -> None:
    decision = calm()
    (strong,) = decision.proposals
    weak = replace(strong, symbol="BTC-USD", conviction=0.1)
    several = replace(decision, proposals=(weak, strong))
    why = deciding_reason(several)
    assert (why["symbol"], why["code"], why["key"]) == (SOL, "KILL_SWITCH", "level")


def test_without_a_proposal_the_product_nearest_to_a_trigger_decides() -> None:
    decision = replace(decided(), proposals=())
    nearest = decision.attention.nearest[0]
    assert deciding_reason(decision)["symbol"] == nearest


def test_with_nothing_eligible_that_is_the_reason() -> None:
    snapshot = replace(
        a_rising_market(), products={}, tops={}, depths={}, panel=a_rising_market().panel.rows(())
    )
    empty = decided(snapshot)
    assert deciding_reason(empty)["code"] == "NOTHING_ELIGIBLE"


def test_only_exclusions_that_changed_are_written_out() -> None:
    excluded = {
        "A-USD": Finding(Reason.RED_FLAG, "x", "y", "k"),
        "B-USD": Finding(Reason.BOOK_MISSING, "x", "y", "k"),
        "C-USD": Finding(Reason.STABLE_PAIR, "x", "y", "k"),
    }
    universe = replace(decided().universe, excluded=excluded)
    before = {"A-USD": "RED_FLAG", "B-USD": "SPREAD_TOO_WIDE"}
    assert set(changed_exclusions(universe, before)) == {"B-USD", "C-USD"}
    assert set(changed_exclusions(universe, None)) == set(excluded)


def test_a_failed_record_names_the_last_known_universe_and_decides_nothing() -> None:
    state = a_state(
        at=NOON,
        memberships={SOL: Membership("T2", 0), "A-USD": Membership(None, 1)},
        excluded={"A-USD": "ENTERING", SOL: "ENTERING"},
    )
    why = {"code": "DISK_FULL", "text": "no room"}
    record = failed_record(IDENTITY, state, NOON, why)
    assert record["universe"] == {
        "eligible": {SOL: "T2"},
        "excluded": {"ENTERING": ["A-USD"]},
        "changed": {},
    }
    assert {name: said["code"] for name, said in record["verdicts"].items()} == {SOL: "NOT_DECIDED"}
    assert record["why"] == why
    assert (record["decision"], record["inputs"], record["portfolio"]) == (None, None, None)


def test_what_is_held_has_a_verdict_in_a_failed_cycle_too() -> None:
    level = ExitLevel(Decimal(95), "exits.stop_loss")
    plan = ExitPlan(
        symbol="HELD-USD",
        stop=level,
        target=level,
        entry=Decimal(100),
        opened_at=NOON,
        added_at=NOON,
        highest_close=Decimal(100),
    )
    state = a_state(memberships={SOL: Membership("T2", 0)}, exits={"HELD-USD": plan})
    record = failed_record(IDENTITY, state, NOON, {"code": "DISK_FULL", "text": "no room"})
    assert list(record["verdicts"]) == ["HELD-USD", SOL]


def test_money_is_written_in_plain_digits_as_text() -> None:
    portfolio = a_portfolio(a_position(SOL, quantity="0.00000001"), cash="1E+4")
    plans = exit_plans(STATE, portfolio, a_snapshot(SOL).panel, an_exits_policy())
    members = portfolio_members(portfolio, replace(STATE, exits=plans))
    assert members["cash"] == {"USD": "10000"}
    assert members["positions"][SOL] == {
        "quantity": "0.00000001",
        "cost": "0.000001",
        "value": "0.000000994",
        "opened_at": "2025-03-01T12:00:00Z",
        "entry": "100",
        "stop": "95",
        "target": "110",
        "highest_close": "100",
        "exit_attempts": 0,
    }


@pytest.mark.parametrize(
    ("peak", "drawdown"),
    [(None, "0%"), ("10000", "0%"), ("9000", "0%"), ("12500", "20%"), ("30000", "66.6667%")],
)
def test_the_drawdown_is_measured_from_the_peak_and_rounded_against_the_bot(
    peak: str | None, drawdown: str
) -> None:
    state = a_state(at=NOON, equity_peak=usd(peak) if peak else None)
    assert portfolio_members(a_portfolio(), state)["drawdown"] == drawdown


def test_the_profit_of_the_day_is_counted_from_its_opening() -> None:
    state = a_state(at=NOON, day_open=DayOpen(date(2025, 3, 2), usd("10250.5")))
    assert portfolio_members(a_portfolio(), state)["day_pnl"] == "-250.5"


def test_the_same_decision_is_the_same_bytes() -> None:
    one, other = decided_members(decided()), decided_members(decided())
    assert canonical_json(one) == canonical_json(other)


def test_every_number_of_a_record_can_be_written_by_any_json_writer() -> None:
    record = a_record() | cost_members(
        Footprint(timing_ms={"total": 1.23456789}, requests=3, rss_mb=55.5555)
    )
    canonical_json(record)  # refuses more than four decimals
    assert (record["timing_ms"]["total"], record["rss_mb"]) == (1.235, 55.6)


def test_what_a_position_cost_is_what_was_paid_for_it() -> None:
    thirds = "33.3333333333333333333333333334"
    portfolio = a_portfolio(a_position(SOL, quantity="3", price=thirds))
    plans = exit_plans(STATE, portfolio, a_snapshot(SOL).panel, an_exits_policy())
    members = portfolio_members(portfolio, replace(STATE, exits=plans))
    assert members["positions"][SOL]["cost"] == "100"


def test_a_step_that_a_cycle_never_came_to_took_no_time() -> None:
    record = cost_members(Footprint(timing_ms={"gather": 2.5}, requests=0, rss_mb=1))
    steps = ("carry_out", "commit", "decide", "gather", "reconcile", "record", "total")
    assert record["timing_ms"] == {step: 2.5 if step == "gather" else 0.0 for step in steps}
