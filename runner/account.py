"""Account: what the venue says of our money and orders, beside our own books of them."""

from __future__ import annotations

from dataclasses import dataclass

from core.ports import Books, Venue


@dataclass(frozen=True, slots=True)
class Account:
    """The two sides that are reconciled every cycle."""

    venue: Venue
    ledger: Books
