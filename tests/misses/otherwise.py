"""Situations in which no number of ours decides, to be put beside what explain asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from config.loader import Configuration
from config.tree import Plain
from core.account import Portfolio
from core.decide import decide
from core.decision import Decision
from core.market import ProductStatus, Side, Snapshot
from core.orders import Order
from core.proposals import Proposals, StrategyContext
from core.reasons import Reason
from core.state import Level
from tests.builders.account import a_portfolio, a_position, a_standing, a_state
from tests.builders.market import a_product, a_top
from tests.builders.risk import a_buy, a_sell
from tests.keys.deciding import SOL, a_market, acts_of, deciding
from tests.keys.positions import waiting
from tests.keys.risk import LITTLE_CASH, MEMBERS, adding, buying
from tests.keys.scenario import Scenario
from tests.keys.triggers import noticing
from tests.keys.universe import seen
from tests.misses.numbers import TURNS_ONLY, USDC, given

EUR = "SOL-EUR"
LATER = timedelta(minutes=7)


@dataclass(frozen=True)
class Otherwise:
    """The code in one situation, the clause that explain gives, and that very change made."""

    reason: Reason
    before: Scenario
    clause: str
    after: Scenario
    symbol: str = SOL


@dataclass(frozen=True)
class Wanting:
    """A strategy that wants one thing, however sure it is."""

    name: str
    side: Side = Side.BUY
    symbol: str = SOL
    conviction: float = 1.0

    def propose(self, context: StrategyContext) -> Proposals:
        made = a_buy(self.symbol) if self.side is Side.BUY else a_sell(self.symbol)
        made = replace(made, strategy=self.name, conviction=self.conviction, notional=None)
        return Proposals((made,), {})


def wanted_by(name: str, *strategies: Wanting, portfolio: Portfolio | None = None) -> Scenario:
    """Several strategies speak of SOL, which is in its tier already."""

    def decided(configuration: Configuration) -> Decision:
        account = portfolio or a_portfolio(usdc="10000")
        state = a_state(memberships={**MEMBERS, USDC: MEMBERS[SOL]})
        return decide(a_market(SOL, USDC), account, state, configuration.policy, strategies)

    both: dict[str, Plain] = {"strategies.ema_cross.enabled": True}
    return Scenario(name, lambda chosen: acts_of(decided(chosen)), both, decided=decided)


def at_level(level: Level, code: str = "") -> Scenario:
    return buying(f"level {level.name} {code}", standing=a_standing(level, code))


def without(part: str, snapshot: Snapshot, symbol: str = SOL) -> Snapshot:
    """The market with one piece of a product gone."""
    kept = {name: piece for name, piece in getattr(snapshot, part).items() if name != symbol}
    less: Any = {part: kept}
    return replace(snapshot, **less)


def two_wallets(
    name: str, *, usd: str = "10000", usdc: str = "10000", ask: str = "100.02", rate: bool = True
) -> Scenario:
    """SOL is paid in either; only the USDC product is wished."""
    tops = {USDC: a_top(USDC, ask=ask)}
    account = a_portfolio(cash=usd, usdc=usdc)
    if not rate:
        account = replace(account, known_rates={}, cash={"USD": Decimal(usd)})
    return deciding(
        name,
        a_market(SOL, USDC, tops=tops),
        wishes=(USDC,),
        portfolio=account,
        state=a_state(memberships={**MEMBERS, USDC: MEMBERS[SOL]}),
    )


def paying(name: str, usdc: str) -> Scenario:
    """Only the USDC product is there; what is not in its wallet of 10,050 lies in the other."""
    rest = str(Decimal(10_050) - Decimal(usdc))
    return deciding(
        name,
        a_market(USDC),
        wishes=(USDC,),
        portfolio=a_portfolio(cash=rest, usdc=usdc),
        state=a_state(memberships={USDC: MEMBERS[SOL]}),
    )


def leaving(bid: str) -> Scenario:
    """SOL is held and paid in USD, and bought again in USDC."""
    top = a_top(SOL, bid=bid, ask=str(Decimal(bid) + Decimal("0.04")))
    return deciding(
        f"SOL is held at 100, its bid is {bid}",
        a_market(SOL, USDC, tops={SOL: top, USDC: a_top(USDC)}),
        wishes=(USDC,),
        portfolio=a_portfolio(a_position(SOL), usdc="10000", marks={SOL: bid}),
        state=a_state(memberships={**MEMBERS, USDC: MEMBERS[SOL]}),
    )


def course(name: str, closes: list[float]) -> Scenario:
    return seen(name, SOL, closes={SOL: closes})


def online(status: ProductStatus) -> Scenario:
    product = a_product(SOL, status=status)
    return seen(f"SOL is {status.value}", SOL, products={SOL: product})


def smallest(cash: str) -> Scenario:
    product = a_product(SOL, base_min=Decimal(5))
    return buying(
        f"the venue takes no less than 5 SOL, and there are {cash} USD",
        snapshot=a_market(SOL, products={SOL: product}),
        portfolio=a_portfolio(cash=cash),
    )


def ending(name: str, *orders: Order) -> Scenario:
    return waiting(name, *orders, wished=())


EUR_PAYS: dict[str, Plain] = {
    "app.quote_currencies": ["USD", "EUR"],
    "universe.stable_assets": ["USD", "EUR"],
}
CALM = given(noticing("nothing happens"), {**TURNS_ONLY, "triggers.momentum.enabled": True})
KINDS = "breakout up, price_move_15m up, price_move_60m up"
GONE = float("nan")
NO_DEPTH = buying("nobody saw a depth", snapshot=without("depths", a_market(SOL)))
SHALLOW: Mapping[str, Plain] = {"risk.depth_multiple_min": "0.1x"}
POOR = given(LITTLE_CASH, {"risk.cash_min": "0%"})
HELD_AT_A_LOSS = adding("SOL is held at a loss", price="103")
