"""An order of ours to Coinbase's words, and what it answers to them.

Numbers are written plainly, never with an exponent. An accepted answer is believed only
where it repeats the intent: product, side, own id, kind, price, stop, quantity and end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from core.market import Side
from core.money import Price, Quantity, plain
from core.orders import OrderType, PlannedOrder, TimeInForce
from infra.exchange.coinbase.wire.orders import Configuration, single
from infra.exchange.coinbase.wire.values import instant, number, written

Body = Mapping[str, object]
Members = dict[str, str | bool]

_UNSAID = frozenset({"", "UNKNOWN", "UNKNOWN_FAILURE_REASON", "PREVIEW_UNKNOWN_FAILURE_REASON"})


class NotOffered(ValueError):
    """The venue has no such order; nothing was sent."""


def refusal_of_product(symbol: str) -> str | None:
    """Why a product is never traded here, by its name; None for spot."""
    if symbol.endswith(("-INTX", "-PERP")):
        return f"{symbol}: perpetuals are not traded; Coinbase withdrew them on 2026-10-01"
    if symbol.count("-") != 1:
        return f"{symbol}: only spot is traded; futures are shown and never traded"
    return None


def creation(order: PlannedOrder) -> Body:
    """The body that creates an order."""
    return {"client_order_id": order.client_order_id, **trial(order)}


def trial(order: PlannedOrder) -> Body:
    """The body that asks what would become of an order."""
    kind, configured = configuration(order)
    return {
        "product_id": order.symbol,
        "side": order.side.value,
        "order_configuration": {kind: configured},
    }


def configuration(order: PlannedOrder) -> tuple[str, Members]:
    """The kind of the order and its members."""
    refused = refusal_of_product(order.symbol)
    if refused is not None:
        raise NotOffered(refused)
    made = _KINDS.get((order.type, order.time_in_force))
    if made is None:
        raise NotOffered(f"no {order.type.value} order is {order.time_in_force.value} here")
    kind, extra = made
    members: Members = {
        "base_size": plain(order.quantity.amount),
        "limit_price": plain(order.price.amount),
        **extra(order),
    }
    if order.end_time is not None:
        members["end_time"] = written(order.end_time)
    return kind, members


def _resting(order: PlannedOrder) -> Members:
    return {"post_only": order.post_only}


def _taking(order: PlannedOrder) -> Members:
    _not_post_only(order)
    return {}


def _not_post_only(order: PlannedOrder) -> None:
    if order.post_only:
        raise NotOffered(f"a {order.type.value} {order.time_in_force.value} is never post-only")


def _stop(order: PlannedOrder) -> Members:
    """A sale is set off by a fall, a buy by a rise."""
    _not_post_only(order)
    falls = order.side is Side.SELL
    direction = "STOP_DIRECTION_STOP_DOWN" if falls else "STOP_DIRECTION_STOP_UP"
    return {"stop_price": _stop_price(order), "stop_direction": direction}


def _bracket(order: PlannedOrder) -> Members:
    _not_post_only(order)
    return {"stop_trigger_price": _stop_price(order)}


def _stop_price(order: PlannedOrder) -> str:
    assert order.stop is not None  # checked when the order was made
    return plain(order.stop.amount)


_KINDS: Mapping[tuple[OrderType, TimeInForce], tuple[str, Callable[[PlannedOrder], Members]]] = {
    (OrderType.LIMIT, TimeInForce.GTC): ("limit_limit_gtc", _resting),
    (OrderType.LIMIT, TimeInForce.GTD): ("limit_limit_gtd", _resting),
    (OrderType.LIMIT, TimeInForce.IOC): ("sor_limit_ioc", _taking),
    (OrderType.STOP_LIMIT, TimeInForce.GTC): ("stop_limit_stop_limit_gtc", _stop),
    (OrderType.STOP_LIMIT, TimeInForce.GTD): ("stop_limit_stop_limit_gtd", _stop),
    (OrderType.BRACKET, TimeInForce.GTC): ("trigger_bracket_gtc", _bracket),
    (OrderType.BRACKET, TimeInForce.GTD): ("trigger_bracket_gtd", _bracket),
}


class _Accepted(msgspec.Struct):
    order_id: str | None = None
    product_id: str | None = None
    side: str | None = None
    client_order_id: str | None = None


class _Refused(msgspec.Struct):
    error: str | None = None
    message: str | None = None
    error_details: str | None = None
    preview_failure_reason: str | None = None
    new_order_failure_reason: str | None = None


class _Created(msgspec.Struct):
    success: bool
    success_response: _Accepted | None = None
    error_response: _Refused | None = None
    failure_reason: str | None = None
    order_configuration: dict[str, msgspec.Raw] | None = None


@dataclass(frozen=True, slots=True)
class Creation:
    """What came of a request to create: the order's id, or the venue's no.

    `differs` says what in the echo is not the intent; `echoed` is False where the venue
    did not repeat the configuration at all.
    """

    order_id: str | None
    refused: str | None = None
    differs: str | None = None
    echoed: bool = True


def created(body: bytes, order: PlannedOrder) -> Creation:
    """The answer to `order`; a no comes with status 200 too."""
    answer = msgspec.json.decode(body, type=_Created)
    if not answer.success:
        return Creation(None, refused=_reason(answer))
    accepted = answer.success_response
    if accepted is None or not accepted.order_id:
        return Creation(None, differs="there is no order id")
    told = single(answer.order_configuration)
    differs = _unlike(order, accepted) or (told and _misconfigured(order, *told)) or None
    return Creation(accepted.order_id, differs=differs, echoed=told is not None)


def _reason(answer: _Created) -> str:
    """The venue's words, the first that say something leading."""
    error = answer.error_response or _Refused()
    codes = (
        error.error,
        error.new_order_failure_reason,
        error.preview_failure_reason,
        answer.failure_reason,
    )
    said = [code for code in codes if code and code not in _UNSAID]
    said += [words for words in (error.message, error.error_details) if words]
    return ": ".join(dict.fromkeys(said)) or "refused without a reason"


def _unlike(order: PlannedOrder, told: _Accepted) -> str | None:
    pairs = (
        ("product", order.symbol, told.product_id),
        ("side", order.side.value, told.side),
        ("client order id", order.client_order_id, told.client_order_id),
    )
    return _first_difference(pairs)


def _misconfigured(order: PlannedOrder, kind: str, told: Configuration) -> str | None:
    """Compared as numbers: the venue may write them differently."""
    ours, _ = configuration(order)
    stop = None if order.stop is None else order.stop.amount
    pairs: tuple[tuple[str, object, object], ...] = (
        ("kind", ours, kind),
        ("price", order.price.amount, number(told.limit_price)),
        ("quantity", order.quantity.amount, number(told.base_size)),
        ("stop", stop, told.stop),
        ("end", order.end_time, instant(told.end_time)),
        ("post-only", order.post_only, bool(told.post_only)),
    )
    return _first_difference(pairs)


def _first_difference(pairs: tuple[tuple[str, object, object], ...]) -> str | None:
    return next(
        (f"{what} is {told}, not {ours}" for what, ours, told in pairs if ours != told), None
    )


class _Tried(msgspec.Struct):
    errs: list[str] | None = None


def objection(body: bytes) -> str:
    """What the venue has against an order that was only tried; empty for nothing."""
    return ", ".join(msgspec.json.decode(body, type=_Tried).errs or ())


def edition(order_id: str, price: Price, quantity: Quantity) -> Body:
    """The body that edits: both, because an omitted size is read as zero."""
    return {
        "order_id": order_id,
        "price": plain(price.amount),
        "size": plain(quantity.amount),
    }


class _EditError(msgspec.Struct):
    edit_failure_reason: str | None = None
    preview_failure_reason: str | None = None


class _Edited(msgspec.Struct):
    success: bool
    # An object in some answers, also on success.
    errors: list[_EditError] | _EditError | None = None


def edited(body: bytes) -> str | None:
    """The venue's no to an edit; None where it was accepted."""
    answer = msgspec.json.decode(body, type=_Edited)
    if answer.success:
        return None
    errors = [answer.errors] if isinstance(answer.errors, _EditError) else answer.errors or []
    said = [part for e in errors for part in (e.edit_failure_reason, e.preview_failure_reason)]
    return ": ".join(part for part in said if part) or "refused without a reason"
