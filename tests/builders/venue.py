"""A market that a test moves by hand, and the simulated venue on it.

The market has one bar size, books that the test sets, and bars that it writes when it
lets time pass. Nothing moves by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from core.errors import RetryableError
from core.market import Bars, Depth, Fees, Product, Side, TopOfBook
from core.money import Money, Price, Quantity, Ratio
from core.orders import OrderType, PlannedOrder, TimeInForce
from infra.clock import MarketClock
from infra.exchange.simulated.exchange import AccountTerms, SimulatedExchange
from infra.exchange.simulated.fee_schedule import FeeSchedule
from infra.exchange.simulated.matcher import MatchingRules
from infra.exchange.simulated.request import Kind, VenueRequest
from infra.exchange.simulated.venue_file import MEMORY, VenueIdentity
from tests.builders.market import BAR, FEES, NOON, a_depth, a_product, a_top

IDENTITY = VenueIdentity(mode="PAPER", market={"exchange": "hand", "seed": "1"})
STARTING = (Money(Decimal(10_000), "USD"), Money(Decimal(50), "SOL"))


@dataclass
class HandMarket:
    """MarketData in which every number is the test's."""

    clock: MarketClock = field(default_factory=lambda: MarketClock(NOON))
    bar: timedelta = BAR
    listed: dict[str, Product] = field(default_factory=lambda: {"SOL-USD": a_product()})
    books: dict[str, Depth] = field(default_factory=lambda: {"SOL-USD": a_depth()})
    rows: dict[str, list[tuple[int, tuple[float, ...]]]] = field(default_factory=dict)
    unavailable: set[str] = field(default_factory=set)  # "bars", "depths", "products"
    requests: int = 0
    depths_per_request: int = 100

    def server_time(self) -> datetime:
        return self.clock.now()

    def products(self) -> tuple[Product, ...]:
        self._asked("products")
        return tuple(self.listed[symbol] for symbol in sorted(self.listed))

    def fees(self) -> Fees:
        return FEES

    def tops(self, symbols: Iterable[str]) -> Mapping[str, TopOfBook]:
        return {
            symbol: a_top(
                symbol,
                bid=str(self.books[symbol].bids[0].price),
                ask=str(self.books[symbol].asks[0].price),
            )
            for symbol in symbols
            if symbol in self.books
        }

    def depths(self, symbols: Iterable[str]) -> Mapping[str, Depth]:
        self._asked("depths")
        return {symbol: self.books[symbol] for symbol in symbols if symbol in self.books}

    def bars(self, symbol: str, bar: timedelta, since: datetime, until: datetime) -> Bars:
        self._asked("bars")
        assert bar == self.bar
        width = bar.total_seconds()
        rows = [
            row
            for row in self.rows.get(symbol, [])
            if row[0] >= since.timestamp()
            and row[0] + width <= min(until, self.clock.now()).timestamp()
        ]
        opened = np.array([row[0] for row in rows], dtype=np.int64)
        table = np.array([row[1] for row in rows], dtype=np.float64).reshape(len(rows), 5)
        return Bars(opened, *(np.ascontiguousarray(table[:, column]) for column in range(5)))

    def _asked(self, what: str) -> None:
        self.requests += 1
        if what in self.unavailable:
            raise RetryableError("not now", code="HTTP_503")

    def book(self, bid: str, ask: str, *, each: str = "200", symbol: str = "SOL-USD") -> None:
        """The book from now on: one level a side."""
        self.books[symbol] = a_depth(
            symbol, bids=((bid, each),), asks=((ask, each),), seen_at=self.clock.now()
        )

    def close_bar(
        self, *prices: float, volume: float = 1_000.0, symbol: str = "SOL-USD"
    ) -> datetime:
        """Let the bar of now end with this open, high, low and close, the book about its close."""
        now = self.clock.now()
        opened = now - (now - datetime.fromtimestamp(0, now.tzinfo)) % self.bar
        self.rows.setdefault(symbol, []).append((int(opened.timestamp()), (*prices, volume)))
        self.clock.set(opened + self.bar)
        close = Decimal(str(prices[3]))
        self.book(str(close - Decimal("0.02")), str(close + Decimal("0.02")), symbol=symbol)
        return self.clock.now()


def rules(
    *, bar: timedelta = BAR, share: str = "0.1", latency: timedelta = timedelta(0)
) -> MatchingRules:
    return MatchingRules(bar=bar, volume_share_max=Ratio(Decimal(share)), latency=latency)


def an_exchange(
    market: HandMarket,
    *,
    path: Path | str = MEMORY,
    starting: tuple[Money, ...] = STARTING,
    matching: MatchingRules | None = None,
    fees: FeeSchedule | None = None,
    identity: VenueIdentity = IDENTITY,
) -> SimulatedExchange:
    terms = AccountTerms(
        identity=identity, starting=starting, rules=matching or rules(), path=path, fees=fees
    )
    return SimulatedExchange(market, market.clock, terms)


def a_request(side: Side = Side.BUY, **changes: object) -> VenueRequest:
    """A limit buy of 1 SOL at 99 unless changed; numbers may be text."""
    fields: dict[str, object] = {
        "symbol": "SOL-USD",
        "kind": Kind.LIMIT,
        "quantity": Decimal(1),
        "price": Decimal(99),
    }
    numbers = ("quantity", "notional", "price", "stop")
    given = {
        name: Decimal(value) if name in numbers and isinstance(value, str) else value
        for name, value in changes.items()
    }
    return VenueRequest(side=side, **(fields | given))  # type: ignore[arg-type]


def a_plan(name: str = "one", *, side: Side = Side.BUY, **changes: object) -> PlannedOrder:
    """A planned GTC limit order; price, quantity and stop as text."""
    fields: dict[str, object] = {
        "client_order_id": name,
        "symbol": "SOL-USD",
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "post_only": False,
        "end_time": None,
        "price": "99",
        "quantity": "1",
        "reason": "test:SOL-USD:BUY",
        "stop": None,
    } | changes
    fields["price"] = Price(Decimal(str(fields["price"])), "USD")
    fields["quantity"] = Quantity(Decimal(str(fields["quantity"])), "SOL")
    if fields["stop"] is not None:
        fields["stop"] = Price(Decimal(str(fields["stop"])), "USD")
    return PlannedOrder(side=side, **fields)  # type: ignore[arg-type]
