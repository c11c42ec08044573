"""The doctor says what is wrong, what it forbids and what to do, before real money moves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.market import ProductStatus
from core.money import Money
from core.next_state import after_preflight, newborn
from core.state import Level
from runner import main_loop, preflight
from runner.doctor import Finding, Result, Scope, bad, good
from runner.exit_codes import ExitCode, Refusal
from runner.feasibility import intervals
from runner.preflight import allowed
from tests.builders.market import NOON, a_product, a_top
from tests.builders.rehearsal import Rehearsal, a_rehearsal, step
from tests.builders.shipped import shipped_configuration
from tests.builders.terminal import Answer, asked

POLICY = shipped_configuration().policy
ENTRIES, ALL = bad("sizes", "none", "pay in", Scope.ENTRIES), bad("key", "none", "make one")


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with a_rehearsal(tmp_path_factory.mktemp("doctor")) as rehearsal:
        yield rehearsal


def examined(
    venue: Rehearsal, monkeypatch: pytest.MonkeyPatch, *flags: str, **changed: str
) -> tuple[Answer, dict[str, dict[str, str]]]:
    for name, value in venue.environment(**changed).items():
        monkeypatch.setenv(name, value)
    given = [flag for flag in venue.arguments("--json", *flags) if flag != "--quiet"]
    answer = asked(preflight.main, *given)
    return answer, {finding["check"]: finding for finding in json.loads(answer.out)}


def key(venue: Rehearsal, name: str) -> str:
    return str(Path(venue.venue.ready["key_file"]).parent / name)


def test_all_is_well_with_a_key_that_looks_and_trades(
    venue: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, found = examined(venue, monkeypatch)
    assert answer.code == ExitCode.FINISHED
    assert {finding["result"] for finding in found.values()} <= {"OK", "WARN"}
    assert found["permissions"]["seen"] == "view, trade"
    assert found["wallets"]["seen"] == "10000 USD, 2500 USDC"
    assert found["fees"]["seen"] == "maker 0.4%, taker 0.6%"
    assert set(found["clock"]) == {"check", "scope", "result", "seen", "fix"}
    assert {"config", "disk", "time zone", "portfolio", "products", "requests", "sizes"} <= set(
        found
    )


def test_a_key_that_may_withdraw_is_refused_unless_its_portfolio_is_named(
    venue: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdraws = {"COINBASE_KEY_FILE": key(venue, "coinbase_transfer_key.json")}
    answer, found = examined(venue, monkeypatch, **withdraws)
    assert answer.code == ExitCode.GATE
    assert (found["permissions"]["result"], found["permissions"]["scope"]) == ("FAIL", "all")

    app = venue.config / "app.yaml"
    before = app.read_text(encoding="utf-8")
    app.write_text(before.replace("transfer_portfolio: none ", "transfer_portfolio: Default "))
    try:
        answer, found = examined(venue, monkeypatch, **withdraws)
    finally:
        app.write_text(before)
    assert answer.code == ExitCode.FINISHED, found["permissions"]


def test_a_key_that_may_only_look_cannot_go_live(
    venue: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = {"COINBASE_KEY_FILE": key(venue, "coinbase_view_key.json")}
    answer, found = examined(venue, monkeypatch, **looks)
    assert answer.code == ExitCode.GATE
    assert found["permissions"]["fix"] == "give the key view and trade"
    for name, value in venue.environment(**looks).items():
        monkeypatch.setenv(name, value)
    started = asked(main_loop.main, *venue.arguments("--confirm-live", "--once"))
    assert started.code == ExitCode.GATE
    assert started.told == "preflight: permissions: view; give the key view and trade"


def test_no_key_and_no_venue_are_told(venue: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, found = examined(venue, monkeypatch, COINBASE_KEY_FILE="")
    assert (answer.code, found["key"]["result"]) == (ExitCode.GATE, "FAIL")
    answer, found = examined(venue, monkeypatch, COINBASE_BASE_URL="127.0.0.1:1")
    assert (answer.code, found["venue"]["result"]) == (ExitCode.GATE, "FAIL")
    assert "UNREACHABLE" in found["venue"]["seen"]


def test_another_bot_on_the_portfolio_keeps_this_one_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resting = {"base_size": "0.001", "limit_price": "20000"}
    with a_rehearsal(tmp_path) as rehearsal:
        person = "3f1c7f0e-3c58-4d0c-9a7e-2f4f3b247247"
        rehearsal.venue.create(person, "limit_limit_gtc", **resting)
        answer, found = examined(rehearsal, monkeypatch)
        assert answer.code == ExitCode.FINISHED
        assert found["foreign orders"]["result"] == "WARN"

        robot = "6b1d7f0e-3c58-5d0c-9a7e-2f4f3b247247"
        rehearsal.venue.create(robot, "limit_limit_gtc", **resting)
        answer, found = examined(rehearsal, monkeypatch)
        assert (found["other bots"]["result"], found["other bots"]["scope"]) == ("FAIL", "all")
        started = asked(main_loop.main, *rehearsal.arguments("--confirm-live", "--once"))
        assert started.code == ExitCode.GATE
        assert "other bots: 1 open orders that a bot placed" in started.told


def test_own_orders_are_no_other_bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_rehearsal(tmp_path, at="2025-01-02T01:45:00Z") as rehearsal:
        with rehearsal.bot() as bot:
            while not any(o["status"] == "OPEN" for o in step(bot)["orders"]):
                rehearsal.move()
        _, found = examined(rehearsal, monkeypatch)
        assert found["other bots"]["result"] == "OK"


def test_with_positions_what_forbids_entries_reduces_and_without_it_refuses() -> None:
    assert allowed((good("disk", "room"),), holds=False) == ()
    assert allowed((ENTRIES,), holds=True) == (ENTRIES,)
    for found, holds in (((ENTRIES,), False), ((ALL,), True), ((ALL, ENTRIES), True)):
        with pytest.raises(Refusal) as caught:
            allowed(found, holds=holds)
        assert caught.value.code is ExitCode.GATE
    assert allowed((Finding("coins", Scope.ALL, Result.WARN, "1 ADA", ""),), holds=False) == ()


def test_a_failed_preflight_reduces_until_one_succeeds() -> None:
    state = newborn("bot", NOON)
    reduced = after_preflight(state, ("sizes",), NOON)
    assert (reduced.standing.level, reduced.standing.code) == (
        Level.REDUCE_ONLY,
        "PREFLIGHT_FAILED",
    )
    assert after_preflight(reduced, ("sizes",), NOON) == reduced
    assert after_preflight(reduced, (), NOON).standing.level is Level.NORMAL
    assert after_preflight(state, (), NOON) == state


@pytest.mark.parametrize(("equity", "empty"), [("312", True), ("312.5", False), ("313", False)])
def test_a_product_has_a_legal_size_from_where_the_limits_meet(equity: str, empty: bool) -> None:
    """8% of 312.50 USD are the 25 USD that an entry must have at least."""
    product = a_product("SOL-USD", status=ProductStatus.ONLINE)
    (found,) = intervals(
        (product,), {"SOL-USD": a_top("SOL-USD")}, Money(Decimal(equity), "USD"), POLICY
    )
    assert found.is_empty is empty
