"""Cancels: one answer for each id, and accepted is not yet cancelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from core.orders import CancelAnswer
from infra.exchange.coinbase.wire.values import rows

IDS_MAX = 100  # of one request
_OVER = frozenset({"UNKNOWN_CANCEL_ORDER", "ORDER_IS_FULLY_FILLED"})


class _Result(msgspec.Struct):
    order_id: str
    success: bool
    failure_reason: str | None = None


def cancellation(order_ids: Sequence[str]) -> Mapping[str, object]:
    """The body that cancels."""
    return {"order_ids": list(order_ids)}


def cancelled(body: bytes) -> dict[str, CancelAnswer]:
    """Each id that was answered. The reason beside a success is a filler."""
    return {result.order_id: _answer(result) for result in rows(body, "results", _Result)}


def _answer(result: _Result) -> CancelAnswer:
    """REFUSED only where nothing is left to cancel; any other no leaves the order standing."""
    if result.success or result.failure_reason == "DUPLICATE_CANCEL_REQUEST":
        return CancelAnswer.ACCEPTED
    if result.failure_reason in _OVER:
        return CancelAnswer.REFUSED
    return CancelAnswer.UNKNOWN
