"""What a preview says: the venue's objections, and what the order would cost in the book of now.

A preview reserves nothing and promises nothing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

from core.market import Side
from core.money import ONE, Toward, added, divided, multiplied
from infra.exchange.simulated.estimate import Preview
from infra.exchange.simulated.request import VenueRequest
from infra.sandbox.coinbase.answers import number

_NUMBERS = (
    *("order_total", "commission_total", "quote_size", "base_size", "best_bid", "best_ask"),
    *("order_margin_total", "leverage", "long_leverage", "short_leverage", "slippage"),
    *("current_liquidation_buffer", "projected_liquidation_buffer", "max_leverage"),
)


def estimate_row(asked: VenueRequest, preview: Preview) -> dict[str, Any]:
    """The totals stand there with an objection too, but for one to the order's very form."""
    errors = [no.preview for no in preview.refusals]
    if preview.total is None or preview.fee is None:
        return structural_row(*errors)
    sign = ONE if asked.side is Side.SELL else -ONE
    value = added(preview.total, multiplied(sign, preview.fee))
    return {
        "order_total": number(preview.total),
        "commission_total": number(preview.fee),
        "errs": errors,
        "warning": ["UNKNOWN"],
        "quote_size": number(value),
        "base_size": number(_base(asked, value, preview)),
        "best_bid": number(preview.best_bid),
        "best_ask": number(preview.best_ask),
        "is_max": False,
        "order_margin_total": "0",
        "leverage": "0",
        "long_leverage": "0",
        "short_leverage": "0",
        "slippage": "0",
        "preview_id": str(uuid4()),
        "current_liquidation_buffer": "0",
        "projected_liquidation_buffer": "0",
        "max_leverage": "",
        "pnl_configuration": None,
    }


def _base(asked: VenueRequest, value: Decimal, preview: Preview) -> Decimal | None:
    """How much of the base: what was asked for, or what the money buys now."""
    if asked.quantity is not None:
        return asked.quantity
    if preview.best_ask is None:
        return None
    return divided(value, preview.best_ask, toward=Toward.FLOOR)


def structural_row(*objections: str) -> dict[str, Any]:
    """An order that makes no sense has no numbers."""
    return {
        **dict.fromkeys(_NUMBERS, ""),
        "errs": list(objections),
        "warning": [],
        "is_max": False,
        "preview_id": "",
        "pnl_configuration": None,
    }
