"""Fill rows of the venue, and which of them are ours to book.

An order is ours if its id, or the id of the order it comes from, is in the ledger. Rows
of other orders are left alone. A row that contradicts its order or an earlier telling is
not booked: its product stands still until a person has looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.errors import FatalError, RetryableError
from core.orders import Fill, Order, VenueFill, VenueOrder
from core.ports import Booked, Books
from runner.account import Account
from runner.reconcile.orders import Looks

OVERLAP = timedelta(hours=1)  # rows may come late, and clocks may differ
# What a ledger says to a row that it cannot book.
_UNFIT = frozenset({"FILL_CONTRADICTED", "FILL_REFUSED", "BEYOND_OWN_LOTS"})
_STRANGERS_KEPT = 10_000


@dataclass(slots=True)
class FillReader:
    """Reads and books fills. Orders that are not ours are remembered, to be asked for once."""

    account: Account
    strangers: dict[str, None] = field(default_factory=dict)  # exchange ids, oldest first
    unrecorded: list[Fill] = field(default_factory=list)  # booked, and in no audit line yet
    known: dict[str, VenueFill] = field(default_factory=dict)  # rows lately told, and booked

    def since(self, oldest: datetime) -> datetime:
        """From when rows may still be missing from the books; `oldest` where nothing is booked."""
        ledger = self.account.ledger
        known = (ledger.last_fill_at(), ledger.unsettled_since())
        return max(oldest, min((at for at in known if at is not None), default=oldest)) - OVERLAP

    def book(self, since: datetime, looks: Looks) -> tuple[Booked, ...]:
        """Book what is new among the rows of `since` and later; nothing where no answer came."""
        try:
            rows = self.account.venue.fills(since)
        except RetryableError:
            return ()
        return self.take(rows, looks)

    def take(self, rows: tuple[VenueFill, ...], looks: Looks) -> tuple[Booked, ...]:
        """Book what is new among these rows, which are all of a time."""
        if rows == tuple(self.known.values()):  # as in almost every cycle
            return ()
        for gone in self.known.keys() - {row.fill_id for row in rows}:
            del self.known[gone]
        own = tuple(self._own((row for row in rows if self.known.get(row.fill_id) != row), looks))
        if not own:
            return ()
        fills = tuple(fill for _, fill in own)
        try:
            booked = self.account.ledger.book(fills)
            self.known.update((row.fill_id, row) for row, _ in own)
        except FatalError as error:
            if error.code not in _UNFIT:
                raise
            booked = _one_by_one(self.account.ledger, fills, looks)
        self.unrecorded.extend(entry.fill for entry in booked)
        return booked

    def _own(self, rows: Iterable[VenueFill], looks: Looks) -> Iterator[tuple[VenueFill, Fill]]:
        for row in rows:
            order = self._order_of(row.exchange_order_id)
            if order is None:
                continue
            planned = order.planned
            if (row.symbol, row.side) != (planned.symbol, planned.side):
                looks.odd[planned.symbol] = (
                    f"fill {row.fill_id} is a {row.side.value} of {row.symbol}, "
                    f"its order a {planned.side.value} of {planned.symbol}"
                )
                continue
            fill = Fill(
                fill_id=row.fill_id,
                client_order_id=planned.client_order_id,
                symbol=row.symbol,
                side=row.side,
                price=row.price,
                quantity=row.quantity,
                fee=row.fee,
                at=row.at,
            )
            yield row, fill

    def _order_of(self, exchange_order_id: str) -> Order | None:
        """The own order of a row, also where the venue made another one out of it."""
        if exchange_order_id in self.strangers:
            return None
        own = self.account.ledger.order_of(exchange_order_id)
        if own is not None:
            return own
        try:
            told = self.account.venue.order(exchange_order_id)
        except RetryableError:
            return None
        if told is not None and told.originates_from is not None:
            own = self.account.ledger.order_of(told.originates_from)
        if own is None and told is not None and not self._may_be_ours(told):
            self._forget_after(exchange_order_id)
        return own

    def _may_be_ours(self, told: VenueOrder) -> bool:
        """Whether it is an intent of ours of which no answer has told the venue's name yet."""
        unsettled = self.account.ledger.unsettled()
        return told.client_order_id in {order.planned.client_order_id for order in unsettled}

    def _forget_after(self, stranger: str) -> None:
        self.strangers[stranger] = None
        if len(self.strangers) > _STRANGERS_KEPT:
            del self.strangers[next(iter(self.strangers))]


def _one_by_one(ledger: Books, fills: tuple[Fill, ...], looks: Looks) -> tuple[Booked, ...]:
    """Where a row contradicts, so that it harms no other."""
    done: list[Booked] = []
    for fill in fills:
        try:
            done.extend(ledger.book((fill,)))
        except FatalError as error:
            if error.code not in _UNFIT:
                raise
            looks.odd[fill.symbol] = str(error)
    return tuple(done)
