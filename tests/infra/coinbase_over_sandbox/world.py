"""The world of the venue contract, with a network between the bot and the venue."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from core.market import Fees, Side
from core.ports import Venue
from infra.exchange.simulated.entry import Entry
from infra.exchange.simulated.request import Kind, VenueRequest
from infra.sandbox.coinbase.tickets import rebuilt
from tests.builders.market import FEES
from tests.builders.venue import HandMarket, a_request
from tests.infra.coinbase_over_sandbox.hall import Hall, HandTime, open_hall


@dataclass
class WireWorld:
    """CoinbaseExchange over the sandbox, on a market moved by hand."""

    folder: Path
    fees: Fees = FEES
    clock: HandTime = field(default_factory=HandTime)
    _open: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.market = HandMarket(clock=self.clock)  # type: ignore[arg-type]
        self.hall: Hall = self._open.enter_context(open_hall(self.folder, self.market, self.clock))
        self.venue: Venue = self.hall.exchange()

    def now(self) -> datetime:
        return self.clock.now()

    def set_book(self, bid: str, ask: str, each: str = "200") -> None:
        self.pass_time(timedelta(minutes=1))
        self.hall.inside(lambda: self.market.book(bid, ask, each=each))

    def pass_time(self, lasting: timedelta) -> None:
        self.hall.inside(lambda: self.clock.set(self.now() + lasting))

    def place_by_hand(self, side: Side, price: str, quantity: str) -> str:
        return self._placed(a_request(side, price=price, quantity=quantity))

    def buy_by_hand(self, notional: str) -> str:
        return self._placed(
            a_request(kind=Kind.MARKET, notional=notional, price=None, quantity=None)
        )

    def _placed(self, request: VenueRequest) -> str:
        floor = self.hall.sandbox.floor
        entry = self.hall.inside(lambda: floor.place(request, rebuilt(request)))
        assert isinstance(entry, Entry), entry
        return entry.exchange_order_id

    def reopen(self) -> None:
        """Another adapter: it remembers nothing of what the first one sent."""
        self.venue = self.hall.exchange()

    def close(self) -> None:
        self._open.close()
