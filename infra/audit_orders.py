"""Orders in the audit record: planned, taken back, sent and filled, as plain JSON values."""

from __future__ import annotations

from typing import Any

from core.execution import OrderPlan
from core.money import plain
from core.orders import Cancelled, Fill, Order, PlannedCancel, PlannedOrder
from core.wording import instant

Members = dict[str, Any]


def plan_members(plan: OrderPlan) -> list[Members]:
    """As decided, in the order in which it is carried out: cancels first."""
    return [*(_cancel(cancel) for cancel in plan.cancels), *(_planned(o) for o in plan.orders)]


def _cancel(cancel: PlannedCancel) -> Members:
    """The order it takes back, for what is left of it: type is CANCEL, reason the code of why."""
    order = cancel.order
    return {
        **_planned(order.planned),
        "type": "CANCEL",
        "quantity": plain(order.left.amount),
        "notional": plain(order.unfilled.amount),
        "reason": cancel.why.reason.name,
        "seen": cancel.why.seen,
        "limit": cancel.why.limit,
        "key": cancel.why.key,
        "client_order_id": cancel.client_order_id,
    }


def cancelled_members(cancelled: Cancelled) -> Members:
    """An order as it stood when its cancel was sent, and what the venue said to that."""
    return {**order_members(cancelled.order), "cancel": cancelled.answer.name}


def _planned(order: PlannedOrder) -> Members:
    return {
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.type.value,
        "time_in_force": order.time_in_force.value,
        "post_only": order.post_only,
        "end_time": instant(order.end_time) if order.end_time is not None else None,
        "price": plain(order.price.amount),
        "stop": plain(order.stop.amount) if order.stop is not None else None,
        "quantity": plain(order.quantity.amount),
        "notional": plain(order.notional.amount),
        "reason": order.reason,
    }


def order_members(order: Order) -> Members:
    """An own order as it stands; `told` is what the venue said of it, where it said no."""
    return {
        **_planned(order.planned),
        "client_order_id": order.planned.client_order_id,
        "exchange_order_id": order.exchange_order_id,
        "filled": plain(order.filled),
        "status": order.status.name,
        "told": order.told or None,
    }


def fill_members(fill: Fill) -> Members:
    """A fill that was booked."""
    return {
        "fill_id": fill.fill_id,
        "client_order_id": fill.client_order_id,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "price": plain(fill.price.amount),
        "quantity": plain(fill.quantity.amount),
        "fee": plain(fill.fee.amount),
        "fee_currency": fill.fee.currency,
        "at": instant(fill.at),
    }
