"""An order and a fill as the simulated venue keeps them.

Frozen: whoever is handed one may keep it, and the next state is another value.
Everything the venue must not forget of an order is in here, its holds included:
they follow from it and are stored nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from core.market import Fees, Side, base_of, quote_of
from core.money import ZERO, Money, Price, Quantity, added, multiplied, rounded_up, subtracted
from core.orders import RESTING, OrderStatus, OrderType, TimeInForce, VenueFill, VenueOrder
from infra.exchange.simulated.request import Kind, VenueRequest

GRAIN = Decimal("0.00000001")  # the smallest part of a quote currency that is charged or held

_TYPES = {
    Kind.MARKET: None,
    Kind.LIMIT: OrderType.LIMIT,
    Kind.STOP_LIMIT: OrderType.STOP_LIMIT,
    Kind.BRACKET: OrderType.BRACKET,
}


class Liquidity(Enum):
    """Whether an order waited in the book or took from it."""

    MAKER = "MAKER"
    TAKER = "TAKER"


class MatchedBy(Enum):
    """What showed that the order trades."""

    BOOK = "BOOK"
    BAR = "BAR"


@dataclass(frozen=True, slots=True)
class Edit:
    """What an order was before it was changed."""

    price: Decimal | None
    quantity: Decimal | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One order at the venue. `fees` is what was charged, `fees_exact` before rounding."""

    number: int  # in the order of acceptance
    exchange_order_id: str
    request: VenueRequest  # price, stop and quantity as last edited
    rates: Fees  # of the day it was accepted; an order's cost never changes under it
    created_at: datetime
    active_from: datetime  # it meets the market from then on
    place_since: datetime  # its place among own orders at one price; an edit loses it
    status: OrderStatus = OrderStatus.OPEN
    originates_from: str | None = None
    budget: Decimal | None = None  # market buys: all that it may cost
    stop_limit: Decimal | None = None  # brackets: the worst price once the stop is set off
    filled: Decimal = ZERO
    value: Decimal = ZERO  # notional of what is filled
    fees: Decimal = ZERO
    fees_exact: Decimal = ZERO
    fills: int = 0
    triggered: bool = False  # a stop that was set off: a limit order from then on
    rests: bool = False  # it met a book and had to wait
    cancel_from: datetime | None = None  # asked to be cancelled; done from then on
    last_fill_at: datetime | None = None
    updated_at: datetime | None = None
    told: str = ""
    edits: tuple[Edit, ...] = ()

    @property
    def symbol(self) -> str:
        return self.request.symbol

    @property
    def side(self) -> Side:
        return self.request.side

    @property
    def works(self) -> bool:
        return self.status in RESTING

    @property
    def waits_for_stop(self) -> bool:
        """Whether only its stop can bring it to the market; a bracket's target works besides."""
        return self.request.stop is not None and not self.triggered

    @property
    def in_the_market(self) -> bool:
        """Whether its limit can trade: a bracket's target can while its stop waits."""
        return not self.waits_for_stop or self.request.kind is Kind.BRACKET

    @property
    def limit(self) -> Decimal | None:
        """The worst price it takes now; None for a market order."""
        return self.stop_limit if self.triggered and self.stop_limit else self.request.price

    @property
    def until(self) -> datetime | None:
        """When its life ends, as far as that is settled."""
        ends = [at for at in (self.request.end_time, self.cancel_from) if at is not None]
        return min(ends) if ends else None

    @property
    def since(self) -> datetime:
        """From when on the market can have met it as it is: it arrived, and was last changed."""
        return max(self.active_from, self.place_since)

    @property
    def left(self) -> Decimal | None:
        """What is not filled, in base; None for an order in quote currency."""
        quantity = self.request.quantity
        return None if quantity is None else subtracted(quantity, self.filled)

    @property
    def hold(self) -> Money:
        """What it keeps from other orders: base of a sale, cost with the taker's fee of a buy."""
        if self.side is Side.SELL:
            base = base_of(self.symbol)
            return Money(self.left or ZERO, base) if self.works else Money.zero(base)
        quote = quote_of(self.symbol)
        if not self.works:
            return Money.zero(quote)
        if self.budget is not None:
            return Money(subtracted(self.budget, added(self.value, self.fees)), quote)
        return Money(self.cost(self.left or ZERO, self.request.price or ZERO), quote)

    def cost(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What buying so much more would take, at the taker's fee."""
        notional = multiplied(quantity, price)
        exact = added(self.fees_exact, multiplied(notional, self.rates.taker.value))
        return added(notional, subtracted(rounded_up(exact, GRAIN), self.fees))

    def told_as(self) -> VenueOrder:
        """The order in the words of the core."""
        request = self.request
        market = request.kind is Kind.MARKET
        return VenueOrder(
            exchange_order_id=self.exchange_order_id,
            client_order_id=request.client_order_id,
            originates_from=self.originates_from,
            symbol=request.symbol,
            side=request.side,
            type=_TYPES[request.kind],
            time_in_force=TimeInForce.IOC if market else request.time_in_force,
            price=request.price,
            stop=request.stop,
            quantity=request.quantity,
            filled=self.filled,
            status=self.status,
            created_at=self.created_at,
            end_time=request.end_time,
            told=self.told,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """A fill row: a part of an order at one price."""

    number: int
    fill_id: str
    exchange_order_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal  # quote currency
    at: datetime
    liquidity: Liquidity
    matched_by: MatchedBy
    in_quote: bool = False  # of an order in quote currency

    @property
    def notional(self) -> Decimal:
        return multiplied(self.price, self.quantity)

    def told_as(self) -> VenueFill:
        """The fill in the words of the core."""
        quote = quote_of(self.symbol)
        return VenueFill(
            fill_id=self.fill_id,
            exchange_order_id=self.exchange_order_id,
            symbol=self.symbol,
            side=self.side,
            price=Price(self.price, quote),
            quantity=Quantity(self.quantity, base_of(self.symbol)),
            fee=Money(self.fee, quote),
            at=self.at,
        )
