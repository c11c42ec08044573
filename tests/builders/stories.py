"""Backtests that were never run: chronicles with the equity, bids and fills a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from math import nan

from core.market import Side
from core.money import Money, Price, Quantity
from core.orders import Fill
from core.state import Closed
from runner.report.chronicle import Chronicle, Column
from runner.report.story import Setting, Story
from tests.builders.account import a_portfolio
from tests.builders.market import NOON

SOL = "SOL-USD"
HOUR = timedelta(hours=1)


def a_setting(**changes: object) -> Setting:
    fields: dict[str, object] = {
        "products": (SOL,),
        "bar": "1h",
        "recording": "sha256:5011",
        "config": "sha256:c0f1",
        "version": "1",
        "strategies": ("ema_cross",),
        "currency": "USD",
        "cash": "10000 USD",
        "maker_fee": "40 bps",
        "taker_fee": "60 bps",
        "taker": 0.006,
        "book_model": "Books are modelled.",
        "themes": {"SOL": "layer1"},
    }
    return Setting(**(fields | changes))  # type: ignore[arg-type]


def a_chronicle(
    equity: Sequence[float],
    *,
    bids: Mapping[str, Sequence[float]] | None = None,
    exposure: Mapping[str, Sequence[float]] | None = None,
    fills: Sequence[Fill] = (),
    step: timedelta = HOUR,
) -> Chronicle:
    """One cycle an hour from noon on; the books cost nothing to cross."""
    made = Chronicle()
    for row, value in enumerate(equity):
        made.seconds.append(int((NOON + row * step).timestamp()))
        made.equity.append(value)
    for target, blank, given in (
        (made.bids, nan, bids or {}),
        (made.exposure, 0.0, exposure or {}),
    ):
        for name, values in given.items():
            target[name] = Column(blank)
            target[name].values.extend(values)
    made.first_asks = {symbol: values[0] for symbol, values in (bids or {}).items()}
    made.opening = a_portfolio(cash=str(equity[0]))
    made.closing = a_portfolio(cash=str(equity[-1]))
    made.fills = list(fills)
    return made


def a_story(
    equity: Sequence[float] = (10_000, 10_100, 9_900, 10_200),
    *,
    profits: Sequence[str] = (),
    setting: Setting | None = None,
    **more: object,
) -> Story:
    chronicle = a_chronicle(equity, **more)  # type: ignore[arg-type]
    closed = [a_sale(f"sale-{number}", profit) for number, profit in enumerate(profits)]
    return Story.of(setting or a_setting(), chronicle, closed)


def a_sale(order: str, profit: str) -> Closed:
    return Closed(SOL, order, NOON, Money(Decimal(profit), "USD"))


def a_fill(
    side: Side = Side.BUY,
    *,
    fill_id: str = "f1",
    order: str = "o1",
    price: str = "100",
    quantity: str = "2",
    fee: str = "1.2",
    hours: int = 0,
) -> Fill:
    return Fill(
        fill_id=fill_id,
        client_order_id=order,
        symbol=SOL,
        side=side,
        price=Price(Decimal(price), "USD"),
        quantity=Quantity(Decimal(quantity), "SOL"),
        fee=Money(Decimal(fee), "USD"),
        at=NOON + hours * HOUR,
    )
