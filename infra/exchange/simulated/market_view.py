"""The market as the venue looks at it: products by the minute, the book of now.

What the account took from a book stays gone for a minute, from its best levels first,
and is shared by the products that share a book. A minute is remembered through a
restart, for the fills of it are in the file. It matches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from core.errors import RetryableError
from core.market import Depth, Product, Side
from core.money import ZERO, added
from core.ports import MarketData
from infra.exchange.simulated.book_matching import without
from infra.exchange.simulated.entry import MatchedBy
from infra.exchange.simulated.venue_rows import VenueRows

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


def floored(at: datetime, step: timedelta) -> datetime:
    """The last whole `step` at or before `at`."""
    return at - (at - EPOCH) % step


class MarketView:
    """One market's present, asked for as seldom as possible."""

    def __init__(
        self, market: MarketData, rows: VenueRows, now: datetime, fresh: timedelta
    ) -> None:
        self._market = market
        self._fresh = fresh
        self._depths: dict[str, tuple[datetime, Depth | None]] = {}
        self._products: tuple[datetime, Mapping[str, Product]] | None = None
        self._gone: dict[tuple[str, Side], tuple[datetime, Decimal]] = {}
        self._recent = rows.fills_since(floored(now, _MINUTE))

    def product(self, symbol: str, now: datetime) -> Product | None:
        """The product as it is in this minute, or was when the market last told."""
        return self.products(now).get(symbol)

    def products(self, now: datetime) -> Mapping[str, Product]:
        """Every product by its symbol; raises RetryableError where none was ever told."""
        minute = floored(now, _MINUTE)
        if self._products is None or self._products[0] != minute:
            try:
                told = self._market.products()
            except RetryableError:
                if self._products is None:
                    raise
                self._products = minute, self._products[1]
            else:
                self._products = minute, {product.symbol: product for product in told}
        return self._products[1]

    def depth(self, symbol: str, now: datetime) -> Depth | None:
        """The book of now, None where there is none; raises RetryableError."""
        kept = self._depths.get(symbol)
        if kept is None or now - kept[0] >= self._fresh:
            kept = self._depths[symbol] = now, self._market.depths((symbol,)).get(symbol)
        return kept[1]

    def book(self, symbol: str, now: datetime) -> Depth | None:
        """The book of now, less what the account itself has just taken of it."""
        product, depth = self.product(symbol, now), self.depth(symbol, now)
        if product is None or depth is None:
            return None
        if not self.gone(product, Side.SELL, now) and not self.gone(product, Side.BUY, now):
            return depth
        bids = without(depth.bids, self.gone(product, Side.SELL, now))
        asks = without(depth.asks, self.gone(product, Side.BUY, now))
        return replace(depth, bids=bids, asks=asks) if bids and asks else None

    def gone(self, product: Product, side: Side, now: datetime) -> Decimal:
        """What an order of `side` no longer finds in the book, because it was just taken."""
        this, key = floored(now, _MINUTE), (product.book, side)
        if key not in self._gone:
            self._gone[key] = this, self._taken_before(product.book, side, now)
        minute, quantity = self._gone[key]
        return quantity if minute == this else ZERO

    def took(self, product: Product, side: Side, gone: Decimal, now: datetime) -> None:
        """So much of that side is gone in this minute."""
        self._gone[product.book, side] = floored(now, _MINUTE), gone

    def _taken_before(self, book: str, side: Side, now: datetime) -> Decimal:
        """What a process before this one took in the same minute."""
        this, products = floored(now, _MINUTE), self.products(now)
        return added(
            *(
                deal.quantity
                for deal in self._recent
                if deal.matched_by is MatchedBy.BOOK
                and deal.side is side
                and deal.at >= this
                and deal.symbol in products
                and products[deal.symbol].book == book
            )
        )
