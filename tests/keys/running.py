"""Situations of the whole bot: wired as the command line wires it, in a folder that is gone after.

What is compared is what the process does: what it reads, writes, keeps, and when it wakes.
"""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from config.loader import Configuration
from config.tree import Plain
from infra.audit_record import Record
from infra.clock import FastClock
from runner.bot import Bot
from runner.cadence import Cadence
from runner.doctor import venue
from runner.exit_codes import Refusal
from runner.gates import pass_gates
from runner.main_loop import options, turn
from runner.markets import RealVenue
from runner.wiring import wire
from tests.builders.bot import a_bot_of, the_places
from tests.builders.coinbase import a_scene_of, said
from tests.builders.market import NOON
from tests.builders.recordings import RECORDED_FROM, rows, write_candles
from tests.builders.shipped import CONFIG
from tests.builders.stage import Stage, decision_time
from tests.builders.timer import HandTimer
from tests.keys.scenario import Scenario

DAY = timedelta(days=1)
SOL = "SOL-USD"
Watch = Callable[[Bot, Path], object]


@contextmanager
def quiet_logs() -> Iterator[None]:
    """The level of the root logger is the process's, and this process is pytest's."""
    level = logging.getLogger().level
    try:
        yield
    finally:
        logging.getLogger().setLevel(level)


def on_a_stage(name: str, watch: Watch, settings: Mapping[str, Plain] | None = None) -> Scenario:
    """A bot on a stage on which SOL rises in the second cycle."""

    def outcome(configuration: Configuration) -> object:
        stage = Stage(SOL, "ETH-USD", "ADA-USD", "LTC-USD", "UNI-USD", "DOGE-USD")
        stage.rises(SOL, 2)
        stage.depths_per_request = 1
        with TemporaryDirectory() as folder, quiet_logs():
            bot = a_bot_of(configuration, Path(folder), stage)
            with bot:
                return watch(bot, Path(folder))

    return Scenario(name, outcome, settings or {})


def traded(name: str, *, latency: str) -> Scenario:
    """PAPER on that stage, where little trades in the candle after SOL's entry."""

    def outcome(configuration: Configuration) -> object:
        stage = Stage(SOL)
        stage.rises(SOL, 2)
        stage.roles[SOL].volumes[decision_time(3)] = 10.0
        stage.roles[SOL].volumes[decision_time(4)] = 10.0
        with TemporaryDirectory() as folder, quiet_logs():
            bot = a_bot_of(configuration, Path(folder), stage)
            with bot:
                done = [_cycle(bot) for _ in range(4)]
        return [[(f["symbol"], f["quantity"], f["at"]) for f in one["fills"]] for one in done]

    settings: dict[str, Plain] = {"app.mode": "PAPER", "market.matching.latency": latency}
    return Scenario(name, outcome, settings)


def wired(
    name: str,
    watch: Watch,
    *flags: str,
    settings: Mapping[str, Plain] | None = None,
) -> Scenario:
    """The bot as the command line starts it, or which exit code says that it does not start."""

    def outcome(configuration: Configuration) -> object:
        with TemporaryDirectory() as folder, quiet_logs():
            home = Path(folder)
            where = ["--state-dir", str(home / "var"), "--log-dir", str(home / "logs")]
            given = options([*where, *_recorded(configuration, home), *flags])
            try:
                bot = wire(given, configuration)
            except Refusal as refusal:
                return f"refused with {int(refusal.code)}"
            with bot:
                return watch(bot, home)

    return Scenario(name, outcome, settings or {})


def _recorded(configuration: Configuration, home: Path) -> list[str]:
    """A recording to play, where one is played."""
    if configuration.settings.exchange.name != "recorded":
        return []
    folder = home / "candles"
    folder.mkdir()
    for symbol in ("BTC-USD", SOL):
        write_candles(folder, f"{symbol}_15m_2025.csv", _candles())
    return ["--recording", str(folder)]


def _candles() -> Iterator[tuple[object, ...]]:
    """Closes at 100, ranges of 1%, so that the model has a spread to make."""
    for at, *_ in rows(700, since=RECORDED_FROM):
        yield (at, "100.37", "100.87", "99.87", "100.37", "12.5")


# What is watched


def _cycle(bot: Bot) -> Record:
    at = bot.timetable.after(bot.last.state.at)
    assert at is not None
    bot.last = turn(bot, at)
    record = bot.last.record
    assert record is not None
    return record


def cycle_ids(bot: Bot, _: Path) -> object:
    """The id of a cycle is part of the ids of all its orders."""
    done = [_cycle(bot), _cycle(bot)]
    return [
        (record["cycle_id"], [order["client_order_id"] for order in record["orders"]])
        for record in done
    ]


def cash(bot: Bot, _: Path) -> object:
    record = _cycle(bot)
    return record["portfolio"]["cash"], record["portfolio"]["foreign"]


def decision(bot: Bot, _: Path) -> object:
    """The digest of what the first cycle saw, and when."""
    record = _cycle(bot)
    return record["at"], record["inputs"]


def products(bot: Bot, _: Path) -> object:
    return sorted(product.symbol for product in bot.world.gatherer.market.products())


def carrier(bot: Bot, _: Path) -> object:
    """Under which mode it writes, and which venue would carry its orders out."""
    return bot.world.identity.mode, type(bot.world.venue).__name__


def gates(configuration: Configuration) -> object:
    """Which gates are shut for a LIVE that is confirmed."""
    try:
        pass_gates(
            Namespace(confirm_live=True, config=CONFIG, profile=None), configuration.settings
        )
    except Refusal as refusal:
        return str(refusal)
    return "all open"


def doctor(configuration: Configuration) -> object:
    """What is said of a key that may withdraw."""
    may = {"can_view": True, "can_trade": True, "can_transfer": True, "portfolio_uuid": "one"}
    script = {
        "GET /time": said({"iso": "2026-11-20T12:00:00Z"}),
        "GET /key_permissions": said(may),
        "GET /portfolios": said({"portfolios": [{"uuid": "one", "name": "Default"}]}),
        "GET /orders": said({"orders": []}),
    }
    exchange = a_scene_of(configuration.settings.exchange, script).exchange
    clock = FastClock(NOON, Decimal(1))
    found = venue(configuration, RealVenue(exchange, clock, Decimal(1)), None)
    return {finding.check: finding.result.value for finding in found}


def history(bot: Bot, _: Path) -> object:
    """What it holds: how many bars of which length."""
    return bot.world.history.bar, bot.world.history.length


def fees(bot: Bot, _: Path) -> object:
    return str(bot.world.gatherer.market.fees())


def book(bot: Bot, _: Path) -> object:
    at = bot.timetable.after(None)
    assert at is not None
    bot.begin(1, at)
    market = bot.world.gatherer.market
    return str(market.tops([SOL])[SOL]), str(market.depths([SOL])[SOL])


def wakes(bot: Bot, _: Path) -> object:
    """Market time and real time of the second cycle."""
    first = bot.timetable.after(None)
    timer = HandTimer()
    began = timer.at
    pace = bot.pace
    assert isinstance(pace, Cadence)
    replace(pace, timer=timer).wait("247trader-20250101T000000Z-1", timedelta(0), lambda: False)
    return bot.timetable.after(first), timer.at - began


def backoffs(bot: Bot, _: Path) -> object:
    """The waits after one failure, two, and very many."""
    return [bot.backoff(failures) for failures in (1, 2, 40)]


def depths_asked(bot: Bot, _: Path) -> object:
    _cycle(bot)
    history = bot.world.history
    return [one.symbol for one in history.products if history.depth_seen_at(one.symbol)]


def old_archives(bot: Bot, folder: Path) -> object:
    """Which archives of 300 and of 500 days ago are there when a day is over."""
    _cycle(bot)
    logs = the_places(folder).logs
    for age in (300, 500):
        (logs / f"audit-{(NOON - age * DAY).date()}.jsonl.gz").write_bytes(b"")
    bot.last = turn(bot, NOON + DAY)
    return sorted(path.name for path in logs.glob("audit-*.gz"))


def log_lines(bot: Bot, folder: Path) -> object:
    """Which of four lines, one of each level, are in the log."""
    levels = ("debug", "info", "warning", "error")
    for level in levels:
        getattr(logging.getLogger("runner"), level)("a line of %s", level)
    text = "".join(path.read_text() for path in (folder / "logs").rglob("bot.log"))
    return [level for level in levels if f"a line of {level}" in text]


def log_files(bot: Bot, folder: Path) -> object:
    """The files that a hundred long lines leave."""
    for _ in range(100):
        logging.getLogger("runner").error("x" * 1000)
    return sorted(path.name for path in (folder / "logs").rglob("bot.log*"))
