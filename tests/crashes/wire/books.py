"""Both sides of an account: what the venue says truly happened, and what the bot's books say.

The venue's side comes from the sandbox's own address, past everything that the bot reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.orders import FINAL, RESTING, Order
from infra.ledger_reader import LedgerReader
from infra.tape import frames
from runner.places import Places
from runner.replay import replayed_cycles

_WORKING = frozenset({"OPEN", "PENDING", "CANCEL_QUEUED"})
_STATUS = {"FAILED": "REFUSED"}


@dataclass(frozen=True, slots=True)
class TrueOrder:
    """An order as the venue had it, from its beginning to its end."""

    order_id: str
    name: str  # the client order id
    symbol: str
    side: str
    status: str
    quantity: Decimal
    filled: Decimal
    begun: datetime
    ended: datetime | None  # None while it works

    def lives_at(self, at: datetime) -> bool:
        return self.begun <= at and (self.ended is None or at < self.ended)


@dataclass(frozen=True, slots=True)
class TrueFill:
    fill_id: str
    order_id: str
    symbol: str
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Truth:
    """All of it, oldest first."""

    balances: Mapping[str, Decimal]
    orders: tuple[TrueOrder, ...]
    fills: tuple[TrueFill, ...]


@dataclass(frozen=True, slots=True)
class OwnBooks:
    """What the ledger holds, and which orders the decisions on tape made, by cycle."""

    balances: Mapping[str, Decimal]
    flows: Mapping[str, Decimal]  # what is said to have come or gone from outside
    orders: tuple[Order, ...]
    fills: tuple[TrueFill, ...]
    plans: Mapping[int, frozenset[str]]

    @property
    def decided(self) -> frozenset[str]:
        """Ids of all orders that were ever decided."""
        return frozenset().union(*self.plans.values())

    @property
    def loose(self) -> tuple[Order, ...]:
        """Orders of which nobody knows yet what became of them."""
        return tuple(o for o in self.orders if o.status not in FINAL | RESTING)


def truth_of(told: Mapping[str, Any]) -> Truth:
    """From GET /_sandbox/truth."""
    held = {
        name: Decimal(amount["available"]) + Decimal(amount["hold"])
        for name, amount in told["balances"].items()
    }
    return Truth(
        balances={name: amount for name, amount in held.items() if amount},
        orders=tuple(_order(row) for row in told["orders"]),
        fills=tuple(_fill(row) for row in told["fills"]),
    )


def books_of(places: Places) -> OwnBooks:
    """From the files of a bot that does not run."""
    with closing(LedgerReader.open(places.ledger)) as ledger:
        balances = {name: amount for name, amount in ledger.expected().items() if amount}
        flows = {name: amount for name, amount in ledger.flows().items() if amount}
        orders = ledger.orders()
        names = {o.planned.client_order_id: o.exchange_order_id or "" for o in orders}
        fills = tuple(
            TrueFill(
                fill.fill_id,
                names.get(fill.client_order_id, ""),
                fill.symbol,
                fill.side.value,
                fill.price.amount,
                fill.quantity.amount,
                fill.fee.amount,
                fill.at,
            )
            for fill in ledger.fills()
        )
    plans = {
        replayed.frame.cycle: frozenset(o.client_order_id for o in replayed.decision.plan.orders)
        for replayed in replayed_cycles(frames(places.tape))
    }
    return OwnBooks(balances, flows, orders, fills, plans)


def _order(row: Mapping[str, Any]) -> TrueOrder:
    (form,) = row["order_configuration"].values()
    works = row["status"] in _WORKING
    return TrueOrder(
        order_id=row["order_id"],
        name=row["client_order_id"],
        symbol=row["product_id"],
        side=row["side"],
        status="OPEN" if works else _STATUS.get(row["status"], row["status"]),
        quantity=Decimal(form["base_size"]),
        filled=Decimal(row["filled_size"]),
        begun=datetime.fromisoformat(row["created_time"]),
        ended=None if works else _end(row, form),
    )


def _end(row: Mapping[str, Any], form: Mapping[str, Any]) -> datetime:
    """An order with an end of its own is over by then, whenever the venue looks."""
    told = datetime.fromisoformat(row["last_update_time"])
    own = form.get("end_time")
    return told if own is None else min(told, datetime.fromisoformat(own))


def _fill(row: Mapping[str, Any]) -> TrueFill:
    return TrueFill(
        row["entry_id"],
        row["order_id"],
        row["product_id"],
        row["side"],
        Decimal(row["price"]),
        Decimal(row["size"]),
        Decimal(row["commission"]),
        datetime.fromisoformat(row["trade_time"]),
    )
