"""Market data: products, books, candles, trades and the time, with their private twins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from core.market import Level, Product
from core.money import (
    ZERO,
    Toward,
    added,
    divided,
    multiplied,
    rounded_down,
    rounded_up,
    subtracted,
)
from infra.sandbox.coinbase.answers import invalid, json_answer, not_found, number, seconds, time
from infra.sandbox.coinbase.gate import BROKERAGE
from infra.sandbox.coinbase.listings import listing, pricebook
from infra.sandbox.coinbase.queries import text, texts, whole
from infra.sandbox.coinbase.quotes import Quotes, Trade

_LEVELS_MAX = 1_000
_TRADES_MAX, _PUBLIC_TRADES_MAX = 1_000, 100
_STEPS_MAX = 350  # of candles; a request with so many is refused, never cut
_GRANULARITY = {
    "ONE_MINUTE": timedelta(minutes=1),
    "FIVE_MINUTE": timedelta(minutes=5),
    "FIFTEEN_MINUTE": timedelta(minutes=15),
    "THIRTY_MINUTE": timedelta(minutes=30),
    "ONE_HOUR": timedelta(hours=1),
    "TWO_HOUR": timedelta(hours=2),
    "FOUR_HOUR": timedelta(hours=4),
    "SIX_HOUR": timedelta(hours=6),
    "ONE_DAY": timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class PublicPaths:
    """Reading. `told_now` is the venue's clock as it shows it."""

    quotes: Quotes
    told_now: Callable[[], datetime]

    def routes(self) -> list[web.RouteDef]:
        paths = {
            "products": self.products,
            "products/{symbol}": self.product,
            "product_book": self.book,
            "products/{symbol}/candles": self.candles,
            "products/{symbol}/ticker": self.trades,
        }
        twins = [
            web.get(f"{BROKERAGE}/{twin}{path}", handler)
            for path, handler in paths.items()
            for twin in ("", "market/")
        ]
        return [
            web.get(f"{BROKERAGE}/time", self.time),
            web.get(f"{BROKERAGE}/best_bid_ask", self.best_bid_ask),
            *twins,
        ]

    async def time(self, _: web.Request) -> web.Response:
        now = self.told_now()
        return json_answer(
            {
                "iso": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "epochSeconds": str(seconds(now)),
                "epochMillis": str(int(now.timestamp() * 1000)),
            }
        )

    async def products(self, request: web.Request) -> web.Response:
        query = request.query
        listed = self.quotes.products()
        wanted = texts(query, "product_ids")
        kind = text(query, "product_type")
        rows = [
            product
            for symbol, product in listed.items()
            if (not wanted or symbol in wanted) and kind in (None, "SPOT", "UNKNOWN_PRODUCT_TYPE")
        ]
        first = whole(query, "offset", 0, 1_000_000)
        rows = rows[first : first + whole(query, "limit", 1_000_000, 1_000_000)]
        told = self._listings(rows, listed)
        return json_answer({"products": told, "num_products": len(told)})

    async def product(self, request: web.Request) -> web.Response:
        listed = self.quotes.products()
        product = self._known(request.match_info["symbol"], listed)
        return json_answer(self._listings([product], listed)[0])

    async def book(self, request: web.Request) -> web.Response:
        product = self._known(text(request.query, "product_id") or "", self.quotes.products())
        limit = whole(request.query, "limit", _LEVELS_MAX, _LEVELS_MAX)
        depth = self.quotes.depth(product.symbol)
        step = _step(request)
        bids = () if depth is None else _folded(depth.bids, step, rounded_down)[:limit]
        asks = () if depth is None else _folded(depth.asks, step, rounded_up)[:limit]
        at = time(self.told_now())
        book = pricebook(product.symbol, _levels(bids), _levels(asks), at)
        return json_answer({"pricebook": book, **_middle(bids, asks)})

    async def best_bid_ask(self, request: web.Request) -> web.Response:
        """One level a side; a side without orders is empty."""
        listed = self.quotes.products()
        wanted = texts(request.query, "product_ids") or list(listed)
        for symbol in wanted:
            self._known(symbol, listed)
        at = time(self.told_now())
        depths = {symbol: self.quotes.depth(symbol) for symbol in wanted}
        return json_answer(
            {
                "pricebooks": [
                    pricebook(
                        symbol,
                        [] if depth is None else _levels(depth.bids[:1]),
                        [] if depth is None else _levels(depth.asks[:1]),
                        at,
                    )
                    for symbol, depth in depths.items()
                ]
            }
        )

    async def candles(self, request: web.Request) -> web.Response:
        symbol = self._known(request.match_info["symbol"], self.quotes.products()).symbol
        width = _GRANULARITY.get(request.query.get("granularity", ""))
        if width is None or not self.quotes.tells(width):
            raise invalid("granularity argument is invalid")
        since, until = _second(request, "start"), _second(request, "end")
        if since > until or (until - since) / width >= _STEPS_MAX:
            raise invalid(
                "start and end argument is invalid - number of candles requested should be "
                f"less than {_STEPS_MAX}"
            )
        limit = whole(request.query, "limit", _STEPS_MAX, _STEPS_MAX)
        rows = [
            {
                "start": str(seconds(candle.opened)),
                "low": number(candle.low),
                "high": number(candle.high),
                "open": number(candle.open),
                "close": number(candle.close),
                "volume": number(candle.volume),
            }
            for candle in self.quotes.candles(symbol, width, since, until)
        ]
        return json_answer({"candles": rows[:limit]})

    async def trades(self, request: web.Request) -> web.Response:
        product = self._known(request.match_info["symbol"], self.quotes.products())
        most = (
            _PUBLIC_TRADES_MAX if request.path.startswith(f"{BROKERAGE}/market/") else _TRADES_MAX
        )
        limit = whole(request.query, "limit", 100, most)
        since, until = (
            _second(request, name) if request.query.get(name) else None for name in ("start", "end")
        )
        top = self.quotes.tops([product.symbol]).get(product.symbol)
        rows = [
            {**trade_row(product.symbol, trade), "bid": "", "ask": "", "exchange": "coinbase"}
            for trade in self.quotes.trades(product.symbol, limit, until)
            if since is None or trade.at >= since
        ]
        best = ("", "") if top is None else (number(top.bid), number(top.ask))
        return json_answer({"trades": rows, "best_bid": best[0], "best_ask": best[1]})

    def _listings(
        self, rows: list[Product], listed: Mapping[str, Product]
    ) -> list[Mapping[str, Any]]:
        tops = self.quotes.tops([product.symbol for product in rows])
        sharing: dict[str, list[str]] = {}
        for product in listed.values():
            if product.alias_of is not None:
                sharing.setdefault(product.alias_of, []).append(product.symbol)
        return [
            listing(
                product,
                self.quotes.last(product, tops.get(product.symbol)),
                self.quotes.day(product.symbol),
                sharing.get(product.symbol, []),
            )
            for product in rows
        ]

    def _known(self, symbol: str, listed: Mapping[str, Product]) -> Product:
        product = listed.get(symbol)
        if product is None:
            raise not_found(f"Product {symbol} not supported")
        return product


def trade_row(symbol: str, trade: Trade) -> dict[str, str]:
    """`side` is the maker's: where the taker bought, a seller was met."""
    return {
        "trade_id": str(trade.number),
        "product_id": symbol,
        "price": number(trade.price),
        "size": number(trade.quantity),
        "time": time(trade.at),
        "side": "SELL" if trade.rising else "BUY",
    }


def _step(request: web.Request) -> Decimal | None:
    """How coarse a book is asked for."""
    given = request.query.get("aggregation_price_increment")
    if not given:
        return None
    try:
        step = Decimal(given)
    except InvalidOperation:
        step = ZERO
    if not step.is_finite() or step <= ZERO:
        raise invalid("aggregation_price_increment argument is invalid")
    return step


def _folded(
    levels: tuple[Level, ...],
    step: Decimal | None,
    toward: Callable[[Decimal, Decimal], Decimal],
) -> tuple[Level, ...]:
    """Levels of one step put together at its far end."""
    if step is None:
        return levels
    sums: dict[Decimal, Decimal] = {}
    for level in levels:
        price = toward(level.price, step)
        sums[price] = added(sums.get(price, ZERO), level.quantity)
    return tuple(Level(price, quantity) for price, quantity in sums.items() if price > ZERO)


def _levels(levels: tuple[Level, ...]) -> list[Mapping[str, str]]:
    return [{"price": number(level.price), "size": number(level.quantity)} for level in levels]


def _middle(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> Mapping[str, str]:
    """`last` is the middle of the book, as the venue tells it, and not the last trade."""
    if not bids or not asks:
        return {"last": "", "mid_market": "", "spread_bps": "", "spread_absolute": ""}
    spread = subtracted(asks[0].price, bids[0].price)
    middle = added(bids[0].price, multiplied(spread, Decimal("0.5")))
    bps = divided(multiplied(spread, Decimal(10_000)), middle, toward=Toward.FLOOR)
    return {
        "last": number(middle),
        "mid_market": number(middle),
        "spread_bps": number(rounded_down(bps, Decimal("1e-12"))),
        "spread_absolute": number(spread),
    }


def _second(request: web.Request, name: str) -> datetime:
    """A time in unix seconds."""
    given = request.query.get(name, "")
    if not given.isdecimal() or len(given) > 11:
        raise invalid(f"{name} argument is invalid")
    return datetime.fromtimestamp(int(given), UTC)
