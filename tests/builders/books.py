"""Ledgers with fills in them: orders that are open, and rows that a venue would tell."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from core.market import Balance, Side
from core.money import Money, Price, Quantity
from core.orders import Fill, Order, OrderStatus, OrderType, PlannedOrder, TimeInForce, intended
from core.orders import moved as moved_to
from infra.ledger import Owner, SqliteLedger
from tests.builders.market import NOON

OWNER = Owner(mode="PAPER", exchange="embedded", market={"seed": "7", "bar": "15m"})


def a_ledger(folder: Path, owner: Owner = OWNER, *, capital_max: str = "1000") -> SqliteLedger:
    return SqliteLedger(
        folder / "ledger.sqlite",
        owner,
        quote_currencies=("USD", "EUR"),
        capital_max=Money(Decimal(capital_max), "USD"),
    )


def balances(**totals: str) -> tuple[Balance, ...]:
    return tuple(Balance(name, Decimal(total), Decimal(0)) for name, total in totals.items())


def an_order(
    name: str, side: Side, symbol: str = "BTC-USD", *, quantity: str = "1000", price: str = "100"
) -> Order:
    """An intent that every fill of a test fits into."""
    base, quote = symbol.split("-")
    planned = PlannedOrder(
        client_order_id=name,
        symbol=symbol,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        end_time=None,
        price=Price(Decimal(price), quote),
        quantity=Quantity(Decimal(quantity), base),
        reason="a test",
    )
    return intended(planned, 1)


def a_fill(order: Order, fill_id: str, *, quantity: str, price: str, fee: str = "0 USD") -> Fill:
    """A row of the order at NOON; `fee` with its currency."""
    planned = order.planned
    amount, currency = fee.split()
    return Fill(
        fill_id=fill_id,
        client_order_id=planned.client_order_id,
        symbol=planned.symbol,
        side=planned.side,
        price=Price(Decimal(price), planned.price.quote),
        quantity=Quantity(Decimal(quantity), planned.quantity.base),
        fee=Money(Decimal(amount), currency),
        at=NOON,
    )


@dataclass
class Trader:
    """Trades one fill after another, each of an order of its own, a minute apart."""

    ledger: SqliteLedger
    at: datetime = NOON
    count: int = field(default=0)

    def fill(
        self, side: Side, symbol: str, quantity: str, price: str, fee: str | None = None
    ) -> Fill:
        """The next fill: its order is open, and nothing of it is booked."""
        self.count += 1
        self.at += timedelta(minutes=1)
        order = an_order(f"order-{self.count}", side, symbol)
        self.ledger.intend((order,), self.at)
        opened = replace(moved_to(order, OrderStatus.OPEN), exchange_order_id=f"venue-{self.count}")
        self.ledger.settle((opened,), self.at)
        told = a_fill(
            order,
            f"fill-{self.count}",
            quantity=quantity,
            price=price,
            fee=fee or f"0 {symbol.split('-')[1]}",
        )
        return replace(told, at=self.at)

    def buys(self, symbol: str, quantity: str, price: str, fee: str | None = None) -> Fill:
        fill = self.fill(Side.BUY, symbol, quantity, price, fee)
        self.ledger.book((fill,))
        return fill

    def sells(self, symbol: str, quantity: str, price: str, fee: str | None = None) -> Fill:
        fill = self.fill(Side.SELL, symbol, quantity, price, fee)
        self.ledger.book((fill,))
        return fill
