"""Matching: first every bar that closed since the last time, then the book of now.

The simulated venue lives only while it is asked, so whoever asks first makes it catch
up: bars in the order of time, ends and cancels, then the book with its depth. What was
taken from a book stays gone for a minute. Bars that cannot be had fill nothing: the
product is behind, its resting orders wait, and a notice says so; a stop still follows
the book, since that helps nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from core.errors import RetryableError
from core.market import Bars, Depth, Product, ProductStatus, Side
from core.money import (
    ZERO,
    Ratio,
    Toward,
    added,
    divided,
    multiplied,
    rounded_down,
    subtracted,
)
from core.orders import OrderStatus
from core.ports import MarketData
from core.wording import instant
from infra.exchange.simulated.account import Account
from infra.exchange.simulated.admission import stop_limit_of
from infra.exchange.simulated.bar_matching import Candle, Meeting, after_buy, better, meet_bar
from infra.exchange.simulated.book_matching import crosses, spendable, stop_reached, takes
from infra.exchange.simulated.entry import Entry, Liquidity, MatchedBy
from infra.exchange.simulated.market_view import EPOCH, MarketView, floored
from infra.exchange.simulated.request import Kind, VenueRequest
from infra.exchange.simulated.waiting import Waiting

_BARS_AT_ONCE = 2_000
_LATE_BARS = 2  # a venue may publish a closed bar late: so many are asked for again
_NOTICES_MAX = 1_000
_WOULD_CROSS = "Post only would cross"


@dataclass(frozen=True, slots=True)
class MatchingRules:
    """What is free in matching."""

    bar: timedelta  # of the candles that orders are matched against
    volume_share_max: Ratio  # of a bar's volume, for all own orders together
    latency: timedelta = timedelta(0)  # market time until an order or a cancel arrives
    fresh: timedelta = timedelta(seconds=1)  # so long the market is not asked the same again


class Matcher:
    """Brings an account up to now on the market's prices."""

    def __init__(
        self, market: MarketData, account: Account, rules: MatchingRules, now: datetime
    ) -> None:
        self._market = market
        self.view = MarketView(market, account.rows, now, rules.fresh)
        self._account = account
        self._rules = rules
        self._seen: datetime | None = None
        self._asked: dict[str, datetime] = {}  # when candles were last asked for
        self._behind: set[str] = set()
        self.notices: deque[str] = deque(maxlen=_NOTICES_MAX)

    def advance(self, now: datetime) -> None:
        """Let everything happen that had to happen by `now`."""
        account = self._account
        if not account.symbols:
            return
        self.view.products(now)  # what may fail does so before anything is done
        if self._seen != now:
            for symbol in account.symbols:
                self._catch_up(symbol, now)
        self._end_all(now)
        if self._seen != now:
            for symbol in account.symbols:
                self._meet_book(symbol, now)
        self._protect(now, now)
        account.save()
        self._seen = now

    def meet_now(self, entry: Entry, now: datetime) -> Entry:
        """A new or changed order against the book of now; the order as it is then."""
        product = self.view.product(entry.symbol, now)
        if product is None or entry.active_from > now:
            return entry
        depth = self.view.depth(entry.symbol, now)
        entry = self._against(entry, depth, product, now)
        self._protect(now, now)
        return entry

    def _protect(self, now: datetime, at: datetime) -> tuple[tuple[Entry, Entry], ...]:
        """Place what hangs on the orders that ended `at` with something bought: both of each."""
        account = self._account
        placed = []
        for parent in account.to_protect:
            attached, product = parent.request.attached, self.view.product(parent.symbol, now)
            if attached is None or product is None:
                self.notices.append(f"{parent.symbol}: nobody lists it, so nothing protects it")
                continue
            request = VenueRequest(
                symbol=parent.symbol,
                side=Side.SELL,
                kind=Kind.BRACKET,
                quantity=rounded_down(parent.filled, product.base_increment),
                price=attached.target,
                stop=attached.stop,
            )
            if (request.quantity or ZERO) < product.base_min:
                self.notices.append(f"{parent.symbol}: too little was bought to be protected")
                continue
            bounds = None, stop_limit_of(request, product)
            origin = parent.exchange_order_id
            child = account.admit(request, parent.rates, (at, at), bounds, origin)
            placed.append((parent, child))
        account.to_protect.clear()
        return tuple(placed)

    # Bars

    def _catch_up(self, symbol: str, now: datetime) -> None:
        bar, account = self._rules.bar, self._account
        through, end = account.progress.get(symbol, EPOCH), floored(now, bar)
        asked = self._asked.get(symbol)
        if through >= end or (asked is not None and now - asked < self._rules.fresh):
            return
        self._asked[symbol] = now
        first = min(entry.active_from for entry in account.waiting(symbol))
        through = max(through, floored(first, bar))
        while through < end and account.waiting(symbol):
            until = min(end, through + _BARS_AT_ONCE * bar)
            try:
                bars = self._market.bars(symbol, bar, through, until)
            except RetryableError as error:
                self._fall_behind(symbol, through, error)
                return
            for candle in self._hits(symbol, bars):
                self._meet_bar(symbol, candle, now)
            closed = _time(bars.opened[-1]) + bar if len(bars) else through
            through = max(closed, until if until < end else end - _LATE_BARS * bar, through)
            account.progressed(symbol, through)
            if until == end:
                break
        self._behind.discard(symbol)

    def _fall_behind(self, symbol: str, since: datetime, error: RetryableError) -> None:
        if symbol not in self._behind:
            self._behind.add(symbol)
            self.notices.append(
                f"{symbol}: candles since {instant(since)} could not be had ({error.code}); "
                "no resting order of it fills until they can"
            )

    def _hits(self, symbol: str, bars: Bars) -> Iterable[Candle]:
        """Bars that may do something to the orders as they are when their turn comes."""
        row = 0
        while row < len(bars):
            waiting = self._account.waiting(symbol)
            waiting.tighten()
            hit = (bars.low[row:] <= waiting.down) | (bars.high[row:] >= waiting.up)
            if not hit.any():
                return
            row += int(np.argmax(hit))
            yield _candle(bars, row, self._rules.bar)
            row += 1

    def _meet_bar(self, symbol: str, candle: Candle, now: datetime) -> None:
        product = self.view.product(symbol, now)
        if product is None:
            return
        lot, share = product.base_increment, self._rules.volume_share_max.value
        room = multiplied(candle.volume, share)
        for entry in sorted(self._account.waiting(symbol), key=_turn):
            seen = candle.within(entry.since, entry.until)
            if seen is None:
                continue
            if entry.request.post_only and seen.opened > candle.opened:
                # It came within the bar: if the market was beyond its limit then, nobody knows.
                entry = replace(entry, rests=True)
            meeting = meet_bar(entry, seen)
            # Of a part of a bar only its part of the volume can have met the order.
            most = rounded_down(min(room, multiplied(seen.volume, share)), lot)
            room = subtracted(room, self._fill_from(entry, meeting, seen, (most, lot)))
        for parent, child in self._protect(now, candle.closed):
            rest, most = after_buy(candle, parent, child), rounded_down(room, lot)
            room = subtracted(
                room, self._fill_from(child, meet_bar(child, rest), rest, (most, lot))
            )

    def _fill_from(
        self, entry: Entry, meeting: Meeting | None, bar: Candle, room: tuple[Decimal, Decimal]
    ) -> Decimal:
        """Book what the bar gives, at most `room` in its lots; how much of it that took."""
        account, taken, (most, lot) = self._account, ZERO, room
        if entry.request.post_only and meeting is not None and meeting.liquidity is Liquidity.TAKER:
            account.put(_ended(entry, OrderStatus.CANCELLED, _WOULD_CROSS, bar.closed))
            return taken
        if meeting is not None and meeting.triggered and not entry.triggered:
            entry = replace(entry, triggered=True, rests=False, updated_at=bar.closed)
            account.put(entry)
        if meeting is not None and meeting.price is not None:
            taken = _affordable(entry, meeting.price, most, lot)
            if entry.request.entire and taken != entry.left:
                taken = ZERO
            if taken > ZERO:
                how = meeting.liquidity, MatchedBy.BAR
                entry = account.trade(entry, (meeting.price, taken), how, bar.closed)
        if entry.works and entry.request.immediate:
            account.put(_ended(entry, OrderStatus.CANCELLED, _unmet(entry), bar.closed))
        elif entry.works and not entry.rests and entry.in_the_market:
            waits = not better(entry.side, bar.close, entry.limit)
            account.put(replace(entry, rests=waits))
        return taken

    # Ends

    def _end_all(self, now: datetime) -> None:
        for symbol in self._account.symbols:
            waiting = self._account.waiting(symbol)
            product = self.view.product(symbol, now)
            gone = product is None or product.status is ProductStatus.DELISTED
            for entry in waiting if gone else waiting.ending(now):
                self._end(entry, now)

    def _end(self, entry: Entry, now: datetime) -> None:
        request, account = entry.request, self._account
        product = self.view.product(entry.symbol, now)
        if entry.cancel_from is not None and entry.cancel_from <= now:
            told, at = "User requested cancel", entry.cancel_from
            account.put(_ended(entry, OrderStatus.CANCELLED, told, at))
        elif request.end_time is not None and request.end_time <= now:
            account.put(_ended(entry, OrderStatus.EXPIRED, "Order expired", request.end_time))
        elif product is None or product.status is ProductStatus.DELISTED:
            account.put(_ended(entry, OrderStatus.CANCELLED, "Product delisted", now))

    # The book

    def _meet_book(self, symbol: str, now: datetime) -> None:
        product = self.view.product(symbol, now)
        try:
            depth = self.view.depth(symbol, now)
        except RetryableError as error:
            self.notices.append(f"{symbol}: the book could not be had ({error.code})")
            return
        waiting = self._account.waiting(symbol)
        if product is None or (depth is not None and not _touches(depth, waiting)):
            return
        for entry in sorted(waiting, key=_turn):
            if entry.active_from <= now:
                self._against(entry, depth, product, now)
        waiting.tighten()

    def _against(self, entry: Entry, depth: Depth | None, product: Product, now: datetime) -> Entry:
        account = self._account
        if depth is not None:
            if entry.waits_for_stop and stop_reached(entry, depth):
                entry = replace(entry, triggered=True, rests=False, updated_at=now)
                account.put(entry)
            if self._may_trade(entry):
                entry = self._trade(entry, depth, product, now)
        if not entry.works:
            return entry
        if entry.request.immediate:
            entry = _ended(entry, OrderStatus.CANCELLED, _unmet(entry), now)
            account.put(entry)
        elif depth is not None and not entry.rests and entry.in_the_market:
            entry = replace(entry, rests=True)
            account.put(entry)
        return entry

    def _may_trade(self, entry: Entry) -> bool:
        """Whether its limit is in the market, and the past that it waited through is known."""
        return entry.in_the_market and not (entry.rests and entry.symbol in self._behind)

    def _trade(self, entry: Entry, depth: Depth, product: Product, now: datetime) -> Entry:
        account, side = self._account, entry.side
        if entry.request.post_only and not entry.rests:
            if entry.limit is not None and crosses(side, entry.limit, depth):
                entry = _ended(entry, OrderStatus.CANCELLED, _WOULD_CROSS, now)
                account.put(entry)
            return entry
        gone = self.view.gone(product, side, now)
        taken = takes(entry, depth, gone, product)
        liquidity = Liquidity.MAKER if entry.rests else Liquidity.TAKER
        for take in taken.parts:
            part = take.price, take.quantity
            entry = account.trade(entry, part, (liquidity, MatchedBy.BOOK), now)
            gone = added(gone, take.quantity)
        if taken.parts:
            self.view.took(product, side, gone, now)
            if taken.complete and entry.works:
                entry = _ended(entry, OrderStatus.FILLED, "", now)
                account.put(entry)
        return entry


def _turn(entry: Entry) -> tuple[bool, bool, Decimal, datetime, int]:
    """Stops first, then market orders, then the better price, then whoever came first."""
    price = entry.limit or ZERO
    keen = subtracted(ZERO, price) if entry.side is Side.BUY else price
    stopped, limited = entry.waits_for_stop, entry.limit is not None
    return not stopped, limited, keen, entry.place_since, entry.number


def _affordable(entry: Entry, price: Decimal, most: Decimal, lot: Decimal) -> Decimal:
    """What is wanted of `most` and can be paid for."""
    left, money = entry.left, spendable(entry)
    wanted = most if left is None else min(most, left)
    if money is None:
        return wanted
    return min(wanted, rounded_down(divided(money, price, toward=Toward.FLOOR), lot))


def _unmet(entry: Entry) -> str:
    return "Fill or kill" if entry.request.entire else "Immediate or cancel"


def _ended(entry: Entry, status: OrderStatus, told: str, at: datetime) -> Entry:
    return replace(entry, status=status, told=told, updated_at=at)


def _touches(depth: Depth, waiting: Waiting) -> bool:
    """Whether the book may do something: a buy meets the ask, a falling stop the bid."""
    return waiting.touched(float(depth.bids[0].price), float(depth.asks[0].price))


def _candle(bars: Bars, row: int, bar: timedelta) -> Candle:
    opened = _time(bars.opened[row])
    prices = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    return Candle(opened, opened + bar, *(Decimal(str(float(field[row]))) for field in prices))


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
