"""Products of a recording: from the venue's own list beside the candles, else inferred.

The list is Coinbase's answer to GET /products, kept as it came; fields we do
not use are ignored. What it does not say is inferred from the digits of the
candles, and Product.inferred names those fields. The list may be of another
time than the candles, so its dates are not used; its restrictions are, because
a product that cannot be bought must not look as if it could.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np

from core.market import Bars, Floats, Product, ProductStatus
from core.money import ONE
from infra.exchange.simulated.candle_file import BadRecording

NAME = "products.json"
_PRICE_DECIMALS_MAX = 12
_BASE_DECIMALS_MAX = 8
# Digits can only suggest increments that are too coarse: a quiet price has few of them.
_TICK_SHARE_MAX = 0.001  # of the last price
_LOT_WORTH_MAX = 0.01  # in quote currency, at the last price
_BYTE = re.compile(r"\(byte (\d+)\)")
_DECIMAL = re.compile(r"\d*\.?\d+")


class ListedProduct(msgspec.Struct, frozen=True):
    """One product as the venue lists it; numbers are strings, an empty one says nothing."""

    product_id: str
    price_increment: str = ""
    base_increment: str = ""
    base_min_size: str = ""
    base_max_size: str = ""
    quote_min_size: str = ""
    status: str = "online"
    trading_disabled: bool | None = False
    is_disabled: bool | None = False
    view_only: bool | None = False
    cancel_only: bool | None = False
    limit_only: bool | None = False
    post_only: bool | None = False
    auction_mode: bool | None = False
    alias: str = ""  # the product whose book it shares


class _Answer(msgspec.Struct):
    products: list[ListedProduct]


def read_product_list(path: Path, raw: bytes) -> Mapping[str, ListedProduct]:
    """The venue's list by symbol. Raises BadRecording."""
    try:
        answer = msgspec.json.decode(raw, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as flaw:
        place = _BYTE.search(str(flaw))
        line = raw.count(b"\n", 0, int(place[1])) + 1 if place else 1
        raise BadRecording.at(path, line, f"not a list of products: {flaw}") from None
    return {listed.product_id: listed for listed in answer.products}


def product_of(symbol: str, listed: ListedProduct | None, bars: Bars, path: Path) -> Product:
    """The product as it is while it trades; `path` is the list's, for messages."""
    told = ListedProduct(symbol) if listed is None else listed
    inferred: list[str] = []

    def given(field: str, name: str, otherwise: Decimal) -> Decimal:
        text = getattr(told, name)
        if text:
            return _number(text, f"{symbol}: {name}", path)
        inferred.append(field)
        return otherwise

    base, _, quote = symbol.partition("-")
    tick = given("price_increment", "price_increment", _tick(bars))
    lot = given("base_increment", "base_increment", _lot(bars))
    for increment in (tick, lot):
        if not increment:
            raise BadRecording.at(path, 1, f"{symbol}: an increment is zero")
    return Product(
        symbol=symbol,
        base=base,
        quote=quote,
        status=_status(told),
        price_increment=tick,
        base_increment=lot,
        base_min=given("base_min", "base_min_size", lot),
        base_max=_number(told.base_max_size, f"{symbol}: base_max_size", path)
        if told.base_max_size
        else None,
        quote_min=given("quote_min", "quote_min_size", ONE),
        listed_at=None,
        inferred=tuple(inferred),
        alias_of=told.alias or None,
    )


def _number(text: str, what: str, path: Path) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise BadRecording.at(path, 1, f"{what} is no decimal number: {text!r}")
    return Decimal(text)


def _status(told: ListedProduct) -> ProductStatus:
    """The strictest of what the list says; words we do not know are UNKNOWN, never online."""
    restrictions = (
        (told.status == "delisted", ProductStatus.DELISTED),
        (told.status == "offline", ProductStatus.OFFLINE),
        (told.status != "online", ProductStatus.UNKNOWN),
        (told.trading_disabled or told.is_disabled or told.view_only, ProductStatus.HALTED),
        (told.cancel_only, ProductStatus.CANCEL_ONLY),
        (told.auction_mode, ProductStatus.AUCTION),
        (told.post_only, ProductStatus.POST_ONLY),
        (told.limit_only, ProductStatus.LIMIT_ONLY),
    )
    return next((status for holds, status in restrictions if holds), ProductStatus.ONLINE)


def _tick(bars: Bars) -> Decimal:
    """The finest decimal place that any price uses, or finer."""
    prices = np.concatenate([bars.open, bars.high, bars.low, bars.close])
    decimals = _decimals(prices, _PRICE_DECIMALS_MAX)
    while decimals < _PRICE_DECIMALS_MAX and bars.close[-1] * _TICK_SHARE_MAX * 10**decimals < 1:
        decimals += 1
    return _place(decimals)


def _lot(bars: Bars) -> Decimal:
    """The finest decimal place of the volumes, or finer."""
    decimals = _decimals(bars.volume, _BASE_DECIMALS_MAX)
    while decimals < _BASE_DECIMALS_MAX and bars.close[-1] > _LOT_WORTH_MAX * 10**decimals:
        decimals += 1
    return _place(decimals)


def _decimals(values: Floats, most: int) -> int:
    """The fewest decimals that write every value exactly, at most `most`."""
    for decimals in range(most):
        scale = float(10**decimals)
        # The nearest float of a decimal number with so few places, or it is not one.
        if bool((np.rint(values * scale) / scale == values).all()):
            return decimals
    return most


def _place(decimals: int) -> Decimal:
    return Decimal((0, (1,), -decimals))
