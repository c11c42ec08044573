"""Facts: all that one risk check may look at, and what this cycle has used up so far.

Exists so that every check has one shape, and so that an order approved a moment
ago weighs exactly as much as one that is already out. It measures; it judges
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from core.account import Portfolio, Valued
from core.errors import FatalError
from core.market import Side, Snapshot, TopOfBook, base_of, quote_of
from core.money import ONE, Money, Toward, added, divided, subtracted
from core.orders import Order
from core.policy import Policy, RiskPolicy
from core.proposals import TradeProposal
from core.reasons import Reason
from core.regime import RegimeReading
from core.risk.verdict import Verdict
from core.state import BotState, Sent, Standing


@dataclass(frozen=True, slots=True)
class Stake:
    """Money in one product: a position at its worth, or a buy at its worst cost.

    In the capital currency; of a sell, in that of its product.
    """

    symbol: str
    base: str
    worth: Money


@dataclass(frozen=True, slots=True)
class Usage:
    """What counts against a proposal besides the positions: orders out, and approvals."""

    buying: tuple[Stake, ...]  # at worst case, taker fee included
    selling: tuple[Stake, ...]  # approved in this cycle
    trades: tuple[Sent, ...]  # of the last 24 hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One cycle as risk sees it. `usage` grows with every approval, by replacement."""

    snapshot: Snapshot
    standing: Standing
    memory: BotState  # what earlier cycles left: stops, sales
    policy: Policy
    valued: Valued
    held: tuple[Stake, ...]
    caps: Decimal  # what the regime makes of every cap
    closes: Mapping[str, float]  # last close; NaN before a product's first bar
    wallets: Mapping[str, Money]  # what is left in each that may be spent, in the policy's order
    usage: Usage

    @property
    def portfolio(self) -> Portfolio:
        return self.valued.portfolio

    @property
    def equity(self) -> Money:
        return self.valued.equity

    @property
    def at(self) -> datetime:
        return self.snapshot.at

    @property
    def risk(self) -> RiskPolicy:
        return self.policy.risk

    @property
    def stakes(self) -> tuple[Stake, ...]:
        """Everything that is at risk, or may be before the next cycle."""
        return self.held + self.usage.buying

    def free(self, currency: str) -> Money:
        """What is left in a wallet for the next order."""
        return self.wallets.get(currency, Money.zero(currency))

    @property
    def symbols_out(self) -> tuple[str, ...]:
        """Every product in which money of ours is or may be before the next cycle."""
        return tuple(stake.symbol for stake in self.stakes)

    def top(self, proposal: TradeProposal) -> TopOfBook | None:
        return self.snapshot.tops.get(proposal.symbol)

    def cost(self, notional: Money) -> Money:
        """The most that buying `notional` takes: all of it as taker."""
        return notional.times(added(ONE, self.snapshot.fees.taker.value))

    def affordable(self, money: Money) -> Money:
        """The notional whose cost `money` covers; the inverse of `cost`."""
        fee_included = added(ONE, self.snapshot.fees.taker.value)
        return Money(divided(money.amount, fee_included, toward=Toward.FLOOR), money.currency)

    def less_fee(self, notional: Money) -> Money:
        return notional.times(subtracted(ONE, self.snapshot.fees.taker.value))

    def after(self, approved: TradeProposal) -> Facts:
        """The facts for the next proposal, once this one is approved."""
        usage, wallets, symbol = self.usage, self.wallets, approved.symbol
        base, quote, notional = base_of(symbol), quote_of(symbol), notional_of(approved)
        trades = (*usage.trades, Sent(symbol, approved.side, self.at))
        match approved.side:
            case Side.BUY:
                cost = self.cost(notional)
                paid = self.portfolio.rates.paid_in(quote, cost, toward=Toward.CEILING)
                wallets = {**wallets, quote: self.free(quote) - paid}
                buying = (*usage.buying, Stake(symbol, base, cost))
                usage = replace(usage, buying=buying, trades=trades)
            case Side.SELL:
                selling = (*usage.selling, Stake(symbol, base, notional))
                usage = replace(usage, selling=selling, trades=trades)
        return replace(self, wallets=wallets, usage=usage)


Check = Callable[[TradeProposal, Facts], Verdict]


def facts_of(
    snapshot: Snapshot,
    state: BotState,
    standing: Standing,
    policy: Policy,
    valued: Valued,
    regime: RegimeReading,
) -> Facts:
    """The cycle before anything is approved."""
    panel, portfolio = snapshot.panel, valued.portfolio
    facts = Facts(
        snapshot=snapshot,
        standing=standing,
        memory=state,
        policy=policy,
        valued=valued,
        held=tuple(
            Stake(symbol, portfolio.positions[symbol].base, worth)
            for symbol, worth in valued.positions.items()
        ),
        caps=policy.regime.multipliers[regime.regime].caps,
        closes=dict(zip(panel.symbols, panel.close[:, -1].tolist(), strict=True)),
        wallets=_wallets(snapshot, policy, portfolio),
        usage=Usage((), (), state.sent),
    )
    out = (order for order in portfolio.open_orders if order.planned.side is Side.BUY)
    return replace(facts, usage=Usage(tuple(_stake(order, facts) for order in out), (), state.sent))


def _wallets(snapshot: Snapshot, policy: Policy, portfolio: Portfolio) -> Mapping[str, Money]:
    rates, most = portfolio.rates, policy.risk.book_age_max
    ages = {currency: rates.age(currency, snapshot.at) for currency in policy.quote_currencies}
    recent = (currency for currency, age in ages.items() if age is not None and age <= most)
    return {currency: portfolio.free(currency) for currency in recent}


def _stake(order: Order, facts: Facts) -> Stake:
    """What an open buy may still take: its unfilled rest at its limit, as taker.

    One in a currency without a rate counts nothing, and `rate_known` lets nothing pass.
    """
    rates, cost = facts.portfolio.rates, facts.cost(order.unfilled)
    worth = rates.worth(cost) if rates.knows(cost.currency) else Money.zero(rates.capital)
    return Stake(order.symbol, order.planned.quantity.base, worth)


def notional_of(proposal: TradeProposal) -> Money:
    """The notional that sizing gave. Without one nothing can be judged, so it is a fault."""
    if proposal.notional is None:
        raise FatalError(
            "a proposal reached risk without a notional",
            code=Reason.BROKEN_RULE.name,
            proposal=proposal.id,
        )
    return proposal.notional
