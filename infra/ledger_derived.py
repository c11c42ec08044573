"""What follows from the ledger's rows: balances, lots, flows. Kept in memory, stored nowhere.

Read once from the first row to the last, then taken forward by each transaction that is
committed. Its size follows what is held now, never how long the bot has run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from heapq import merge

from core.accounting import DUST, LOTS, WALLET, Holding, fees_of
from core.market import Side, base_of, quote_of
from core.money import EXACT, ZERO, plain
from core.orders import Fill
from infra.ledger_rows import FILL_COLUMNS, time_text, to_fill
from infra.ledger_walk import Entry, Proof, walk

Key = tuple[str, str]  # time and id: the order in which first in, first out counts
Out = tuple[Key, Decimal, Fill | None]  # coins that went out; None: not by a sale
OnSale = Callable[[Fill, Decimal], object]  # told the profit of each sale


class Derived:
    """Balances by account, holdings by product, flows by currency."""

    def __init__(self) -> None:
        self.totals: dict[tuple[str, str], Decimal] = {}  # account, asset
        self.holdings: dict[str, Holding] = {}
        self._opened: dict[str, Decimal] = {}  # of wallets, by currency
        self._wallet_flows: dict[str, Decimal] = {}
        self.last_fill_at: datetime | None = None
        self.unordered: set[str] = set()  # products whose lots must be matched again
        self._last: dict[tuple[str, Side], Key] = {}  # product and direction -> its last key

    @classmethod
    def read(cls, db: sqlite3.Connection, proof: Proof) -> Derived:
        derived = cls()
        for entry in walk(db, 0, proof):
            derived.take(entry, _nothing)
        derived.put_in_order(db, _nothing)
        return derived

    def take(self, entry: Entry, on_sale: OnSale) -> None:
        """One more committed transaction; what is `unordered` after it must be put in order."""
        totals = self.totals
        for account, asset, amount in entry.postings:
            place = (account, asset)
            totals[place] = EXACT.add(totals.get(place, ZERO), amount)
        if entry.fill is not None:
            self._fill(entry.fill, entry.at, on_sale)
        elif entry.kind == "flow":
            self._flow(entry)
        elif entry.kind == "opening":
            for account, asset, amount in entry.postings:
                if account.startswith(f"{WALLET}:"):
                    self._opened[asset] = amount

    def _fill(self, fill: Fill, at: str, on_sale: OnSale) -> None:
        holding = self.holding(fill.symbol, fill.quantity.base, fill.price.quote)
        self._keep_order(fill.symbol, fill.side, (at, fill.fill_id))
        _book(holding, fill, on_sale)
        if self.last_fill_at is None or fill.at > self.last_fill_at:
            self.last_fill_at = fill.at

    def _flow(self, entry: Entry) -> None:
        for account, asset, amount in entry.postings:
            kind, _, symbol = account.partition(":")
            if kind == WALLET:
                self._wallet_flows[asset] = EXACT.add(self._wallet_flows.get(asset, ZERO), amount)
            elif kind == LOTS:
                self._keep_order(symbol, Side.SELL, (entry.at, ""))
                self.holding(symbol, asset, quote_of(symbol)).withdraw(EXACT.minus(amount))

    def flows(self) -> Mapping[str, Decimal]:
        """Into less out of the wallets, and own coins that were taken away, at their cost."""
        flows = dict(self._wallet_flows)
        for holding in self.holdings.values():
            if holding.withdrawn:
                before = flows.get(holding.quote, ZERO)
                flows[holding.quote] = EXACT.subtract(before, holding.withdrawn)
        return flows

    def total(self, account: str, asset: str) -> Decimal:
        return self.totals.get((account, asset), ZERO)

    def by_asset(self, *kinds: str) -> dict[str, Decimal]:
        """Balances of all accounts of these kinds together, by asset; those that are not zero."""
        found: dict[str, Decimal] = {}
        for (account, asset), amount in self.totals.items():
            if account.partition(":")[0] in kinds:
                found[asset] = EXACT.add(found.get(asset, ZERO), amount)
        return {asset: found[asset] for asset in sorted(found) if found[asset]}

    def paid_in(self, currency: str) -> Decimal:
        """What was brought into a wallet from outside: the first balance and all flows."""
        return EXACT.add(self._opened.get(currency, ZERO), self._wallet_flows.get(currency, ZERO))

    def in_dust(self, symbol: str) -> Decimal:
        """How many coins of a product are set aside."""
        return self.total(f"{DUST}:{symbol}", base_of(symbol))

    def positions(self) -> dict[str, Holding]:
        """What is held and not set aside, by product."""
        return {
            symbol: holding
            for symbol, holding in sorted(self.holdings.items())
            if holding.quantity and not self.in_dust(symbol)
        }

    def contradictions(self) -> dict[str, str]:
        """Products whose lots are not what the postings say: they come from the same fills."""
        off = {}
        for symbol, holding in sorted(self.holdings.items()):
            booked = EXACT.add(self.total(f"{LOTS}:{symbol}", holding.base), self.in_dust(symbol))
            if booked != holding.quantity:
                off[symbol] = f"lots of {plain(holding.quantity)}, {plain(booked)} is booked"
        return off

    def _keep_order(self, symbol: str, side: Side, key: Key) -> None:
        place = (symbol, side)
        if key < self._last.get(place, key):
            self.unordered.add(symbol)
        else:
            self._last[place] = key

    def holding(self, symbol: str, base: str, quote: str) -> Holding:
        """What is held of a product; a new one where nothing ever was."""
        found = self.holdings.get(symbol)
        if found is None:
            found = self.holdings[symbol] = Holding(symbol, base, quote)
        return found

    def put_in_order(self, db: sqlite3.Connection, on_sale: OnSale) -> None:
        """Match the lots of `unordered` products again, from their first row."""
        for symbol in sorted(self.unordered):
            self.holdings[symbol] = matched(db, symbol, on_sale)
        self.unordered.clear()


def matched(db: sqlite3.Connection, symbol: str, on_sale: OnSale) -> Holding:
    """The lots of one product from all its rows, whatever the order they were booked in.

    Buys are read only as far as what went out needs them, so memory holds open lots alone.
    """
    holding = Holding(symbol, base_of(symbol), quote_of(symbol))
    buys = _fills(db, symbol, Side.BUY)
    for out in merge(_sales(db, symbol), _withdrawals(db, symbol), key=lambda out: out[0]):
        _, coins, sale = out
        while holding.quantity < coins and (buy := next(buys, None)) is not None:
            holding.book(buy)
        if sale is None:
            holding.withdraw(coins)
        else:
            _book(holding, sale, on_sale)
    for buy in buys:
        holding.book(buy)
    return holding


def _book(holding: Holding, fill: Fill, on_sale: OnSale) -> None:
    profit = holding.book(fill)
    if profit is not None:
        on_sale(fill, profit)


def _sales(db: sqlite3.Connection, symbol: str) -> Iterator[Out]:
    for sale in _fills(db, symbol, Side.SELL):
        coins = EXACT.add(sale.quantity.amount, fees_of(sale)[1])
        yield (time_text(sale.at), sale.fill_id), coins, sale


def _withdrawals(db: sqlite3.Connection, symbol: str) -> Iterator[Out]:
    """What flows took of the product's lots."""
    for at, amount in db.execute(
        "SELECT transactions.at, postings.amount FROM transactions "
        "JOIN postings ON postings.transaction_id = transactions.id "
        "WHERE transactions.kind = 'flow' AND postings.account = ? "
        "ORDER BY transactions.at, transactions.id",
        (f"{LOTS}:{symbol}",),
    ):
        yield (at, ""), EXACT.minus(Decimal(amount)), None


def _fills(db: sqlite3.Connection, symbol: str, side: Side) -> Iterator[Fill]:
    """By time and id, as first in, first out counts them."""
    rows = db.execute(
        f"SELECT {FILL_COLUMNS} FROM fills WHERE symbol = ? AND side = ? ORDER BY at, fill_id",
        (symbol, side.value),
    )
    return (to_fill(row) for row in rows)


def _nothing(fill: Fill, profit: Decimal) -> None:
    """For readers that ask for no sales."""
