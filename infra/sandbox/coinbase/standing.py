"""Orders and fills as the venue shows them: its words, its numbers, its empty fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.market import Side
from core.money import ZERO, Toward, added, divided, multiplied, rounded_down, subtracted
from core.orders import OrderStatus, TimeInForce
from infra.exchange.simulated.entry import Deal, Entry
from infra.exchange.simulated.request import Kind, VenueRequest
from infra.sandbox.coinbase.answers import number, time
from infra.sandbox.coinbase.identities import PORTFOLIO, USER

_HUNDRED = Decimal(100)
_PERCENT_STEP = Decimal("0.01")
_NEVER = "0001-01-01T00:00:00Z"  # how streams say that there is no such time
_EDITS_MAX = 5

_STATES: Mapping[OrderStatus, str] = {
    OrderStatus.OPEN: "OPEN",
    OrderStatus.PARTIAL: "OPEN",  # there is no word for partly filled
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELLED: "CANCELLED",
    OrderStatus.EXPIRED: "EXPIRED",
    OrderStatus.REFUSED: "FAILED",
}
_LIVES: Mapping[TimeInForce, str] = {
    TimeInForce.GTC: "GOOD_UNTIL_CANCELLED",
    TimeInForce.GTD: "GOOD_UNTIL_DATE_TIME",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """An order as it stands, with what the wire adds to what the venue keeps."""

    entry: Entry
    configuration: Mapping[str, Any]  # as its client wrote it
    at: datetime

    @property
    def state(self) -> str:
        """The venue's word. An order is PENDING until it meets the market."""
        entry = self.entry
        if not entry.works:
            return _STATES[entry.status]
        if entry.cancel_from is not None:
            return "CANCEL_QUEUED"
        return "PENDING" if self.at < entry.active_from else _STATES[entry.status]

    @property
    def average(self) -> Decimal:
        entry = self.entry
        return divided(entry.value, entry.filled, toward=Toward.FLOOR) if entry.filled else ZERO

    @property
    def completed(self) -> Decimal:
        """In per cent of what was asked."""
        entry = self.entry
        if entry.status is OrderStatus.FILLED:
            return _HUNDRED
        asked, done = entry.request.quantity, entry.filled
        if asked is None:
            asked, done = entry.request.notional, added(entry.value, entry.fees)
        if not asked:
            return ZERO
        share = divided(multiplied(done, _HUNDRED), asked, toward=Toward.FLOOR)
        return rounded_down(share, _PERCENT_STEP)

    @property
    def value_after_fees(self) -> Decimal:
        entry = self.entry
        if entry.side is Side.BUY:
            return added(entry.value, entry.fees)
        return subtracted(entry.value, entry.fees)

    @property
    def trigger(self) -> str:
        if self.entry.request.kind not in (Kind.STOP_LIMIT, Kind.BRACKET):
            return "INVALID_ORDER_TYPE"  # the venue's usual word for orders without a stop
        return "STOP_TRIGGERED" if self.entry.triggered else "STOP_PENDING"

    @property
    def life(self) -> str:
        request = self.entry.request
        if request.entire:
            return "FILL_OR_KILL"
        return _LIVES[TimeInForce.IOC if request.immediate else request.time_in_force]

    @property
    def ended_with(self) -> str:
        """The venue's words. Of an order in quote currency it drops the dust, and calls it so."""
        entry = self.entry
        dropped = entry.request.notional is not None and entry.status is OrderStatus.FILLED
        return entry.told or ("Internal error" if dropped else "")


def order_row(order: Standing) -> dict[str, Any]:
    """As GET /orders/historical tells it."""
    entry, request, state = order.entry, order.entry.request, order.state
    in_quote = request.notional is not None
    failed = state == "FAILED"
    edited = [
        {
            "price": number(edit.price),
            "size": number(edit.quantity),
            "replace_accept_timestamp": time(edit.at),
        }
        for edit in entry.edits[-_EDITS_MAX:]
    ]
    return {
        "order_id": entry.exchange_order_id,
        "product_id": request.symbol,
        "user_id": USER,
        "order_configuration": order.configuration,
        "side": request.side.value,
        "client_order_id": request.client_order_id or "",
        "status": state,
        "time_in_force": order.life,
        "created_time": time(entry.created_at),
        "completion_percentage": number(order.completed),
        "filled_size": number(entry.filled),
        "average_filled_price": number(order.average),
        "fee": "",
        "number_of_fills": str(entry.fills),
        "filled_value": number(entry.value),
        "pending_cancel": state == "CANCEL_QUEUED",
        "size_in_quote": in_quote,
        "total_fees": number(entry.fees),
        "size_inclusive_of_fees": in_quote,
        "total_value_after_fees": number(order.value_after_fees),
        "trigger_status": order.trigger,
        "order_type": request.kind.value,
        "reject_reason": "HOLD_FAILURE" if failed else "REJECT_REASON_UNSPECIFIED",
        "settled": state == "FILLED",
        "product_type": "SPOT",
        "reject_message": order.ended_with if failed else "",
        "cancel_message": "" if failed else order.ended_with,
        "order_placement_source": "RETAIL_ADVANCED",
        "outstanding_hold_amount": number(entry.hold.amount),
        "is_liquidation": False,
        "last_fill_time": None if entry.last_fill_at is None else time(entry.last_fill_at),
        "last_update_time": time(entry.updated_at or entry.created_at),
        "edit_history": edited,
        "leverage": "",
        "margin_type": "UNKNOWN_MARGIN_TYPE",
        "retail_portfolio_id": PORTFOLIO,
        "originating_order_id": entry.originates_from or "",
        "attached_order_id": "",
        "attached_order_configuration": _attached(request),
        "current_pending_replace": None,
    }


def _attached(request: VenueRequest) -> Mapping[str, Any] | None:
    """The target and the stop that hang on an order."""
    hangs = request.attached
    if hangs is None:
        return None
    prices = {"limit_price": number(hangs.target), "stop_trigger_price": number(hangs.stop)}
    return {"trigger_bracket_gtc": prices}


def trade_id(deal: Deal) -> str:
    return f"t-{deal.fill_id}"


def fill_row(deal: Deal) -> dict[str, Any]:
    """As GET /orders/historical/fills tells it."""
    return {
        "entry_id": deal.fill_id,
        "trade_id": trade_id(deal),
        "order_id": deal.exchange_order_id,
        "trade_time": time(deal.at),
        "trade_type": "FILL",
        "price": number(deal.price),
        "size": number(deal.notional if deal.in_quote else deal.quantity),
        "commission": number(deal.fee),
        "product_id": deal.symbol,
        "sequence_timestamp": time(deal.at),
        "liquidity_indicator": deal.liquidity.value,
        "size_in_quote": deal.in_quote,
        "user_id": USER,
        "side": deal.side.value,
        "retail_portfolio_id": PORTFOLIO,
    }


def stream_row(order: Standing) -> dict[str, Any]:
    """As the user channel tells it: cumulative, and nothing left of what is done."""
    entry, request, state = order.entry, order.entry.request, order.state
    left = (entry.left or ZERO) if entry.works else ZERO
    return {
        "order_id": entry.exchange_order_id,
        "client_order_id": request.client_order_id or "",
        "cumulative_quantity": number(entry.filled),
        "leaves_quantity": number(left),
        "avg_price": number(order.average),
        "total_fees": number(entry.fees),
        "status": state,
        "product_id": request.symbol,
        "creation_time": time(entry.created_at),
        "order_side": request.side.value,
        "order_type": request.kind.value.replace("_", " ").title(),
        "cancel_reason": order.ended_with if state == "CANCELLED" else "",
        "reject_Reason": order.ended_with if state == "FAILED" else "",
        "limit_price": number(request.price),
        "stop_price": number(request.stop),
        "post_only": "true" if request.post_only else "false",
        "time_in_force": order.life,
        "trigger_status": order.trigger,
        "completion_percentage": number(order.completed),
        "filled_value": number(entry.value),
        "number_of_fills": str(entry.fills),
        "outstanding_hold_amount": number(entry.hold.amount),
        "total_value_after_fees": number(order.value_after_fees),
        "product_type": "SPOT",
        "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
        "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
        "retail_portfolio_id": PORTFOLIO,
        "start_time": _NEVER,
        "end_time": _NEVER if request.end_time is None else time(request.end_time),
    }
