"""How many requests a cycle makes, and whether they fit; known before the first one is sent.

A warm cycle asks for tops, balances, open orders and new fills (4), candles of each book
with a newly closed bar, and some depths. What cannot be asked within the deadline at the
rate allowed is refused at the start, with the keys that would have to change.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.exchange.coinbase.terms import Terms

_TOPS_PER_REQUEST = 150
_ACCOUNT = 3  # balances, open orders, fills


@dataclass(frozen=True, slots=True)
class Budget:
    """Requests of one warm cycle in which a bar of every book has closed."""

    account: int
    tops: int
    candles: int
    depths: int

    @property
    def total(self) -> int:
        return self.account + self.tops + self.candles + self.depths


def budget(books: int, depths: int, *, signed: bool) -> Budget:
    """For `books` watched books; without a key each has its own request for its top."""
    if signed:
        return Budget(_ACCOUNT, -(-books // _TOPS_PER_REQUEST), books, depths)
    return Budget(0, books, books, depths)


def room(terms: Terms, *, signed: bool) -> int:
    """Requests that the rate allows within a cycle, the reserve for exits left alone."""
    rate = terms.private_requests_per_second_max if signed else terms.public_requests_per_second_max
    reserve = max(int(terms.exit_reserve.value * rate), 1)
    flowing = int(rate * terms.cycle_deadline.total_seconds())
    return rate - reserve + flowing


def refusal(needed: Budget, terms: Terms, *, signed: bool) -> str | None:
    """Why a cycle cannot fit, with the keys to change; None where it can."""
    fits = room(terms, signed=signed)
    if needed.total <= fits:
        return None
    limit = "private" if signed else "public"
    return (
        f"a cycle needs {needed.total} requests ({needed.candles} for candles, {needed.tops} for "
        f"tops, {needed.depths} for depth, {needed.account} for the account) and {fits} fit into "
        f"exchange.cycle_deadline at exchange.{limit}_requests_per_second_max; name fewer "
        "products in universe.allowlist, or raise one of the two"
    )
