"""The doctor says what is wrong, what it forbids and what to do, before real money moves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.market import ProductStatus
from core.money import Money, Ratio
from core.next_state import after_preflight, newborn
from core.state import Level
from runner import main_loop, preflight
from runner.doctor import Finding, Result, Scope, bad, good, machine
from runner.exit_codes import ExitCode, Refusal
from runner.places import Places
from runner.preflight import allowed
from runner.sizes import VENUE, Interval, Purse, intervals
from tests.builders.market import NOON, a_product, a_top
from tests.builders.rehearsal import Rehearsal, a_rehearsal, step
from tests.builders.shipped import shipped_configuration, shipped_policy
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
        assert "other bots: 1 open order that a bot placed" in started.told


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


def sizes(equity: str, symbol: str = "SOL-USD", **overrides: str) -> Interval:
    product = a_product(symbol, status=ProductStatus.ONLINE)
    purse = Purse(Money(Decimal(equity), "USD"), Ratio(Decimal("0.006")))
    policy = shipped_policy(**overrides) if overrides else POLICY
    (found,) = intervals((product,), {symbol: a_top(symbol)}, purse, policy)
    return found


@pytest.mark.parametrize(("equity", "empty"), [("698.6", True), ("698.7", False)])
def test_a_product_has_a_legal_size_from_where_the_limits_meet(equity: str, empty: bool) -> None:
    """3% of tier T2, times 1.2 in a bull market, must be 25 USD when the fee is paid."""
    found = sizes(equity)
    assert found.is_empty is empty
    assert (found.least.key, found.most.key) == ("risk.notional_min", "sizing.base.T2")


@pytest.mark.parametrize(
    ("equity", "key", "overrides"),
    [
        ("10000", "risk.notional_max", {"risk.notional_max": "25 USD"}),
        ("300", "risk.position_max", {"sizing.base.T2": "8%"}),
        ("10000", "risk.theme_max.layer1", {"risk.theme_max.layer1": "0.2%"}),
        ("10000", "risk.cash_min", {"risk.cash_min": "99.8%"}),
        ("10000", "sizing.base.T2", {"sizing.base.T2": "0.2%"}),
        (
            "10000",
            "strategies.rules.budget.exposure_max",
            {"strategies.rules.budget.exposure_max": "0.2%"},
        ),
    ],
)
def test_an_empty_interval_names_the_two_that_contradict_each_other(
    equity: str, key: str, overrides: dict[str, str]
) -> None:
    found = sizes(equity, **overrides)
    assert found.is_empty
    assert (found.least.key, found.most.key) == ("risk.notional_min", key)


def test_what_the_venue_takes_at_least_may_be_the_limit() -> None:
    found = sizes("10", **{"risk.notional_min": "0.01 USD"})
    assert found.is_empty
    assert (found.least.key, found.most.key) == (VENUE, "sizing.base.T2")


def test_a_balance_too_small_for_the_policy_is_told_with_both_keys(
    venue: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = venue.config / "app.yaml"
    before = app.read_text(encoding="utf-8")
    app.write_text(before.replace("capital_max: 100000 USD", "capital_max: 300 USD"))
    try:
        answer, found = examined(venue, monkeypatch)
        refused = asked(main_loop.main, *venue.arguments("--confirm-live", "--once"))
    finally:
        app.write_text(before)
    assert (answer.code, found["sizes"]["scope"]) == (ExitCode.GATE, "entries")
    assert "sizing.base.T1 against risk.notional_min" in found["sizes"]["fix"]
    assert refused.code == ExitCode.GATE
    assert refused.told.startswith("preflight: sizes: no product has a legal size")


def test_more_requests_than_a_cycle_has_time_for_are_refused(
    venue: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = venue.config / "app.yaml"
    before = app.read_text(encoding="utf-8")
    slow = before.replace(
        "private_requests_per_second_max: 25", "private_requests_per_second_max: 2"
    )
    app.write_text(slow)
    try:
        answer, found = examined(venue, monkeypatch)
        live = asked(main_loop.main, *venue.arguments("--confirm-live", "--once"))
    finally:
        app.write_text(before)
    assert (answer.code, found["requests"]["scope"]) == (ExitCode.GATE, "entries")
    assert "exchange.private_requests_per_second_max" in found["requests"]["fix"]
    assert (live.code, live.told[:21]) == (ExitCode.GATE, "preflight: requests: ")


def test_a_start_tells_of_foreign_coins_and_orders_and_leaves_them_alone(tmp_path: Path) -> None:
    with a_rehearsal(tmp_path) as rehearsal:
        resting = {"base_size": "0.001", "limit_price": "20000"}
        person = "3f1c7f0e-3c58-4d0c-9a7e-2f4f3b247247"
        made = rehearsal.venue.create(person, "limit_limit_gtc", **resting)
        name = made["success_response"]["order_id"]
        with rehearsal.bot() as bot:
            told = "\n".join(bot.notices)
            assert f"1 open order of somebody else: BTC-USD BUY {name}" in told
            assert "they are left alone" in told
            step(bot)
        assert rehearsal.venue.order(name)["status"] == "OPEN"


def test_with_own_positions_limits_that_forbid_every_entry_start_in_reduce_only(
    tmp_path: Path,
) -> None:
    with a_rehearsal(tmp_path) as rehearsal:
        with rehearsal.bot() as bot:
            step(bot)
            assert bot.world.ledger.positions()
        policy = rehearsal.config / "policy.yaml"
        before = policy.read_text(encoding="utf-8")
        policy.write_text(before.replace("notional_max: 1000 USD", "notional_max: 25 USD"))
        rehearsal.move()
        with rehearsal.bot() as bot:
            told = [line for line in bot.notices if line.startswith("preflight: ")]
            checks = [line.split(":")[1] for line in told]
            assert checks == [" alerts", " sizes"], "own lots are not foreign"
            record = step(bot)
            assert (record["level"], bot.last.state.standing.why) == (
                "REDUCE_ONLY",
                "failed: sizes",
            )
        policy.write_text(before)
        rehearsal.move()
        with rehearsal.bot() as bot:
            assert step(bot)["level"] == "NORMAL"


def failing(path: str, times: int) -> dict[str, object]:
    """So many answers of the venue that are none; a read is tried three times."""
    rule = {"kind": "status", "on": f"GET /api/v3/brokerage/{path}", "status": 503, "count": times}
    return {"seed": 1, "rules": [rule]}


def impatient(rehearsal: Rehearsal) -> None:
    app = rehearsal.config / "app.yaml"
    told = app.read_text(encoding="utf-8").replace("backoff_first: 5s ", "backoff_first: 1s ")
    app.write_text(told.replace("breaker_failures: 5 ", "breaker_failures: 50 "))


def test_a_venue_that_falters_at_the_start_is_asked_again_before_that_is_held_against_it(
    tmp_path: Path,
) -> None:
    with a_rehearsal(tmp_path) as rehearsal:
        impatient(rehearsal)
        rehearsal.venue.admin("faults", failing("accounts", 3))
        with rehearsal.bot() as bot:
            assert not any("accounts" in told for told in bot.notices)
            step(bot)
            assert bot.world.ledger.positions()
        rehearsal.move()
        rehearsal.venue.admin("faults", failing("accounts", 9))
        with rehearsal.bot() as bot:
            assert step(bot)["level"] == "REDUCE_ONLY", "what is held is watched all the same"


@pytest.mark.parametrize(("zone", "result"), [("UTC", "OK"), ("Europe/Istanbul", "WARN")])
def test_another_time_zone_than_utc_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, result: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        places = Places(tmp_path, tmp_path, "LIVE", "coinbase")
        found = {one.check: one for one in machine(shipped_configuration(), places)}
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found["time zone"].result.name == result


def test_a_disk_below_its_reserve_is_a_fail(tmp_path: Path) -> None:
    greedy = shipped_configuration(**{"app.disk_reserve": "900000 GB"})
    places = Places(tmp_path, tmp_path, "LIVE", "coinbase")
    found = {one.check: one for one in machine(greedy, places)}
    assert (found["disk"].result, found["disk"].scope) == (Result.FAIL, Scope.ALL)
    assert "app.disk_reserve" in found["disk"].fix


def test_a_venue_that_fails_says_nothing_of_the_key(
    venue: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue.venue.admin("faults", failing("key_permissions", 3))
    try:
        _, found = examined(venue, monkeypatch)
    finally:
        venue.venue.admin("faults", {})
    assert (found["account"]["result"], "key" in found) == ("FAIL", False)
    assert "look again in a while" in found["account"]["fix"]
