"""Flatten: `python -m runner.flatten "why"`. Takes entries back and sells the bot's own lots.

A running bot is told so by a file and does it in its next cycles. Without one this program
takes the lock and runs the cycles itself, through the same plan, carry-out and ledger.
Afterwards the bot is HALTED until `runner.resume`; foreign coins are never touched.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from config.contradictions import SIMULATED_EXCHANGES
from core.market import Side
from infra.clock import SystemClock
from infra.control_files import ControlFolder
from infra.instance_lock import holder
from runner.alerts.outside import nobody
from runner.bot import Bot
from runner.command_line import parser, run
from runner.configured import configure
from runner.exit_codes import ExitCode, Refusal
from runner.main_loop import add_market_options, turn
from runner.places import Places
from runner.wiring import wire

_CYCLES_MAX = 20
_PAUSE = 2.0  # seconds between two cycles where time passes by itself


def main(arguments: Sequence[str] | None = None) -> int:
    given = _options(arguments)
    for flag in ("mode", "exchange"):
        if getattr(given, flag) is None:
            raise Refusal(ExitCode.USAGE, f"--{flag}: flatten sells; say of which bot")
    places = Places(given.state_dir, given.log_dir, given.mode, given.exchange)
    if not places.lived_in:
        raise Refusal(ExitCode.USAGE, f"{places.folder}: no bot has run here; nothing is held")
    running = holder(places.state_dir)
    if running is not None:
        return _told_to(running, given)
    # Whoever calls this is there, and must not be kept from it by what tells others.
    with wire(given, configure(given), outside=nobody()) as bot:
        ControlFolder(places.state_dir).write_flatten(given.why)
        return _carried_out(bot, given)


def _options(arguments: Sequence[str] | None) -> Namespace:
    made = parser("flatten", "Cancels entries and sells the bot's own lots, then halts it.")
    made.add_argument("why", help="the reason, for the record")
    add_market_options(made)
    made.set_defaults(once=True, interval=None)
    given = made.parse_args(arguments)
    given.fast = given.exchange in SIMULATED_EXCHANGES
    return given


def _told_to(running: dict[str, object], given: Namespace) -> int:
    if running.get("mode") not in (given.mode, None):
        raise Refusal(
            ExitCode.USAGE, f"--mode: a bot in {running['mode']} runs on {given.state_dir}"
        )
    ControlFolder(given.state_dir).write_flatten(given.why)
    told = {"written": "FLATTEN", "state_dir": str(given.state_dir), "why": given.why}
    words = f"FLATTEN is written in {given.state_dir}; the running bot obeys it at once"
    print(json.dumps(told) if given.json else words)
    return ExitCode.FINISHED


def _carried_out(bot: Bot, given: Namespace) -> int:
    """Cycles until nothing is held and no order is out, a bounded number of them."""
    timer = SystemClock()
    for number in range(_CYCLES_MAX):
        if number and bot.real is not None:
            timer.sleep(_PAUSE)
        at = bot.timetable.after(bot.last.state.at)
        if at is None:
            break
        bot.last = turn(bot, at)
        if bot.last.outcome is not None and _is_flat(bot):
            break
    return _told(bot, given, Path(given.state_dir))


def _is_flat(bot: Bot) -> bool:
    ledger = bot.world.ledger
    return not ledger.positions() and not ledger.unsettled()


def _told(bot: Bot, given: Namespace, folder: Path) -> int:
    ledger = bot.world.ledger
    held = {symbol: str(p.quantity) for symbol, p in sorted(ledger.positions().items())}
    loose = [order for order in ledger.unsettled() if order.planned.side is Side.BUY]
    if given.json:
        print(json.dumps({"flat": _is_flat(bot), "positions": held, "state_dir": str(folder)}))
    elif _is_flat(bot):
        print("nothing of ours is held, no order is out; the bot is HALTED until runner.resume")
    for symbol, quantity in held.items():
        print(f"{symbol}: {quantity} could not be sold", file=sys.stderr)
    if loose:
        return ExitCode.UNPROVED
    return ExitCode.FAILED if held else ExitCode.FINISHED


if __name__ == "__main__":
    run(main)
