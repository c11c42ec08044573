"""The ledger read from its first transaction to its last, and each one proved on the way.

One pass serves the start, the proof after a cycle and the check of everything, so no two
of them can disagree about what a sound transaction is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from core.accounting import Movement, Posting, fill_postings, unbalanced
from core.market import Side
from core.money import plain
from infra.ledger_rows import FILL_COLUMNS, to_movement


class Entry(NamedTuple):
    """One transaction: a fill with what it moves, anything else with its postings."""

    kind: str
    at: str
    postings: Sequence[Posting] = ()
    fill_id: str = ""
    moved: Movement | None = None


@dataclass(slots=True)
class Proof:
    """What was read, and what of it is off."""

    fills: int = 0
    postings: int = 0
    last: int = 0  # transaction
    off: dict[str, str] = field(default_factory=dict)  # "USD in transaction 3" -> by how much


# In the order of their key as it happens; what comes otherwise is compared amount by amount.
_PARTS = (
    "(SELECT group_concat(account || ' ' || asset || ' ' || amount, '|') FROM postings "
    "WHERE transaction_id = transactions.id)"
)
_USUAL = 5  # postings of a fill with a fee in quote currency
_QUERY = (
    f"SELECT transactions.id, kind, transactions.at, {_PARTS}, {{}} FROM transactions "
    "LEFT JOIN fills ON fills.id = transactions.id "
    "WHERE transactions.id > ? ORDER BY transactions.id"
).format(", ".join(f"fills.{column}" for column in FILL_COLUMNS.split(", ")))


def walk(db: sqlite3.Connection, after: int, proof: Proof) -> Iterator[Entry]:
    """Every transaction above `after`, oldest first; what is wrong with it goes into `proof`."""
    for row in db.execute(_QUERY, (after,)):
        number, kind, at, text = row[:4]
        proof.last = number
        if row[4] is None:
            postings = _parsed(text)
            proof.postings += len(postings)
            _prove(number, kind, postings, proof)
            yield Entry(kind, at, postings)
            continue
        fill = row[4:]
        moved = to_movement(fill)
        proof.fills += 1
        if text == usual_text(moved, fill[7], fill[8]) and kind == "fill" and at == fill[10]:
            proof.postings += _USUAL
        else:
            postings = _parsed(text)
            proof.postings += len(postings)
            _prove_fill(number, (kind, at, postings), (fill, moved), proof)
        yield Entry(kind, at, (), fill[0], moved)


def usual_text(moved: Movement, quantity: str, fee: str) -> str:
    """The postings of the usual fill, its fee in quote currency, as one text.

    A start reads every fill there is; comparing texts spares it five amounts a fill. What
    differs from this (a tiny amount has an exponent here) is looked at amount by amount, so
    nothing rests on it but speed.
    """
    base, quote = moved.base, moved.quote
    given, taken = ("", "-") if moved.side is Side.BUY else ("-", "")
    coins = f"trading:{base} {base} {taken}{quantity}"
    money = f"trading:{quote} {quote} {given}{moved.notional}"
    first, second = (coins, money) if base < quote else (money, coins)
    return (
        f"fees:{quote} {quote} {fee}|lots:{moved.symbol} {base} {given}{quantity}|"
        f"{first}|{second}|wallet:{quote} {quote} {moved.cash}"
    )


def _parsed(text: str | None) -> list[Posting]:
    parts = (part.rsplit(" ", 2) for part in (text.split("|") if text else ()))
    return [Posting(account, asset, Decimal(amount)) for account, asset, amount in parts]


def _prove(number: int, kind: str, postings: Sequence[Posting], proof: Proof) -> None:
    if kind == "fill":
        proof.off[f"transaction {number}"] = "is a fill, and its row is gone"
    for asset, total in unbalanced((asset, amount) for _, asset, amount in postings).items():
        proof.off[f"{asset} in transaction {number}"] = plain(total)


def _prove_fill(
    number: int,
    booked: tuple[str, str, Sequence[Posting]],
    told: tuple[Sequence[str], Movement],
    proof: Proof,
) -> None:
    """The postings of a fill are those of its numbers: base x price = quote, and its fee."""
    (kind, at, postings), (row, moved) = booked, told
    _prove(number, "", postings, proof)
    if kind != "fill" or at != row[-1] or sorted(postings) != sorted(fill_postings(moved)):
        proof.off[f"fill {row[0]}"] = "its postings are not those of its numbers"
