"""Scene: all that one cycle's changes may look at, and which caps are exceeded in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.account import Portfolio, Valued
from core.market import Regime, Snapshot
from core.money import ZERO, Money, Ratio, Toward, added
from core.orders import Order
from core.policy import ExecutionPolicy, Policy
from core.reasons import Finding, Reason
from core.sizing import STEP
from core.state import BotState, Standing
from core.universe import Universe
from core.wording import percent


@dataclass(frozen=True, slots=True)
class Stake:
    """Money of ours in one product, in the capital currency."""

    symbol: str
    base: str
    worth: Money


@dataclass(frozen=True, slots=True)
class Scene:
    """One cycle, before risk."""

    snapshot: Snapshot
    valued: Valued
    state: BotState
    standing: Standing
    universe: Universe
    regime: Regime
    policy: Policy
    held: Mapping[str, Stake] = field(init=False)  # every position at its worth, by symbol

    def __post_init__(self) -> None:
        value_once = object.__setattr__  # the only way to fill in a frozen value
        value_once(self, "held", _stakes_of(self.valued))

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
    def rules(self) -> ExecutionPolicy:
        return self.policy.execution

    def pending(self, symbol: str) -> bool:
        """Whether an order of the product may still fill; a stop that rests gives way."""
        orders = self.portfolio.open_orders
        return any(order.symbol == symbol and not order.guards for order in orders)

    def worth(self, money: Money) -> Money | None:
        """Money of a wallet in the capital currency; None where it has no rate."""
        rates = self.portfolio.rates
        return rates.worth(money) if rates.knows(money.currency) else None

    def exclusion(self, symbol: str) -> Finding | None:
        """Why the product may not be bought; None while it is eligible."""
        if symbol not in self.snapshot.products:
            return Finding(Reason.PRODUCT_NOT_ONLINE, "not listed", "listed", "product.status")
        return self.universe.excluded.get(symbol)


@dataclass(frozen=True, slots=True)
class Cap:
    """A share of equity that some assets together may not exceed; None is all of them."""

    assets: tuple[str, ...] | None
    share: Ratio  # before the regime
    reason: Reason
    key: str

    def counts(self, stake: Stake) -> bool:
        return self.assets is None or stake.base in self.assets


@dataclass(frozen=True, slots=True)
class Breach:
    """A cap that is exceeded by more than execution.trim_tolerance."""

    stakes: tuple[Stake, ...]  # that the cap counts, largest first
    excess: Money  # above the cap itself
    finding: Finding


def _stakes_of(valued: Valued) -> Mapping[str, Stake]:
    """Every position at its worth, by symbol."""
    positions = valued.portfolio.positions
    return {
        symbol: Stake(symbol, positions[symbol].base, worth)
        for symbol, worth in valued.positions.items()
    }


def buy_of(order: Order, scene: Scene) -> Stake:
    """What an open buy may still cost: its rest at its limit, as taker.

    One in a currency without a rate counts nothing, and risk lets no other buy pass.
    """
    cost = scene.portfolio.with_fee(order.unfilled)
    worth = scene.worth(cost) or Money.zero(scene.portfolio.currency)
    return Stake(order.symbol, order.left.base, worth)


def caps_on(stakes: Mapping[str, Stake], scene: Scene) -> Iterator[Cap]:
    """Every cap that counts any of the stakes: products, then themes, then the whole."""
    risk = scene.policy.risk
    bases = sorted({stake.base for stake in stakes.values()})
    for base in bases:
        yield Cap((base,), risk.position_max, Reason.POSITION_FULL, "risk.position_max")
    themes = sorted({theme for base in bases for theme in scene.policy.themes_of(base)})
    for theme in themes:
        assets, key = scene.policy.universe.themes[theme], f"risk.theme_max.{theme}"
        yield Cap(assets, risk.theme_max[theme], Reason.THEME_FULL, key)
    yield Cap(None, risk.at_risk_max, Reason.AT_RISK_FULL, "risk.at_risk_max")


def breach_of(cap: Cap, stakes: tuple[Stake, ...], scene: Scene) -> Breach | None:
    """How far the stakes exceed the cap as the regime leaves it, beyond the tolerance."""
    equity = scene.equity
    counted = [stake for stake in stakes if cap.counts(stake)]
    if not counted or equity.amount <= ZERO:
        return None
    share = cap.share.times(scene.policy.regime.multipliers[scene.regime].caps)
    most = share.of(equity)
    used = Money(added(*(stake.worth.amount for stake in counted)), equity.currency)
    if used <= most + scene.rules.trim_tolerance.of(most):
        return None
    seen = percent(used.share_of(equity, toward=Toward.CEILING), toward=Toward.CEILING)
    finding = Finding(cap.reason, seen, percent(share), cap.key)
    counted.sort(key=lambda stake: (stake.worth.amount, stake.symbol), reverse=True)
    return Breach(tuple(counted), (used - most).down_to(STEP), finding)
