"""Backtest: `python -m runner.backtest`. The bot itself over recorded candles, then a report.

PAPER with nothing that lasts: the loop, the cycle, the simulated venue and the ledger are
those that trade. Only what would be written down stays in memory and becomes a report.
There is no second loop here, and no decision.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TextIO

from config import parse
from config.loader import Configuration
from core.money import ZERO
from core.wording import instant
from infra.process import keep_memory_flat, left_to_tidy
from runner.backtested import backtested
from runner.cadence import Timetable
from runner.command_line import instant_of, parser, path, run
from runner.configured import configure, history_length
from runner.cycle import Turn
from runner.exit_codes import ExitCode, Refusal
from runner.main_loop import Stop, loop
from runner.markets import Market, market_for
from runner.report.story import Story

_SHOWN_EVERY = 2_000  # cycles


def options(arguments: Sequence[str] | None) -> Namespace:
    made = parser(
        "backtest",
        "Runs the bot over recorded candles, as PAPER would have, and writes a report:\n"
        "report.html, report.json, trades.csv and equity.csv.",
    )
    made.add_argument(
        "--recording", type=path, metavar="DIR", required=True, help="candles to play"
    )
    made.add_argument("--bar", metavar="BAR", help="1m, 5m, 15m, 1h or 1d")
    made.add_argument("--start", metavar="ISO", help="market time of the first cycle")
    made.add_argument("--end", metavar="ISO", help="and of the last")
    made.add_argument("--cash", metavar="AMOUNT", help='to begin with, as "10000 USD"')
    made.add_argument("--report", metavar="DIR", type=path, required=True, help="where it goes")
    given = made.parse_args(arguments)
    for flag, only in (("mode", "PAPER"), ("exchange", "recorded")):
        if getattr(given, flag) not in (None, only):
            raise Refusal(ExitCode.USAGE, f"--{flag}: a backtest is {only}; leave it out")
        setattr(given, flag, only)
    given.fast, given.once, given.max_cycles, given.stop_on_halt = True, False, None, False
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    given = options(arguments)
    keep_memory_flat()
    stop = Stop()
    stop.listen()
    story = played(given, stop, Progress(sys.stderr))
    # Here, because plotly takes longer to load than a short backtest takes.
    from runner.report.folder import write_report
    from runner.report.words import headline, sentences

    try:
        write_report(given.report, story)
    except OSError as error:
        raise Refusal(ExitCode.DAMAGED, f"--report: {given.report}: {error.strerror}") from error
    if given.json:
        print(json.dumps(story.summary(), sort_keys=True))
    else:
        print(headline(story), *sentences(story), sep="\n")
        print(f"report: {given.report / 'report.html'}")
    return ExitCode.FINISHED


def prepared(given: Namespace) -> tuple[Configuration, Market]:
    """The configuration with its cash, and the market from its first cycle to its last."""
    configuration = _with_cash(configure(given), given.cash)
    settings = configuration.settings
    market = market_for(given, settings, history_length(configuration))
    # The venue may look at the same market: nobody bills requests here, and books are made once.
    return configuration, replace(_until(market, given.end), behind=market.data)


def played(given: Namespace, stop: Stop, progress: Progress) -> Story:
    """The whole backtest, from the command line to what it came to."""
    configuration, market = prepared(given)
    bot, journal = backtested(configuration, market)
    with bot, left_to_tidy():
        for notice in bot.notices:
            progress.say(notice)
        loop(bot, given, progress, stop)
        closed = bot.world.ledger.closed_since(market.timetable.start)
    try:
        return Story.of(journal.setting, journal.chronicle, closed)
    except ValueError as error:
        failed = ", ".join(journal.chronicle.failed)
        raise Refusal(ExitCode.FAILED, f"{error}: {failed or 'nothing was played'}") from error


@dataclass(slots=True)
class Progress:
    """runner.screen.Screen: how far it is, on a terminal only; the notices in any case."""

    out: TextIO
    cycles: int = field(default=0, init=False)

    def say(self, line: str) -> None:
        print(line, file=self.out)

    def cycle(self, turn: Turn, due: datetime | None) -> None:  # noqa: ARG002
        self.cycles += 1
        if self.cycles % _SHOWN_EVERY == 0 and self.out.isatty():
            at = turn.state.at
            told = "" if at is None else instant(at)
            print(f"\r{told}  {self.cycles:,} cycles ", end="", file=self.out, flush=True)

    def summary(self) -> None:
        """The report is one."""

    def close(self) -> None:
        """Nothing was taken."""


def _until(market: Market, text: str | None) -> Market:
    """The market as far as --end, which must leave something to play."""
    end, times = instant_of("--end", text), market.timetable
    if end is None:
        return market
    assert isinstance(times, Timetable), "only a market with a clock of its own is played"
    if times.end is not None and not times.start <= end <= times.end:
        raise Refusal(
            ExitCode.USAGE,
            f"--end: {instant(end)} is not between {instant(times.start)}, the first cycle, and "
            f"{instant(times.end)}, where the recording ends",
        )
    return replace(market, timetable=replace(times, end=end))


def _with_cash(configuration: Configuration, text: str | None) -> Configuration:
    """The configuration with what --cash names as the only wallet that is not empty."""
    if text is None:
        return configuration
    app = configuration.settings.app
    try:
        cash = parse.money(text)
    except ValueError as error:
        raise Refusal(ExitCode.USAGE, f"--cash: {error}") from error
    if cash.currency != app.capital_currency:
        capital = app.capital_currency
        raise Refusal(ExitCode.USAGE, f"--cash: {text} is not in {capital}, app.capital_currency")
    if cash.amount <= ZERO or app.capital_max < cash:
        why = f"--cash: {cash} is not above zero and within app.capital_max, {app.capital_max}"
        raise Refusal(ExitCode.USAGE, why)
    app = replace(app, starting_balances=(cash,))
    return replace(configuration, settings=replace(configuration.settings, app=app))


if __name__ == "__main__":
    run(main)
