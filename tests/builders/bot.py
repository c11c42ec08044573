"""The whole bot on a stage: real stores in a folder, wired as main_loop wires it.

`a_bot` starts a process's worth of bot in a folder; leaving its context stops it
cleanly, `dies` leaves what a killed process leaves. Records come back as they
stand in the audit log.
"""

from __future__ import annotations

import io
import json
from argparse import Namespace
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from config.loader import Configuration, load
from infra.audit_archive import archives
from infra.audit_record import Record
from infra.instance_lock import InstanceLock
from infra.naming import new_run_id
from runner import replay
from runner.bot import Bot
from runner.cadence import Timetable
from runner.main_loop import turn
from runner.markets import Market
from runner.places import Places
from runner.verify import Report, verify
from runner.wiring import Home, assembled
from strategy.registry import parameter_types
from tests.builders.market import BAR, NOON
from tests.builders.shipped import a_config_folder, shipped_configuration
from tests.builders.stage import Stage

EXCHANGE = "embedded"  # the folder's name; the stage stands in for that market


def the_places(folder: Path) -> Places:
    return Places(folder / "var", folder / "logs", "DRY_RUN", EXCHANGE)


def a_bot(folder: Path, stage: Stage, **overrides: str) -> Bot:
    """A bot on a stage, locked and recovered; overrides by dotted key of the configuration."""
    return a_bot_of(shipped_configuration(**overrides), folder, stage)


def a_bot_of(configuration: Configuration, folder: Path, stage: Stage) -> Bot:
    """The same with a configuration of one's own."""
    places, run_id = the_places(folder), new_run_id()
    market = Market(
        data=stage,
        behind=stage,
        clock=stage.clock,
        identity={"exchange": EXCHANGE, "script": "stage"},
        timetable=Timetable(NOON, BAR, None),
        notices=(),
    )
    lock = InstanceLock.take(places.state_dir, places.mode, run_id)
    try:
        home = Home(places, lock, run_id)
        return assembled(Namespace(fast=True), configuration, market, home)
    except BaseException:
        lock.release()
        raise


def edited(folder: Path, *edits: tuple[str, str, str]) -> Configuration:
    """The shipped configuration with (file, old text, new text) replaced."""
    copy = a_config_folder(folder, *edits)
    return load(copy, profile=None, overrides={}, strategies=parameter_types())


def cycle(bot: Bot) -> Record:
    """One turn of the loop, and what the audit log says of it."""
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    bot.last = turn(bot, at)
    assert bot.last.record is not None
    return bot.last.record


def cycles(bot: Bot, count: int) -> list[Record]:
    return [cycle(bot) for _ in range(count)]


def dies(bot: Bot) -> None:
    """What the kernel does for a process that was killed: files and locks fall free."""
    bot.stores.close()
    bot.logs.close()
    bot.lock.release()


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Interposed:
    """A port that does what the real one does, and something else at one of its methods."""

    port: Any
    method: str
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.port, name)
        return self._around(real) if name == self.method else real

    def _around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            if self.before is not None:
                self.before()
            answer = real(*given, **named)
            if self.after is not None:
                self.after()
            return answer

        return call


def interpose(
    bot: Bot,
    port: str,
    method: str,
    *,
    before: Callable[[], None] | None = None,
    after: Callable[[], None] | None = None,
) -> Callable[[], None]:
    """Do something before or after one method of one port of the world. Returns the undoing."""
    original = bot.world
    middle = Interposed(getattr(original, port), method, before, after)
    changes: dict[str, Any] = {port: middle}
    bot.world = replace(original, **changes)

    def undo() -> None:
        bot.world = original

    return undo


def raising(error: BaseException) -> Callable[[], None]:
    """Something that raises."""

    def act() -> None:
        raise error

    return act


def audited(folder: Path) -> list[Record]:
    """Every line of the current audit log, oldest first."""
    path = the_places(folder).logs / "audit.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def verified(folder: Path) -> Report:
    """What runner.verify says of all the files."""
    logs = the_places(folder).logs
    return verify([*archives(logs), logs / "audit.jsonl"])


def replayed(folder: Path, *options: str) -> dict[str, Any]:
    """What runner.replay --json says, with its exit code."""
    places = the_places(folder)
    told = io.StringIO()
    where = ["--state-dir", str(places.state_dir), "--log-dir", str(places.log_dir)]
    with redirect_stdout(told):
        code = replay.main([*where, "--json", *options])
    return {**json.loads(told.getvalue()), "exit": int(code)}


def answer(record: Record, symbol: str) -> tuple[str, str, str, str]:
    """Code, seen, limit and key of a product's verdict."""
    verdict = record["verdicts"][symbol]
    return verdict["code"], verdict["seen"], verdict["limit"], verdict["key"]


def exclusion(record: Record, symbol: str) -> tuple[str, str, str, str]:
    """Code, seen, limit and key with which the universe left a product out in this very cycle."""
    changed = record["universe"]["changed"][symbol]
    assert symbol in record["universe"]["excluded"][changed["code"]]
    return changed["code"], changed["seen"], changed["limit"], changed["key"]


def nothing_planned(bot: Bot, record: Record) -> bool:
    """Neither the record nor the ledger knows of an order that this cycle wanted."""
    return record["plan"] == [] and not bot.stores.ledger.orders_of(record["cycle"])
