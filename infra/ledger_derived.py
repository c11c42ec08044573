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
from operator import itemgetter

from core.accounting import DUST, LOTS, WALLET, Holding, Movement
from core.market import Side, base_of, quote_of
from core.money import EXACT, ZERO, plain
from infra.ledger_rows import FILL_COLUMNS, to_movement
from infra.ledger_walk import Entry, Proof, walk

Key = tuple[str, str]  # time and id: the order in which first in, first out counts
Out = tuple[Key, Decimal, Movement | None]  # coins that went out; None: not by a sale
OnSale = Callable[[str, Decimal], object]  # told fill id and profit of each sale


class _Product:
    """A holding, the accounts it moves, and how far its buys and its sales have come."""

    __slots__ = ("_last", "holding", "lots", "wallet")

    def __init__(self, holding: Holding) -> None:
        self.holding = holding
        self.lots = (f"{LOTS}:{holding.symbol}", holding.base)
        self.wallet = (f"{WALLET}:{holding.quote}", holding.quote)
        self._last: dict[Side, Key] = {}

    def follows(self, side: Side, key: Key) -> bool:
        """Whether this one comes after all of its side; remembered where it does."""
        if key < self._last.get(side, key):
            return False
        self._last[side] = key
        return True


class Derived:
    """Balances by account, holdings by product, flows by currency."""

    def __init__(self) -> None:
        self.totals: dict[tuple[str, str], Decimal] = {}  # account, asset
        self._opened: dict[str, Decimal] = {}  # of wallets, by currency
        self._wallet_flows: dict[str, Decimal] = {}
        self.last_fill_at: datetime | None = None
        self.unordered: set[str] = set()  # products whose lots must be matched again
        self._products: dict[str, _Product] = {}
        self._by_asset: dict[tuple[str, ...], dict[str, Decimal]] = {}  # since the last entry

    @classmethod
    def read(cls, db: sqlite3.Connection, proof: Proof) -> Derived:
        derived = cls()
        for entry in walk(db, 0, proof):
            derived.take(entry, _nothing)
        derived.put_in_order(db, _nothing)
        return derived

    def take(self, entry: Entry, on_sale: OnSale) -> None:
        """One more committed transaction; what is `unordered` after it must be put in order."""
        self._by_asset.clear()
        moved = entry.moved
        if moved is not None:
            self._fill(moved, (entry.at, entry.fill_id), on_sale)
            return
        for account, asset, amount in entry.postings:
            self._add(account, asset, amount)
        if entry.kind == "flow":
            self._flow(entry)
        elif entry.kind == "opening":
            for account, asset, amount in entry.postings:
                if account.startswith(f"{WALLET}:"):
                    self._opened[asset] = amount

    def _add(self, account: str, asset: str, amount: Decimal) -> None:
        place = (account, asset)
        self.totals[place] = EXACT.add(self.totals.get(place, ZERO), amount)

    def _fill(self, moved: Movement, key: Key, on_sale: OnSale) -> None:
        product = self._product(moved.symbol, moved.base, moved.quote)
        totals, lots, wallet = self.totals, product.lots, product.wallet
        totals[lots] = EXACT.add(totals.get(lots, ZERO), moved.coins)
        totals[wallet] = EXACT.add(totals.get(wallet, ZERO), moved.cash)
        if not product.follows(moved.side, key):
            self.unordered.add(moved.symbol)
        profit = product.holding.book(moved)
        if profit is not None:
            on_sale(key[1], profit)
        if self.last_fill_at is None or moved.at > self.last_fill_at:
            self.last_fill_at = moved.at

    def _flow(self, entry: Entry) -> None:
        for account, asset, amount in entry.postings:
            kind, _, symbol = account.partition(":")
            if kind == WALLET:
                self._wallet_flows[asset] = EXACT.add(self._wallet_flows.get(asset, ZERO), amount)
            elif kind == LOTS:
                product = self._product(symbol, asset, quote_of(symbol))
                if not product.follows(Side.SELL, (entry.at, "")):
                    self.unordered.add(symbol)
                product.holding.withdraw(EXACT.minus(amount))

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
        """Balances of all accounts of these kinds together, by asset; those that are not zero.

        Only what the venue must hold is kept: `core.accounting.HOLDINGS`.
        """
        if kinds not in self._by_asset:
            found: dict[str, Decimal] = {}
            for (account, asset), amount in self.totals.items():
                if account.partition(":")[0] in kinds:
                    found[asset] = EXACT.add(found.get(asset, ZERO), amount)
            self._by_asset[kinds] = {name: found[name] for name in sorted(found) if found[name]}
        return dict(self._by_asset[kinds])

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

    @property
    def holdings(self) -> dict[str, Holding]:
        """By product, all that ever were."""
        return {symbol: product.holding for symbol, product in self._products.items()}

    def holding(self, symbol: str) -> Holding | None:
        product = self._products.get(symbol)
        return product.holding if product is not None else None

    def _product(self, symbol: str, base: str, quote: str) -> _Product:
        found = self._products.get(symbol)
        if found is None:
            found = self._products[symbol] = _Product(Holding(symbol, base, quote))
        return found

    def put_in_order(self, db: sqlite3.Connection, on_sale: OnSale) -> None:
        """Match the lots of `unordered` products again, from their first row."""
        for symbol in sorted(self.unordered):
            self._products[symbol].holding = matched(db, symbol, on_sale)
        self.unordered.clear()


def matched(db: sqlite3.Connection, symbol: str, on_sale: OnSale) -> Holding:
    """The lots of one product from all its rows, whatever the order they were booked in.

    Buys are read only as far as what went out needs them, so memory holds open lots alone.
    """
    holding = Holding(symbol, base_of(symbol), quote_of(symbol))
    buys = _fills(db, symbol, Side.BUY)
    sales = ((key, EXACT.minus(moved.coins), moved) for key, moved in _fills(db, symbol, Side.SELL))
    for key, coins, sale in merge(sales, _withdrawals(db, symbol), key=itemgetter(0)):
        while holding.quantity < coins and (buy := next(buys, None)) is not None:
            holding.book(buy[1])
        if sale is None:
            holding.withdraw(coins)
        elif (profit := holding.book(sale)) is not None:
            on_sale(key[1], profit)
    for _, buy_left in buys:
        holding.book(buy_left)
    return holding


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


def _fills(db: sqlite3.Connection, symbol: str, side: Side) -> Iterator[tuple[Key, Movement]]:
    """By time and id, as first in, first out counts them."""
    for row in db.execute(
        f"SELECT {FILL_COLUMNS} FROM fills WHERE symbol = ? AND side = ? ORDER BY at, fill_id",
        (symbol, side.value),
    ):
        yield (row[-1], row[0]), to_movement(row)


def _nothing(fill_id: str, profit: Decimal) -> None:
    """For readers that ask for no sales."""
