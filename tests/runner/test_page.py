"""The page on a terminal of any size: nothing wraps or runs off, what matters is on top."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from infra.audit_record import Record
from runner.page import brief, page
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


def drawn(record: Record, width: int = 80, height: int | None = 24) -> list[str]:
    """The lines as a terminal of that size shows them."""
    console = Console(record=True, width=width, height=height, file=StringIO())
    nearest = ("ETH-USD", "BTC-USD", "ADA-USD")
    console.print(page(told_of(record, nearest), width=width, height=height))
    return console.export_text().splitlines()


def a_full_record() -> Record:
    """More of everything than a small terminal has room for."""
    names = [f"COIN{number}-USD" for number in range(30)]
    return a_shown_record(
        level="REDUCE_ONLY",
        standing={"code": "DAILY_STOP", "text": "lost too much", "since": "2025-03-01T11:00:00Z"},
        universe={
            "eligible": dict.fromkeys(names, "T2"),
            "excluded": {f"REASON_{number}": names[:number] for number in range(1, 9)},
        },
        verdicts={
            name: {**a_shown_verdict(f"CODE_{number // 2}"), "exit": a_shown_exit()}
            for number, name in enumerate(names)
        },
        proposals=[a_shown_proposal(name, 0.5) for name in names[:9]],
        plan=[a_shown_order(name) for name in names[:8]],
        portfolio=a_shown_account(**dict.fromkeys(names[:12], a_shown_position())),
    )


def test_a_calm_cycle_fits_a_small_terminal_whole() -> None:
    assert drawn(a_shown_record(), 80, 24) == [
        "DRY_RUN on embedded  NORMAL  cycle 42",
        "market time 2025-03-01 12:00:00  next cycle 2025-03-01 12:15:00  chop regime",
        "NO_TRADE  ETH-USD NO_TRIGGER 0.4% against 1%",
        "equity 10,123.46 USD  day -23.40  drawdown 1.25%  week loss 0.75%",
        "cash 9,000.00  in positions 1,123.46",
        "positions: none",
        "planned orders: none",
        "proposals: none",
        "",
        "verdicts: 3, each code with its product nearest to a trigger",
        "  NO_TRIGGER  2  ETH-USD  0.4% against 1%",
        "  COOLDOWN    1  BTC-USD  1h against 2h",
        "",
        "excluded: 1",
        "  STABLE_PAIR 1",
    ]


def test_a_position_shows_its_worth_its_profit_its_exit_and_the_distance() -> None:
    record = a_shown_record(
        verdicts={"ETH-USD": {**a_shown_verdict(), "exit": a_shown_exit()}},
        portfolio=a_shown_account(**{"ETH-USD": a_shown_position()}),
    )

    row = "  ETH-USD  0.5  1,123.46  +22.96  HELD  4% away  stop 2160 USD; bid 2250 USD"
    assert row in drawn(record)


def test_orders_and_proposals_are_told_with_what_became_of_them() -> None:
    record = a_shown_record(
        outcome="PLANNED",
        why=None,
        proposals=[a_shown_proposal("BTC-USD", 0.456), a_shown_proposal("ETH-USD", 0.7)],
        plan=[a_shown_order("ETH-USD")],
    )

    lines = drawn(record)

    assert "PLANNED  1 of 2 proposals became orders" in lines
    assert "  BUY  ETH-USD  0.1125 at 2775.44 GTD" in lines
    assert "  BUY  BTC-USD  momentum 0.46  COOLDOWN    1h against 2h" in lines


def test_an_order_that_is_taken_back_is_not_counted_as_one_that_was_made() -> None:
    taken_back = a_shown_order("ETH-USD") | {"type": "CANCEL"}

    lines = drawn(a_shown_record(outcome="TRADED", why=None, plan=[taken_back]))

    assert "TRADED  0 of 0 proposals became orders, 1 taken back" in lines
    assert "  CANCEL  ETH-USD  0.1125 at 2775.44 GTD" in lines


def test_a_level_that_is_not_normal_says_why_below_itself() -> None:
    assert drawn(a_full_record())[:2] == [
        "DRY_RUN on embedded  REDUCE_ONLY  cycle 42",
        "DAILY_STOP: lost too much (since 2025-03-01T11:00:00Z)",
    ]


def test_a_failed_cycle_says_that_there_is_no_account() -> None:
    why = {"code": "DISK_FULL", "text": "The disk is full."}
    record = a_shown_record(outcome="FAILED", why=why, regime=None, verdicts={}, portfolio=None)

    lines = drawn(record)

    assert "FAILED  DISK_FULL The disk is full." in lines
    assert "no account in this record: the cycle did not decide" in lines
    assert "verdicts: none, each code with its product nearest to a trigger" in lines


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 20), (40, 12), (20, 6), (1, 1)])
def test_a_crowded_cycle_stays_within_the_terminal(width: int, height: int) -> None:
    lines = drawn(a_full_record(), width, height)

    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width


def test_positions_give_way_last_and_lists_say_how_much_they_leave_out() -> None:
    lines = drawn(a_full_record(), 80, 24)

    assert lines[6:] == [
        "positions: 12",
        "  COIN0-USD  0.5  1,123.46  +22.96  HELD  4% away  stop 2160 USD; bid 2250 USD",
        "  COIN1-USD  0.5  1,123.46  +22.96  HELD  4% away  stop 2160 USD; bid 2250 USD",
        "  COIN2-USD  0.5  1,123.46  +22.96  HELD  4% away  stop 2160 USD; bid 2250 USD",
        "  COIN3-USD  0.5  1,123.46  +22.96  HELD  4% away  stop 2160 USD; bid 2250 USD",
        "  ... and 8 more",
        "planned orders: 8",
        "  BUY  COIN0-USD  0.1125 at 2775.44 GTD",
        "  ... and 7 more",
        "proposals: 9",
        "  BUY  COIN0-USD  momentum 0.50  CODE_0  0.4% against 1%",
        "  ... and 8 more",
        "verdicts: 30, each code with its product nearest to a trigger",
        "  CODE_0  2  COIN0-USD  0.4% against 1%",
        "  ... and 14 more",
        "excluded: 36",
        "  REASON_8 8, REASON_7 7, REASON_6 6, REASON_5 5, REASON_4 4, REASON_3 3,",
        "  REASON_2 2, REASON_1 1",
    ]


def test_with_no_bound_on_its_height_nothing_is_left_out() -> None:
    text = "\n".join(drawn(a_full_record(), 80, None))

    assert "more" not in text
    assert text.count("COIN11-USD") == 1  # the last position; no code is nearest there
    assert "CODE_14" in text


def test_a_long_list_of_exclusions_is_wrapped_not_cut() -> None:
    text = "\n".join(drawn(a_full_record(), 40, None))

    assert all(f"REASON_{number} {number}" in text for number in range(1, 9))


def test_words_of_an_operator_cannot_move_the_cursor_or_begin_a_line() -> None:
    standing = {"code": "KILL_SWITCH", "text": "a\x1b[2Jb\nc", "since": "now"}

    lines = drawn(a_shown_record(level="HALTED", standing=standing))

    assert lines[1] == "KILL_SWITCH: a?[2Jb?c (since now)"


def test_brackets_in_a_name_are_no_markup() -> None:
    verdicts = {"[red]X-USD": a_shown_verdict()}

    assert "  NO_TRIGGER  1  [red]X-USD  0.4% against 1%" in drawn(
        a_shown_record(verdicts=verdicts)
    )


def test_wide_letters_count_twice() -> None:
    standing = {"code": "KILL_SWITCH", "text": "停" * 60, "since": "now"}

    lines = drawn(a_shown_record(level="HALTED", standing=standing), 40)

    assert max(cell_len(line) for line in lines) <= 40


def test_a_bot_that_stopped_is_not_shown_as_running() -> None:
    told = told_of(a_shown_record())

    stopped = page(replace(told, process="STOPPED", next_cycle=None), width=80, height=24)

    assert stopped.plain.splitlines()[0] == "DRY_RUN on embedded  NORMAL  cycle 42  STOPPED"
    assert "next cycle none" in stopped.plain


@pytest.mark.parametrize(
    ("exit_", "row"),
    [
        (
            {
                "code": "HELD",
                "seen": "bid 0.00001555 USD",
                "limit": "target 0.00001559737471 USD, 0.3046% away",
                "key": "exits.take_profit",
            },
            "  SHIB-USD  11,319,592  1,123.46  +22.96  HELD  0.3046% away  target 0.00001559…",
        ),
        (
            {"code": "HELD_TOO_LONG", "seen": "8d", "limit": "7d", "key": "exits.held_max"},
            "  SHIB-USD  11,319,592  1,123.46  +22.96  HELD_TOO_LONG  8d  against 7d",
        ),
    ],
)
def test_the_distance_to_an_exit_is_never_what_is_cut(exit_: Record, row: str) -> None:
    symbol = "SHIB-USD"
    position = {**a_shown_position(), "quantity": "11319592.4"}
    record = a_shown_record(
        verdicts={symbol: {**a_shown_verdict("HELD"), "exit": exit_}},
        portfolio=a_shown_account(**{symbol: position}),
    )

    assert row in drawn(record, 80, 24)


@pytest.mark.parametrize(
    ("written", "shown"),
    [("634.91888802", "634.919"), ("0.00001234567", "0.0000123457"), ("11319592.4", "11,319,592")],
)
def test_a_quantity_has_six_digits_and_no_exponent(written: str, shown: str) -> None:
    assert brief(written) == shown
