"""Products: what may be traded, on which grids, and in which state each is.

Only spot. A product whose grid cannot be read is left out with the reason; one with a
word that we do not know, or without its minimums, is listed as UNKNOWN and never bought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from core.market import Product, ProductStatus
from infra.exchange.coinbase.wire.values import Unreadable, instant, number, rows_apart

_SPOT = "SPOT"
_STATES = {
    "online": ProductStatus.ONLINE,
    "offline": ProductStatus.OFFLINE,
    "internal": ProductStatus.OFFLINE,
    "delisted": ProductStatus.DELISTED,
}
_VENUES = frozenset({"", "CBE"})


class _Row(msgspec.Struct):
    product_id: str
    product_type: str | None = None
    product_venue: str | None = None
    status: str | None = None
    base_currency_id: str | None = None
    quote_currency_id: str | None = None
    base_increment: str | None = None
    quote_increment: str | None = None
    price_increment: str | None = None
    base_min_size: str | None = None
    base_max_size: str | None = None
    quote_min_size: str | None = None
    is_disabled: bool | None = None
    trading_disabled: bool | None = None
    view_only: bool | None = None
    cancel_only: bool | None = None
    limit_only: bool | None = None
    post_only: bool | None = None
    auction_mode: bool | None = None
    alias: str | None = None
    new_at: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What the venue lists, sorted, and what had to be left out, with the reason."""

    products: tuple[Product, ...]
    left_out: Mapping[str, str]


def listing(body: bytes) -> Listing:
    """The product list. No product at all is no list."""
    found, bad = rows_apart(body, "products", _Row)
    products: dict[str, Product] = {}
    left_out = {f"row {place}": why for place, why in enumerate(bad, start=1)}
    for row in found:
        if row.product_type not in (_SPOT, "", None):
            continue
        try:
            products[row.product_id] = _product(row)
        except ValueError as error:
            left_out[row.product_id] = str(error)
    if not products:
        raise Unreadable("the list has no product that can be read")
    return Listing(tuple(products[name] for name in sorted(products)), left_out)


def _product(row: _Row) -> Product:
    base_increment = number(row.base_increment)
    # Before 2024 there was no price_increment; on spot the two have always been the same.
    price_increment = number(row.price_increment) or number(row.quote_increment)
    if not base_increment or not price_increment:
        raise Unreadable("its increments are missing")
    if not row.base_currency_id or not row.quote_currency_id:
        raise Unreadable("its currencies are missing")
    base_min, quote_min = number(row.base_min_size), number(row.quote_min_size)
    untold = _untold(base_min_size=base_min, quote_min_size=quote_min)
    return Product(
        symbol=row.product_id,
        base=row.base_currency_id,
        quote=row.quote_currency_id,
        status=ProductStatus.UNKNOWN if untold else _status(row),
        price_increment=price_increment,
        base_increment=base_increment,
        base_min=base_increment if base_min is None else base_min,
        base_max=number(row.base_max_size),
        quote_min=price_increment if quote_min is None else quote_min,
        listed_at=instant(row.new_at),
        inferred=untold,
        alias_of=row.alias or None,
    )


def _untold(**numbers: Decimal | None) -> tuple[str, ...]:
    return tuple(name for name, value in numbers.items() if value is None)


def _status(row: _Row) -> ProductStatus:
    """The state that allows least; a word that we do not know allows nothing."""
    state = _STATES.get(row.status or "")
    if state is None or row.product_type != _SPOT or (row.product_venue or "") not in _VENUES:
        return ProductStatus.UNKNOWN
    if state is not ProductStatus.ONLINE:
        return state
    if row.is_disabled or row.trading_disabled or row.view_only:
        return ProductStatus.HALTED
    gates = (
        (row.cancel_only, ProductStatus.CANCEL_ONLY),
        (row.auction_mode, ProductStatus.AUCTION),
        (row.post_only, ProductStatus.POST_ONLY),
        (row.limit_only, ProductStatus.LIMIT_ONLY),
    )
    return next((status for closed, status in gates if closed), ProductStatus.ONLINE)
