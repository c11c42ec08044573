"""Books: best bid and ask, and up to ten levels a side.

An empty, one-sided, locked or crossed book is no book. A book of an alias may be told
under the name of the product that it shares it with; it answers for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from core.market import BookOrigin, Depth, Level, TopOfBook
from infra.exchange.coinbase.wire.values import instant, member, number, rows

_LEVELS = 10


class _Offer(msgspec.Struct):
    price: str | None = None
    size: str | None = None


class _Book(msgspec.Struct):
    product_id: str
    bids: list[_Offer] | None = None
    asks: list[_Offer] | None = None
    time: str | None = None


def tops(
    body: bytes, symbols: Iterable[str], aliases: Mapping[str, str], received: datetime
) -> dict[str, TopOfBook]:
    """Best bid and ask of each of `symbols` that has both; `aliases`: symbol -> its book."""
    books = {book.product_id: book for book in rows(body, "pricebooks", _Book)}
    found = {}
    for symbol in symbols:
        book = books.get(symbol) or books.get(aliases.get(symbol, ""))
        top = None if book is None else _top(symbol, book, received)
        if top is not None:
            found[symbol] = top
    return found


def depth(body: bytes, symbol: str, received: datetime) -> Depth | None:
    """The book of one product, or None where it has no two sides."""
    book = _single(body)
    bids, asks = _levels(book.bids), _levels(book.asks)
    if not bids or not asks or bids[0].price >= asks[0].price:
        return None
    return Depth(
        symbol=symbol,
        bids=bids,
        asks=asks,
        seen_at=_seen_at(book, received),
        origin=BookOrigin.VENUE,
    )


def top(body: bytes, symbol: str, received: datetime) -> TopOfBook | None:
    """Best bid and ask from the book of one product."""
    return _top(symbol, _single(body), received)


def _single(body: bytes) -> _Book:
    return msgspec.json.decode(member(body, "pricebook"), type=_Book)


def _top(symbol: str, book: _Book, received: datetime) -> TopOfBook | None:
    bids, asks = _levels(book.bids), _levels(book.asks)
    if not bids or not asks or bids[0].price >= asks[0].price:
        return None
    return TopOfBook(
        symbol=symbol,
        bid=bids[0].price,
        ask=asks[0].price,
        seen_at=_seen_at(book, received),
        origin=BookOrigin.VENUE,
    )


def _levels(offers: list[_Offer] | None) -> tuple[Level, ...]:
    """Levels with a price and a quantity; "0" stands in dead books."""
    levels = []
    for offer in (offers or ())[:_LEVELS]:
        price, quantity = number(offer.price), number(offer.size)
        if price is not None and quantity is not None and price > 0 and quantity > 0:
            levels.append(Level(price, quantity))
    return tuple(levels)


def _seen_at(book: _Book, received: datetime) -> datetime:
    """When it was true: at the latest when it came. A frozen feed shows by its own time."""
    told = instant(book.time)
    return received if told is None else min(told, received)
