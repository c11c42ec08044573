"""Rates: what the money in one wallet is worth in the capital currency.

The only place where money changes its currency. A rate is read from this cycle's
books or from what the venue itself says of its products, never assumed; one that
cannot be read keeps its last value and its age, and one that was never read does
not exist. It decides nothing: how old a rate may be is for those who spend.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice

from core.errors import FatalError
from core.market import Product, ProductStatus, Snapshot, TopOfBook
from core.money import ONE, ZERO, Money, Toward, divided, rounded_down, rounded_up
from core.reasons import Reason

# As fine as sizes are. It keeps quotients within the 60 digits in which money is exact.
_STEP = Decimal("0.00000001")
_ROUNDED = {Toward.FLOOR: rounded_down, Toward.CEILING: rounded_up}
_NOW = timedelta(0)


@dataclass(frozen=True, slots=True)
class Rate:
    """Capital currency for one unit of another, and when it was seen."""

    value: Decimal
    seen_at: datetime

    def __post_init__(self) -> None:
        if not self.value > ZERO:
            raise ValueError(f"a rate is positive, was {self.value}")


@dataclass(frozen=True, slots=True)
class Rates:
    """One rate a currency, for both directions: what is spent is valued as what is held."""

    capital: str
    known: Mapping[str, Rate]  # every other currency that was ever valued

    def knows(self, currency: str) -> bool:
        return currency == self.capital or currency in self.known

    def age(self, currency: str, at: datetime) -> timedelta | None:
        """How old its rate is; None: it has none. The capital currency's is always of now."""
        if currency == self.capital:
            return _NOW
        rate = self.known.get(currency)
        return None if rate is None else at - rate.seen_at

    def of(self, currency: str) -> Decimal:
        """Capital currency for one unit. A currency that was never valued is a fault here."""
        if currency == self.capital:
            return ONE
        rate = self.known.get(currency)
        if rate is None:
            raise FatalError(
                "money of a currency without a rate was valued",
                code=Reason.BROKEN_RULE.name,
                currency=currency,
            )
        return rate.value

    def worth(self, money: Money) -> Money:
        """The same in the capital currency, exactly."""
        if money.currency == self.capital:
            return money
        return Money(money.times(self.of(money.currency)).amount, self.capital)

    def paid_in(self, currency: str, money: Money, *, toward: Toward) -> Money:
        """Money of the capital currency in another one: FLOOR to spend, CEILING for a cost."""
        if money.currency == currency:
            return money
        if money.currency != self.capital:
            raise ValueError(f"{money} is not in {self.capital}")
        bare = divided(money.amount, self.of(currency), toward=toward)
        return Money(_ROUNDED[toward](bare, _STEP), currency)


def read_rates(
    snapshot: Snapshot,
    remembered: Mapping[str, Rate],
    currencies: frozenset[str],
    capital: str,
    age_max: timedelta,
) -> Rates:
    """The rate of each currency: the best source that is not older than `age_max`.

    In order: the bid of its pair with the capital currency, one over the ask of the
    opposite pair, par where the venue trades both from one book. Where all are too
    old the newest stays, also the one of an earlier cycle.
    """
    known: dict[str, Rate] = {}
    for currency in sorted(currencies - {capital}):
        seen = [rate for rate in _sources(snapshot, currency, capital) if rate is not None]
        recent = (rate for rate in seen if snapshot.at - rate.seen_at <= age_max)
        kept = [remembered[currency]] if currency in remembered else []
        newest = max((*seen, *kept), key=lambda rate: rate.seen_at, default=None)
        if (rate := next(recent, newest)) is not None:
            known[currency] = rate
    return Rates(capital, known)


def rate_books(
    products: Iterable[Product], currencies: frozenset[str], capital: str
) -> frozenset[str]:
    """The listed products whose books tell the rates: the pairs, and one book at par for each."""
    listed = {product.symbol: product for product in products}
    books = set()
    for currency in currencies - {capital}:
        books |= {f"{currency}-{capital}", f"{capital}-{currency}"} & listed.keys()
        both = {currency, capital}
        shared = (p.book for _, p in sorted(listed.items()) if _at_par(p, listed, both))
        books |= set(islice(shared, 1))
    return frozenset(books)


def _sources(snapshot: Snapshot, currency: str, capital: str) -> Iterator[Rate | None]:
    direct, opposite = (
        _book(snapshot, symbol) for symbol in (f"{currency}-{capital}", f"{capital}-{currency}")
    )
    yield None if direct is None else _rate(direct.bid, direct.seen_at)
    if opposite is not None:
        yield _rate(divided(ONE, opposite.ask, toward=Toward.FLOOR), opposite.seen_at)
    yield _par(snapshot, currency, capital)


def _rate(value: Decimal, seen_at: datetime) -> Rate | None:
    rounded = rounded_down(value, _STEP)
    return Rate(rounded, seen_at) if rounded > ZERO else None


def _book(snapshot: Snapshot, symbol: str) -> TopOfBook | None:
    """The book of a product that trades without restriction."""
    product = snapshot.products.get(symbol)
    if product is None or product.status is not ProductStatus.ONLINE:
        return None
    return snapshot.tops.get(symbol)


def _par(snapshot: Snapshot, currency: str, capital: str) -> Rate | None:
    """One for one, as of the newest book that the venue trades in both currencies."""
    both = {currency, capital}
    seen = [
        top.seen_at
        for product in snapshot.products.values()
        if _at_par(product, snapshot.products, both)
        for symbol in (product.symbol, product.book)
        if (top := snapshot.tops.get(symbol)) is not None
    ]
    return Rate(ONE, max(seen)) if seen else None


def _at_par(alias: Product, listed: Mapping[str, Product], both: set[str]) -> bool:
    """Whether it shares the book of another product, both open, paid in these two currencies."""
    if alias.alias_of is None or alias.quote not in both:
        return False
    owner = listed.get(alias.alias_of)
    return (
        owner is not None
        and {alias.quote, owner.quote} == both
        and alias.status is owner.status is ProductStatus.ONLINE
    )
