"""The ledger read from its first transaction to its last, and each one proved on the way.

One pass serves the start, the proof after a cycle and the check of everything, so no two
of them can disagree about what a sound transaction is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from core.accounting import Posting, fill_postings, unbalanced
from core.money import added, plain
from core.orders import Fill
from infra.ledger_rows import FILL_COLUMNS, to_fill


class Entry(NamedTuple):
    """One transaction with its postings; a fill comes with its row."""

    id: int
    kind: str
    at: str
    postings: list[Posting]
    fill: Fill | None


@dataclass(slots=True)
class Proof:
    """What was read, and what of it is off."""

    fills: int = 0
    postings: int = 0
    last: int = 0  # transaction
    off: dict[str, str] = field(default_factory=dict)  # "USD in transaction 3" -> by how much


def walk(db: sqlite3.Connection, after: int, proof: Proof) -> Iterator[Entry]:
    """Every transaction above `after`, oldest first; what is wrong with it goes into `proof`."""
    postings = db.execute(
        "SELECT transaction_id, account, asset, amount FROM postings "
        "WHERE id > (SELECT coalesce(max(id), 0) FROM postings WHERE transaction_id <= ?) "
        "ORDER BY id",
        (after,),
    )
    fills = db.execute(
        f"SELECT transaction_id, {FILL_COLUMNS} FROM fills WHERE transaction_id > ? "
        "ORDER BY transaction_id",
        (after,),
    )
    posting, fill = next(postings, None), next(fills, None)
    for number, kind, at in db.execute(
        "SELECT id, kind, at FROM transactions WHERE id > ? ORDER BY id", (after,)
    ):
        parts: list[Posting] = []
        while posting is not None and posting[0] == number:
            parts.append(Posting(posting[1], posting[2], Decimal(posting[3])))
            posting = next(postings, None)
        filled = None
        if fill is not None and fill[0] == number:
            filled = to_fill(fill[1:])
            fill = next(fills, None)
        entry = Entry(number, kind, at, parts, filled)
        proof.postings += len(parts)
        proof.fills += filled is not None
        proof.last = number
        proof.off.update(_wrong(entry))
        yield entry
    for what, row in (("posting", posting), ("fill", fill)):
        if row is not None:
            proof.off[f"{what} in transaction {row[0]}"] = "is not where its transaction is"


def _wrong(entry: Entry) -> Mapping[str, str]:
    """What is wrong with one transaction. The postings of a fill are those of its numbers:
    base x price = quote, fee where it was taken.
    """
    if entry.fill is not None and entry.postings == fill_postings(entry.fill):
        return {} if entry.kind == "fill" else {f"transaction {entry.id}": "has a fill and is none"}
    pairs = ((asset, amount) for _, asset, amount in entry.postings)
    off = {
        f"{asset} in transaction {entry.id}": plain(total)
        for asset, total in unbalanced(pairs).items()
    }
    if (entry.kind == "fill" or entry.fill is not None) and not off:
        name = entry.fill.fill_id if entry.fill is not None else f"of transaction {entry.id}"
        off[f"fill {name}"] = "its postings are not those of its numbers"
    return off


def misfilled(db: sqlite3.Connection) -> Mapping[str, str]:
    """Orders whose `filled` is not the sum of their fills."""
    off: dict[str, str] = {}
    rows = db.execute(
        "SELECT orders.client_order_id, orders.filled, coalesce(fills.quantity, '0') FROM orders "
        "LEFT JOIN fills ON fills.client_order_id = orders.client_order_id "
        "ORDER BY orders.client_order_id"
    )
    for (name, filled), parts in groupby(rows, key=itemgetter(0, 1)):
        total = added(*(Decimal(quantity) for _, _, quantity in parts))
        if total != Decimal(filled):
            off[f"order {name}"] = f"is filled {filled}, its fills say {plain(total)}"
    return off
