"""The world around a venue under contract: what a test may do to it, and nothing more.

Every venue that wants to pass brings one of these: the simulated one here, a real
adapter in front of a sandbox elsewhere. All use SOL-USD with a tick of 0.01, a lot of
0.0001, a minimum of 1 USD, and an account that begins with 10,000 USD and 50 SOL.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from core.market import Fees, Side
from core.ports import Venue

SYMBOL = "SOL-USD"
START_USD, START_SOL = Decimal(10_000), Decimal(50)


class World(Protocol):
    """A venue, and the hand that moves its market."""

    @property
    def venue(self) -> Venue: ...

    @property
    def fees(self) -> Fees: ...

    def now(self) -> datetime:
        """The market's time."""

    def set_book(self, bid: str, ask: str, each: str = "200") -> None:
        """One level a side from now on, `each` of base in it; a moment of time passes."""

    def pass_time(self, lasting: timedelta) -> None:
        """Let time pass without a trade."""

    def place_by_hand(self, side: Side, price: str, quantity: str) -> str:
        """A person's GTC limit order on the same account; its exchange id."""

    def buy_by_hand(self, notional: str) -> str:
        """A person's market buy in quote currency; its exchange id."""

    def reopen(self) -> None:
        """Lose the process that talks to the venue, and begin another."""

    def close(self) -> None:
        """The test is over."""
