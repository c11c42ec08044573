"""A plan of faults strikes the same requests again, as often as it says, and mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.sandbox.coinbase.faults import BadPlan, Faults, Kind, read_plan, read_plan_file

ORDERS = "POST /api/v3/brokerage/orders"


def faults(rules: str, seed: int = 7) -> Faults:
    return Faults(read_plan(f'{{"seed": {seed}, "rules": {rules}}}'.encode(), "plan.json"))


def struck(plan: Faults, request: str = ORDERS, times: int = 40) -> list[int]:
    """Which of so many requests were struck."""
    return [number for number in range(times) if plan.strike(request)]


def test_a_share_strikes_the_same_requests_in_every_run_and_others_with_another_seed() -> None:
    rules = '[{"kind": "status", "share": 0.3}]'
    first = struck(faults(rules))

    assert 4 < len(first) < 24
    assert struck(faults(rules)) == first
    assert struck(faults(rules, seed=8)) != first


def test_a_rule_spares_the_first_and_ends_after_its_count() -> None:
    plan = faults('[{"kind": "cut", "skip": 3, "count": 2}]')

    assert struck(plan) == [3, 4]
    assert plan.struck == (2,)


def test_a_rule_strikes_only_requests_that_begin_as_it_says() -> None:
    plan = faults(f'[{{"kind": "status", "on": "{ORDERS}"}}]')

    assert plan.strike("GET /api/v3/brokerage/accounts") == ()
    assert [rule.kind for rule in plan.strike(f"{ORDERS}/batch_cancel")] == [Kind.STATUS]


def test_a_delay_is_of_its_kind_alone_and_counts_as_a_strike() -> None:
    plan = faults('[{"kind": "fills_late", "seconds": 2.5, "count": 1}]')

    assert plan.delay(Kind.ORDER_LATE, ORDERS) == 0
    assert plan.strike(ORDERS) == ()
    assert [plan.delay(Kind.FILLS_LATE, "FILL BTC-USD") for _ in range(2)] == [2.5, 0]


def test_a_clock_is_off_by_the_sum_of_its_rules() -> None:
    skews = '{"kind": "clock_skew", "seconds": -90}, {"kind": "clock_skew", "seconds": 30}'
    assert faults(f"[{skews}]").skew() == -60


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "plan.json: Input data was truncated"),
        ('{"rule": []}', "unknown field `rule`"),
        ('{"rules": [{"kind": "fire"}]}', r"Invalid enum value 'fire'.*rules\[0\].kind"),
        ('{"rules": [{"kind": "cut", "share": 1.1}]}', r"rules\[0\].share: 1.1 is not between"),
        ('{"rules": [{"kind": "status", "body": "xml"}]}', r"rules\[0\].body: write json"),
        ('{"rules": [{"kind": "status", "status": 99}]}', "99 is no HTTP status"),
        ('{"rules": [{"kind": "slow", "seconds": -1}]}', "seconds: -1.0 is negative"),
    ],
)
def test_a_mistake_in_a_plan_is_told_with_its_place(text: str, why: str) -> None:
    with pytest.raises(BadPlan, match=why):
        read_plan(text.encode(), "plan.json")


def test_a_plan_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadPlan, match="cannot be read: No such file"):
        read_plan_file(tmp_path / "plan.json")
