"""Books of the synthetic market: the price of the moment with a spread around it and depth behind.

Restless hours have wider spreads and thinner books, as real ones have. Every
price lies on the product's increment and the mid within one increment of the
course. What is not here: anybody's orders. Matching is another room.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import ceil, floor

import numpy as np

from core.market import BookOrigin, Depth, Level, Product, TopOfBook
from core.money import multiplied
from infra.exchange.simulated.catalogue import Listing
from infra.exchange.simulated.noise import keys, uniform

_LEVELS = 10
_GAP_MIN = 0.0002  # between levels: ten of them lie within 20 bps of the best price
_GAP_SHARE = 0.2  # of the usual spread, where that is more
_DEPTH_SHARE = 0.012  # of a day's usual notional: what one side of the book holds
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Moment:
    """One product at one second."""

    price: float
    volatility: float
    second: int


def top_of_book(listing: Listing, product: Product, moment: Moment, seen_at: datetime) -> TopOfBook:
    """Best bid and ask around the price, rounded outward to the increment."""
    bid, ask = _best_ticks(listing, moment)
    return TopOfBook(
        symbol=product.symbol,
        bid=_price(bid, product),
        ask=_price(ask, product),
        seen_at=seen_at,
        origin=BookOrigin.VENUE,
    )


def depth(
    seed: int, listing: Listing, product: Product, moment: Moment, seen_at: datetime
) -> Depth:
    """Ten levels a side behind the same best prices; quantities change with the minute."""
    bid, ask = _best_ticks(listing, moment)
    scale = 10**listing.price_decimals
    step = max(1, floor(moment.price * scale * max(_GAP_MIN, listing.spread * _GAP_SHARE)))
    minute = moment.second // _MINUTE
    index = np.arange(minute * 2 * _LEVELS, (minute + 1) * 2 * _LEVELS, dtype=np.int64)
    wobble = uniform(keys(seed, "depth", [listing.asset]), index)[0].tolist()
    bids = [bid - step * away for away in range(_LEVELS) if bid > step * away]
    asks = [ask + step * away for away in range(_LEVELS)]
    return Depth(
        symbol=product.symbol,
        bids=_levels(listing, product, moment, bids, wobble[:_LEVELS]),
        asks=_levels(listing, product, moment, asks, wobble[_LEVELS:]),
        seen_at=seen_at,
        origin=BookOrigin.VENUE,
    )


def _best_ticks(listing: Listing, moment: Moment) -> tuple[int, int]:
    scale = 10**listing.price_decimals
    half = max(moment.price * listing.spread * (0.6 + 0.4 * moment.volatility) * scale, 1.0) / 2
    middle = moment.price * scale
    bid = max(floor(middle - half), 1)
    return bid, max(ceil(middle + half), bid + 1)


def _levels(
    listing: Listing, product: Product, moment: Moment, ticks: list[int], wobble: list[float]
) -> tuple[Level, ...]:
    scale = 10**listing.base_decimals
    usual = listing.notional_per_day * _DEPTH_SHARE / _LEVELS / (0.5 + 0.5 * moment.volatility)
    levels = []
    for away, (tick, sway) in enumerate(zip(ticks, wobble, strict=False)):
        notional = usual * (0.55 + 0.1 * away) * (0.5 + sway)
        lots = max(1, floor(notional / moment.price * scale))
        levels.append(
            Level(_price(tick, product), multiplied(Decimal(lots), product.base_increment))
        )
    return tuple(levels)


def _price(ticks: int, product: Product) -> Decimal:
    return multiplied(Decimal(ticks), product.price_increment)
