"""A stage: a market on which nothing happens but what a test puts into its script.

Every product stands at its price, trades 1000 units a bar and has a deep, narrow
book that is seen at the moment it is asked for. A test lets one rise, go silent,
change its status, or lets a request fail; the rest stays calm, so what trips is
what the test changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from core.errors import RetryableError
from core.market import (
    Bars,
    BookOrigin,
    Depth,
    Fees,
    Level,
    Product,
    ProductStatus,
    TopOfBook,
)
from infra.clock import MarketClock
from tests.builders.market import BAR, FEES, NOON, a_product

RISE = 0.025  # of one bar: far above every limit of the shipped triggers in quiet weather
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_CENT = Decimal("0.01")
_SWING = 0.001  # of every bar, up and down, so that the ATR is not zero


def decision_time(cycle: int) -> datetime:
    """When cycle 1, 2, 3 ... of a bot on a new stage decides."""
    return NOON + (cycle - 1) * BAR


@dataclass
class Role:
    """One product and what its script says."""

    product: Product
    price: float = 100.0
    volume: float = 1000.0  # base units a bar
    moves: dict[datetime, float] = field(default_factory=dict)  # close of the bar -> factor
    volumes: dict[datetime, float] = field(default_factory=dict)  # close of the bar -> units
    gaps: list[tuple[datetime, datetime]] = field(default_factory=list)  # closes after, up to
    first_close: datetime | None = None  # of its first bar
    spread: str = "0.0004"  # of the price
    book_off: float = 1.0  # where the book stands, against the last close
    book_lag: timedelta = timedelta(0)
    depth_lag: timedelta = timedelta(0)
    quantity: str = "300"  # at each of two levels
    quantity_at_best: str | None = None  # where the best level holds less
    next_level: str = "0.001"  # how far beyond the best price the other one lies

    def closes(self, bars: Iterable[datetime]) -> list[float]:
        """The close of each bar that closes at the times given."""
        return [self._close(at) for at in bars]

    def _close(self, at: datetime) -> float:
        price = self.price
        for moved_at, factor in sorted(self.moves.items()):
            if moved_at <= at:
                price *= factor
        return round(price, 2)

    def traded(self, at: datetime) -> bool:
        began = self.first_close is None or at >= self.first_close
        return began and not any(after < at <= until for after, until in self.gaps)


class Stage:
    """MarketData that plays a script. `faults` names the pieces that cannot be had now:
    products, server_time, tops, depths, fees, or "bars SOL-USD".
    """

    def __init__(self, *symbols: str) -> None:
        self.clock = MarketClock(NOON)
        self.faults: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.depths_per_request = 1000
        names = sorted({"BTC-USD", *symbols})  # BTC is what the regime is read from
        self.roles = {name: Role(a_product(name)) for name in names}

    @property
    def requests(self) -> int:
        return len(self.asked)

    # What a test writes into the script.

    def rises(self, symbol: str, cycle: int, share: float = RISE) -> None:
        """The bar that closes when `cycle` decides ends `share` above the one before."""
        self.roles[symbol].moves[decision_time(cycle)] = 1 + share

    def falls_silent(self, piece: str, code: str = "TIMED_OUT") -> None:
        """From now on the piece cannot be had."""
        self.faults[piece] = RetryableError("the market did not answer", code=code)

    def becomes(self, symbol: str, status: ProductStatus) -> None:
        role = self.roles[symbol]
        role.product = replace(role.product, status=status)

    # What the bot reads.

    def server_time(self) -> datetime:
        self._ask("server_time")
        return self.clock.now()

    def products(self) -> tuple[Product, ...]:
        self._ask("products")
        return tuple(role.product for role in self.roles.values())

    def fees(self) -> Fees:
        self._ask("fees")
        return FEES

    def tops(self, symbols: Iterable[str]) -> Mapping[str, TopOfBook]:
        self._ask("tops")
        return {symbol: self._top(symbol) for symbol in symbols}

    def depths(self, symbols: Iterable[str]) -> Mapping[str, Depth]:
        self._ask("depths")
        return {symbol: self._depth(symbol) for symbol in symbols}

    def bars(self, symbol: str, bar: timedelta, since: datetime, until: datetime) -> Bars:
        self._ask(f"bars {symbol}")
        assert bar == BAR
        role = self.roles[symbol]
        count = max(0, (min(until, self.clock.now()) - since) // BAR)
        all_closes = [since + (number + 1) * BAR for number in range(count)]
        closed = [at for at in all_closes if role.traded(at)]
        close = np.array(role.closes(closed), dtype=np.float64)
        opened = np.array(role.closes(at - BAR for at in closed), dtype=np.float64)
        return Bars(
            np.array([(at - BAR - _EPOCH) // _SECOND for at in closed], dtype=np.int64),
            opened,
            np.maximum(opened, close) * (1 + _SWING),
            np.minimum(opened, close) * (1 - _SWING),
            close,
            np.array([role.volumes.get(at, role.volume) for at in closed], dtype=np.float64),
        )

    def _ask(self, piece: str) -> None:
        self.asked.append(piece)
        if piece in self.faults:
            raise self.faults[piece]

    def _top(self, symbol: str) -> TopOfBook:
        role, now = self.roles[symbol], self.clock.now()
        bid, ask = self._prices(role, now)
        return TopOfBook(
            symbol=symbol,
            bid=bid,
            ask=ask,
            seen_at=now - role.book_lag,
            origin=BookOrigin.VENUE,
        )

    def _depth(self, symbol: str) -> Depth:
        role, now = self.roles[symbol], self.clock.now()
        bid, ask = self._prices(role, now)
        quantity, far = Decimal(role.quantity), Decimal(role.next_level)
        best = Decimal(role.quantity_at_best or role.quantity)
        return Depth(
            symbol=symbol,
            bids=(Level(bid, best), Level(bid - bid * far, quantity)),
            asks=(Level(ask, best), Level(ask + ask * far, quantity)),
            seen_at=now - role.depth_lag,
            origin=BookOrigin.VENUE,
        )

    @staticmethod
    def _prices(role: Role, now: datetime) -> tuple[Decimal, Decimal]:
        (close,) = role.closes([now])
        middle = Decimal(str(round(close * role.book_off, 2)))
        half = max(_CENT, (middle * Decimal(role.spread) / 2).quantize(_CENT))
        return middle - half, middle + half
