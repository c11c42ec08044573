"""May this order be taken? The venue's own rules, in the order in which it looks.

Exists so that what a real venue would refuse is refused here too, before it costs
money: increments, minimums, states of the product, stops on the wrong side, post-only
that would cross, and funds. A preview asks the same rules. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.market import Depth, Fees, Product, ProductStatus, Side, base_of, quote_of
from core.money import ONE, ZERO, added, multiplied, rounded_down, rounded_up, subtracted
from core.orders import TimeInForce
from infra.exchange.simulated.book_matching import crosses, levels_for
from infra.exchange.simulated.entry import GRAIN
from infra.exchange.simulated.request import Kind, Refusal, VenueRequest

OPEN_ORDERS_MAX = 500  # per product
STOP_SHARE = Decimal("0.95")  # of a bracket's stop: the limit at which it sells then

_CLOSED = {
    ProductStatus.DELISTED: Refusal.UNTRADABLE_PRODUCT,
    ProductStatus.HALTED: Refusal.PRODUCT_TRADING_HALTED,
    ProductStatus.OFFLINE: Refusal.PRODUCT_TRADING_HALTED,
    ProductStatus.AUCTION: Refusal.PRODUCT_TRADING_HALTED,
    ProductStatus.CANCEL_ONLY: Refusal.ORDER_ENTRY_DISABLED,
    ProductStatus.UNKNOWN: Refusal.UNTRADABLE_PRODUCT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules look at besides the request."""

    product: Product | None
    depth: Depth | None
    fees: Fees
    now: datetime
    available: Callable[[str], Decimal]  # by currency
    open_orders: int  # of the product


Rule = Callable[[VenueRequest, Facts], Refusal | None]


def refusal(request: VenueRequest, facts: Facts) -> Refusal | None:
    """The first rule that says no, or nothing."""
    for rule in RULES:
        found = rule(request, facts)
        if found is not None:
            return found
    return None


def cost_of(request: VenueRequest, depth: Depth | None, fees: Fees) -> Decimal:
    """What a buy may cost at most, with the taker's fee.

    A market buy in base pays the book, level by level, its last level for what is beyond.
    """
    if request.notional is not None:
        return request.notional
    quantity = request.quantity or ZERO
    if request.kind is Kind.MARKET and depth is not None:
        notional, left = ZERO, quantity
        for level in levels_for(Side.BUY, depth):
            part = min(left, level.quantity)
            notional = added(notional, multiplied(part, level.price))
            left = subtracted(left, part)
        notional = added(notional, multiplied(left, depth.asks[-1].price))
        # Two grains more, for what `spendable` rounds against the order: else the last
        # increment of a quantity could not be paid.
        cost = rounded_up(multiplied(notional, added(ONE, fees.taker.value)), GRAIN)
        return added(cost, GRAIN, GRAIN)
    notional = multiplied(quantity, request.price or ZERO)
    return rounded_up(multiplied(notional, added(ONE, fees.taker.value)), GRAIN)


def stop_limit_of(request: VenueRequest, product: Product) -> Decimal | None:
    """The limit at which a bracket sells once its stop is set off."""
    if request.kind is not Kind.BRACKET or request.stop is None:
        return None
    least = multiplied(request.stop, STOP_SHARE)
    tick = product.price_increment
    return max(rounded_down(least, tick), tick)


def _listed(_: VenueRequest, facts: Facts) -> Refusal | None:
    return Refusal.INVALID_PRODUCT_ID if facts.product is None else None


def _entry_allowed(request: VenueRequest, facts: Facts) -> Refusal | None:
    status = _product(facts).status
    if status in _CLOSED:
        return _CLOSED[status]
    if status is ProductStatus.POST_ONLY and not request.post_only:
        return Refusal.ORDER_ENTRY_DISABLED
    if status is ProductStatus.LIMIT_ONLY and request.kind is Kind.MARKET:
        return Refusal.ORDER_ENTRY_DISABLED
    return None


def _shape(request: VenueRequest, _: Facts) -> Refusal | None:
    """Each kind has its numbers, and no others."""
    market = request.kind is Kind.MARKET
    stopped = request.kind in (Kind.STOP_LIMIT, Kind.BRACKET)
    if request.notional is not None and request.side is Side.SELL:
        return Refusal.PREVIEW_INVALID_ORDER_CONFIG
    fits = (
        (request.quantity is None) != (request.notional is None)
        and (market or request.notional is None)
        and market == (request.price is None)
        and stopped == (request.stop is not None)
        and not (request.post_only and (request.immediate or stopped))
        and (request.immediate or not request.entire)
        and not (stopped and request.immediate)
    )
    if not fits:
        return Refusal.UNSUPPORTED_ORDER_CONFIGURATION
    if request.kind is Kind.BRACKET and request.side is Side.BUY:
        return Refusal.PREVIEW_INVALID_BRACKET_ORDER_SIDE
    if request.attached is not None and (stopped or request.side is Side.SELL):
        return Refusal.UNSUPPORTED_ORDER_CONFIGURATION
    return None


def _end(request: VenueRequest, facts: Facts) -> Refusal | None:
    if (request.time_in_force is TimeInForce.GTD) != (request.end_time is not None):
        return Refusal.GTD_ORDERS_MUST_HAVE_END_TIME
    if request.end_time is not None and request.end_time <= facts.now:
        return Refusal.END_TIME_IS_IN_THE_PAST
    return None


def _prices(request: VenueRequest, facts: Facts) -> Refusal | None:
    tick = _product(facts).price_increment
    if request.price is not None:
        if not request.price.is_finite() or request.price <= ZERO:
            return Refusal.INVALID_LIMIT_PRICE
        if rounded_down(request.price, tick) != request.price:
            return Refusal.INVALID_PRICE_PRECISION
    prices = [request.stop]
    if request.attached is not None:
        prices += [request.attached.stop, request.attached.target]
    for price in prices:
        if price is not None and (
            not price.is_finite() or price <= ZERO or rounded_down(price, tick) != price
        ):
            return Refusal.PREVIEW_INVALID_STOP_PRICE_PRECISION
    return None


def _quantity(request: VenueRequest, facts: Facts) -> Refusal | None:
    product, quantity = _product(facts), request.quantity
    if quantity is None:
        return None
    if not quantity.is_finite() or quantity <= ZERO:
        return Refusal.PREVIEW_INVALID_BASE_SIZE_TOO_SMALL
    if rounded_down(quantity, product.base_increment) != quantity:
        return Refusal.INVALID_SIZE_PRECISION
    if quantity < product.base_min:
        return Refusal.PREVIEW_INVALID_BASE_SIZE_TOO_SMALL
    if product.base_max is not None and quantity > product.base_max:
        return Refusal.PREVIEW_INVALID_BASE_SIZE_TOO_LARGE
    return None


def _notional(request: VenueRequest, facts: Facts) -> Refusal | None:
    least, notional = _product(facts).quote_min, request.notional
    if notional is not None and not (notional.is_finite() and notional >= least):
        return Refusal.PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL
    if notional is not None and rounded_down(notional, GRAIN) != notional:
        return Refusal.PREVIEW_INVALID_QUOTE_SIZE_PRECISION
    price = request.price
    if price is None and facts.depth is not None:
        price = levels_for(request.side, facts.depth)[0].price
    if notional is not None or price is None:
        return None
    small = multiplied(price, request.quantity or ZERO) < least
    return Refusal.PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL if small else None


def _stops(request: VenueRequest, facts: Facts) -> Refusal | None:
    """A stop lies where the market has yet to go, and its limit beyond it."""
    stop, price, attached = request.stop, request.price, request.attached
    if attached is not None and attached.stop >= attached.target:
        return Refusal.INVALID_BRACKET_PRICES
    if stop is None or price is None:
        return None
    if request.kind is Kind.BRACKET and stop >= price:
        return Refusal.INVALID_BRACKET_PRICES
    if request.kind is Kind.STOP_LIMIT and request.side is Side.SELL and price > stop:
        return Refusal.PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE
    if request.kind is Kind.STOP_LIMIT and request.side is Side.BUY and price < stop:
        return Refusal.PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE
    if facts.depth is None:
        return None
    if request.falls_to_stop and facts.depth.bids[0].price <= stop:
        return Refusal.PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE
    if not request.falls_to_stop and facts.depth.asks[0].price >= stop:
        return Refusal.PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE
    return None


def _crossing(request: VenueRequest, facts: Facts) -> Refusal | None:
    if facts.depth is None:
        no_book = request.kind is Kind.MARKET
        return Refusal.INVALID_NO_LIQUIDITY if no_book else None
    if not request.post_only or request.price is None:
        return None
    crossing = crosses(request.side, request.price, facts.depth)
    return Refusal.INVALID_LIMIT_PRICE_POST_ONLY if crossing else None


def _funds(request: VenueRequest, facts: Facts) -> Refusal | None:
    if request.side is Side.SELL:
        short = facts.available(base_of(request.symbol)) < (request.quantity or ZERO)
    else:
        cost = cost_of(request, facts.depth, facts.fees)
        short = facts.available(quote_of(request.symbol)) < cost
    return Refusal.INSUFFICIENT_FUND if short else None


def _number(_: VenueRequest, facts: Facts) -> Refusal | None:
    too_many = facts.open_orders >= OPEN_ORDERS_MAX
    return Refusal.COMMANDER_REJECTED_NEW_ORDER if too_many else None


def _product(facts: Facts) -> Product:
    assert facts.product is not None, "the first rule refuses unknown products"
    return facts.product


RULES: tuple[Rule, ...] = (
    _listed,
    _entry_allowed,
    _shape,
    _end,
    _prices,
    _quantity,
    _notional,
    _stops,
    _crossing,
    _funds,
    _number,
)
