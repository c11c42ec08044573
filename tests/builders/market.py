"""Small markets to test on: every argument has a calm value, tests change what matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from core.market import (
    Balance,
    BookOrigin,
    Depth,
    Fees,
    Level,
    Panel,
    Product,
    ProductStatus,
    Snapshot,
    TopOfBook,
)
from core.money import Ratio

NOON = datetime(2025, 3, 2, 12, tzinfo=UTC)
BAR = timedelta(minutes=15)
FEES = Fees(maker=Ratio(Decimal("0.004")), taker=Ratio(Decimal("0.006")))


def a_product(symbol: str = "SOL-USD", **changes: object) -> Product:
    base, quote = symbol.split("-")
    fields: dict[str, object] = {
        "status": ProductStatus.ONLINE,
        "price_increment": Decimal("0.01"),
        "base_increment": Decimal("0.0001"),
        "base_min": Decimal("0.0001"),
        "base_max": None,
        "quote_min": Decimal("1"),
        "listed_at": NOON - timedelta(days=400),
    }
    return Product(symbol=symbol, base=base, quote=quote, **(fields | changes))  # type: ignore[arg-type]


def a_top(
    symbol: str = "SOL-USD",
    *,
    bid: str = "99.98",
    ask: str = "100.02",
    seen_at: datetime = NOON,
    origin: BookOrigin = BookOrigin.VENUE,
) -> TopOfBook:
    return TopOfBook(
        symbol=symbol, bid=Decimal(bid), ask=Decimal(ask), seen_at=seen_at, origin=origin
    )


def a_depth(
    symbol: str = "SOL-USD",
    *,
    bids: Sequence[tuple[str, str]] = (("99.98", "200"), ("99.90", "400")),
    asks: Sequence[tuple[str, str]] = (("100.02", "200"), ("100.10", "400")),
    seen_at: datetime = NOON,
    origin: BookOrigin = BookOrigin.VENUE,
) -> Depth:
    return Depth(
        symbol=symbol,
        bids=tuple(Level(Decimal(price), Decimal(size)) for price, size in bids),
        asks=tuple(Level(Decimal(price), Decimal(size)) for price, size in asks),
        seen_at=seen_at,
        origin=origin,
    )


def a_panel(
    closes: Mapping[str, Sequence[float]],
    *,
    volumes: Mapping[str, Sequence[float]] | None = None,
    swing: float = 0.0,
    bar: timedelta = BAR,
    closed_at: datetime = NOON,
) -> Panel:
    """A panel of the closes given; NaN is a missing bar, `swing` widens high and low (as a share).

    All rows have the same length. Volume is 1000 base units a bar unless given.
    """
    symbols = tuple(sorted(closes))
    raw = np.array([closes[symbol] for symbol in symbols], dtype=np.float64)
    missing = np.isnan(raw)
    close = raw.copy()
    known = np.zeros(len(symbols), dtype=np.int64)
    for row in range(len(symbols)):
        real = np.flatnonzero(~missing[row])
        known[row] = raw.shape[1] - real[0] if len(real) else 0
        for bar_at in range(1, raw.shape[1]):
            if missing[row, bar_at]:
                close[row, bar_at] = close[row, bar_at - 1]
    opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    opened = np.where(missing, close, opened)
    high = np.where(missing, close, np.maximum(opened, close) * (1 + swing))
    low = np.where(missing, close, np.minimum(opened, close) * (1 - swing))
    traded = (
        np.full(raw.shape, 1000.0)
        if volumes is None
        else np.array([volumes[symbol] for symbol in symbols], dtype=np.float64)
    )
    volume = np.where(missing, 0.0, traded)
    return Panel(
        symbols,
        bar,
        closed_at,
        np.ascontiguousarray(opened),
        np.ascontiguousarray(high),
        np.ascontiguousarray(low),
        np.ascontiguousarray(close),
        np.ascontiguousarray(volume),
        missing,
        known,
    )


def a_flat_panel(*symbols: str, price: float = 100.0, length: int = 350, **more: object) -> Panel:
    return a_panel({symbol: [price] * length for symbol in symbols}, **more)  # type: ignore[arg-type]


def a_snapshot(*symbols: str, at: datetime = NOON, **changes: object) -> Snapshot:
    """A snapshot in which every symbol is liquid, fresh and flat at 100."""
    names = sorted(symbols or ("SOL-USD",))
    fields: dict[str, object] = {
        "server_time": at,
        "products": {name: a_product(name) for name in names},
        "tops": {name: a_top(name, seen_at=at) for name in names},
        "depths": {name: a_depth(name, seen_at=at) for name in names},
        "panel": a_flat_panel(*names, closed_at=at),
        "candles_through": dict.fromkeys(names, at),
        "balances": (Balance("USD", Decimal(10_000), Decimal(0)),),
        "fees": FEES,
        "missing": {},
    }
    return Snapshot(at=at, **(fields | changes))  # type: ignore[arg-type]
