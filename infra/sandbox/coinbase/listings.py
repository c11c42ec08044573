"""Products as the venue lists them: every field it tells, in its own spelling."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from core.market import Product, ProductStatus, TopOfBook
from core.money import multiplied
from infra.sandbox.coinbase.answers import number
from infra.sandbox.coinbase.quotes import Day

CASH = frozenset({"USD", "EUR", "GBP", "TRY"})
QUOTE_MAX = Decimal(150_000_000)
_BASE_MAX = Decimal(100_000_000_000)  # where the market sets none

# What of the venue's flags is up in each state; `status` is online unless it says otherwise.
_FLAGS: Mapping[ProductStatus, Mapping[str, object]] = {
    ProductStatus.ONLINE: {},
    ProductStatus.LIMIT_ONLY: {"limit_only": True},
    ProductStatus.POST_ONLY: {"post_only": True},
    ProductStatus.CANCEL_ONLY: {"cancel_only": True},
    ProductStatus.AUCTION: {"auction_mode": True},
    ProductStatus.HALTED: {"trading_disabled": True},
    ProductStatus.OFFLINE: {"status": "offline", "trading_disabled": True},
    ProductStatus.DELISTED: {"status": "delisted", "is_disabled": True, "trading_disabled": True},
    ProductStatus.UNKNOWN: {"status": "internal", "view_only": True},
}


def listing(
    product: Product, price: Decimal | None, day: Day | None, aliases: list[str]
) -> Mapping[str, Any]:
    """One product. `aliases` are the products that share its book; no price is an empty one."""
    turnover = None if day is None or price is None else multiplied(day.volume, price)
    return {
        "product_id": product.symbol,
        "price": number(price),
        "price_percentage_change_24h": "" if day is None else number(day.change),
        "volume_24h": "" if day is None else number(day.volume),
        "volume_percentage_change_24h": "",
        "base_increment": number(product.base_increment),
        "quote_increment": number(product.price_increment),
        "quote_min_size": number(product.quote_min),
        "quote_max_size": number(QUOTE_MAX),
        "base_min_size": number(product.base_min),
        "base_max_size": number(product.base_max or _BASE_MAX),
        "base_name": product.base,
        "quote_name": "US Dollar" if product.quote == "USD" else product.quote,
        "watched": False,
        "is_disabled": False,
        "new": False,
        "status": "online",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": False,
        "auction_mode": False,
        "product_type": "SPOT",
        "quote_currency_id": product.quote,
        "base_currency_id": product.base,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
        "alias": product.alias_of or "",
        "alias_to": aliases,
        "base_display_symbol": product.base,
        "quote_display_symbol": "USD" if product.alias_of else product.quote,
        "view_only": False,
        "price_increment": number(product.price_increment),
        "display_name": product.symbol,
        "product_venue": "CBE",
        "approximate_quote_24h_volume": number(turnover),
        "new_at": None if product.listed_at is None else product.listed_at.isoformat(),
        "best_bid_price": "",
        "best_ask_price": "",
        **_FLAGS[product.status],
    }


def pricebook(
    symbol: str, bids: list[Mapping[str, str]], asks: list[Mapping[str, str]], at: str
) -> Mapping[str, Any]:
    return {"product_id": symbol, "bids": bids, "asks": asks, "time": at}


def best(top: TopOfBook | None, quantities: tuple[Decimal, Decimal] | None) -> Mapping[str, str]:
    """Best bid and ask with their quantities, as a stream's ticker tells them."""
    return {
        "best_bid": number(None if top is None else top.bid),
        "best_bid_quantity": number(None if quantities is None else quantities[0]),
        "best_ask": number(None if top is None else top.ask),
        "best_ask_quantity": number(None if quantities is None else quantities[1]),
    }
