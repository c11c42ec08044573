"""The ledger: orders and money in SQLite, durable before they matter.

Double entry: every transaction's postings sum to zero for each asset, so money is
moved and never made. An intent that cannot be written is not sent, and no intent is
written twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from core.account import Position
from core.accounting import FOREIGN, OPENING, WALLET, Posting, bookable
from core.errors import FatalError
from core.market import Balance
from core.money import ZERO, Money, Toward, subtracted
from core.orders import Order, OrderStatus, moved
from core.rates import Rates
from infra.ledger_booking import BooksOpen, Draft, LedgerBooking
from infra.ledger_file import Owner
from infra.ledger_reader import LedgerCheck, LedgerReader
from infra.ledger_rows import INSERT, SETTLE, Cell, settled_row, to_row

__all__ = ["BooksOpen", "LedgerCheck", "LedgerReader", "Owner", "SqliteLedger"]

Read = TypeVar("Read")


class SqliteLedger(LedgerBooking):
    """One file, one writer. Reading programs open a LedgerReader beside it."""

    def __init__(
        self, path: Path, owner: Owner, *, quote_currencies: tuple[str, ...], capital_max: Money
    ) -> None:
        self._asked: dict[object, Any] = {}
        self._asked_at = 0
        super().__init__(path, owner, quote_currencies=quote_currencies, capital_max=capital_max)

    def unsettled_since(self) -> datetime | None:
        return self._since_last_write("unsettled since", super().unsettled_since)

    def unsettled(self) -> tuple[Order, ...]:
        return self._since_last_write("unsettled", super().unsettled)

    def positions(self) -> Mapping[str, Position]:
        return self._since_last_write("positions", super().positions)

    @property
    def opened(self) -> bool:
        """Whether the first balances are booked."""
        query = "SELECT 1 FROM transactions WHERE kind = 'opening' LIMIT 1"
        return bool(self._since_last_write("opened", lambda: self._rows(query)))

    def prove(self) -> None:
        self._since_last_write("proved", super().prove)

    def _orders(self, which: str, *values: Cell) -> tuple[Order, ...]:
        return self._since_last_write(
            (which, values), lambda: super(SqliteLedger, self)._orders(which, *values)
        )

    def _since_last_write(self, asked: object, read: Callable[[], Read]) -> Read:
        """As it was read after the last write: a cycle asks for the same many times.

        Nobody else writes this file, and SQLite counts every row that is written.
        """
        changes = self._db.total_changes
        if changes != self._asked_at or self._db.in_transaction:
            self._asked, self._asked_at = {}, changes
        if asked not in self._asked:
            self._asked[asked] = read()
        answer: Read = self._asked[asked]
        return answer

    def open_books(self, balances: tuple[Balance, ...], rates: Rates, at: datetime) -> None:
        """Book the first balances, once: own cash, and all else as foreign.

        Without a balance nothing is booked, for the account may only not have answered.
        """
        if not balances or self.opened:
            return
        for balance in balances:
            if not (bookable(balance.total) and balance.total >= ZERO):
                raise FatalError(
                    f"the books are not opened with {balance.total} {balance.currency}",
                    code="BALANCE_REFUSED",
                )
        wallets = self._wallets(balances, rates)
        postings: list[Posting] = []
        for balance in balances:
            asset, total = balance.currency, balance.total
            own = wallets.get(asset, ZERO)
            postings.append(Posting(f"{WALLET}:{asset}", asset, own))
            postings.append(Posting(f"{FOREIGN}:{asset}", asset, subtracted(total, own)))
            postings.append(Posting(f"{OPENING}:{asset}", asset, subtracted(ZERO, total)))
        moved = [posting for posting in postings if posting.amount != ZERO]
        self._post([Draft("opening", at, "balances at the first start", moved)], {})

    def cash(self) -> Mapping[str, Decimal]:
        """Own cash by quote currency; each has a number, if only zero."""
        held = super().cash()
        return {currency: held.get(currency, ZERO) for currency in self._quotes}

    def intend(self, orders: tuple[Order, ...], at: datetime) -> None:
        """Write intents in one transaction; where an id exists already that is fatal for all.

        Without intents nothing is written at all.
        """
        if not orders:
            return
        try:
            with self._writing():
                self._db.executemany(INSERT, [to_row(_fresh(order), at) for order in orders])
        except sqlite3.IntegrityError as error:
            names = ", ".join(order.planned.client_order_id for order in orders)
            raise FatalError(
                f"one of these order ids exists already: {names}", code="DUPLICATE_INTENT"
            ) from error

    def settle(self, orders: tuple[Order, ...], at: datetime) -> None:
        """Write what became of intents; an impossible step raises, and none is written.

        What is known already is not written again.
        """
        changed = [order for order in orders if self._advances(order)]
        if not changed:
            return
        try:
            with self._writing():
                for order in changed:
                    self._db.execute(SETTLE, settled_row(order, at))
        except sqlite3.IntegrityError as error:
            names = ", ".join(order.planned.client_order_id for order in changed)
            raise FatalError(
                f"two orders of ours are the same one at the venue: {names}",
                code="ORDER_CONTRADICTED",
            ) from error

    def _wallets(self, balances: tuple[Balance, ...], rates: Rates) -> Mapping[str, Decimal]:
        """Cash of our quote currencies is ours, in their order until the capital limit is full.

        No coin is, and no currency without a rate: nobody knows how much of it that would be.
        """
        held = {balance.currency: balance.total for balance in balances}
        room, wallets = self._capital_max, {}
        for currency in self._quotes:
            if currency in held and rates.knows(currency):
                most = rates.paid_in(currency, room, toward=Toward.FLOOR)
                wallets[currency] = min(held[currency], most.amount)
                room = room - rates.worth(Money(wallets[currency], currency))
        return wallets

    def _advances(self, order: Order) -> bool:
        """Whether the order says something new; raises where it contradicts what is written."""
        name = order.planned.client_order_id
        known = self._orders("WHERE client_order_id = ?", name)
        if not known:
            raise FatalError("no intent has this order id", code="UNKNOWN_ORDER", order=name)
        before = known[0]
        # What is filled is book()'s word alone, and no later silence takes back what was told.
        order = replace(order, filled=before.filled, told=order.told or before.told)
        if order == before:
            return False
        after = before if order.status is before.status else moved(before, order.status)
        learned = replace(
            after,
            exchange_order_id=before.exchange_order_id or order.exchange_order_id,
            told=order.told,
        )
        if learned != order:
            raise FatalError(
                "an order is not the one that was intended, or lost what was known of it",
                code="ORDER_CONTRADICTED",
                order=name,
            )
        return True


def _fresh(order: Order) -> Order:
    if order.status is not OrderStatus.INTENDED:
        raise FatalError(
            "only an intent can be written as one",
            code="IMPOSSIBLE_ORDER_STEP",
            order=order.planned.client_order_id,
            status=order.status.name,
        )
    return order
