"""The graceful end: no entry is left behind, stops stay, every order is accounted for.

A last cycle is run in which entries are taken back, by the same path as any other; a
cancel that the venue only accepted is waited for in one or two more. What cannot be
proved is named, because nobody will look after it when this process is gone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime

from core.market import Side
from core.orders import RESTING, Order
from core.ports import Timer
from infra.ledger_reader import LedgerReader
from runner.bot import Bot
from runner.cycle import Turn
from runner.exit_codes import ExitCode, Refusal
from runner.places import Places
from runner.screen import Screen

_CYCLES_MAX = 3
_PAUSE = 1.0  # seconds; a cancel takes the venue a moment

TakeTurn = Callable[[Bot, datetime], Turn]


def farewell(bot: Bot, take_turn: TakeTurn, screen: Screen, timer: Timer) -> ExitCode:
    """Take back own entries and tell what became of every own order."""
    before = bot.world.ledger.unsettled()
    bot.world.controls.ask_to_stop("the process was asked to end")
    for number in range(_CYCLES_MAX):
        if not _loose(bot.world.ledger.unsettled()):
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


def _kept(order: Order) -> bool:
    return order.planned.side is Side.SELL and order.status in RESTING


def _told(bot: Bot, before: tuple[Order, ...], screen: Screen) -> ExitCode:
    ledger = bot.world.ledger
    for order in before:
        name = order.exchange_order_id
        now = ledger.order_of(name) if name is not None else None
        if now is not None and now not in ledger.unsettled():
            screen.say(f"{_named(now)}: {now.status.name}")
    loose = _loose(ledger.unsettled())
    for order in ledger.unsettled():
        if order not in loose:
            screen.say(f"{_named(order)}: stays at the venue")
    for order in loose:
        print(_unproved(order), file=sys.stderr)
    return ExitCode.UNPROVED if loose else ExitCode.FINISHED


def _unproved(order: Order) -> str:
    end = order.planned.end_time
    until = f", ends by itself at {end.isoformat()}" if end is not None else ""
    return f"{_named(order)}: {order.status.name}, unproved{until}"


def _named(order: Order) -> str:
    planned = order.planned
    return f"{planned.symbol} {planned.side.value} {planned.quantity} ({planned.client_order_id})"
