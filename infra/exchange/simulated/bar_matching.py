"""What a closed bar did to an order that worked while it lasted.

A bar tells four prices and no order of events, so every doubt is decided against the
order: a limit fills only if the bar trades through it, and at its own price; a stop
comes before the target; what a stop sets off, or what meets the market at once, gets
the worst price of the bar that its limit allows. Of a bar that only partly lies in
the order's life no more is known than its open or its close. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from core.market import Side
from core.money import Toward, divided, multiplied
from infra.exchange.simulated.entry import Entry, Liquidity
from infra.exchange.simulated.request import Kind


@dataclass(frozen=True, slots=True)
class Candle:
    """One closed bar, or what is known of a part of it."""

    opened: datetime
    closed: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def within(self, since: datetime, until: datetime | None) -> Candle | None:
        """What it tells of the time from `since` to `until`; None: nothing."""
        begins, ends = max(self.opened, since), self.closed
        if until is not None:
            ends = min(ends, until)
        if begins >= ends:
            return None
        if begins == self.opened and ends == self.closed:
            return self
        if begins > self.opened and ends < self.closed:
            return None
        price = self.open if begins == self.opened else self.close
        return Candle(begins, ends, price, price, price, price, self._part(ends - begins))

    def _part(self, lasting: timedelta) -> Decimal:
        """The volume of so much of the bar, were it spread evenly."""
        tick = timedelta(microseconds=1)
        part = multiplied(self.volume, Decimal(lasting // tick))
        return divided(part, Decimal((self.closed - self.opened) // tick), toward=Toward.FLOOR)


@dataclass(frozen=True, slots=True)
class Meeting:
    """How a bar met an order. `price` None: its stop was set off and nothing traded."""

    price: Decimal | None
    liquidity: Liquidity
    triggered: bool


def meet_bar(entry: Entry, bar: Candle) -> Meeting | None:
    """What `bar`, cut to the order's life, did to it; None: nothing."""
    if entry.waits_for_stop:
        set_off = _stop(entry, bar)
        if set_off is not None or entry.request.kind is not Kind.BRACKET:
            return set_off
    return _limit(entry, bar)


def after_buy(bar: Candle, buy: Entry, stop: Entry) -> Candle:
    """What a bar in which `buy` was filled tells of the time after it, to the stop it brought.

    The buy traded above the stop, so a low at the stop came later; a high may have come before.
    """
    known = bar if buy.since <= bar.opened else replace(bar, low=bar.close)
    above = max(bar.close, stop.request.stop or bar.close)
    return replace(known, open=above, high=above)


def better(side: Side, price: Decimal, limit: Decimal | None) -> bool:
    """Whether `price` is strictly better than the limit for whoever has this side."""
    if limit is None:
        return True
    return price < limit if side is Side.BUY else price > limit


def _limit(entry: Entry, bar: Candle) -> Meeting | None:
    side, limit = entry.side, entry.limit
    if not entry.rests and better(side, bar.open, limit):
        return Meeting(_worst(side, bar, limit), Liquidity.TAKER, triggered=entry.triggered)
    best = bar.low if side is Side.BUY else bar.high
    if limit is not None and better(side, best, limit):
        return Meeting(limit, Liquidity.MAKER, triggered=entry.triggered)
    return None


def _stop(entry: Entry, bar: Candle) -> Meeting | None:
    stop, falls = entry.request.stop, entry.request.falls_to_stop
    if stop is None or not (bar.low <= stop if falls else bar.high >= stop):
        return None
    side = entry.side
    limit = entry.stop_limit if entry.stop_limit is not None else entry.request.price
    # The market was at the stop, or had jumped over it before the bar began.
    there = min(bar.open, stop) if falls else max(bar.open, stop)
    if better(side, there, limit):
        return Meeting(_worst(side, bar, limit), Liquidity.TAKER, triggered=True)
    # It had to wait at its limit. Only of the close is it sure that it came after the stop.
    if limit is not None and better(side, bar.close, limit):
        return Meeting(limit, Liquidity.MAKER, triggered=True)
    return Meeting(None, Liquidity.MAKER, triggered=True)


def _worst(side: Side, bar: Candle, limit: Decimal | None) -> Decimal:
    """The worst price of the bar that the limit allows."""
    if side is Side.BUY:
        return bar.high if limit is None else min(bar.high, limit)
    return bar.low if limit is None else max(bar.low, limit)
