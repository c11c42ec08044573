"""LIVE against the sandbox: real requests, real orders, and books that agree with the venue."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from infra.heartbeat import Heartbeat
from runner import main_loop
from runner.exit_codes import ExitCode
from tests.builders.rehearsal import Rehearsal, a_rehearsal, step
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


def unreachable(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in rehearsal.environment(COINBASE_BASE_URL="127.0.0.1:1").items():
        monkeypatch.setenv(name, value)


def waits_until_told_to_stop(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> tuple[Answer, dict[str, str]]:
    """The bot before a venue that does not answer, stopped at its first sign of life."""
    seen: list[str] = []

    def stops(beats: Heartbeat, doing: str, why: str, pause: timedelta = timedelta(0)) -> None:
        said(beats, doing, why, pause)
        seen.append(beats.path.read_text(encoding="utf-8"))
        os.kill(os.getpid(), signal.SIGTERM)

    said = Heartbeat.waiting
    monkeypatch.setattr(Heartbeat, "waiting", stops)
    unreachable(rehearsal, monkeypatch)
    answer = asked(main_loop.main, *rehearsal.arguments("--confirm-live"))
    return answer, json.loads(seen[0])


def test_a_venue_that_does_not_answer_is_waited_for_with_a_sign_of_life(
    venue: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, beat = waits_until_told_to_stop(venue, monkeypatch)
    assert (beat["state"], beat["why"][:11]) == ("WAITING_FOR_VENUE", "UNREACHABLE")
    assert answer.code == ExitCode.FINISHED
    assert answer.told.startswith("stopped while the venue did not answer: UNREACHABLE")


def test_whoever_stops_waiting_is_told_of_entries_that_nobody_could_ask_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_rehearsal(tmp_path) as rehearsal:
        with rehearsal.bot() as bot:
            while not (loose := [o for o in step(bot)["orders"] if o["status"] == "OPEN"]):
                rehearsal.move()
        answer, _ = waits_until_told_to_stop(rehearsal, monkeypatch)
    stopped, *entries = answer.err.splitlines()
    assert answer.code == ExitCode.UNPROVED
    assert stopped.startswith("stopped while the venue did not answer")
    assert [order["client_order_id"] in told for order, told in zip(loose, entries, strict=True)]
    assert all("OPEN, unproved, ends by itself at" in told for told in entries)


def test_once_waits_for_nobody(venue: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable(venue, monkeypatch)
    answer = asked(main_loop.main, *venue.arguments("--once", "--confirm-live"))
    assert answer.code == ExitCode.FAILED
    assert "the venue does not answer: UNREACHABLE" in answer.told
