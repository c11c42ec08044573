"""Can anything be traded at all, with this balance under these limits?

A policy whose limits leave no legal order size is obeyed in silence for days. So every
product gets the interval of notionals that the venue and the policy both allow, and what
is empty is told before the first cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.loader import Configuration
from core.errors import BotError, RetryableError
from core.market import Balance, Product, ProductStatus, TopOfBook
from core.money import ZERO, Money, Price, Quantity, plain
from core.policy import Policy
from core.wording import percent
from runner.doctor import Finding, Result, Scope, bad, good, odd
from runner.markets import RealVenue

_NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class Interval:
    """The notionals that one entry may have, in the capital currency."""

    symbol: str
    least: Money
    most: Money

    @property
    def is_empty(self) -> bool:
        return self.most < self.least

    def __str__(self) -> str:
        return f"{self.symbol} {self.least} to {self.most}"


def market(configuration: Configuration, real: RealVenue) -> Iterator[Finding]:
    """Wallets, products, fees, sizes and requests."""
    policy, exchange = configuration.policy, real.exchange
    real.exchange.begin_cycle("preflight")
    try:
        listed = exchange.products()
        tradable = _tradable(listed, policy)
        tops = exchange.tops([product.symbol for product in tradable])
    except BotError as error:
        yield bad("products", f"{error.code}: {error}", "look again in a while", Scope.ENTRIES)
        return
    yield _access(listed, tradable)
    yield from _requests(configuration, real, tradable)
    if not exchange.signed:
        return
    try:
        balances, fees = exchange.balances(), exchange.fees()
    except BotError as error:
        yield bad("account", f"{error.code}: {error}", "look again in a while", Scope.ENTRIES)
        return
    told = f"maker {percent(fees.maker)}, taker {percent(fees.taker)}"
    yield good("fees", told, Scope.ENTRIES)
    yield from _wallets(balances, policy)
    yield from _foreign(balances, policy)
    yield from _sizes(intervals(tradable, tops, _equity(balances, configuration), policy))


def intervals(
    products: tuple[Product, ...], tops: Mapping[str, TopOfBook], equity: Money, policy: Policy
) -> tuple[Interval, ...]:
    """Of every product with a book that is paid in the capital currency or one like it."""
    most = min(
        policy.risk.notional_max,
        policy.risk.position_max.of(equity),
        policy.risk.at_risk_max.of(equity),
        key=lambda money: money.amount,
    )
    return tuple(
        Interval(product.symbol, _least(product, tops[product.symbol], policy), most)
        for product in products
        if product.symbol in tops
    )


def _least(product: Product, top: TopOfBook, policy: Policy) -> Money:
    """The smallest entry that the venue takes and the policy thinks worth its fees."""
    lot = Price(top.ask, product.quote).of(Quantity(product.smallest_quantity, product.base))
    least = max(lot.amount, product.quote_min, policy.risk.notional_min.amount)
    return Money(least, policy.capital_currency)


def crowding(configuration: Configuration, real: RealVenue) -> Finding | None:
    """Why the requests of a cycle cannot fit; None where they do, or nobody can tell now."""
    try:
        listed = real.exchange.products()
    except RetryableError:
        return None
    found = _requests(configuration, real, _tradable(listed, configuration.policy))
    return next((finding for finding in found if finding.result is Result.FAIL), None)


def _tradable(listed: tuple[Product, ...], policy: Policy) -> tuple[Product, ...]:
    allowed = policy.universe.allowlist
    return tuple(
        product
        for product in listed
        if product.status is ProductStatus.ONLINE
        and product.quote in policy.quote_currencies
        and product.base not in policy.universe.stable_assets
        and (allowed.count == 0 or product.symbol in allowed.symbols)
    )


def _access(listed: tuple[Product, ...], tradable: tuple[Product, ...]) -> Finding:
    seen = f"{len(tradable)} of {len(listed)} listed may be traded"
    if tradable:
        return good("products", seen, Scope.ENTRIES)
    fix = "look at universe.allowlist, app.quote_currencies and the account's region"
    return bad("products", seen, fix, Scope.ENTRIES)


def _requests(
    configuration: Configuration, real: RealVenue, tradable: tuple[Product, ...]
) -> Iterator[Finding]:
    books = len({product.book for product in tradable})
    depths = configuration.settings.gather.books_per_cycle_max
    needed, why = real.exchange.budget(books, depths)
    if why is None:
        yield good("requests", f"at most {needed} a cycle", Scope.ENTRIES)
    else:
        yield bad("requests", f"{needed} a cycle", why, Scope.ENTRIES)


def _wallets(balances: tuple[Balance, ...], policy: Policy) -> Iterator[Finding]:
    held = {balance.currency: balance.total for balance in balances}
    told = ", ".join(f"{plain(held.get(c, ZERO))} {c}" for c in policy.quote_currencies)
    lacking = [c for c in policy.quote_currencies if not held.get(c, ZERO) > ZERO]
    if len(lacking) == len(policy.quote_currencies):
        yield bad("wallets", told, "pay in, or name another wallet", Scope.ENTRIES)
    elif lacking:
        fix = f"nothing is bought with {', '.join(lacking)}"
        yield odd("wallets", told, fix, Scope.ENTRIES)
    else:
        yield good("wallets", told, Scope.ENTRIES)


def _foreign(balances: tuple[Balance, ...], policy: Policy) -> Iterator[Finding]:
    coins = [b for b in balances if b.total > ZERO and b.currency not in policy.quote_currencies]
    if coins:
        told = ", ".join(f"{plain(coin.total)} {coin.currency}" for coin in coins[:_NAMED_MAX])
        more = f" and {len(coins) - _NAMED_MAX} more" if len(coins) > _NAMED_MAX else ""
        fix = "what the ledger does not know as ours is foreign and never sold"
        yield odd("coins", told + more, fix)


def _equity(balances: tuple[Balance, ...], configuration: Configuration) -> Money:
    """Cash at par, at most app.capital_max; near enough to tell an empty interval."""
    currencies = configuration.policy.quote_currencies
    cash = sum((b.total for b in balances if b.currency in currencies), ZERO)
    capital_max = configuration.settings.app.capital_max
    return Money(min(cash, capital_max.amount), capital_max.currency)


def _sizes(found: tuple[Interval, ...]) -> Iterator[Finding]:
    """FAIL only where no product has a legal size."""
    empty = [interval for interval in found if interval.is_empty]
    named = "; ".join(str(interval) for interval in empty[:_NAMED_MAX])
    if found and len(empty) == len(found):
        fix = "pay in, or change risk.notional_min, notional_max or position_max"
        yield bad("sizes", f"no product has a legal size: {named}", fix, Scope.ENTRIES)
    elif empty:
        fix = "these are never bought with this balance"
        yield odd("sizes", f"{len(empty)} of {len(found)}: {named}", fix, Scope.ENTRIES)
    elif found:
        widest = max(found, key=lambda interval: interval.least.amount)
        yield good("sizes", f"all {len(found)}; narrowest {widest}", Scope.ENTRIES)
