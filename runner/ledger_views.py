"""What the ledger holds, as plain JSON values: the shapes that INTERFACES.md promises."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from core.accounting import Holding
from core.market import Side
from core.money import ZERO, Toward, added, divided, multiplied, plain, rounded_down, subtracted
from core.orders import RESTING
from infra.audit_orders import fill_members, order_members
from infra.audit_record import Record
from infra.ledger_reader import LedgerReader

Members = dict[str, Any]

_FINEST = Decimal("1E-8")  # of a valuation: more digits would pretend


def balances(ledger: LedgerReader) -> dict[str, Members]:
    """By currency what the venue must hold by our books; `held` is in our own open orders."""
    held: dict[str, Decimal] = {}
    for order in ledger.unsettled():
        if order.status in RESTING:
            money, left = order.unfilled, order.left
            buying = order.planned.side is Side.BUY
            currency, amount = (
                (money.currency, money.amount) if buying else (left.base, left.amount)
            )
            held[currency] = added(held.get(currency, ZERO), amount)
    total, foreign = ledger.expected(), ledger.foreign()
    return {
        currency: {
            "total": plain(total.get(currency, ZERO)),
            "held": plain(held.get(currency, ZERO)),
            "foreign": plain(foreign.get(currency, ZERO)),
        }
        for currency in sorted(total.keys() | held.keys())
    }


def positions(ledger: LedgerReader, last: Record | None) -> dict[str, Members]:
    """Own lots by product, in their quote currency; `unrealised` null where nothing values them.

    `realised` and `fees` are those of the product since the books were opened.
    """
    held = ledger.derived().positions()
    return {symbol: _position(holding, last) for symbol, holding in held.items()}


def _position(holding: Holding, last: Record | None) -> Members:
    cost, value = holding.cost, _value(holding, last)
    average = divided(cost, holding.quantity, toward=Toward.CEILING)
    return {
        "quantity": plain(holding.quantity),
        "cost": plain(cost),
        "average_price": plain(average),
        "unrealised": plain(subtracted(value, cost)) if value is not None else None,
        "realised": plain(holding.realised),
        "fees": plain(holding.fees),
    }


def _value(holding: Holding, last: Record | None) -> Decimal | None:
    """What selling it would bring after the taker fee, at the mark of the last cycle on record.

    None where that cycle did not hold it, or valued it in another currency than it is paid in.
    """
    account = (last or {}).get("portfolio") or {}
    marked: Mapping[str, str] | None = account.get("positions", {}).get(holding.symbol)
    if marked is None or account.get("currency") != holding.quote:
        return None
    quantity, value = Decimal(marked["quantity"]), Decimal(marked["value"])
    if quantity == holding.quantity:
        return value
    unit = divided(value, quantity, toward=Toward.FLOOR)
    return rounded_down(multiplied(unit, holding.quantity), _FINEST)


def trades(ledger: LedgerReader) -> list[Members]:
    """Every fill as in the audit record, oldest first."""
    return [fill_members(fill) for fill in ledger.fills()]


def orders(ledger: LedgerReader) -> list[Members]:
    """Every own order as in the audit record, oldest first."""
    return [order_members(order) for order in ledger.orders()]
