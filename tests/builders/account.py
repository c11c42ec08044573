"""Portfolios and states to test on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from core.account import Lot, Portfolio, Position
from core.money import Money, Price
from core.orders import Order
from core.rates import Rate
from core.state import BotState, Level, Standing
from tests.builders.market import FEES, NOON


def a_position(symbol: str = "SOL-USD", *, quantity: str = "1", price: str = "100") -> Position:
    base, quote = symbol.split("-")
    lot = Lot(Decimal(quantity), Decimal(price), NOON - timedelta(days=1))
    return Position(symbol, base, quote, (lot,))


def a_portfolio(
    *positions: Position,
    cash: str = "10000",
    usdc: str | None = None,
    rate: str = "1",
    rate_seen_at: datetime = NOON,
    marks: Mapping[str, str] | None = None,
    open_orders: tuple[Order, ...] = (),
    flows: Money | None = None,
) -> Portfolio:
    """A portfolio in USD; a position without a mark is marked at 100.

    With `usdc` there is a second wallet, at its rate.
    """
    given = marks or {}
    second = {} if usdc is None else {"USDC": Decimal(usdc)}
    return Portfolio(
        currency="USD",
        cash={"USD": Decimal(cash)} | second,
        positions={position.symbol: position for position in positions},
        foreign={},
        open_orders=open_orders,
        marks={
            position.symbol: Price(Decimal(given.get(position.symbol, "100")), position.quote)
            for position in positions
        },
        fees=FEES,
        flows=flows or Money.zero("USD"),
        known_rates={name: Rate(Decimal(rate), rate_seen_at) for name in second},
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
