"""Which wallet buys an asset where several could: one product of each asset is traded.

Products of one asset are one exposure, so two of them at once would be one trade
made twice. Money comes first: a wallet that can pay, then the better book, then the
order of the policy. Positions are no part of it; they are sold where they were bought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.account import Portfolio, Valued
from core.market import Regime, Snapshot, quote_of
from core.money import Money, Ratio, Toward
from core.policy import Policy
from core.rates import Rates
from core.reasons import Finding, Reason
from core.universe import Universe, notional_24h
from core.wording import percent


@dataclass(frozen=True, slots=True)
class Choice:
    """Every eligible product is in exactly one of the two, each sorted by symbol."""

    traded: Mapping[str, str]  # symbol -> tier, one product of each asset
    passed: Mapping[str, Finding]  # the others: what the chosen one has that they have not


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One of several products of an asset, as its wallet and its book stand."""

    symbol: str
    free: Money  # its wallet, in its own currency; nothing while its rate is too old
    pays: Money  # how much of the asset's largest order it could pay, in the capital currency
    spread: Ratio
    volume: float  # 24 h notional in the capital currency
    place: int  # of its wallet in the policy, from 1


@dataclass(frozen=True, slots=True)
class Criterion:
    """One way to be better than another candidate; less of `rank` is better."""

    key: str
    rank: Callable[[Candidate], Any]
    shown: Callable[[Candidate], str]


# In this order. The last one always decides, for a wallet has one product of an asset.
CRITERIA: tuple[Criterion, ...] = (
    Criterion("portfolio.cash", lambda c: -c.pays.amount, lambda c: str(c.free)),
    Criterion(
        "product.book", lambda c: c.spread, lambda c: percent(c.spread, toward=Toward.CEILING)
    ),
    Criterion(
        "product.candles", lambda c: -c.volume, lambda c: f"{c.volume:.2f} {c.pays.currency}"
    ),
    Criterion("app.quote_currencies", lambda c: c.place, lambda c: f"place {c.place}"),
)


@dataclass(frozen=True, slots=True)
class Means:
    """What the candidates of one cycle are measured by."""

    snapshot: Snapshot
    rates: Rates
    wallets: Mapping[str, Money]  # what each may spend now, in the order of the policy
    volumes: Mapping[str, float]  # symbol -> 24 h notional in its quote currency, where asked

    def candidates(self, rivals: Sequence[str], largest: Money) -> list[Candidate]:
        """Rivals that share a book are equally liquid, whenever each of them was looked at."""
        books = {symbol: self._book(symbol) for symbol in rivals}
        spreads = {book: self.snapshot.tops[book].spread for book in books.values()}
        places = {currency: place for place, currency in enumerate(self.wallets, start=1)}
        return [
            Candidate(
                symbol=symbol,
                free=(free := self.wallets[quote_of(symbol)]),
                pays=min(self.rates.worth(free), largest, key=lambda money: money.amount),
                spread=spreads[book],
                volume=self.volumes.get(book, 0.0) * float(self.rates.of(quote_of(book))),
                place=places[free.currency],
            )
            for symbol, book in books.items()
        ]

    def _book(self, symbol: str) -> str:
        """The owner of its book, where that can be seen and valued too."""
        owner = self.snapshot.products[symbol].book
        seen = owner in self.snapshot.tops and self.rates.knows(quote_of(owner))
        return owner if seen else symbol


def choose_products(
    universe: Universe, snapshot: Snapshot, valued: Valued, regime: Regime, policy: Policy
) -> Choice:
    """One product of each asset that is eligible, and for each other one why not that."""
    contested = _contested(universe, snapshot)
    if not contested:
        return Choice(universe.eligible, {})
    portfolio = valued.portfolio
    wallets = {
        name: _spendable(name, snapshot, portfolio, policy) for name in policy.quote_currencies
    }
    means = Means(snapshot, portfolio.rates, wallets, _volumes(contested, snapshot))
    orders = _largest_orders(valued.equity, regime, policy)
    passed: dict[str, Finding] = {}
    for rivals in contested:
        largest = max((orders[universe.eligible[s]] for s in rivals), key=lambda m: m.amount)
        passed |= _losers(means.candidates(rivals, largest))
    traded = {s: tier for s, tier in universe.eligible.items() if s not in passed}
    return Choice(traded, dict(sorted(passed.items())))


def _spendable(currency: str, snapshot: Snapshot, portfolio: Portfolio, policy: Policy) -> Money:
    age = portfolio.rates.age(currency, snapshot.at)
    if age is None or age > policy.risk.book_age_max:
        return Money.zero(currency)
    return portfolio.free(currency)


def _contested(universe: Universe, snapshot: Snapshot) -> list[list[str]]:
    """The eligible products of each asset that has more than one."""
    by_asset: dict[str, list[str]] = {}
    for symbol in universe.eligible:
        by_asset.setdefault(snapshot.products[symbol].base, []).append(symbol)
    return [symbols for symbols in by_asset.values() if len(symbols) > 1]


def _volumes(contested: Iterable[Iterable[str]], snapshot: Snapshot) -> Mapping[str, float]:
    """By symbol, for rivals whose books are not one: those of one book are equally busy."""
    asked: set[str] = set()
    for rivals in contested:
        books = {snapshot.products[symbol].book for symbol in rivals}
        if len(books) > 1:
            asked |= {*rivals, *books}
    known = tuple(sorted(asked & set(snapshot.panel.symbols)))
    return notional_24h(snapshot.panel.rows(known)) if known else {}


def _largest_orders(equity: Money, regime: Regime, policy: Policy) -> Mapping[str, Money]:
    """Tier -> the most that one order may cost. Whoever pays that pays any.

    Where nobody does, the fullest wallet is the best choice: whatever the order is,
    if any wallet can pay it, that one can.
    """
    most, multiple = policy.risk.notional_max, policy.regime.multipliers[regime].size
    return {
        tier: min(share.of(equity).times(multiple), most, key=lambda money: money.amount)
        for tier, share in policy.sizing.base.items()
    }


def _losers(candidates: Iterable[Candidate]) -> Mapping[str, Finding]:
    """All but the best, each by the first criterion in which it differs from the best."""
    ranked = sorted(
        ((tuple(one.rank(c) for one in CRITERIA), c) for c in candidates), key=lambda pair: pair[0]
    )
    (highest, best), *others = ranked
    passed = {}
    for ranks, other in others:
        by = next(one for one, a, b in zip(CRITERIA, ranks, highest, strict=True) if a != b)
        limit = f"{by.shown(best)} of {best.symbol}"
        passed[other.symbol] = Finding(Reason.OTHER_WALLET, by.shown(other), limit, by.key)
    return passed
