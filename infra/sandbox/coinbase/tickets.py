"""What a client asks for when it places an order, read from the wire.

A body that makes no sense is an HTTP 400. One that names no order this market knows is
Unsupported, which the venue tells with 200. Whether an order can be taken is not decided
here: that is the simulated venue's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from core.market import Side
from core.money import ZERO, plain
from core.orders import TimeInForce
from infra.exchange.simulated.request import Attached, Kind, StopDirection, VenueRequest
from infra.sandbox.coinbase.answers import invalid, time, time_of

_CLIENT_ID_MAX = 128  # characters
_NUMBER = re.compile(r"-?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})")

_ENTIRE = "limit_limit_fok"
_FORMS: Mapping[str, tuple[Kind, TimeInForce]] = {
    "market_market_ioc": (Kind.MARKET, TimeInForce.IOC),
    "sor_limit_ioc": (Kind.LIMIT, TimeInForce.IOC),
    "limit_limit_gtc": (Kind.LIMIT, TimeInForce.GTC),
    "limit_limit_gtd": (Kind.LIMIT, TimeInForce.GTD),
    _ENTIRE: (Kind.LIMIT, TimeInForce.IOC),
    "stop_limit_stop_limit_gtc": (Kind.STOP_LIMIT, TimeInForce.GTC),
    "stop_limit_stop_limit_gtd": (Kind.STOP_LIMIT, TimeInForce.GTD),
    "trigger_bracket_gtc": (Kind.BRACKET, TimeInForce.GTC),
    "trigger_bracket_gtd": (Kind.BRACKET, TimeInForce.GTD),
}
_NAMES = {sort: form for form, sort in _FORMS.items() if form != _ENTIRE}
# What the venue adds to a configuration when it repeats it.
_ECHOED: Mapping[str, Mapping[str, bool]] = {
    "market_market_ioc": {"rfq_enabled": False, "rfq_disabled": False, "reduce_only": False},
    "limit_limit_gtc": {"rfq_disabled": False, "reduce_only": False},
}
_STOP_FIELD = {Kind.STOP_LIMIT: "stop_price", Kind.BRACKET: "stop_trigger_price"}
_DIRECTIONS = {
    "STOP_DIRECTION_STOP_UP": StopDirection.UP,
    "STOP_DIRECTION_STOP_DOWN": StopDirection.DOWN,
}
_DIRECTION_NAMES = {direction: name for name, direction in _DIRECTIONS.items()}


class Unsupported(Exception):
    """No order of this kind can be had here; `error` and `preview` are the venue's codes."""

    def __init__(self, error: str, preview: str) -> None:
        super().__init__(error)
        self.error = error
        self.preview = preview


def body_of(raw: bytes) -> dict[str, Any]:
    """A JSON object; raises Refused."""
    try:
        told = msgspec.json.decode(raw or b"{}")
    except msgspec.DecodeError:
        raise invalid("request body is not valid JSON") from None
    if not isinstance(told, dict):
        raise invalid("request body is not an object")
    return told


def request_of(body: Mapping[str, Any], client_order_id: str | None) -> VenueRequest:
    """The order of a create or preview. Raises Refused, or Unsupported."""
    symbol, side = string(body, "product_id"), string(body, "side")
    configuration = configuration_of(body)
    if side not in Side.__members__:
        raise Unsupported("INVALID_SIDE", "PREVIEW_INVALID_SIDE")
    ((form, fields),) = configuration.items()
    if form not in _FORMS or not isinstance(fields, dict):
        raise Unsupported("UNSUPPORTED_ORDER_CONFIGURATION", "PREVIEW_INVALID_ORDER_CONFIG")
    kind, time_in_force = _FORMS[form]
    direction = fields.get("stop_direction")
    if direction is not None and direction not in _DIRECTIONS:
        raise invalid(f"stop_direction: {direction!r} is not known")
    notional = decimal(fields, "quote_size")
    if notional is not None and kind is Kind.BRACKET:
        refused = "QUOTE_SIZE_NOT_ALLOWED_FOR_BRACKET"
        raise Unsupported(refused, f"PREVIEW_{refused}")
    return VenueRequest(
        symbol=symbol,
        side=Side[side],
        kind=kind,
        time_in_force=time_in_force,
        post_only=fields.get("post_only") is True,
        entire=form == _ENTIRE,
        quantity=decimal(fields, "base_size"),
        notional=notional,
        price=decimal(fields, "limit_price"),
        stop=decimal(fields, _STOP_FIELD[kind]) if kind in _STOP_FIELD else None,
        stop_direction=_DIRECTIONS.get(str(direction)),
        end_time=_end_time(fields, time_in_force),
        client_order_id=client_order_id,
        attached=_attached(body),
    )


def configuration_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration as it came, to be echoed; raises Refused."""
    configuration = body.get("order_configuration")
    if not isinstance(configuration, dict) or len(configuration) != 1:
        raise invalid("order_configuration must hold exactly one configuration")
    return configuration


def echo_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same with what the venue adds; numbers stay as they were written."""
    ((form, fields),) = configuration_of(body).items()
    return {form: {**_ECHOED.get(form, {}), **fields} if isinstance(fields, dict) else fields}


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit makes of an order."""

    price: Decimal
    quantity: Decimal
    stop: Decimal | None


def change_of(body: Mapping[str, Any]) -> Change:
    """A size or price that is left out counts as zero, as at the venue."""
    price, quantity = decimal(body, "price"), decimal(body, "size")
    return Change(price or ZERO, quantity or ZERO, decimal(body, "stop_price"))


def client_id_of(body: Mapping[str, Any]) -> str:
    given = string(body, "client_order_id")
    if len(given) > _CLIENT_ID_MAX:
        raise invalid("client_order_id is too long")
    return given


def rebuilt(request: VenueRequest) -> Mapping[str, Any]:
    """The configuration of an order whose own words are not known, as of attached ones."""
    fields: dict[str, Any] = {}
    numbers = {
        "base_size": request.quantity,
        "quote_size": request.notional,
        "limit_price": request.price,
        _STOP_FIELD.get(request.kind, "stop_price"): request.stop,
    }
    fields |= {name: plain(value) for name, value in numbers.items() if value is not None}
    if request.kind is Kind.LIMIT and request.time_in_force is not TimeInForce.IOC:
        fields["post_only"] = request.post_only
    if request.kind is Kind.STOP_LIMIT:
        direction = StopDirection.DOWN if request.falls_to_stop else StopDirection.UP
        fields["stop_direction"] = _DIRECTION_NAMES[direction]
    if request.end_time is not None:
        fields["end_time"] = time(request.end_time)
    market = request.kind is Kind.MARKET
    return {_NAMES[request.kind, TimeInForce.IOC if market else request.time_in_force]: fields}


def string(body: Mapping[str, Any], name: str) -> str:
    given = body.get(name)
    if not isinstance(given, str) or not given:
        raise invalid(f"{name} is required")
    return given


def decimal(fields: Mapping[str, Any], name: str) -> Decimal | None:
    """A number as text, also without its leading zero; empty is not given."""
    given = fields.get(name)
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise invalid(f"{name} must be a string")
    if not _NUMBER.fullmatch(given):
        raise invalid(f"{name} is not a number")
    return Decimal(given)


def _end_time(fields: Mapping[str, Any], time_in_force: TimeInForce) -> datetime | None:
    given = fields.get("end_time")
    if time_in_force is not TimeInForce.GTD or not given:
        return None
    return time_of(str(given), "end_time")


def _attached(body: Mapping[str, Any]) -> Attached | None:
    """A target and a stop that hang on the order; only as a bracket, and without a size."""
    given = body.get("attached_order_configuration")
    if not given:
        return None
    fields = given.get("trigger_bracket_gtc") if isinstance(given, dict) else None
    if not isinstance(fields, dict) or len(given) != 1:
        raise Unsupported("INVALID_ORDER_TYPE_FOR_ATTACHED", "PREVIEW_INVALID_ORDER_CONFIG")
    if fields.get("base_size"):
        refused = "ATTACHED_ORDER_SIZE_MUST_BE_NIL"
        raise Unsupported(refused, f"PREVIEW_{refused}")
    target, stop = decimal(fields, "limit_price"), decimal(fields, "stop_trigger_price")
    if target is None or stop is None:
        refused = "ATTACHED_ORDER_MUST_HAVE_POSITIVE_PRICES"
        raise Unsupported(refused, f"PREVIEW_{refused}")
    return Attached(target, stop)
