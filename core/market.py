"""What one cycle may know of the market: products, books, closed candles, balances, ages.

A Snapshot is read once and never changes. A candle that is not closed at the
decision time is not in it, so no stage can look ahead. What could not be had is
named in `missing` with its reason; it is never a zero and never an old value
passed as fresh, because every piece carries the time it was seen.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.money import (
    EXACT,
    ONE,
    ZERO,
    Money,
    Ratio,
    Toward,
    added,
    divided,
    multiplied,
    rounded_up,
    subtracted,
)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

_HALF, _TWO = Decimal("0.5"), Decimal(2)


class Side(Enum):
    BUY = "BUY"
    SELL = "SELL"


class Regime(Enum):
    """The weather of the whole market."""

    BULL = "bull"
    CHOP = "chop"
    BEAR = "bear"
    CRASH = "crash"


class ProductStatus(Enum):
    """What the venue allows now. Only ONLINE may be bought."""

    ONLINE = "online"
    LIMIT_ONLY = "limit_only"
    POST_ONLY = "post_only"
    CANCEL_ONLY = "cancel_only"
    AUCTION = "auction"
    HALTED = "halted"
    OFFLINE = "offline"
    DELISTED = "delisted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A thing that can be bought, with its tick, lot and minimum."""

    symbol: str  # "BTC-USD": ours, the same on every venue
    base: str  # what we hold
    quote: str  # what we pay with
    status: ProductStatus
    price_increment: Decimal
    base_increment: Decimal
    base_min: Decimal  # smallest quantity of one order; may lie off the increment
    base_max: Decimal | None
    quote_min: Decimal  # smallest notional of one order
    listed_at: datetime | None  # None: the venue does not say
    inferred: tuple[str, ...] = ()  # fields that no venue told us but our recording suggests
    alias_of: str | None = None  # the product whose book it shares, as the venue says

    def __post_init__(self) -> None:
        for name in ("price_increment", "base_increment"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{self.symbol}: {name} is not positive")

    @property
    def book(self) -> str:
        """The symbol under which its book is kept."""
        return self.alias_of or self.symbol

    @property
    def smallest_quantity(self) -> Decimal:
        """The smallest quantity on the increment that the venue takes."""
        return rounded_up(self.base_min, self.base_increment)


def base_of(symbol: str) -> str:
    """What a product buys, by its symbol; also of one that is no longer listed."""
    return symbol.partition("-")[0]


def quote_of(symbol: str) -> str:
    """What a product is paid with, by its symbol."""
    return symbol.partition("-")[2]


class BookOrigin(Enum):
    VENUE = "VENUE"  # seen there
    MODELLED = "MODELLED"  # from closed bars


@dataclass(frozen=True, slots=True, kw_only=True)
class TopOfBook:
    """Best bid and ask, and when they were seen."""

    symbol: str
    bid: Decimal
    ask: Decimal
    seen_at: datetime
    origin: BookOrigin

    def __post_init__(self) -> None:
        if not ZERO < self.bid < self.ask:
            raise ValueError(f"{self.symbol}: bid {self.bid} is not below ask {self.ask}")
        if self.seen_at.tzinfo is None:
            raise ValueError(f"{self.symbol}: seen_at has no time zone")

    @property
    def mid(self) -> Decimal:
        return multiplied(added(self.bid, self.ask), _HALF)

    @property
    def spread(self) -> Ratio:
        """The spread over the mid, rounded up."""
        return Ratio(divided(subtracted(self.ask, self.bid), self.mid, toward=Toward.CEILING))

    def wider_than(self, most: Ratio) -> bool:
        """Says what comparing `spread` would, by a product: a division costs ten of them."""
        twice = EXACT.multiply(_TWO, EXACT.subtract(self.ask, self.bid))
        return twice > EXACT.multiply(most.value, EXACT.add(self.ask, self.bid))


class Level(NamedTuple):
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """Up to ten levels a side, best first, and when they were seen."""

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    seen_at: datetime
    origin: BookOrigin

    def __post_init__(self) -> None:
        if not self.bids or not self.asks or self.bids[0].price >= self.asks[0].price:
            raise ValueError(f"{self.symbol}: a depth is two-sided and not crossed")

    def _taken_by(self, side: Side) -> tuple[Level, ...]:
        return self.asks if side is Side.BUY else self.bids

    def notional_within(self, side: Side, window: Ratio) -> Decimal:
        """Quote currency that an order of `side` meets within `window` of the best price."""
        levels = self._taken_by(side)
        lowest, highest = _bounds(levels[0].price, window)
        within = (level for level in levels if lowest <= level.price <= highest)
        return added(*(multiplied(price, quantity) for price, quantity in within))

    def holds(self, least: Decimal, window: Ratio) -> bool:
        """Whether each side holds `least` in quote currency within `window` of its best price.

        Says what comparing `notional_within` would, but stops at the level that settles
        it: of a deep book that is the first, and there may be hundreds of books.
        """
        return _hold(self.bids, least, window) and _hold(self.asks, least, window)

    def impact(self, side: Side, notional: Decimal) -> Ratio | None:
        """How far the average price of a taking order lies from the best price.

        None when the levels we see cannot fill `notional` (in quote currency).
        """
        levels = self._taken_by(side)
        left, quantity = notional, ZERO
        for level in levels:
            here = multiplied(level.price, level.quantity)
            if here >= left:
                quantity = added(quantity, divided(left, level.price, toward=Toward.FLOOR))
                break
            quantity = added(quantity, level.quantity)
            left = subtracted(left, here)
        else:
            return None
        average = divided(notional, quantity, toward=Toward.CEILING)
        off = divided(average, levels[0].price, toward=Toward.CEILING)
        return Ratio(abs(subtracted(off, ONE)))


def _bounds(best: Decimal, window: Ratio) -> tuple[Decimal, Decimal]:
    """The lowest and the highest price within `window` of the best one."""
    far = EXACT.multiply(best, window.value)
    return EXACT.subtract(best, far), EXACT.add(best, far)


def _hold(levels: tuple[Level, ...], least: Decimal, window: Ratio) -> bool:
    """Whether levels hold `least` in quote currency within `window` of the first of them."""
    best, quantity = levels[0]
    held = EXACT.multiply(best, quantity)
    if held >= least:
        return True
    lowest, highest = _bounds(best, window)
    for price, quantity in levels[1:]:
        if not lowest <= price <= highest:
            return False
        held = EXACT.add(held, EXACT.multiply(price, quantity))
        if held >= least:
            return True
    return False


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Closed candles of one product as a venue tells them: oldest first, gaps left out."""

    opened: Counts  # UTC seconds of each bar's open, strictly increasing
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats  # base units

    def __len__(self) -> int:
        return len(self.opened)


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Closed candles of all products on one grid: float64 [symbol x bar], C-contiguous.

    A bar without trades carries the last close in all four prices, zero volume
    and `missing`. Before a product's first bar in the window everything is NaN
    (volume zero, missing) and `known` says how many bars follow.
    """

    symbols: tuple[str, ...]  # sorted
    bar: timedelta
    closed_at: datetime  # close of the last column; never after the decision time
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats  # base units
    missing: Flags
    known: Counts  # [symbol]: bars from the first real one to the end

    def __post_init__(self) -> None:
        shape = (len(self.symbols), self.close.shape[1])
        for field in (self.open, self.high, self.low, self.close, self.volume, self.missing):
            if field.shape != shape or not field.flags.c_contiguous:
                raise ValueError(f"a panel field is not C-contiguous {shape}")
            field.flags.writeable = False
        self.known.flags.writeable = False

    @property
    def length(self) -> int:
        return int(self.close.shape[1])

    def bars_in(self, window: timedelta) -> int:
        """How many bars make up `window`; the window must be a whole number of bars."""
        return _bars_in(window, self.bar)

    def rows(self, symbols: tuple[str, ...]) -> Panel:
        """The same panel for some of its symbols, in sorted order.

        Neighbouring rows, one product's among them, are looked at where they lie; only
        rows that lie apart are copied.
        """
        if symbols == self.symbols:
            return self
        chosen = tuple(sorted(symbols))
        first = bisect_left(self.symbols, chosen[0]) if chosen else 0
        neighbours = slice(first, first + len(chosen))
        if self.symbols[neighbours] == chosen:
            return self._picked(chosen, neighbours)
        where = {symbol: row for row, symbol in enumerate(self.symbols)}
        return self._picked(chosen, np.array([where[symbol] for symbol in chosen]))

    def _picked(self, symbols: tuple[str, ...], rows: slice | Counts) -> Panel:
        prices = (self.open[rows], self.high[rows], self.low[rows], self.close[rows])
        traded = (self.volume[rows], self.missing[rows], self.known[rows])
        return Panel(symbols, self.bar, self.closed_at, *prices, *traded)


@lru_cache
def _bars_in(window: timedelta, bar: timedelta) -> int:
    count, rest = divmod(window, bar)
    if rest or count < 1:
        raise ValueError(f"a window of {window} is no whole number of {bar} bars")
    return count


@dataclass(frozen=True, slots=True)
class Fees:
    """What the venue takes of a notional, in quote currency."""

    maker: Ratio
    taker: Ratio


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds of one currency; `held` is the part locked in open orders."""

    currency: str
    total: Decimal
    held: Decimal

    @property
    def available(self) -> Money:
        return Money(subtracted(self.total, self.held), self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that one cycle may know of the world outside, read once."""

    at: datetime  # decision time by the market's clock
    server_time: datetime | None
    products: Mapping[str, Product]  # sorted by symbol
    tops: Mapping[str, TopOfBook]
    depths: Mapping[str, Depth]  # the last one seen of each; look at seen_at
    panel: Panel
    candles_through: Mapping[str, datetime]  # up to when the venue answered for candles
    balances: tuple[Balance, ...]
    fees: Fees
    missing: Mapping[str, str]  # piece ("depth BTC-USD") -> why it could not be had

    def __post_init__(self) -> None:
        if self.panel.closed_at > self.at:
            raise ValueError("a snapshot holds a candle that is not closed yet")
