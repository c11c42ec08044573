"""The venues under contract. A further one joins by one more line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.market import Fees, Side
from core.ports import Venue
from infra.exchange.simulated.entry import Entry
from infra.exchange.simulated.exchange import SimulatedExchange
from infra.exchange.simulated.faults import FaultPlan, FaultyVenue
from infra.exchange.simulated.request import Kind
from infra.exchange.simulated.venue import SimulatedVenue
from tests.builders.market import FEES
from tests.builders.venue import HandMarket, a_request, an_exchange
from tests.contracts.world import World
from tests.infra.coinbase_over_sandbox.world import WireWorld


@dataclass
class SimulatedWorld:
    """The simulated venue on a market moved by hand, its books in a file."""

    path: Path
    wrap: Callable[[Venue, HandMarket], Venue] = lambda venue, market: venue
    market: HandMarket = field(default_factory=HandMarket)
    fees: Fees = FEES

    def __post_init__(self) -> None:
        self.exchange: SimulatedExchange = an_exchange(self.market, path=self.path)
        self.venue: Venue = self.wrap(SimulatedVenue(self.exchange), self.market)

    def now(self) -> datetime:
        return self.market.clock.now()

    def set_book(self, bid: str, ask: str, each: str = "200") -> None:
        self.pass_time(timedelta(minutes=1))
        self.market.book(bid, ask, each=each)

    def pass_time(self, lasting: timedelta) -> None:
        self.market.clock.set(self.now() + lasting)

    def place_by_hand(self, side: Side, price: str, quantity: str) -> str:
        return self._placed(a_request(side, price=price, quantity=quantity))

    def buy_by_hand(self, notional: str) -> str:
        return self._placed(
            a_request(kind=Kind.MARKET, notional=notional, price=None, quantity=None)
        )

    def _placed(self, request: object) -> str:
        entry = self.exchange.create(request)  # type: ignore[arg-type]
        assert isinstance(entry, Entry), entry
        return entry.exchange_order_id

    def reopen(self) -> None:
        self.exchange.close()
        self.__post_init__()

    def close(self) -> None:
        self.exchange.close()


def simulated(folder: Path) -> World:
    return SimulatedWorld(folder / "venue.sqlite")


def behind_no_faults(folder: Path) -> World:
    """A wrapper without a plan must not show."""
    return SimulatedWorld(
        folder / "venue.sqlite",
        lambda venue, market: FaultyVenue(venue, FaultPlan(seed=1), market.clock),
    )


def coinbase_over_sandbox(folder: Path) -> World:
    """The real adapter, over TLS on loopback."""
    return WireWorld(folder)


VENUES = (simulated, behind_no_faults, coinbase_over_sandbox)


@pytest.fixture(params=VENUES, ids=lambda make: make.__name__)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    make: Callable[[Path], World] = request.param
    made = make(tmp_path)
    yield made
    made.close()
