"""LIVE against the sandbox: real requests, real orders, and books that agree with the venue."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from runner import main_loop
from runner.exit_codes import ExitCode
from tests.builders.rehearsal import BUSY, Rehearsal, a_rehearsal, step
from tests.builders.terminal import Answer, asked


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """One for gates that nobody passes: nothing is traded on it."""
    with a_rehearsal(tmp_path_factory.mktemp("gates")) as rehearsal:
        yield rehearsal


def started(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Answer:
    for name, value in rehearsal.environment().items():
        monkeypatch.setenv(name, value)
    return asked(main_loop.main, *arguments)


def test_live_buys_and_sells_and_the_ledger_holds_what_the_venue_holds(tmp_path: Path) -> None:
    with a_rehearsal(tmp_path) as rehearsal, rehearsal.bot() as bot:
        sides = []
        for _ in range(5):
            sides += [fill["side"] for fill in step(bot)["fills"]]
            rehearsal.move()
        assert {"BUY", "SELL"} <= set(sides)
        told = rehearsal.venue.admin("truth")["balances"]
        held = {name: Decimal(b["available"]) + Decimal(b["hold"]) for name, b in told.items()}
        known = {name: amount for name, amount in held.items() if amount}
        assert known == {n: a for n, a in bot.world.ledger.expected().items() if a}


def test_live_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    with a_rehearsal(tmp_path) as rehearsal:
        with rehearsal.bot() as bot:
            first = step(bot)
        rehearsal.move()
        with rehearsal.bot() as bot:
            second = step(bot)
    assert first["cycle"] + 1 == second["cycle"]
    assert set(first["portfolio"]["positions"]) <= set(second["portfolio"]["positions"])


def test_what_the_venue_failed_at_outlives_a_restart(tmp_path: Path) -> None:
    failing = {"group": "orders", "position": "open", "failures": 5, "opened_at": BUSY}
    with a_rehearsal(tmp_path) as rehearsal:
        with rehearsal.bot() as bot:
            assert bot.real is not None
            bot.real.exchange.restore_breakers({"orders": failing})
        with rehearsal.bot() as bot:
            assert bot.real is not None
            assert bot.real.exchange.breakers() == {"orders": failing}


def test_live_is_refused_until_it_may_send_and_is_confirmed(
    venue: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = venue.arguments("--once")
    shipped[1] = "config"
    answer = started(venue, monkeypatch, *shipped)
    assert answer.code == ExitCode.GATE
    may_send, confirmed = answer.err.splitlines()
    assert "config/app.yaml:" in may_send
    assert "exchange.read_only: is true, and LIVE sends orders; write false" in may_send
    assert confirmed.startswith("--confirm-live: LIVE is not confirmed")
    assert not (venue.folder / "var").exists()


@pytest.mark.parametrize("word", ["", "yes", "NO"])
def test_only_the_word_confirms(
    venue: Rehearsal, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("TRADER_CONFIRM_LIVE", word)
    answer = started(venue, monkeypatch, *venue.arguments("--once"))
    assert answer.code == ExitCode.GATE
    assert "--confirm-live" in answer.told


def test_cron_confirms_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_CONFIRM_LIVE", "YES")
    with a_rehearsal(tmp_path) as rehearsal:
        answer = started(rehearsal, monkeypatch, *rehearsal.arguments("--once"))
    assert (answer.code, answer.err) == (ExitCode.FINISHED, "")


def test_a_real_clock_cannot_be_hurried(venue: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = started(venue, monkeypatch, *venue.arguments("--fast", "--confirm-live"))
    assert answer.code == ExitCode.USAGE
    assert "--fast" in answer.told


def test_a_key_that_the_venue_refuses_ends_the_start(
    venue: Rehearsal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = venue.venue.key()
    stranger = tmp_path / "key.json"
    stranger.write_text(
        '{"name": "organizations/x/apiKeys/none", "privateKey": '
        + repr(key["privateKey"]).replace("'", '"')
        + "}",
        encoding="utf-8",
    )
    for name, value in venue.environment(COINBASE_KEY_FILE=str(stranger)).items():
        monkeypatch.setenv(name, value)
    answer = asked(main_loop.main, *venue.arguments("--confirm-live"))
    assert answer.code == ExitCode.KEY_REFUSED
    assert "KEY_REFUSED" in answer.told


def test_once_waits_for_nobody(venue: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in venue.environment(COINBASE_BASE_URL="127.0.0.1:1").items():
        monkeypatch.setenv(name, value)
    answer = asked(main_loop.main, *venue.arguments("--once", "--confirm-live"))
    assert answer.code == ExitCode.FAILED
    assert "the venue does not answer: UNREACHABLE" in answer.told
