"""The venue that a mode sends its orders to."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Mode, Settings
from core.ports import Venue
from infra.exchange.read_only import ReadOnlyVenue
from runner.markets import Market
from runner.places import Places, missing
from runner.recovery import Stores

if TYPE_CHECKING:
    from infra.exchange.simulated.venue import SimulatedVenue


def venue_for(settings: Settings, market: Market, places: Places, stores: Stores) -> Venue:
    """The one place where a mode becomes a venue; what it opens is closed with `stores`."""
    real = market.real
    if settings.app.mode is Mode.LIVE and real is not None:
        return real.exchange
    if settings.app.mode is Mode.DRY_RUN:
        return ReadOnlyVenue(settings.app.starting_balances)
    if stores.ledger.opened and not places.venue_books.exists():
        raise missing(places.venue_books, "is gone, and ledger.sqlite stands on it")
    return simulated_venue(settings, market, places.venue_books, stores.closing)


def simulated_venue(
    settings: Settings, market: Market, path: Path | str, closing: ExitStack
) -> SimulatedVenue:
    """The venue of PAPER, with its own books at `path`."""
    # A bot on a real venue loads none of it.
    from infra.exchange.simulated.exchange import AccountTerms, SimulatedExchange
    from infra.exchange.simulated.matcher import MatchingRules
    from infra.exchange.simulated.venue import SimulatedVenue
    from infra.exchange.simulated.venue_file import VenueIdentity

    matching = settings.market.matching
    exchange = SimulatedExchange(
        market.behind,
        market.clock,
        AccountTerms(
            identity=VenueIdentity(mode=settings.app.mode.name, market=market.identity),
            starting=settings.app.starting_balances,
            rules=MatchingRules(
                bar=settings.market.bar,
                volume_share_max=matching.volume_share_max,
                latency=matching.latency,
            ),
            path=path,
        ),
    )
    closing.callback(exchange.close)
    return SimulatedVenue(exchange)
