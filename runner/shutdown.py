"""The graceful end: no entry is left behind, stops stay, every order is accounted for.

A last cycle is run in which entries are taken back, by the same path as any other; a
cancel that the venue only accepted is waited for in one or two more. What cannot be
proved is named, because nobody will look after it when this process is gone.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime

from core.market import Side
from core.money import Quantity
from core.orders import FINAL, RESTING, Order
from core.policy import Resting
from core.ports import Timer
from infra.console import tell
from infra.ledger_reader import LedgerReader
from runner.bot import Bot
from runner.cycle import Turn
from runner.exit_codes import ExitCode, Refusal
from runner.places import Places
from runner.screen import Screen

_CYCLES_MAX = 3
_PAUSE = 1.0  # seconds; a cancel takes the venue a moment

TakeTurn = Callable[[Bot, datetime], Turn]
log = logging.getLogger("runner")


def farewell(bot: Bot, take_turn: TakeTurn, screen: Screen, timer: Timer) -> ExitCode:
    """Take back own entries and tell what became of every own order."""
    before = bot.world.ledger.unsettled()
    bot.world.controls.ask_to_stop("the process was asked to end")
    rests = bot.world.policy.exits.resting is not Resting.WATCHED
    for number in range(_CYCLES_MAX):
        loose = _loose(bot.world.ledger.unsettled())
        # What was bought while its entry was taken back gets its stop before we go.
        if not loose and not (number and rests and _bare(bot)):
            break
        if number and bot.real is not None:
            timer.sleep(_PAUSE)
        at = bot.timetable.after(bot.last.state.at)
        if at is None:
            break
        bot.last = take_turn(bot, at)
        screen.cycle(bot.last, None)
    return _told(bot, before, screen)


def gone_unasked(places: Places, stopped: Refusal) -> Refusal:
    """The end of a process that never heard of the venue: what it left there is unproved.

    Raises FatalError where the ledger cannot be read.
    """
    if not places.ledger.is_file():
        return stopped
    with closing(LedgerReader.open(places.ledger)) as ledger:
        loose = _loose(ledger.unsettled())
    if not loose:
        return stopped
    return Refusal(ExitCode.UNPROVED, "\n".join([str(stopped), *map(_unproved, loose)]))


def _loose(unsettled: tuple[Order, ...]) -> tuple[Order, ...]:
    """Own orders that may still become something nobody watches: all but sales that rest."""
    return tuple(order for order in unsettled if not _kept(order))


def _bare(bot: Bot) -> dict[str, Quantity]:
    """Positions whose stop does not rest at the venue."""
    ledger = bot.world.ledger
    guarded = {order.symbol for order in ledger.unsettled() if order.guards}
    held = sorted(ledger.positions().items())
    return {symbol: position.quantity for symbol, position in held if symbol not in guarded}


def _kept(order: Order) -> bool:
    return order.planned.side is Side.SELL and order.status in RESTING


def _told(bot: Bot, before: tuple[Order, ...], screen: Screen) -> ExitCode:
    """Every own order with its end, what stays, and what nobody watches from here on."""
    unsettled = bot.world.ledger.unsettled()
    loose = _loose(unsettled)
    told = [f"{_named(now)}: {now.status.name}" for now in _ended(bot, before)]
    told += [f"{_named(order)}: stays at the venue" for order in unsettled if order not in loose]
    told += [
        f"{symbol}: {quantity} is held and no stop rests at the venue: nobody watches it"
        for symbol, quantity in _bare(bot).items()
    ]
    for line in told:
        screen.say(line)
        log.info(line)
    for order in loose:
        tell(_unproved(order), sys.stderr)
        log.error(_unproved(order))
    return ExitCode.UNPROVED if loose else ExitCode.FINISHED


def _ended(bot: Bot, before: tuple[Order, ...]) -> Iterator[Order]:
    """Of the orders that had not ended before, those that have by now."""
    for order in before:
        for now in bot.world.ledger.orders_of(order.cycle):
            is_it = now.planned.client_order_id == order.planned.client_order_id
            if is_it and now.status in FINAL:
                yield now


def _unproved(order: Order) -> str:
    end = order.planned.end_time
    until = f", ends by itself at {end.isoformat()}" if end is not None else ""
    return f"{_named(order)}: {order.status.name}, unproved{until}"


def _named(order: Order) -> str:
    planned = order.planned
    return f"{planned.symbol} {planned.side.value} {planned.quantity} ({planned.client_order_id})"
