"""Stage 4d: conviction, tier and regime to a notional. Risk may only shrink it.

Here the floats of the market become money. Every rounding makes a buy smaller, and
the fee is taken out of the amount, never put on top of it. A range that is not
known is a reason, never a one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from core.account import Portfolio, Valued
from core.market import Fees, Regime, Side
from core.money import (
    ONE,
    ZERO,
    Money,
    Ratio,
    Toward,
    added,
    divided,
    multiplied,
    rounded_down,
)
from core.policy import Policy
from core.proposals import TradeProposal
from core.reasons import Finding, Reason
from core.wording import percent

# Finer than the unit of any currency. It keeps quotients of 30 digits out of the records
# and products within the 60 digits in which money is exact.
STEP = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Sizes:
    sized: tuple[TradeProposal, ...]  # in the order given, each with its notional
    dropped: Mapping[str, Finding]  # proposal id -> why


@dataclass(frozen=True, slots=True)
class Means:
    """What every size of one cycle is measured by."""

    portfolio: Portfolio
    equity: Money
    ranges: Mapping[str, float]  # symbol -> ATR as a share of the close
    regime: Regime
    policy: Policy


def size(
    proposals: tuple[TradeProposal, ...],
    valued: Valued,
    ranges: Mapping[str, float],
    regime: Regime,
    policy: Policy,
) -> Sizes:
    """Each proposal with its notional, fees left out; or why it has none.

    A buy spends equity x base x conviction x regime x volatility, fee included, while its
    strategy's `exposure_max` lasts: the budget is spent in the order given, the last one that
    finds too little left gets less. A sell is the whole position at its mark. Buys are in the
    capital currency, of which they are a share; sells in their product's own.
    """
    if not proposals:
        return Sizes((), {})
    portfolio = valued.portfolio
    means = Means(portfolio, valued.equity.down_to(STEP), ranges, regime, policy)
    sized: list[TradeProposal] = []
    dropped: dict[str, Finding] = {}
    spent: dict[str, Money] = {}
    for proposal in proposals:
        if proposal.side is Side.SELL:
            notional = _whole_position(proposal, portfolio)
        else:
            already = spent.get(proposal.strategy, Money.zero(portfolio.currency))
            notional = _bought(proposal, means, already)
            if isinstance(notional, Money):
                spent[proposal.strategy] = already + _with_fee(notional, portfolio.fees)
        if isinstance(notional, Finding):
            dropped[proposal.id] = notional
        else:
            sized.append(replace(proposal, notional=notional))
    return Sizes(tuple(sized), dropped)


def _whole_position(proposal: TradeProposal, portfolio: Portfolio) -> Money | Finding:
    """Exact, not rounded: less than the whole would leave dust that no order can sell."""
    position = portfolio.positions.get(proposal.symbol)
    if position is None or position.quantity.amount <= ZERO:
        return Finding(Reason.NO_SHORTS, "0 lots", "1 lot", "portfolio.positions")
    return portfolio.marks[proposal.symbol].of(position.quantity)


def _bought(proposal: TradeProposal, means: Means, already: Money) -> Money | Finding:
    """The notional of a buy within what its strategy has left, or why there is none."""
    factors = _factors(proposal, means)
    if isinstance(factors, Finding):
        return factors
    wish = means.equity.times(multiplied(*factors.values()))
    notional = _without_fee(wish, means.portfolio.fees)
    if not _is_positive(notional):
        return _nothing(proposal, wish, factors)
    budget = means.policy.budgets[proposal.strategy].exposure_max
    left = budget.of(means.equity) - already
    if left < wish:
        notional = _without_fee(left, means.portfolio.fees)
    if _is_positive(notional):
        return notional
    asked = (already + wish).share_of(means.equity, toward=Toward.CEILING)
    return Finding(
        Reason.STRATEGY_BUDGET,
        percent(asked, toward=Toward.CEILING),
        percent(budget),
        f"strategies.{proposal.strategy}.budget.exposure_max",
    )


def _factors(proposal: TradeProposal, means: Means) -> Mapping[str, Decimal] | Finding:
    """What equity is multiplied by, under the key that sets it."""
    sizing = means.policy.sizing
    factors = {
        f"sizing.base.{proposal.tier}": sizing.base[proposal.tier].value,
        f"strategies.{proposal.strategy}": _decimal(proposal.conviction),
        f"regime.multipliers.{means.regime.value}.size": (
            means.policy.regime.multipliers[means.regime].size
        ),
    }
    if not sizing.volatility_scaling.enabled:
        return factors
    seen = means.ranges.get(proposal.symbol)
    if seen is None:
        return Finding(
            Reason.HISTORY_TOO_SHORT,
            "no average true range",
            "one to scale the size by",
            "sizing.volatility_scaling.enabled",
        )
    target = sizing.volatility_scaling.atr_target
    return factors | {"sizing.volatility_scaling.atr_target": _calming(_decimal(seen), target)}


def _calming(seen: Decimal, target: Ratio) -> Decimal:
    """Target over range where the product is wilder than the target; never above one."""
    if seen <= target.value:
        return ONE
    return rounded_down(divided(target.value, seen, toward=Toward.FLOOR), STEP)


def _nothing(proposal: TradeProposal, wish: Money, factors: Mapping[str, Decimal]) -> Finding:
    """SIZE_IS_ZERO, by the factor that made it so; without one there is no equity to share."""
    zero = (key for key, factor in factors.items() if factor <= ZERO)
    key = next(zero, f"sizing.base.{proposal.tier}")
    seen = Money.zero(wish.currency) if _is_positive(wish) else wish
    return Finding(Reason.SIZE_IS_ZERO, str(seen), f"above 0 {wish.currency}", key)


def _without_fee(cost: Money, fees: Fees) -> Money:
    """The notional whose purchase costs at most `cost`, taker fee included."""
    bare = divided(cost.amount, added(ONE, fees.taker.value), toward=Toward.FLOOR)
    return Money(bare, cost.currency).down_to(STEP)


def _with_fee(notional: Money, fees: Fees) -> Money:
    return notional.times(added(ONE, fees.taker.value))


def _is_positive(money: Money) -> bool:
    return money.amount > ZERO


def _decimal(measured: float) -> Decimal:
    """The number as it is written; float() first, for numpy writes its type around it."""
    return Decimal(repr(float(measured)))
