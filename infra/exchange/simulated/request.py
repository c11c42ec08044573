"""What the simulated venue can be asked for, and the words in which it says no.

Exists beside core.orders because a venue serves people too: they send market orders,
sizes in quote currency and orders with a target and a stop attached, none of which
the bot ever plans. The words of refusal are Coinbase's own (reference, appendix 1),
so that what speaks its wire need not translate them. It decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from core.market import Side
from core.orders import TimeInForce


class Kind(Enum):
    """How an order meets the market."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_LIMIT = "STOP_LIMIT"
    BRACKET = "BRACKET"


class StopDirection(Enum):
    """From which side the market must reach the stop."""

    UP = "UP"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class Attached:
    """A target and a stop that begin to work when the order they hang on has ended."""

    target: Decimal
    stop: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRequest:
    """One order as somebody asks for it. Nothing is checked here: refusing is the venue's."""

    symbol: str
    side: Side
    kind: Kind
    time_in_force: TimeInForce = TimeInForce.GTC  # a market order is IOC
    post_only: bool = False
    entire: bool = False  # all of it at once, or nothing
    quantity: Decimal | None = None  # base
    notional: Decimal | None = None  # quote, fees included; market buys only
    price: Decimal | None = None
    stop: Decimal | None = None
    stop_direction: StopDirection | None = None  # None: DOWN for a sale, UP for a buy
    end_time: datetime | None = None
    client_order_id: str | None = None
    attached: Attached | None = None

    @property
    def falls_to_stop(self) -> bool:
        """Whether the stop is set off by a falling market."""
        if self.stop_direction is None:
            return self.side is Side.SELL
        return self.stop_direction is StopDirection.DOWN

    @property
    def immediate(self) -> bool:
        """Whether it takes what is there now and never rests."""
        return self.kind is Kind.MARKET or self.time_in_force is TimeInForce.IOC


class Refusal(Enum):
    """Why an order is not taken. The name is the venue's code, the value its sentence.

    Names with PREVIEW_ exist as such only: as an order's error they are unknown.
    """

    INVALID_PRODUCT_ID = "The product is not known."
    UNTRADABLE_PRODUCT = "The product is delisted."
    PRODUCT_TRADING_HALTED = "Trading of the product is halted."
    ORDER_ENTRY_DISABLED = "The product takes no such orders now."
    UNSUPPORTED_ORDER_CONFIGURATION = "There is no order of this kind."
    INVALID_SIZE_PRECISION = "The quantity is off the base increment."
    INVALID_PRICE_PRECISION = "The price is off the price increment."
    INVALID_LIMIT_PRICE = "The price is not positive."
    INVALID_LIMIT_PRICE_POST_ONLY = "A post-only order would cross the book."
    INVALID_NO_LIQUIDITY = "There is no book to meet."
    INSUFFICIENT_FUND = "Insufficient balance in source account"
    GTD_ORDERS_MUST_HAVE_END_TIME = "An end time goes with GTD, and only with GTD."
    END_TIME_IS_IN_THE_PAST = "The end time has passed."
    INVALID_BRACKET_PRICES = "The stop of a sale lies below its target."
    COMMANDER_REJECTED_NEW_ORDER = "There are too many open orders for this product."
    PREVIEW_INVALID_ORDER_CONFIG = "Market sells must be parameterized in base currency"
    PREVIEW_INVALID_BRACKET_ORDER_SIDE = "A bracket is a sale."
    PREVIEW_INVALID_QUOTE_SIZE_PRECISION = "The notional has more than 8 decimals."
    PREVIEW_INVALID_BASE_SIZE_TOO_SMALL = "The quantity is below the minimum."
    PREVIEW_INVALID_BASE_SIZE_TOO_LARGE = "The quantity is above the maximum."
    PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL = "The notional is below the minimum."
    PREVIEW_INVALID_STOP_PRICE_PRECISION = "The stop is off the price increment."
    PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE = "The market has already fallen to the stop."
    PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE = "The market has already risen to the stop."
    PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE = "The limit of a buy is not below its stop."
    PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE = "The limit of a sale is not above its stop."

    @property
    def error(self) -> str:
        """The code as an order's error."""
        if self is Refusal.PREVIEW_INVALID_ORDER_CONFIG:
            return Refusal.UNSUPPORTED_ORDER_CONFIGURATION.name
        return "UNKNOWN_FAILURE_REASON" if self.name.startswith("PREVIEW_") else self.name

    @property
    def preview(self) -> str:
        """The code as a preview's error."""
        if self is Refusal.UNSUPPORTED_ORDER_CONFIGURATION:
            return Refusal.PREVIEW_INVALID_ORDER_CONFIG.name
        return self.name if self.name.startswith("PREVIEW_") else f"PREVIEW_{self.name}"

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


class EditRefusal(Enum):
    """Why an order is not changed, in the same manner."""

    ORDER_NOT_FOUND = "No such order."
    ONLY_OPEN_ORDERS_CAN_BE_EDITED = "The order has ended."
    CANNOT_EDIT_ORDER_PENDING_CANCEL = "The order is being cancelled."
    ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED = "Only GTC orders can be edited."
    CANNOT_EDIT_TRIGGERED_ORDER = "The stop has been set off."
    CANNOT_EDIT_STOP_PRICE_FOR_TRIGGERED_ORDER = "There is no stop to change."
    CANNOT_EDIT_TO_BELOW_FILLED_SIZE = "More than that is filled."
    INVALID_EDITED_SIZE = "The quantity cannot be had."
    INVALID_EDITED_PRICE = "The price cannot be had."
    EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST = "Nothing would change."


class CancelRefusal(Enum):
    """Why a cancel is not taken."""

    UNKNOWN_CANCEL_ORDER = "No such order, or it has ended."
    DUPLICATE_CANCEL_REQUEST = "The order is being cancelled."
