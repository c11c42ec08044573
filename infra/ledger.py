"""The ledger: orders and money in SQLite, durable before they matter.

Double entry: every transaction's postings sum to zero for each asset, so money is
moved and never made. An intent that cannot be written is not sent, and no intent is
written twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from core.errors import FatalError
from core.market import Balance
from core.money import ZERO, Money, Toward, subtracted
from core.orders import FINAL, Order, OrderStatus, moved
from core.rates import Rates
from infra.crash_points import CrashPoint, reached
from infra.ledger_file import Owner, open_for_writing, told
from infra.ledger_reader import FOREIGN, OPENING, WALLET, LedgerCheck, LedgerReader
from infra.ledger_rows import INSERT, digits, time_text, to_row

__all__ = ["LedgerCheck", "LedgerReader", "Owner", "SqliteLedger"]


class SqliteLedger(LedgerReader):
    """One file, one writer. Reading programs open a LedgerReader beside it."""

    def __init__(
        self, path: Path, owner: Owner, *, quote_currencies: tuple[str, ...], capital_max: Money
    ) -> None:
        """Open or make the file. Raises a FatalError that names it and what to do."""
        super().__init__(path, open_for_writing(path, owner))
        self._quotes = quote_currencies
        self._capital_max = capital_max

    @property
    def opened(self) -> bool:
        """Whether the first balances are booked."""
        return bool(self._rows("SELECT 1 FROM transactions WHERE kind = 'opening' LIMIT 1"))

    def open_books(self, balances: tuple[Balance, ...], rates: Rates, at: datetime) -> None:
        """Book the first balances, once: own cash, and all else as foreign.

        Without a balance nothing is booked, for the account may only not have answered.
        """
        if not balances or self.opened:
            return
        postings: list[tuple[str, str, Decimal]] = []
        wallets = self._wallets(balances, rates)
        for balance in balances:
            asset, total = balance.currency, balance.total
            own = wallets.get(asset, ZERO)
            postings.append((WALLET, asset, own))
            postings.append((FOREIGN, asset, subtracted(total, own)))
            postings.append((OPENING, asset, subtracted(ZERO, total)))
        with self._writing():
            transaction = self._db.execute(
                "INSERT INTO transactions (kind, at, note) VALUES ('opening', ?, ?)",
                (time_text(at), "balances at the first start"),
            ).lastrowid
            self._db.executemany(
                "INSERT INTO postings (transaction_id, account, asset, amount) VALUES (?, ?, ?, ?)",
                [
                    (transaction, f"{account}:{asset}", asset, digits(amount))
                    for account, asset, amount in postings
                    if amount != ZERO
                ],
            )

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
        with self._writing():
            for order in changed:
                final = time_text(at) if order.status in FINAL else None
                self._db.execute(
                    "UPDATE orders SET status = ?, exchange_order_id = ?, filled = ?, "
                    "settled_at = ? WHERE client_order_id = ?",
                    (
                        order.status.name,
                        order.exchange_order_id,
                        digits(order.filled),
                        final,
                        order.planned.client_order_id,
                    ),
                )

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
        if order == before:
            return False
        after = before if order.status is before.status else moved(before, order.status)
        learned = replace(
            after,
            filled=max(before.filled, order.filled),
            exchange_order_id=before.exchange_order_id or order.exchange_order_id,
        )
        if learned != order:
            raise FatalError(
                "an order is not the one that was intended, or lost what was known of it",
                code="ORDER_CONTRADICTED",
                order=name,
            )
        return True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction: durable when the block is left, or undone."""
        with told(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                reached(CrashPoint.LEDGER_WRITTEN)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        reached(CrashPoint.LEDGER_COMMITTED)


def _fresh(order: Order) -> Order:
    if order.status is not OrderStatus.INTENDED:
        raise FatalError(
            "only an intent can be written as one",
            code="IMPOSSIBLE_ORDER_STEP",
            order=order.planned.client_order_id,
            status=order.status.name,
        )
    return order
