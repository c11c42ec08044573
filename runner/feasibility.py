"""Can anything be traded at all, with this account under these limits?

A policy whose limits leave no legal order size is obeyed in silence for days, and a cycle
that needs more requests than there is time for never sees all it should. Both are told
before the first cycle, with the keys that contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterator

from config.loader import Configuration
from core.errors import BotError, RetryableError
from core.market import Balance, Product, ProductStatus
from core.money import ZERO, Money, added, plain, subtracted
from core.policy import Policy
from core.wording import count, percent
from runner.doctor import Finding, OwnOrders, Result, Scope, bad, good, odd, trouble
from runner.markets import RealVenue
from runner.sizes import Interval, Purse, intervals

_NAMED_MAX = 5


def market(
    configuration: Configuration, real: RealVenue, ledger: OwnOrders | None
) -> Iterator[Finding]:
    """Wallets, products, fees, sizes and requests."""
    policy, exchange = configuration.policy, real.exchange
    real.exchange.begin_cycle("preflight")
    try:
        listed = exchange.products()
        tradable = _tradable(listed, policy)
        tops = exchange.tops([product.symbol for product in tradable])
    except BotError as error:
        yield trouble("products", error)
        return
    yield _access(listed, tradable)
    yield from _left_out(real)
    yield from _requests(configuration, real, tradable)
    if not exchange.signed:
        return
    try:
        balances, fees = exchange.balances(), exchange.fees()
    except BotError as error:
        yield trouble("account", error)
        return
    told = f"maker {percent(fees.maker)}, taker {percent(fees.taker)}"
    yield good("fees", told, Scope.ENTRIES)
    yield from _wallets(balances, policy)
    yield from _foreign(balances, ledger, policy)
    purse = Purse(_equity(balances, ledger, configuration), fees.taker)
    yield from _sizes(intervals(tradable, tops, purse, policy))


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


def _left_out(real: RealVenue) -> Iterator[Finding]:
    """Products that cannot be read; nothing is traded there."""
    odd_ones = real.exchange.left_out
    if odd_ones:
        seen = "; ".join(f"{name}: {why}" for name, why in sorted(odd_ones.items())[:_NAMED_MAX])
        told = f"{count(len(odd_ones), 'product')}: {seen}"
        yield odd("unreadable", told, "they are never traded", Scope.ENTRIES)


def crowding(configuration: Configuration, real: RealVenue) -> Finding | None:
    """Why the requests of a cycle cannot fit; None where they do, or nobody can tell now."""
    try:
        listed = real.exchange.products()
    except RetryableError:
        return None
    found = _requests(configuration, real, _tradable(listed, configuration.policy))
    return next((finding for finding in found if finding.result is Result.FAIL), None)


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


def _foreign(
    balances: tuple[Balance, ...], ledger: OwnOrders | None, policy: Policy
) -> Iterator[Finding]:
    """Coins beyond our own, lots and dust."""
    ours, theirs = (ledger.expected(), ledger.foreign()) if ledger is not None else ({}, {})
    own = {name: subtracted(total, theirs.get(name, ZERO)) for name, total in ours.items()}
    others = {
        balance.currency: subtracted(balance.total, own.get(balance.currency, ZERO))
        for balance in balances
        if balance.currency not in policy.quote_currencies
    }
    coins = [f"{plain(amount)} {name}" for name, amount in others.items() if amount > ZERO]
    if coins:
        more = f" and {len(coins) - _NAMED_MAX} more" if len(coins) > _NAMED_MAX else ""
        fix = "what the ledger does not know as ours is foreign and never sold"
        yield odd("coins", ", ".join(coins[:_NAMED_MAX]) + more, fix)


def _equity(
    balances: tuple[Balance, ...], ledger: OwnOrders | None, configuration: Configuration
) -> Money:
    """Cash at par and own lots at cost, at most app.capital_max; near enough for an interval."""
    currencies = configuration.policy.quote_currencies
    cash = sum((b.total for b in balances if b.currency in currencies), ZERO)
    lots = sum((p.cost.amount for p in ledger.positions().values()), ZERO) if ledger else ZERO
    capital_max = configuration.settings.app.capital_max
    return Money(min(added(cash, lots), capital_max.amount), capital_max.currency)


def _sizes(found: tuple[Interval, ...]) -> Iterator[Finding]:
    """FAIL only where no product has a legal size."""
    empty = [interval for interval in found if interval.is_empty]
    named = "; ".join(str(interval) for interval in empty[:_NAMED_MAX])
    pairs = dict.fromkeys(f"{one.most.key} against {one.least.key}" for one in empty)
    clash = f"these contradict each other: {', '.join(pairs)}"
    if found and len(empty) == len(found):
        fix = f"pay in, or change one of the two; {clash}"
        yield bad("sizes", f"no product has a legal size: {named}", fix, Scope.ENTRIES)
    elif empty:
        fix = f"these are never bought with this balance; {clash}"
        yield odd("sizes", f"{len(empty)} of {len(found)}: {named}", fix, Scope.ENTRIES)
    elif found:
        narrowest = min(found, key=lambda one: (one.most.money - one.least.money).amount)
        yield good("sizes", f"all {len(found)}; narrowest {narrowest}", Scope.ENTRIES)
