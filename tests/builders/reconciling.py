"""One account to reconcile: a real ledger, a scripted venue, and cycles that only reconcile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from core.market import Balance, Side, Snapshot
from core.next_state import observed, opened
from core.orders import Order, OrderStatus, PlannedOrder, TimeInForce, intended, moved
from core.state import BotState, Controls
from infra.ledger import SqliteLedger
from runner.account import Account
from runner.reconcile import Reconciler, Reconciliation
from runner.reconcile.fills import FillReader
from tests.builders.account import a_state
from tests.builders.books import a_ledger
from tests.builders.market import BAR, NOON, a_snapshot
from tests.builders.risk import a_policy, an_open_order
from tests.builders.scripted import ScriptedVenue

SOL = "SOL-USD"


@dataclass
class Bookkeeping:
    """A bot that does nothing but reconcile; `cycle` is one turn of it."""

    ledger: SqliteLedger
    venue: ScriptedVenue
    state: BotState = field(default_factory=lambda: a_state(cycle=1))
    balances: tuple[Balance, ...] | None = None  # told instead of the venue's own
    missing: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        account = Account(self.venue, self.ledger)
        self.reconciler = Reconciler(account, a_policy(), FillReader(account))
        self.venue.now = lambda: self.state.at or NOON

    def cycle(self) -> Reconciliation:
        at = (self.state.at or NOON) + BAR
        self.state = opened(self.state, at, Controls())
        found = self.reconciler.reconcile(self._snapshot(), self.state)
        self.state = observed(self.state, found.sighting)
        return found

    def _snapshot(self) -> Snapshot:
        told = self.venue.balances() if self.balances is None else self.balances
        assert self.state.at is not None
        seen = a_snapshot(SOL)
        return replace(seen, at=self.state.at, balances=told, missing=self.missing)

    def sends(self, planned: PlannedOrder) -> str:
        """An order of this cycle that the venue took: its name there."""
        order = intended(planned, self.state.cycle)
        assert self.state.at is not None
        self.ledger.intend((order,), self.state.at)
        answer = self.venue.submit(planned)
        taken = replace(moved(order, OrderStatus.OPEN), exchange_order_id=self.venue.newest)
        if answer.status is OrderStatus.OPEN:
            self.ledger.settle((taken,), self.state.at)
        return self.venue.newest

    def intends(self, planned: PlannedOrder) -> None:
        """An order that is written down; whether the venue has it nobody knows."""
        assert self.state.at is not None
        self.ledger.intend((intended(planned, self.state.cycle),), self.state.at)

    def only(self) -> Order:
        (order,) = self.ledger.orders()
        return order


@contextmanager
def bookkeeping(folder: Path, **account: str) -> Iterator[Bookkeeping]:
    """Books that are open; the account holds 1000 USD unless told otherwise."""
    held = {name: Decimal(amount) for name, amount in (account or {"USD": "1000"}).items()}
    ledger = a_ledger(folder, capital_max="100000")
    kept = Bookkeeping(ledger, ScriptedVenue(held))
    kept.cycle()
    try:
        yield kept
    finally:
        ledger.close()


def a_wish(
    name: str = "one",
    side: Side = Side.BUY,
    *,
    symbol: str = SOL,
    quantity: str = "3",
    price: str = "100",
) -> PlannedOrder:
    """A resting order with an end far away, of the id given."""
    planned = an_open_order(symbol).planned
    return replace(
        planned,
        client_order_id=name,
        side=side,
        time_in_force=TimeInForce.GTC,
        end_time=None,
        price=replace(planned.price, amount=Decimal(price)),
        quantity=replace(planned.quantity, amount=Decimal(quantity)),
    )
