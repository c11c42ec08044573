"""The orders of a ledger held against its fills, and each row against what it may say.

The walk proves transactions; it never looks at an order. Here SQLite finds the few rows
that may be off, and only those are read: a start on a long history has no time for all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

from core.market import Side
from core.money import added, plain
from core.orders import FINAL, OrderStatus, OrderType, TimeInForce

_WORDS = {
    "side": [side.value for side in Side],
    "type": [kind.value for kind in OrderType],
    "time_in_force": [kind.value for kind in TimeInForce],
    "status": [status.name for status in OrderStatus],
}
_ENDED = ", ".join(sorted(repr(status.name) for status in FINAL))
_NUMBERS = ("price", "quantity", "filled")
_ODD = {
    **{name: f"{name} NOT IN ({', '.join(map(repr, words))})" for name, words in _WORDS.items()},
    **{name: f"({name} = '' OR {name} GLOB '*[^0-9.]*')" for name in _NUMBERS},
    # What has ended is settled, and nothing else is: only of the unsettled the venue is asked.
    "settled_at": f"(status IN ({_ENDED})) = (settled_at IS NULL)",
}
_SHOWN = ", ".join(
    f"CASE WHEN {rule} THEN coalesce({name}, 'nothing') END" for name, rule in _ODD.items()
)
_UNREADABLE = f"SELECT client_order_id, {_SHOWN} FROM orders WHERE {' OR '.join(_ODD.values())}"
_ORPHANS = 'SELECT "table", coalesce(rowid, 0), parent FROM pragma_foreign_key_check'
# A row whose one fill has the very digits of `filled` needs no adding up.
_MISFILLED = """
    SELECT client_order_id, filled, coalesce(fills.quantity, '0')
    FROM orders LEFT JOIN fills USING (client_order_id)
    WHERE client_order_id IN (
        SELECT client_order_id FROM orders LEFT JOIN fills USING (client_order_id)
        GROUP BY client_order_id
        HAVING count(fills.id) > 1 OR filled IS NOT coalesce(min(fills.quantity), '0')
    )
    ORDER BY client_order_id
"""


def orders_off(db: sqlite3.Connection) -> dict[str, str]:
    """What is wrong, and how: "order NAME" -> "is filled 2, its fills say 1"."""
    unreadable = dict(_unreadable(db))
    off = {f"order {name}": told for name, told in unreadable.items()}
    for table, row, parent in db.execute(_ORPHANS):
        off[f"row {row} of {table}"] = f"belongs to nothing in {parent}"
    for (name, filled), parts in groupby(db.execute(_MISFILLED), key=itemgetter(0, 1)):
        if name in unreadable:
            continue
        total = added(*(Decimal(quantity) for _, _, quantity in parts))
        if total != Decimal(filled):
            off[f"order {name}"] = f"is filled {filled}, its fills say {plain(total)}"
    return off


def _unreadable(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for name, *odd in db.execute(_UNREADABLE):
        found = zip(_ODD, odd, strict=True)
        told = ", ".join(f"{column} {value!r}" for column, value in found if value is not None)
        yield name, f"says {told}"
