"""Reading the market. Without a key the public twins of the endpoints answer.

Best bid and ask of many products come in one request, but only to a key; without one
each book is a request of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from core.errors import RetryableError
from core.market import Bars, Depth, Fees, Product, TopOfBook
from infra.exchange.coinbase.link import Group, Request
from infra.exchange.coinbase.transport import Transport
from infra.exchange.coinbase.wire import books, candles, products, standing

_LOG = logging.getLogger(__name__)

_TOPS_PER_REQUEST = 150  # an address of about 4 KB
_LEVELS = "10"


@dataclass(slots=True)
class MarketReading:
    """MarketData's part of the exchange. `assumed` are the fees of an account without a key."""

    transport: Transport
    assumed: Fees
    _listing: products.Listing | None = None
    _listed_at: datetime | None = None
    _fees: Fees | None = None
    _fees_at: datetime | None = None
    _aliases: dict[str, str] = field(default_factory=dict)

    @property
    def left_out(self) -> Mapping[str, str]:
        """Products of the last list that could not be read, with the reason."""
        return self._listing.left_out if self._listing is not None else {}

    def server_time(self) -> datetime:
        """The venue's time: from the answers of this cycle, or asked for where there were none.

        A clock that runs at another speed is always asked: the Date header does not follow it.
        """
        offset = self.transport.venue_clock.offset
        if offset is not None:
            return self.transport.now.now() + offset
        return self.transport.read(_get("/time"), standing.time)

    def products(self) -> tuple[Product, ...]:
        """The list, read again when it is older than exchange.products_age_max."""
        now, terms = self.transport.now.now(), self.transport.terms
        if self._listing is None or self._is_old(self._listed_at, terms.products_age_max):
            request = self._get("/products", ("product_type", "SPOT"))
            before = self.left_out
            self._listing = self.transport.read(request, products.listing)
            _tell(self.left_out, before)
            self._listed_at = now
            found = self._listing.products
            self._aliases = {p.symbol: p.alias_of for p in found if p.alias_of is not None}
        return self._listing.products

    def fees(self) -> Fees:
        """The account's tier, read again when it is older than exchange.fees_age_max."""
        if not self.transport.signed:
            return self.assumed
        if self._fees is None or self._is_old(self._fees_at, self.transport.terms.fees_age_max):
            request = Request(method="GET", path="/transaction_summary", group=Group.ACCOUNT)
            self._fees = self.transport.read(request, standing.fees)
            self._fees_at = self.transport.now.now()
        return self._fees

    def tops(self, symbols: Iterable[str]) -> Mapping[str, TopOfBook]:
        wanted = tuple(symbols)
        if not self.transport.signed:
            return self._public_tops(wanted)
        found: dict[str, TopOfBook] = {}
        for start in range(0, len(wanted), _TOPS_PER_REQUEST):
            part = wanted[start : start + _TOPS_PER_REQUEST]
            request = _get("/best_bid_ask", *(("product_ids", symbol) for symbol in part))
            found |= self.transport.read(
                request,
                lambda body, part=part: books.tops(  # type: ignore[misc]
                    body, part, self._aliases, self.transport.now.now()
                ),
            )
        return found

    def depths(self, symbols: Iterable[str]) -> Mapping[str, Depth]:
        found = {}
        for symbol in symbols:
            depth = self.transport.read(
                self._book(symbol, _LEVELS),
                lambda body, symbol=symbol: books.depth(  # type: ignore[misc]
                    body, symbol, self.transport.now.now()
                ),
            )
            if depth is not None:
                found[symbol] = depth
        return found

    def bars(self, symbol: str, bar: timedelta, since: datetime, until: datetime) -> Bars:
        """Closed bars, page by page. BAR_STILL_FORMING while the venue's clock is behind ours."""
        granularity = candles.GRANULARITIES[bar]
        found: list[candles.Candle] = []
        for first, last in candles.pages(bar, since, until):
            request = self._get(
                f"/products/{symbol}/candles",
                ("start", str(first)),
                ("end", str(last)),
                ("granularity", granularity),
            )
            found += self.transport.read(request, candles.candles)
        self._must_be_closed(until)
        return candles.bars(found, bar, since, until)

    def _must_be_closed(self, until: datetime) -> None:
        """By the venue's clock too: a bar taken a second early would be wrong for ever."""
        offset = self.transport.venue_clock.offset
        if offset is not None and self.transport.now.now() + offset < until:
            raise RetryableError("a bar is not closed there yet", code="BAR_STILL_FORMING")

    def _public_tops(self, symbols: Sequence[str]) -> Mapping[str, TopOfBook]:
        """One request for each book, side by side; one that cannot be had is left out."""
        owners = {symbol: self._aliases.get(symbol, symbol) for symbol in symbols}
        unique = sorted(set(owners.values()))
        given = self.transport.read_all([self._asking_top(owner) for owner in unique])
        answers = dict(zip(unique, given, strict=True))
        failed = [answer for answer in given if isinstance(answer, RetryableError)]
        if failed and len(failed) == len(unique):
            raise failed[0]
        found = {}
        for symbol, owner in owners.items():
            top = answers[owner]
            if isinstance(top, TopOfBook):
                found[symbol] = replace(top, symbol=symbol)
        return found

    def _asking_top(self, symbol: str) -> Callable[[], TopOfBook | None]:
        return lambda: self.transport.read(
            self._book(symbol, "1"),
            lambda body: books.top(body, symbol, self.transport.now.now()),
        )

    def _is_old(self, read_at: datetime | None, most: timedelta) -> bool:
        return read_at is None or self.transport.now.now() - read_at > most

    def _book(self, symbol: str, levels: str) -> Request:
        return self._get("/product_book", ("product_id", symbol), ("limit", levels))

    def _get(self, path: str, *query: tuple[str, str]) -> Request:
        """The private twin for a key: three times as many requests, and nothing cached."""
        return _get(path if self.transport.signed else f"/market{path}", *query)


def _tell(left_out: Mapping[str, str], before: Mapping[str, str]) -> None:
    """Once of each product that is left out, for it is in no verdict."""
    for name, why in sorted(left_out.items()):
        if before.get(name) != why:
            _LOG.warning("%s is left out of the product list: %s", name, why)


def _get(path: str, *query: tuple[str, str]) -> Request:
    return Request(method="GET", path=path, group=Group.MARKET_DATA, query=query)
