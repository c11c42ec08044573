"""CoinbaseExchange: the one face of Coinbase, as a market and as a venue.

It keeps no money and no memory of orders: those are the ledger's. What it remembers is
how the venue has behaved, in its breakers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from core.errors import RetryableError
from core.market import Balance, Bars, Depth, Fees, Product, TopOfBook
from core.money import Price, Quantity
from core.orders import CancelAnswer, PlannedCancel, PlannedOrder, VenueFill, VenueOrder
from core.ports import Answer, Piece, Search
from core.state import Breaker
from infra.exchange.coinbase.account import AccountReading
from infra.exchange.coinbase.budget import budget, refusal
from infra.exchange.coinbase.market_data import MarketReading
from infra.exchange.coinbase.ordering import Ordering
from infra.exchange.coinbase.transport import Transport
from infra.exchange.coinbase.wire.standing import Permissions, PortfolioName


class CoinbaseExchange:
    """MarketData and Venue. Without a key only MarketData answers."""

    def __init__(
        self,
        transport: Transport,
        assumed_fees: Fees,
        *,
        shows_futures: bool = False,
        key_type: str = "",
    ) -> None:
        self._transport = transport
        self._key_type = key_type
        self._shows_futures = shows_futures
        self._market = MarketReading(transport, assumed_fees)
        self._account = AccountReading(transport)
        self._ordering = Ordering(transport, self._account)

    def begin_cycle(self, cycle: str, most: timedelta | None = None) -> None:
        """Before the first read of each cycle, and of each piece of work outside of one.

        Its reads have exchange.cycle_deadline, or `most` where that is shorter.
        """
        self._transport.begin_cycle(cycle, most)

    def breakers(self) -> tuple[Breaker, ...]:
        """The circuit breakers as they stand, to be kept over a restart."""
        return self._transport.breakers.state()

    def restore_breakers(self, kept: Iterable[Breaker]) -> None:
        self._transport.breakers.restore(kept, self._transport.now.now())

    @property
    def signed(self) -> bool:
        """Whether there is a key."""
        return self._transport.signed

    @property
    def clock_offset(self) -> timedelta | None:
        """The venue's clock less ours, as this cycle's answers tell; None before the first."""
        return self._transport.venue_clock.offset

    @property
    def left_out(self) -> Mapping[str, str]:
        """Products that the venue lists and that cannot be read, with the reason."""
        return self._market.left_out

    @property
    def key_type(self) -> str:
        """How tokens are signed; the venue takes either."""
        return self._key_type

    def budget(self, books: int, depths: int) -> tuple[int, str | None]:
        """Requests of a full cycle, and why they do not fit where they do not."""
        needed = budget(books, depths, signed=self.signed)
        return needed.total, refusal(needed, self._transport.terms, signed=self.signed)

    # MarketData

    @property
    def requests(self) -> int:
        return self._transport.requests

    @property
    def depths_per_request(self) -> int:
        return 1

    def read_all(self, asks: Sequence[Callable[[], Piece]]) -> tuple[Piece | RetryableError, ...]:
        return self._transport.read_all(asks)

    def server_time(self) -> datetime:
        return self._market.server_time()

    def products(self) -> tuple[Product, ...]:
        return self._market.products()

    def fees(self) -> Fees:
        return self._market.fees()

    def tops(self, symbols: Iterable[str]) -> Mapping[str, TopOfBook]:
        return self._market.tops(symbols)

    def depths(self, symbols: Iterable[str]) -> Mapping[str, Depth]:
        return self._market.depths(symbols)

    def bars(self, symbol: str, bar: timedelta, since: datetime, until: datetime) -> Bars:
        return self._market.bars(symbol, bar, since, until)

    # Venue

    def balances(self) -> tuple[Balance, ...]:
        return self._account.balances()

    def submit(self, order: PlannedOrder) -> Answer:
        return self._ordering.submit(order)

    def preview(self, order: PlannedOrder) -> str:
        return self._ordering.preview(order)

    def edit(self, exchange_order_id: str, price: Price, quantity: Quantity) -> Answer:
        """Another price and total quantity for an open GTC order of ours."""
        return self._ordering.edit(exchange_order_id, price, quantity)

    def cancel(self, cancel: PlannedCancel) -> CancelAnswer:
        return self._ordering.cancel(cancel)

    def cancel_all(self, order_ids: Sequence[str]) -> tuple[CancelAnswer, ...]:
        """Many at once, with an answer for each: for the kill switch."""
        return self._ordering.cancel_all(order_ids)

    def open_orders(self) -> tuple[VenueOrder, ...]:
        return self._account.open_orders()

    def order(self, exchange_order_id: str) -> VenueOrder | None:
        return self._account.order(exchange_order_id)

    def find_order(self, client_order_id: str, since: datetime) -> Search:
        return self._account.find_order(client_order_id, since)

    def fills(self, since: datetime) -> tuple[VenueFill, ...]:
        return self._account.fills(since)

    # What the doctor and the status page ask

    def permissions(self) -> Permissions:
        return self._account.permissions()

    def portfolio(self) -> PortfolioName | None:
        return self._account.portfolio()

    def futures(self) -> str | None:
        """US futures in one line; None where derivatives.enabled is off. Never traded."""
        return self._account.futures() if self._shows_futures else None
