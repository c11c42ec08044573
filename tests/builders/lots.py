"""A ledger with lots that a test hands out, because no venue here fills yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from core.account import Lot, Position
from core.orders import Order
from runner.bot import Bot
from tests.builders.market import NOON


@dataclass
class HandedLots:
    """The real ledger in everything but its positions and what is still open."""

    ledger: Any
    lots: dict[str, Position] = field(default_factory=dict)
    open_orders: tuple[Order, ...] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    def positions(self) -> Mapping[str, Position]:
        return dict(self.lots)

    def holds(
        self,
        symbol: str,
        *,
        price: str = "100",
        quantity: str = "1",
        opened_at: datetime = NOON - timedelta(hours=1),
    ) -> None:
        """The bot owns one more lot of the product."""
        base, quote = symbol.split("-")
        before = self.lots[symbol].lots if symbol in self.lots else ()
        lot = Lot(Decimal(quantity), Decimal(price), opened_at)
        self.lots[symbol] = Position(symbol, base, quote, (*before, lot))

    def sold(self, symbol: str) -> None:
        del self.lots[symbol]


def hand_lots_to(bot: Bot) -> HandedLots:
    """The bot's ledger from now on; empty until something `holds`."""
    handed = HandedLots(bot.world.ledger)
    bot.world = replace(bot.world, ledger=handed)
    return handed
