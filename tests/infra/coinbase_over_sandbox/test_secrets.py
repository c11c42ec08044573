"""A session with everything going wrong leaves no key, token or signature behind.

The venue repeats our token in its refusals; what is told, raised, logged, printed or
written must not hold it, nor any line of the key.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from traceback import format_exception

import pytest

from core.errors import BotError
from core.market import Side
from infra.exchange.coinbase.exchange import CoinbaseExchange
from infra.logs import Logs
from infra.sandbox.coinbase import gate
from infra.sandbox.coinbase.faults import Kind, Rule
from infra.sandbox.coinbase.keys import ApiKey
from infra.sandbox.coinbase.tokens import holder
from tests.builders.venue import a_plan
from tests.infra.coinbase_over_sandbox.hall import rule
from tests.infra.coinbase_over_sandbox.test_faults import SHORT, a_cancel
from tests.infra.coinbase_over_sandbox.world import WireWorld

PLANS = [
    *(rule(Kind.ECHO, status=status) for status in (400, 401, 403, 404, 422, 429, 500, 503)),
    rule(Kind.ECHO, status=500, after=True),
    rule(Kind.ECHO, status=200),
    rule(Kind.UNAUTHORIZED),
    rule(Kind.STATUS, status=502, body="html", after=True),
    rule(Kind.CUT),
    rule(Kind.EMPTY),
    rule(Kind.NULLS),
    rule(Kind.CLOCK_SKEW, seconds=600),
]


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every token that arrives from now on."""
    seen: list[str] = []

    def noting(authorization: str | None, *rest: object) -> ApiKey:
        seen.append((authorization or "").removeprefix("Bearer "))
        return holder(authorization, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(gate, "holder", noting)
    return seen


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Path]:
    """The bot's log, with everything in it that anybody logs."""
    folder = tmp_path / "logs"
    opened = Logs.open(folder, level="DEBUG", file_max=100_000_000, files_kept=1)
    level = logging.getLogger().level
    yield folder / "bot.log"
    opened.close()
    logging.getLogger().setLevel(level)


def calls(exchange: CoinbaseExchange, world: WireWorld, name: str) -> list[Callable[[], object]]:
    since = world.now() - timedelta(days=1)
    return [
        exchange.balances,
        exchange.open_orders,
        exchange.permissions,
        lambda: exchange.tops(["SOL-USD"]),
        lambda: exchange.preview(a_plan(name)),
        lambda: exchange.submit(a_plan(name)),
        lambda: exchange.submit(a_plan(name)),
        lambda: exchange.submit(a_plan(f"{name} sale", side=Side.SELL, price="101")),
        lambda: exchange.find_order(name, since),
        lambda: exchange.fills(since),
        lambda: exchange.order("00000000-0000-0000-0000-000000000000"),
        lambda: exchange.cancel(a_cancel("00000000-0000-0000-0000-000000000000")),
        lambda: exchange.edit("x", a_plan().price, a_plan().quantity),
    ]


def told_by(call: Callable[[], object]) -> str:
    """Whatever it says, as an answer, an error or a traceback; logged too."""
    try:
        return repr(call())
    except BotError as error:
        logging.getLogger("session").exception("it failed: %s", error)
        return "".join([repr(error), str(vars(error)), *format_exception(error)])


def secrets(world: WireWorld, tokens: list[str]) -> Mapping[str, str]:
    """What must be nowhere -> what it is."""
    key = json.loads((world.hall.folder / "coinbase_key.json").read_text(encoding="utf-8"))
    lines = [line for line in key["privateKey"].splitlines() if not line.startswith("-----")]
    return {
        key["name"]: "the key's name",
        key["name"].rpartition("/")[2]: "the key's id",
        **dict.fromkeys(lines, "a line of the key"),
        **dict.fromkeys(tokens, "a token"),
        **{token.rpartition(".")[2]: "a signature" for token in tokens},
    }


def test_nothing_of_the_key_is_in_anything_that_is_told_logged_or_printed(
    world: WireWorld, tokens: list[str], logs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = []
    for number, plan in enumerate(PLANS):
        exchange = world.hall.exchange(
            read_timeout=SHORT, connect_timeout=SHORT, breaker_failures=1_000
        )
        told += [told_by(exchange.balances), repr(exchange), repr(exchange.breakers())]
        world.hall.strike(plan)
        told += [told_by(call) for call in calls(exchange, world, f"order {number}")]
        struck = world.hall.inside(lambda: tuple(world.hall.sandbox.faults.struck))
        assert struck[0] > 5 or plan.kind is Kind.CLOCK_SKEW
        world.hall.calm()
    printed = "".join(capfd.readouterr())
    log = logs.read_text(encoding="utf-8")

    hidden = secrets(world, tokens)
    assert len(set(tokens)) > 100
    assert "[secret]" in "".join(told)
    assert "it failed" in log
    for where, text in (("told", "".join(told)), ("bot.log", log), ("printed", printed)):
        for secret, what in hidden.items():
            assert secret not in text, f"{what} in {where}"


def test_the_venue_really_repeats_the_token(world: WireWorld, tokens: list[str]) -> None:
    """Else the test above would prove nothing."""
    world.hall.strike(Rule(kind=Kind.ECHO, status=400))
    with pytest.raises(BotError):
        world.venue.balances()
    (asked,) = world.hall.asked("GET /accounts")
    assert tokens[0] in asked["answer"]
