"""PAPER on a stage: a bot that trades at the simulated venue, with a test between the two.

The venue's file survives the bot, as if it lay on another machine, and can be read here
without the bot: it is the truth that the ledger is compared with.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from config.settings import Settings
from core.orders import VenueFill, VenueOrder
from core.ports import Clock, Venue
from infra.exchange.simulated.exchange import SimulatedExchange
from infra.exchange.simulated.venue import SimulatedVenue
from infra.exchange.simulated.venue_file import balances_in
from infra.exchange.simulated.venue_rows import OrderQuery, VenueRows
from runner import wiring
from runner.markets import Market
from runner.places import Places
from runner.recovery import Stores
from tests.builders.bot import the_places

PAPER = {"app.mode": "PAPER"}
Front = Callable[[Venue, Clock], Venue]
_PAGE = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def honest(venue: Venue, _clock: Clock) -> Venue:
    """Nothing stands between the bot and its venue."""
    return venue


@contextmanager
def in_front(front: Front) -> Iterator[None]:
    """Every bot that is wired within the block meets its venue through `front`."""
    real = vars(wiring)["venue_for"]

    def wrapped(settings: Settings, market: Market, places: Places, stores: Stores) -> Venue:
        return front(real(settings, market, places, stores), market.clock)

    vars(wiring)["venue_for"] = wrapped
    try:
        yield
    finally:
        vars(wiring)["venue_for"] = real


def exchange_of(venue: Venue) -> SimulatedExchange:
    """The exchange behind a venue of PAPER: what a person would log in to."""
    assert isinstance(venue, SimulatedVenue)
    return venue._exchange


class VenueTruth:
    """What the venue's file says, read without the bot."""

    def __init__(self, folder: Path) -> None:
        path = the_places(folder).folder / "venue.sqlite"
        with closing(sqlite3.connect(path)) as db:
            rows = VenueRows(db, path)
            entries = rows.orders(OrderQuery(limit=_PAGE)).orders
            deals = rows.fills_since(_EPOCH)
            self.orders: list[VenueOrder] = [entry.told_as() for entry in entries]
            self.fills: list[VenueFill] = [deal.told_as() for deal in deals]
            self.balances: dict[str, Decimal] = {
                name: total for name, total in balances_in(db, path).items() if total
            }
