"""The facts at a glance are those of the record, picked and counted."""

from __future__ import annotations

import pytest

from runner.overview import Answer, reason_told
from tests.builders.glance import (
    a_shown_account,
    a_shown_exit,
    a_shown_order,
    a_shown_position,
    a_shown_proposal,
    a_shown_record,
    a_shown_verdict,
    told_of,
)


def test_verdicts_are_grouped_by_reason_with_the_product_nearest_to_a_trigger() -> None:
    told = told_of(a_shown_record(), nearest=("BTC-USD", "ETH-USD", "ADA-USD"))

    assert [(g.verdict.code, g.count, g.symbol) for g in told.verdicts] == [
        ("NO_TRIGGER", 2, "ETH-USD"),
        ("COOLDOWN", 1, "BTC-USD"),
    ]
    assert told.verdicts[0].verdict == Answer("NO_TRIGGER", "0.4%", "1%", "key.NO_TRIGGER")


def test_a_group_that_nobody_ranked_names_its_first_product() -> None:
    assert told_of(a_shown_record(), nearest=("BTC-USD",)).verdicts[0].symbol == "ADA-USD"


def test_groups_of_one_size_are_told_in_the_order_of_their_codes() -> None:
    verdicts = {"A-USD": a_shown_verdict("SPACING"), "B-USD": a_shown_verdict("COOLDOWN")}

    told = told_of(a_shown_record(verdicts=verdicts))

    assert [group.verdict.code for group in told.verdicts] == ["COOLDOWN", "SPACING"]


def test_a_position_tells_what_it_brought_and_the_exit_that_is_watched() -> None:
    verdict = {**a_shown_verdict("NO_TRIGGER"), "exit": a_shown_exit()}
    record = a_shown_record(
        verdicts={"ETH-USD": verdict},
        portfolio=a_shown_account(**{"ETH-USD": a_shown_position()}),
    )

    held = told_of(record).positions["ETH-USD"]

    assert (held.quantity, held.cost, held.value) == ("0.5", "1100.5", "1123.456")
    assert held.profit == "22.956"
    assert held.exit == Answer("HELD", "bid 2250 USD", "stop 2160 USD, 4% away", "exits.stop_loss")


@pytest.mark.parametrize("verdicts", [{}, {"ETH-USD": a_shown_verdict()}])
def test_a_position_whose_exit_is_not_on_record_is_told_without_one(
    verdicts: dict[str, object],
) -> None:
    account = a_shown_account(**{"ETH-USD": a_shown_position()})

    told = told_of(a_shown_record(verdicts=verdicts, portfolio=account))

    assert told.positions["ETH-USD"].exit is None


def test_proposals_stand_strongest_first_with_what_became_of_them() -> None:
    record = a_shown_record(
        proposals=[a_shown_proposal("ADA-USD", 0.4), a_shown_proposal("BTC-USD", 0.7)]
    )

    told = told_of(record).proposals

    assert [(made.symbol, made.conviction) for made in told] == [("BTC-USD", 0.7), ("ADA-USD", 0.4)]
    assert told[0].verdict is not None
    assert told[0].verdict.code == "COOLDOWN"


def test_cash_is_that_of_the_capital_currency() -> None:
    assert told_of(a_shown_record()).cash == "9000"


def test_open_orders_and_fills_and_what_stands_still_are_told() -> None:
    order = a_shown_order("ETH-USD") | {"status": "PARTIAL"}
    account = a_shown_account() | {
        "open_orders": [order],
        "quarantined": {"SOL-USD": "the venue holds 1 SOL less than our books"},
    }
    fill = {"symbol": "BTC-USD", "side": "BUY", "quantity": "0.1", "price": "60000"}
    fill |= {"fee": "36", "fee_currency": "USD"}

    told = told_of(a_shown_record(portfolio=account, fills=[fill]))

    assert [(o.symbol, o.status) for o in told.open_orders] == [("ETH-USD", "PARTIAL")]
    assert [(f.symbol, f.fee) for f in told.fills] == [("BTC-USD", "36 USD")]
    assert dict(told.quarantined) == account["quarantined"]


def test_a_level_says_why_and_since_when() -> None:
    standing = {"code": "KILL_SWITCH", "text": "lunch", "since": "2025-03-01T11:00:00Z"}

    told = told_of(a_shown_record(level="HALTED", standing=standing))

    assert told.standing == "KILL_SWITCH: lunch (since 2025-03-01T11:00:00Z)"


def test_a_level_that_a_limit_set_says_what_was_seen_and_when_it_ends() -> None:
    standing = {
        **{"code": "DAY_LOSS", "text": "Too much was lost.", "seen": "4.2%", "limit": "4%"},
        **{"since": "2025-03-01T11:00:00Z", "until": "2025-03-02T00:00:00Z"},
    }

    told = told_of(a_shown_record(level="REDUCE_ONLY", standing=standing))

    assert told.standing == (
        "DAY_LOSS: Too much was lost. 4.2% against 4% "
        "(since 2025-03-01T11:00:00Z, until 2025-03-02T00:00:00Z)"
    )


def test_a_failed_cycle_has_no_account_and_says_why() -> None:
    why = {"code": "DISK_FULL", "text": "The disk is full."}
    record = a_shown_record(outcome="FAILED", why=why, regime=None, verdicts={}, portfolio=None)

    told = told_of(record)

    assert (told.equity, told.currency, told.day_pnl, dict(told.positions)) == (None,) * 3 + ({},)
    assert reason_told(told.why or {}) == "DISK_FULL The disk is full."


def test_a_reason_in_one_line_says_whose_what_was_seen_and_the_limit() -> None:
    assert reason_told(a_shown_record()["why"]) == "ETH-USD NO_TRIGGER 0.4% against 1%"
