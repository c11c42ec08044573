"""Which size may one entry have, with this money under these limits?

Every product gets the interval of notionals that venue and policy both allow, and each end
of it the key that sets it, so that an empty one names the two that contradict each other.
Where a cycle would know more (regime, volatility, what is held already), the kindest case
is taken: what is empty here is empty always.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from core.market import Product, TopOfBook
from core.money import ONE, Money, Price, Quantity, Ratio, Toward, divided, subtracted
from core.policy import Policy

VENUE = "the venue's minimum"


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of an interval, and what sets it: a policy key, or the venue."""

    money: Money
    key: str


@dataclass(frozen=True, slots=True)
class Interval:
    """The notionals that one entry may have, fee included, in the capital currency."""

    symbol: str
    least: Bound
    most: Bound

    @property
    def is_empty(self) -> bool:
        return self.most.money < self.least.money

    def __str__(self) -> str:
        return f"{self.symbol} {_shown(self.least)} to {_shown(self.most)}"


@dataclass(frozen=True, slots=True)
class Purse:
    """What there is to spend, and what a trade costs."""

    equity: Money
    taker: Ratio


def intervals(
    products: tuple[Product, ...], tops: Mapping[str, TopOfBook], purse: Purse, policy: Policy
) -> tuple[Interval, ...]:
    """Of every product with a book that is paid in the capital currency or one like it."""
    return tuple(
        Interval(
            product.symbol,
            max(_least(product, tops[product.symbol], purse, policy), key=_amount),
            min(_most(product, purse, policy), key=_amount),
        )
        for product in products
        if product.symbol in tops
    )


def _least(product: Product, top: TopOfBook, purse: Purse, policy: Policy) -> Iterator[Bound]:
    """What the venue takes, and what the policy thinks worth its fee."""
    lot = Price(top.ask, product.quote).of(Quantity(product.smallest_quantity, product.base))
    legal = Money(max(lot.amount, product.quote_min), policy.capital_currency)
    yield Bound(legal, VENUE)
    worth = policy.risk.notional_min
    left = subtracted(ONE, purse.taker.value)
    grossed = divided(worth.amount, left, toward=Toward.CEILING)
    yield Bound(Money(grossed, worth.currency), "risk.notional_min")


def _most(product: Product, purse: Purse, policy: Policy) -> Iterator[Bound]:
    """Everything that may not be exceeded by one entry, were nothing else held."""
    equity, risk, universe = purse.equity, policy.risk, policy.universe
    pinned, all_of_them = policy.regime.pinned, policy.regime.multipliers
    regimes = tuple(all_of_them.values()) if pinned is None else (all_of_them[pinned],)
    caps = max(regime.caps for regime in regimes)
    size = max(regime.size for regime in regimes)
    yield Bound(risk.notional_max, "risk.notional_max")
    for key, share in (
        ("risk.position_max", risk.position_max),
        ("risk.at_risk_max", risk.at_risk_max),
        *(
            (f"risk.theme_max.{theme}", risk.theme_max[theme])
            for theme in policy.themes_of(product.base)
        ),
    ):
        yield Bound(share.times(caps).of(equity), key)
    yield Bound(Ratio(subtracted(ONE, risk.cash_min.value)).of(equity), "risk.cash_min")
    named = [tier for tier, rule in universe.tiers.items() if product.base in rule.assets]
    tiers = {tier: policy.sizing.base[tier] for tier in named or universe.tiers}
    tier, base = max(tiers.items(), key=lambda item: item[1].value)
    yield Bound(base.times(size).of(equity), f"sizing.base.{tier}")
    if policy.budgets:
        name, budget = max(policy.budgets.items(), key=lambda item: item[1].exposure_max.value)
        yield Bound(budget.exposure_max.of(equity), f"strategies.{name}.budget.exposure_max")


def _amount(bound: Bound) -> Decimal:
    return bound.money.amount


def _shown(bound: Bound) -> str:
    return f"{bound.money.amount:.2f} {bound.money.currency} ({bound.key})"
