"""The venue that a mode sends its orders to."""

from __future__ import annotations

from contextlib import ExitStack

from config.settings import Mode, Settings
from core.ports import Venue
from infra.exchange.read_only import ReadOnlyVenue
from infra.exchange.simulated.exchange import AccountTerms, SimulatedExchange
from infra.exchange.simulated.matcher import MatchingRules
from infra.exchange.simulated.venue import SimulatedVenue
from infra.exchange.simulated.venue_file import VenueIdentity
from runner.markets import Market
from runner.places import Places


def venue_for(settings: Settings, market: Market, places: Places, closing: ExitStack) -> Venue:
    """The one place where a mode becomes a venue; what it opens is closed by `closing`."""
    starting = settings.app.starting_balances
    if settings.app.mode is Mode.DRY_RUN:
        return ReadOnlyVenue(starting)
    matching = settings.market.matching
    exchange = SimulatedExchange(
        market.behind,
        market.clock,
        AccountTerms(
            identity=VenueIdentity(mode=places.mode, market=market.identity),
            starting=starting,
            rules=MatchingRules(
                bar=settings.market.bar,
                volume_share_max=matching.volume_share_max,
                latency=matching.latency,
            ),
            path=places.folder / "venue.sqlite",
        ),
    )
    closing.callback(exchange.close)
    return SimulatedVenue(exchange)
