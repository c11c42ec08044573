"""Account: what the venue says of our money and orders, beside our own books of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.ports import Books, ReadAll, Venue
from runner.gather import in_turn


@dataclass(frozen=True, slots=True)
class Account:
    """The two sides that are reconciled every cycle."""

    venue: Venue
    ledger: Books
    read_all: ReadAll = field(default_factory=lambda: in_turn)  # of a venue that is far away
