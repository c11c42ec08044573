"""What explain says would have had to differ is true: the change is made, and the verdict turns."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from config.complaints import ConfigError
from config.loader import rebuild
from core.decision import Decision
from infra.tape import frames
from runner.main_loop import main
from runner.nearest_miss import Remedy, differ, remedy
from runner.replay import Replayed, replayed_cycles
from strategy import registry

CYCLES = 260
SAMPLES_PER_CODE = 3


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tape of a run of the whole bot on the embedded market."""
    folder = tmp_path_factory.mktemp("explained")
    places = ["--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs")]
    assert main(["--fast", "--quiet", "--max-cycles", str(CYCLES), *places]) == 0
    return folder / "var" / "dry_run" / "embedded" / "tape"


def told(decision: Decision, symbol: str) -> Mapping[str, str] | None:
    """The verdict or exclusion of a product as the audit record writes it."""
    verdict = decision.verdicts.get(symbol)
    finding = verdict.finding if verdict else decision.universe.excluded.get(symbol)
    if finding is None:
        return None
    return {
        "code": finding.reason.name,
        "seen": finding.seen,
        "limit": finding.limit,
        "key": finding.key,
    }


def with_change(effective: Mapping[str, Any], change: Remedy) -> Mapping[str, Any]:
    """The effective configuration with one key set to what explain named."""
    changed = copy.deepcopy(dict(effective))
    *path, name = change.key.split(".")
    section: Any = changed
    for part in path:
        section = section[part]
    section[name] = int(change.value) if change.value.isdigit() else change.value
    return changed


def after(change: Remedy, replayed: Replayed) -> Decision:
    """The same cycle decided again under the changed policy, everything else as it was."""
    effective = with_change(replayed.stand.configuration.effective, change)
    changed = rebuild(effective, strategies=registry.parameter_types())
    stand = replayed.stand
    return type(stand)(stand.snapshot, stand.portfolio, stand.state, changed).decide()


def samples(tape: Path) -> Iterator[tuple[Replayed, str, Mapping[str, str], Remedy]]:
    """A few verdicts of every code for which explain names a change."""
    taken: dict[str, int] = {}
    for replayed in replayed_cycles(frames(tape)):
        decision = replayed.decision
        for symbol in (*decision.verdicts, *decision.universe.excluded):
            verdict = told(decision, symbol)
            assert verdict is not None
            change = remedy(verdict)
            code = f"{verdict['code']} {verdict['key']}"
            if change is not None and taken.get(code, 0) < SAMPLES_PER_CODE:
                taken[code] = taken.get(code, 0) + 1
                yield replayed, symbol, verdict, change


def test_making_exactly_the_change_that_explain_names_turns_the_verdict(tape: Path) -> None:
    stayed, turned = [], set()
    for replayed, symbol, verdict, change in samples(tape):
        try:
            again = told(after(change, replayed), symbol)
        except ConfigError:
            continue  # the policy forbids this very value, for instance a pace above the day's
        if again is not None and (again["code"], again["key"]) == (verdict["code"], verdict["key"]):
            stayed.append((symbol, verdict, change, again))
        turned.add(verdict["code"])

    assert stayed == []
    assert len(turned) >= 6


def test_a_change_a_hair_short_of_it_turns_nothing(tape: Path) -> None:
    """The smallest change is really the smallest: a count one short leaves the verdict."""
    checked = 0
    for replayed, symbol, verdict, change in samples(tape):
        if verdict["code"] != "DAILY_PACE":
            continue
        short = Remedy(change.key, str(int(change.value) - 1))
        assert told(after(short, replayed), symbol) == verdict
        checked += 1
    assert checked > 0


@pytest.mark.parametrize(
    ("verdict", "clause"),
    [
        (
            ("STABLE_PAIR", "USDT", "none of USD", "universe.stable_assets"),
            "universe.stable_assets without USDT",
        ),
        (("APPROVED", "45 USD", "45 USD", "risk"), "nothing: it was approved"),
        (("PRODUCT_NOT_ONLINE", "halted", "online", "product.status"), "offer the product"),
        (("THEME_FULL", "20%", "16%", "risk.theme_max.meme"), "times the regime's caps"),
        (
            ("OTHER_WALLET", "place 2", "place 1 of SOL-USD", "app.quote_currencies"),
            "its wallet or book would have had to be the better one",
        ),
        (
            ("WRONG_WALLET", "9 USDC", "50 USDC (the USD wallet has 90 USD)", "risk.x"),
            "its wallet would have had to hold 50 USDC (the USD wallet has 90 USD)",
        ),
        (
            ("RATE_UNKNOWN", "USDC never", "30s", "risk.book_age_max"),
            "the market would have had to show what its wallet is worth",
        ),
        # No key could hold these numbers, so none is named.
        (
            ("CASH_BUFFER", "-3%", "20%", "risk.cash_min"),
            "its wallets would have had to hold what it takes beside 20% (risk.cash_min)",
        ),
        (
            ("RULE_DECLINED", "stop 120% below the entry", "above 0% and below 100%", "a.stop_atr"),
            "the rule's condition would have had to hold: above 0% and below 100% (a.stop_atr)",
        ),
        (
            ("ORDER_UNWANTED", "rules:SOL-USD:SELL", "no sale of the product", "strategies.rules"),
            "there would have had to be no sale of the product (strategies.rules)",
        ),
        (
            ("BOOK_TOO_OLD", "never", "30s", "risk.book_age_max"),
            "a book would have had to be seen within 30s",
        ),
        (("COOLDOWN", "45m", "2h", "risk.cooldown"), "risk.cooldown at 45m would have let it pass"),
        (
            ("NO_TRIGGER", "momentum -1.2%", "2%", "triggers.momentum.min.chop"),
            "momentum -1.2% would have had to reach 2%",
        ),
        (
            ("NO_TRIGGER", "price_move_15m -0.3%", "1%", "triggers.price_move_15m.min.chop"),
            "triggers.price_move_15m.min.chop at 0.3%",
        ),
    ],
)
def test_every_kind_of_verdict_gets_its_clause(
    verdict: tuple[str, str, str, str], clause: str
) -> None:
    record = dict(zip(("code", "seen", "limit", "key"), verdict, strict=True))
    assert clause in differ(record)
