"""Portfolios and states to test on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from core.account import Lot, Portfolio, Position
from core.money import Money, Price
from core.orders import Order
from core.state import BotState, Level, Standing
from tests.builders.market import FEES, NOON


def a_position(symbol: str = "SOL-USD", *, quantity: str = "1", price: str = "100") -> Position:
    base, quote = symbol.split("-")
    lot = Lot(Decimal(quantity), Decimal(price), NOON - timedelta(days=1))
    return Position(symbol, base, quote, (lot,))


def a_portfolio(
    *positions: Position,
    cash: str = "10000",
    marks: Mapping[str, str] | None = None,
    open_orders: tuple[Order, ...] = (),
    flows: Money | None = None,
) -> Portfolio:
    """A portfolio in USD; a position without a mark is marked at 100."""
    given = marks or {}
    return Portfolio(
        currency="USD",
        cash={"USD": Decimal(cash)},
        positions={position.symbol: position for position in positions},
        foreign={},
        open_orders=open_orders,
        marks={
            position.symbol: Price(Decimal(given.get(position.symbol, "100")), "USD")
            for position in positions
        },
        fees=FEES,
        flows=flows or Money.zero("USD"),
    )


def a_standing(level: Level = Level.NORMAL, code: str = "", why: str = "") -> Standing:
    return Standing(level, code, why, NOON - timedelta(hours=1))


def a_state(*, at: datetime | None = NOON - timedelta(minutes=15), **changes: object) -> BotState:
    fields: dict[str, object] = {
        "name": "247trader",
        "born_at": NOON - timedelta(days=1),
        "cycle": 97,
        "standing": a_standing(),
        "memberships": {},
        "excluded": {},
        "sent": (),
        "nearest": (),
        "equity_peak": None,
        "day_open": None,
    }
    return BotState(at=at, **(fields | changes))  # type: ignore[arg-type]
