"""Booking: fills, flows and dust become rows, each in one transaction with all that it changes.

What follows from the rows is kept in memory and taken forward after each commit. Where a
commit did not end as it should, it is read again from the first row: never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from core.accounting import (
    DUST,
    EXTERNAL,
    FOREIGN,
    LOTS,
    WALLET,
    Posting,
    bookable,
    checked,
    fees_of,
    fill_postings,
    movement,
    transfer,
)
from core.errors import FatalError
from core.market import Side, base_of
from core.money import EXACT, ZERO, Money, added, plain, subtracted
from core.orders import Fill, Order
from core.ports import Booked
from core.state import Closed
from infra.crash_points import CrashPoint, reached
from infra.ledger_derived import Derived
from infra.ledger_file import Owner, open_for_writing, told
from infra.ledger_reader import LedgerReader
from infra.ledger_rows import FILL_COLUMNS, INSERT_FILL, digits, time_text, to_fill, to_fill_row
from infra.ledger_walk import Entry, Proof, walk

_SHOWN = 5  # differences that one line can name


class BooksOpen(FatalError):
    """The books do not close: something was written that is not double entry."""

    code = "BOOKS_OPEN"


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction that is to be written."""

    kind: str
    at: datetime
    note: str
    postings: Sequence[Posting]
    fill: Fill | None = None


class LedgerBooking(LedgerReader):
    """Money, written. Orders are `SqliteLedger`'s."""

    def __init__(
        self, path: Path, owner: Owner, *, quote_currencies: tuple[str, ...], capital_max: Money
    ) -> None:
        """Open or make the file, and prove the whole of it.

        Raises a FatalError that names it and what to do.
        """
        super().__init__(path, open_for_writing(path, owner))
        self._quotes = quote_currencies
        self._capital_max = capital_max
        proof = Proof()
        try:
            with told(path):
                self._known: Derived | None = self._proved_whole(proof)
            self._close_or_raise(proof)
        except BaseException:
            self.close()
            raise

    def derived(self) -> Derived:
        if self._known is None:
            self._known = super().derived()
        return self._known

    def book(self, fills: tuple[Fill, ...]) -> tuple[Booked, ...]:
        """Book fills of own orders in one transaction, and say which were new.

        Buys go first, then by time. The profit of a sale is that of its own lots; all fills
        of an order together are one sale (`core.accounting.one_per_order`). Where one cannot
        be booked the error names it, and none of them is.
        """
        new = self._new(fills)
        if not new:
            return ()
        filled = self._filled(new)
        self._keep_within_lots(new)
        drafts = [
            *self._taken_back(sorted({fill.symbol for fill in new}), new[0].at),
            *(_draft(fill) for fill in new),
        ]
        profits = self._post(drafts, filled)
        return tuple(Booked(fill, _closed(fill, profits.get(fill.fill_id))) for fill in new)

    def book_flow(self, asset: str, amount: Decimal, at: datetime, note: str) -> None:
        """Book what came (or, negative, went) from outside: neither gain nor loss.

        Money that comes is ours up to `app.capital_max`, where that is its currency, and not
        while some of it is foreign already; coins that come are foreign. What goes is taken
        from what is foreign first, then from the wallet, then from own lots, the oldest first
        and at their cost. Raises a FatalError where more went than the books hold.
        """
        if not bookable(amount):
            raise FatalError(f"{amount} {asset} is no amount of this world", code="FLOW_REFUSED")
        if amount > ZERO:
            back, parts = list[Draft](), self._incoming(asset, amount)
        elif amount < ZERO:
            back, parts = self._outgoing(asset, EXACT.minus(amount), at)
        else:
            return
        postings = [Posting(account, asset, part) for account, part in parts if part]
        postings.append(Posting(f"{EXTERNAL}:{asset}", asset, EXACT.minus(amount)))
        self._post([*back, Draft("flow", at, note, postings)], {})

    def to_dust(self, symbol: str, at: datetime) -> None:
        """Close a position that cannot be sold alone; the product's next fill takes it back."""
        holding = self.derived().positions().get(symbol)
        if holding is None:
            raise FatalError(f"{symbol}: there is no position to set aside", code="NO_POSITION")
        lots, dust = f"{LOTS}:{symbol}", f"{DUST}:{symbol}"
        postings = transfer(lots, dust, holding.base, holding.quantity)
        self._post([Draft("dust", at, "too little to be sold alone", postings)], {})

    def prove(self) -> None:
        """Prove what was posted since the last call; FatalError BOOKS_OPEN where it is off."""
        proof = Proof(last=self._proved)
        with told(self._path):
            for _ in walk(self._db, self._proved, proof):
                pass
        self._close_or_raise(proof)

    def _close_or_raise(self, proof: Proof) -> None:
        if proof.off:
            shown = "; ".join(f"{what}: {off}" for what, off in list(proof.off.items())[:_SHOWN])
            raise BooksOpen(
                f"{self._path}: the books do not close ({shown}); nothing may be traded on them: "
                "restore a backup, and see `python -m runner.ledger check`"
            )
        self._proved = proof.last

    def _new(self, fills: tuple[Fill, ...]) -> list[Fill]:
        """Those that are not booked yet, each once, in the order in which they are booked."""
        new: dict[str, Fill] = {}
        for fill in fills:
            known = new.get(fill.fill_id) or self._booked(fill.fill_id)
            if known is None:
                new[fill.fill_id] = fill
            elif known != fill:
                raise FatalError(
                    f"fill {fill.fill_id!r} is told otherwise than it was booked",
                    code="FILL_CONTRADICTED",
                    booked=_numbers(known),
                    told=_numbers(fill),
                )
        return sorted(
            new.values(), key=lambda fill: (fill.side is Side.SELL, fill.at, fill.fill_id)
        )

    def _booked(self, fill_id: str) -> Fill | None:
        rows = self._rows(f"SELECT {FILL_COLUMNS} FROM fills WHERE fill_id = ?", fill_id)
        return to_fill(rows[0]) if rows else None

    def _filled(self, new: Sequence[Fill]) -> Mapping[str, Decimal]:
        """What of each order will be filled; fatal where that is more than was ordered."""
        orders: dict[str, Order] = {}
        filled: dict[str, Decimal] = {}
        for fill in new:
            name = fill.client_order_id
            if name not in orders:
                found = self._orders("WHERE client_order_id = ?", name)
                if not found:
                    raise FatalError(
                        f"fill {fill.fill_id!r} is of no order of ours",
                        code="UNKNOWN_ORDER",
                        order=name,
                    )
                orders[name], filled[name] = found[0], found[0].filled
            checked(fill, orders[name])
            filled[name] = added(filled[name], fill.quantity.amount)
            if filled[name] > orders[name].planned.quantity.amount:
                raise FatalError(
                    f"fill {fill.fill_id!r} is not booked: more was filled than was ordered",
                    code="FILL_REFUSED",
                    order=name,
                    ordered=orders[name].planned.quantity,
                    filled=plain(filled[name]),
                )
        return filled

    def _keep_within_lots(self, new: Sequence[Fill]) -> None:
        """A sale of more than there is must never happen; nothing of it is booked."""
        held: dict[str, Decimal] = {}
        for fill in new:
            symbol, fee_coins = fill.symbol, fees_of(fill)[1]
            if symbol not in held:
                holding = self.derived().holding(symbol)
                held[symbol] = holding.quantity if holding is not None else ZERO
            moved = fill.quantity.amount
            out = fill.side is Side.SELL
            held[symbol] = subtracted(held[symbol], moved) if out else added(held[symbol], moved)
            held[symbol] = subtracted(held[symbol], fee_coins)
            if held[symbol] < ZERO:
                raise FatalError(
                    f"fill {fill.fill_id!r} is not booked: it sells more than our own lots",
                    code="BEYOND_OWN_LOTS",
                    order=fill.client_order_id,
                    symbol=symbol,
                    too_much=plain(EXACT.minus(held[symbol])),
                )

    def _taken_back(self, symbols: Sequence[str], at: datetime) -> list[Draft]:
        """Lots that were set aside join the position again: they are sold with its next exit."""
        drafts = []
        for symbol in symbols:
            amount = self.derived().in_dust(symbol)
            if amount:
                back = transfer(f"{DUST}:{symbol}", f"{LOTS}:{symbol}", base_of(symbol), amount)
                drafts.append(Draft("dust", at, "taken back", back))
        return drafts

    def _incoming(self, asset: str, amount: Decimal) -> list[tuple[str, Decimal]]:
        foreign, wallet = f"{FOREIGN}:{asset}", f"{WALLET}:{asset}"
        derived = self.derived()
        if asset not in self._quotes or derived.total(foreign, asset) > ZERO:
            return [(foreign, amount)]
        if asset != self._capital_max.currency:
            return [(wallet, amount)]
        room = max(ZERO, subtracted(self._capital_max.amount, derived.paid_in(asset)))
        own = min(room, amount)
        return [(wallet, own), (foreign, subtracted(amount, own))]

    def _outgoing(
        self, asset: str, amount: Decimal, at: datetime
    ) -> tuple[list[Draft], list[tuple[str, Decimal]]]:
        derived = self.derived()
        held = [
            (account, derived.total(account, asset))
            for account in (f"{FOREIGN}:{asset}", f"{WALLET}:{asset}")
        ]
        lots = [h for _, h in sorted(derived.holdings.items()) if h.base == asset and h.quantity]
        held += [(f"{LOTS}:{holding.symbol}", holding.quantity) for holding in lots]
        parts, left = [], amount
        for account, most in held:
            part = max(ZERO, min(most, left))
            parts.append((account, EXACT.minus(part)))
            left = subtracted(left, part)
        if left > ZERO:
            raise FatalError(
                f"{plain(amount)} {asset} cannot have gone: the books hold "
                f"{plain(subtracted(amount, left))}",
                code="FLOW_REFUSED",
            )
        touched = {account.partition(":")[2] for account, part in parts if part}
        return self._taken_back([h.symbol for h in lots if h.symbol in touched], at), parts

    def _post(self, drafts: Sequence[Draft], filled: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """Write transactions and what is filled of orders, all or nothing.

        Returns the profit of each sale among them, by fill id.
        """
        derived, self._known = self.derived(), None
        with self._writing():
            entries = [self._insert(draft) for draft in drafts]
            for name, amount in filled.items():
                self._db.execute(
                    "UPDATE orders SET filled = ? WHERE client_order_id = ?",
                    (digits(amount), name),
                )
        asked = {draft.fill.fill_id for draft in drafts if draft.fill is not None}
        profits: dict[str, Decimal] = {}

        def keep(fill_id: str, profit: Decimal) -> None:
            if fill_id in asked:
                profits[fill_id] = profit

        for entry in entries:
            derived.take(entry, keep)
        with told(self._path):
            derived.put_in_order(self._db, keep)
        self._known = derived
        return profits

    def _insert(self, draft: Draft) -> Entry:
        at = time_text(draft.at)
        number = self._db.execute(
            "INSERT INTO transactions (kind, at, note) VALUES (?, ?, ?)",
            (draft.kind, at, draft.note),
        ).lastrowid
        assert number is not None
        self._db.executemany(
            "INSERT INTO postings (transaction_id, account, asset, amount) VALUES (?, ?, ?, ?)",
            [(number, account, asset, digits(amount)) for account, asset, amount in draft.postings],
        )
        if draft.fill is not None:
            self._db.execute(INSERT_FILL, (*to_fill_row(draft.fill), number))
            return Entry(draft.kind, at, (), draft.fill.fill_id, movement(draft.fill))
        return Entry(draft.kind, at, draft.postings)

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


def _draft(fill: Fill) -> Draft:
    return Draft("fill", fill.at, fill.fill_id, fill_postings(movement(fill)), fill)


def _closed(fill: Fill, profit: Decimal | None) -> Closed | None:
    if profit is None:
        return None
    return Closed(fill.symbol, fill.client_order_id, fill.at, Money(profit, fill.price.quote))


def _numbers(fill: Fill) -> str:
    return (
        f"{fill.side.value} {fill.quantity} at {fill.price}, fee {fill.fee}, {time_text(fill.at)}, "
        f"order {fill.client_order_id}"
    )
