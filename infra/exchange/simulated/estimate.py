"""What an order would meet and cost if it were placed now. Nothing is held for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.market import Side
from core.money import ONE, Toward, added, divided, multiplied, rounded_up, subtracted
from infra.exchange.simulated.admission import Facts, refusal
from infra.exchange.simulated.entry import GRAIN
from infra.exchange.simulated.request import Refusal, VenueRequest

# Of these a preview computes nothing.
_SHAPELESS = (Refusal.UNSUPPORTED_ORDER_CONFIGURATION, Refusal.PREVIEW_INVALID_ORDER_CONFIG)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an order would meet. Numbers are None where the venue cannot even compute them."""

    refusals: tuple[Refusal, ...]
    total: Decimal | None  # quote currency: with the fee for a buy, less it for a sale
    fee: Decimal | None
    best_bid: Decimal | None
    best_ask: Decimal | None


def estimated(request: VenueRequest, facts: Facts) -> Preview:
    found = refusal(request, facts)
    refusals = () if found is None else (found,)
    numbers = (request.price, request.quantity, request.notional)
    if found in _SHAPELESS or any(number and not number.is_finite() for number in numbers):
        return Preview(refusals, None, None, None, None)
    bid = ask = None
    if facts.depth is not None:
        bid, ask = facts.depth.bids[0].price, facts.depth.asks[0].price
    return Preview(refusals, *_totals(request, facts), bid, ask)


def _totals(request: VenueRequest, facts: Facts) -> tuple[Decimal | None, Decimal | None]:
    """Total and fee at the worst: the limit and the taker's fee."""
    rate = facts.fees.taker.value
    if request.notional is not None:
        value = divided(request.notional, added(ONE, rate), toward=Toward.FLOOR)
        return request.notional, subtracted(request.notional, value)
    price = request.price
    if price is None and facts.depth is not None:
        price = (facts.depth.asks if request.side is Side.BUY else facts.depth.bids)[0].price
    if price is None or request.quantity is None:
        return None, None
    notional = multiplied(price, request.quantity)
    fee = rounded_up(multiplied(notional, rate), GRAIN)
    return (added if request.side is Side.BUY else subtracted)(notional, fee), fee
