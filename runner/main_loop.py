"""The bot: `python -m runner.main_loop`. Command line, cadence, signals, exit codes.

The only place that catches everything: a cycle that raises is recorded as FAILED
with its code, and the loop goes on, more slowly while cycles fail.
"""

from __future__ import annotations

import faulthandler
import logging
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from types import FrameType
from typing import TypeVar

from config import schemas
from core.errors import BotError
from core.reasons import Reason
from core.state import Level
from core.wording import instant
from infra.audit_record import Record
from infra.clock import SystemClock
from infra.console import tell
from infra.process import keep_memory_flat, lasting, tidy_memory
from runner import VERSION
from runner.bot import Bot
from runner.command_line import parser, path, run, whole
from runner.configured import configure
from runner.cycle import Turn, fail_cycle, failed_state, failure, run_cycle
from runner.exit_codes import ExitCode, Refusal
from runner.screen import Screen, screen_for
from runner.shutdown import farewell
from runner.wiring import wire

_ABOUT = """Runs the bot, cycle after cycle, until it is stopped. The same command again goes on
where the last cycle ended. What no flag says is as config/app.yaml has it.

Exit 0: finished, stopped, or the recording is used up. 1: --once, and its cycle failed.
2: configuration or usage. 3: a gate before LIVE is shut. 4: another bot holds the folder.
5: halted, with --stop-on-halt. 6: what lasts is damaged, foreign or cannot be written.
7: the venue refuses the key. 8: what became of an own order is unproved."""
AGAIN_SECONDS = 2.0
log = logging.getLogger("runner")
Done = TypeVar("Done")


@dataclass(slots=True)
class Stop:
    """Whether somebody asked us to stop. Read between cycles, never inside one."""

    asked: bool = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.on_signal)


def options(arguments: Sequence[str] | None) -> Namespace:
    made = parser("main_loop", _ABOUT)
    add_market_options(made)
    made.add_argument("--once", action="store_true", help="one cycle; exit 1 if it failed")
    made.add_argument("--max-cycles", type=whole, metavar="N", help="stop after N more cycles")
    made.add_argument("--interval", metavar="SECONDS", help="between two cycles; 15m is fine too")
    made.add_argument("--fast", action="store_true", help="no waiting; simulated clocks only")
    made.add_argument("--stop-on-halt", action="store_true", help="exit 5 when halted")
    made.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return made.parse_args(arguments)


def add_market_options(made: ArgumentParser) -> None:
    """The flags that say which market, and whether it may be LIVE."""
    made.add_argument(
        "--recording", type=path, metavar="DIR", help="candles to play, with recorded"
    )
    made.add_argument("--bar", metavar="BAR", help="1m, 5m, 15m, 1h or 1d")
    made.add_argument("--start", metavar="ISO", help="market time of the first cycle, ever")
    made.add_argument("--seed", metavar="N", help="which embedded market")
    made.add_argument("--confirm-live", action="store_true", help="LIVE is meant: one of its gates")


def main(arguments: Sequence[str] | None = None) -> int:
    given = options(arguments)
    if given.max_cycles is not None and given.max_cycles < 1:
        raise Refusal(ExitCode.USAGE, f"--max-cycles: {given.max_cycles} is not at least 1")
    keep_memory_flat()
    screen = screen_for(given, sys.stdout)
    stop = Stop()
    stop.listen()
    try:
        configuration = configure(given)
        schemas.forget()  # before the SDK is loaded, which takes their place
        bot = wire(given, configuration, lambda: stop.asked)
    except Refusal as refusal:
        if refusal.code is ExitCode.LOCKED and given.quiet:
            return refusal.code
        raise
    with bot, closing(screen), lasting():
        log.info("started", extra={"run_id": bot.world.identity.run_id, "version": VERSION})
        for notice in bot.notices:
            screen.say(notice)
            log.info(notice)
        code = loop(bot, given, screen, stop)
        bot.outside.stopping()
        if stop.asked or code is ExitCode.HALTED:
            left = farewell(bot, turn, screen, SystemClock())
            code = code if left is ExitCode.FINISHED else left
        bot.outside.leaving(code)
        screen.summary()
        log.info("stopped", extra={"exit_code": int(code)})
    return code


def loop(bot: Bot, given: Namespace, screen: Screen, stop: Stop) -> ExitCode:
    """Cycle after cycle, to the end of the market's time, of the count, or of patience."""
    failures, done = 0, 0
    cycles_max = 1 if given.once else given.max_cycles
    while not stop.asked:
        at = bot.timetable.after(bot.last.state.at)
        if at is None:
            screen.say("the recording is used up")
            break
        bot.last = turn(bot, at)
        done += 1
        failed = bot.last.outcome is None
        failures = failures + 1 if failed else 0
        outlived(lambda: screen.cycle(bot.last, bot.timetable.due(bot.last.state.at)), "the screen")
        if bot.last.record:
            log.info("cycle done", extra=_gist(bot.last.record))
        if given.once and failed:
            return ExitCode.FAILED
        if given.stop_on_halt and bot.last.state.standing.level is Level.HALTED:
            return ExitCode.HALTED
        if cycles_max is not None and done >= cycles_max:
            break
        rest(bot, stop, failures)
    return ExitCode.FINISHED


def _gist(record: Record) -> dict[str, object]:
    """What a line of bot.log says of a cycle; the whole stands in the audit log."""
    return {
        "at": record["at"],
        "outcome": record["outcome"],
        "level": record["level"],
        "code": (record["why"] or {}).get("code"),
        "planned": len(record["plan"]),
    }


def turn(bot: Bot, at: datetime) -> Turn:
    """One cycle, whatever happens in it; then a word to all who watch, whatever comes of that."""
    cycle = bot.last.state.cycle + 1
    bot.begin(cycle, at)
    found = outlived(lambda: run_cycle(bot.world, bot.last, at), f"cycle {cycle}")
    done = _failed(bot, at, found) if isinstance(found, Exception) else found
    outlived(lambda: bot.beat(done.state), "the sign of life")
    outlived(lambda: bot.outside.turned(done, bot.world.ledger), "the word to who watches")
    tidy_memory(cycle)
    return done


def outlived(act: Callable[[], Done], what: str) -> Done | Exception:
    """What came of it, or what it raised: nothing a cycle does or says may end the loop."""
    try:
        return act()
    except Exception as error:  # the one broad catch: the caller records it, or goes on without
        log.exception("%s failed", what)
        return error


def _failed(bot: Bot, at: datetime, error: Exception) -> Turn:
    try:
        return fail_cycle(bot.world, bot.last, at, error)
    except (OSError, BotError) as second:
        # Even the failure cannot be written; say it where it can be said.
        why = failure(error)
        tell(f"{instant(at)} FAILED {why['code']}: {why['text']}; {second}", sys.stderr)
        state = failed_state(bot.last.state, at, bot.world.controls.read(), error)
        return Turn(state, None, None)


def rest(bot: Bot, stop: Stop, failures: int) -> None:
    """Wait for the next cycle; what the operator says anew starts it at once.

    An entry that a kill could not take back yet is tried again soon.
    """
    known = bot.last.state.standing.code in (Reason.KILL_SWITCH.name, Reason.FLATTEN.name)
    controls = bot.world.controls
    timer, again = SystemClock(), known and not failures and bot.has_entries_out()
    soon = timer.monotonic() + AGAIN_SECONDS

    def woken() -> bool:
        bot.alive()
        called = stop.asked or controls.flattening() or (not known and controls.killed())
        return called or (again and timer.monotonic() >= soon)

    bot.pace.wait(bot.last.state.cycle_id, bot.backoff(failures), woken)


if __name__ == "__main__":
    faulthandler.enable()  # a supervisor ends a hung cycle by a signal: say where it hung
    run(main)
