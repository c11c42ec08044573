"""What a stream's client has not heard yet: snapshots first, then what changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.sandbox.coinbase.answers import number
from infra.sandbox.coinbase.floor import Floor
from infra.sandbox.coinbase.listings import best
from infra.sandbox.coinbase.public import trade_row
from infra.sandbox.coinbase.quotes import Quotes
from infra.sandbox.coinbase.standing import stream_row

_TRADES = 100  # of a snapshot
_BATCH = 50  # orders of one event of a snapshot
_POSITIONS: dict[str, list[Any]] = {
    "perpetual_futures_positions": [],
    "expiring_futures_positions": [],
}
Told = dict[tuple[str, str], Any]


@dataclass(frozen=True, slots=True)
class Feeds:
    quotes: Quotes
    floor: Floor

    def book_of(self, symbol: str) -> str:
        """Market channels speak of the product whose book it is."""
        product = self.quotes.products().get(symbol)
        return symbol if product is None else product.book

    def events(self, channel: str, symbols: set[str], told: Told) -> list[dict[str, Any]]:
        """The events that are due; `told` remembers them."""
        match channel:
            case "ticker":
                return self._tickers(symbols, told)
            case "market_trades":
                return self._trades(symbols, told)
            case _:
                return self._orders(symbols, told)

    def _tickers(self, symbols: set[str], told: Told) -> list[dict[str, Any]]:
        return [
            {"type": "update" if before else "snapshot", "tickers": [row]}
            for before, row in self._changed("ticker", symbols, told)
        ]

    def _changed(
        self, channel: str, symbols: set[str], told: Told
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        listed = self.quotes.products()
        tops = self.quotes.tops(sorted(symbols))
        for symbol in sorted(symbols & listed.keys()):
            top, before = tops.get(symbol), told.get((channel, symbol))
            depth, day = self.quotes.depth(symbol), self.quotes.day(symbol)
            sizes = None if depth is None else (depth.bids[0].quantity, depth.asks[0].quantity)
            row = {
                "type": "ticker",
                "product_id": symbol,
                "price": number(self.quotes.last(listed[symbol], top)),
                "volume_24_h": number(None if day is None else day.volume),
                "low_24_h": number(None if day is None else day.low),
                "high_24_h": number(None if day is None else day.high),
                "low_52_w": "",
                "high_52_w": "",
                "price_percent_chg_24_h": number(None if day is None else day.change),
                **best(top, sizes),
            }
            if row != before:
                told[channel, symbol] = row
                yield before, row

    def _trades(self, symbols: set[str], told: Told) -> list[dict[str, Any]]:
        events = []
        for symbol in sorted(symbols & self.quotes.products().keys()):
            before = told.get(("market_trades", symbol))
            rows = [
                trade
                for trade in self.quotes.trades(symbol, _TRADES)
                if before is None or trade.number > before
            ]
            if rows or before is None:
                told["market_trades", symbol] = rows[0].number if rows else 0
                kind = "snapshot" if before is None else "update"
                trades = [trade_row(symbol, trade) for trade in rows]
                events.append({"type": kind, "trades": trades})
        return events

    def _orders(self, symbols: set[str], told: Told) -> list[dict[str, Any]]:
        """Open orders in batches, the first one short of a batch ends them; then each change."""
        begins = ("user", "") not in told
        known = [name for channel, name in told if channel == "user" and name]
        heard = [
            order
            for order in self.floor.lately(known)
            if not symbols or order.entry.symbol in symbols
        ]
        rows = {order.entry.exchange_order_id: stream_row(order) for order in heard}
        changed = [row for name, row in rows.items() if told.get(("user", name)) != row]
        for order in heard:
            # What is done stays known while it is among the newest; it changes no more.
            told["user", order.entry.exchange_order_id] = rows[order.entry.exchange_order_id]
        told["user", ""] = True
        if begins:
            there = [stream_row(order) for order in heard if order.entry.works]
            batches = [there[at : at + _BATCH] for at in range(0, len(there) + 1, _BATCH)]
            return [_event("snapshot", batch) for batch in batches]
        return [_event("update", changed)] if changed else []


def _event(kind: str, orders: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": kind, "orders": orders, "positions": _POSITIONS}
