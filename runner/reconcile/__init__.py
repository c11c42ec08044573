"""Step 2, reconcile: what the venue tells is booked, and the account becomes one Portfolio.

    unanswered   intents without an answer: found, proved absent, or still open
    fills        rows of own orders, each booked once
    orders       states by the transition table
    balances     against what the books expect, to the last unit
    leftovers    positions that no order can end

A read that fails leaves things as they were; whatever does not fit stops its product,
not the bot. A restart does the same before its first cycle.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.account import Portfolio
from core.errors import FatalError
from core.market import Balance, Snapshot, base_of
from core.money import ZERO, plain, subtracted
from core.orders import Fill, Order, OrderStatus
from core.policy import Policy
from core.ports import Books
from core.protection import stopped_by
from core.reasons import Reason
from core.state import BotState, Halt, Sent, Sighting
from runner.account import Account
from runner.reconcile.balances import absurd, differences, lasting
from runner.reconcile.fills import FillReader
from runner.reconcile.leftovers import halt_for, sweep, unwatchable
from runner.reconcile.portfolio import portfolio_of, rates_now
from runner.reconcile.settle import Settled, settle

log = logging.getLogger("runner")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The account as the ledger and the venue agree on it now, and what changed for that."""

    portfolio: Portfolio
    sighting: Sighting
    orders: tuple[Order, ...]  # changed
    fills: tuple[Fill, ...]  # booked


@dataclass(slots=True)
class Reconciler:
    """Reconciles one account, cycle after cycle."""

    account: Account
    policy: Policy
    fills: FillReader

    def reconcile(self, snapshot: Snapshot, state: BotState) -> Reconciliation:
        """Settle what can be settled; `state` is that of the opened cycle."""
        resting = self.account.ledger.unsettled()
        settled = settle(self.account, self.fills, state, snapshot.at)
        unexplained, odd = self._balanced(snapshot, state, settled)
        for symbol in sweep(self.account.ledger, snapshot, self.policy.exits, snapshot.at):
            log.info("%s: what is left cannot be sold alone, and is set aside", symbol)
        unwatched = unwatchable(self.account.ledger.positions())
        rates = rates_now(self.account.ledger, snapshot, state, self.policy)
        portfolio = portfolio_of(self.account.ledger, snapshot, rates, {**odd, **unwatched})
        for symbol, why in portfolio.quarantined.items():
            log.warning("%s stands still: %s", symbol, why)
        sighting = Sighting(
            closed=tuple(b.closed for b in settled.booked if b.closed is not None),
            unsent=_unsent(state, settled.orders.values()),
            stops=_stops(resting, settled),
            absent=dict(sorted(settled.absent.items())),
            unexplained=unexplained,
            halt=_proof(self.account.ledger, state) or halt_for(unwatched),
        )
        fills = tuple(booked.fill for booked in settled.booked)
        return Reconciliation(portfolio, sighting, tuple(settled.orders.values()), fills)

    def _balanced(
        self, snapshot: Snapshot, state: BotState, settled: Settled
    ) -> tuple[Mapping[str, Decimal], Mapping[str, str]]:
        """Assets that are off, and products that stand still for that or for an odd order."""
        ledger, balances, odd = self.account.ledger, snapshot.balances, dict(settled.looks.odd)
        if not balances or "tops" in snapshot.missing:
            return state.unexplained, odd
        troubled = absurd(balances)
        for currency in self.policy.quote_currencies:
            if currency in troubled:  # nothing is bought from a wallet that nobody understands
                odd[currency] = troubled[currency]
        if troubled:
            for symbol in (*snapshot.products, *ledger.positions()):
                if base_of(symbol) in troubled:
                    odd[symbol] = troubled[base_of(symbol)]
        elif not ledger.opened:
            rates = rates_now(ledger, snapshot, state, self.policy)
            ledger.open_books(balances, rates, snapshot.at)
        off = self._flowed(balances, state, settled, frozenset(troubled))
        for symbol, position in ledger.positions().items():
            if (lack := off.get(position.base, ZERO)) < ZERO:
                odd[symbol] = f"the venue holds {plain(-lack)} {position.base} less than our books"
        return off, odd

    def _flowed(
        self,
        balances: tuple[Balance, ...],
        state: BotState,
        settled: Settled,
        troubled: frozenset[str],
    ) -> Mapping[str, Decimal]:
        """What is off, once what came or went from outside for good is booked."""
        ledger = self.account.ledger
        off = dict(differences(balances, ledger.expected(), troubled | settled.busy))
        if not off:
            return off
        own = {position.base for position in ledger.positions().values()} | set(ledger.dust())
        for asset, amount in lasting(off, state.unexplained).items():
            if amount < ZERO and asset in own:
                continue
            assert state.at is not None
            ledger.book_flow(asset, amount, state.at, "seen at the venue in two cycles running")
            log.warning("booked as a flow from outside: %s %s", plain(amount), asset)
            off[asset] = subtracted(off[asset], amount)
        return {asset: amount for asset, amount in off.items() if amount != ZERO}


def _stops(resting: tuple[Order, ...], settled: Settled) -> Mapping[str, datetime]:
    """Stops that rested until now and have sold, by product."""
    orders = {order.planned.client_order_id: order.planned for order in resting}
    return {
        booked.fill.symbol: booked.fill.at
        for booked in settled.booked
        if (stop := orders.get(booked.fill.client_order_id)) is not None
        and stopped_by(stop, booked.fill)
    }


def _unsent(state: BotState, orders: Iterable[Order]) -> tuple[Sent, ...]:
    """The marks in the state of orders that turned out never to have arrived."""
    gone = [
        order
        for order in orders
        if order.status is OrderStatus.NEVER_REACHED and not order.planned.protects
    ]
    if not gone:
        return ()
    # The newest of its kind: while the order was out, nothing else of the product was sent.
    newest = {(sent.symbol, sent.side): sent for sent in state.sent}
    names = [(order.symbol, order.planned.side) for order in gone]
    return tuple(newest[name] for name in names if name in newest)


def _proof(ledger: Books, state: BotState) -> Halt | None:
    """Prove what was posted since the last cycle, and all of it in the first cycle of a day.

    Books that are open halt the bot; its exits are watched all the same.
    """
    try:
        ledger.prove()
        whole = ledger.check() if _begins_a_day(state) else None
    except FatalError as error:
        return Halt(error.code, str(error))
    if whole is None or whole.balanced:
        return None
    off = "; ".join(f"{what}: {how}" for what, how in sorted(whole.differences.items()))
    return Halt(Reason.BOOKS_OPEN.name, f"{Reason.BOOKS_OPEN.sentence} {off}")


def _begins_a_day(state: BotState) -> bool:
    assert state.at is not None  # the cycle is opened
    return state.day_open is not None and state.day_open.day != state.at.date()
