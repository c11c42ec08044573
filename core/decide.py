"""decide(): the stages in order. Read this first.

    losses > universe > regime > wallets > exits > triggers > strategies
           > allocation > sizing > changes > risk > plan > protection

Each stage is one pure function that hands one value on. Nothing here reads a
clock, a file or a venue, so the same arguments give the same Decision in DRY_RUN,
PAPER, LIVE, backtest and replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from core.account import Portfolio
from core.allocation import allocate
from core.changes import Scene, plan_changes
from core.decision import Decision
from core.execution import plan_orders
from core.exits import all_out, exit_plans, protective_exits
from core.indicators import average_true_range
from core.losses import standing_now
from core.market import Floats, Snapshot
from core.policy import Policy
from core.proposals import Strategy, StrategyContext
from core.protection import protect
from core.regime import read_regime
from core.risk import RiskManager
from core.risk.cash import in_wallet_currency
from core.sizing import size
from core.state import BotState
from core.triggers import find_triggers
from core.universe import select_universe
from core.verdicts import Stages, ask, product_verdicts
from core.wallets import choose_products


def decide(
    snapshot: Snapshot,
    portfolio: Portfolio,
    state: BotState,
    policy: Policy,
    strategies: tuple[Strategy, ...],
) -> Decision:
    """What to do now, and why, with exactly one verdict for every product."""
    valued = portfolio.valued()
    standing = standing_now(state, valued, snapshot.at, policy.risk)
    universe = select_universe(snapshot, state, policy, portfolio.rates)
    regime = read_regime(snapshot.panel, policy.regime, policy.capital_currency)
    wallets = choose_products(universe, snapshot, valued, regime.regime, policy)

    plans = exit_plans(state, portfolio, snapshot.panel, policy.exits)
    exits = protective_exits(snapshot, portfolio, plans, universe.eligible, regime.regime, policy)
    exits = all_out(exits, standing, snapshot, portfolio, plans, policy)
    panel = snapshot.panel.rows(tuple(wallets.traded))
    atr = average_true_range(panel, policy.triggers.atr.window // panel.bar)
    attention = find_triggers(panel, atr, regime.regime, policy.triggers)

    context = StrategyContext(
        at=snapshot.at,
        regime=regime,
        tiers=wallets.traded,
        triggers=attention.by_symbol(),
        panel=panel,
        tops=snapshot.tops,
        atr=_ready(panel.symbols, atr),
        positions=portfolio.positions,
    )
    opinions = ask(strategies, context)
    kept_out = exits.kept_out(opinions.wanted)
    entries = tuple(wanted for wanted in opinions.wanted if wanted.id not in kept_out)
    allocation = allocate(entries, policy.budgets, portfolio)
    ranges = _ready(panel.symbols, atr / panel.close[:, -1]) if allocation.kept else {}
    sizes = size(allocation.kept, valued, ranges, regime.regime, policy)
    scene = Scene(snapshot, valued, state, standing, universe, regime.regime, policy)
    changes = plan_changes(scene, opinions.ids, (*exits.proposals, *sizes.sized))
    risk = RiskManager(snapshot, state, standing, policy)
    reviews = risk.check_all(changes.proposals, valued, regime)
    payable = in_wallet_currency(reviews, snapshot, portfolio.rates)
    plan = plan_orders(payable, snapshot, state.cycle_id, policy, changes.cancels)
    protections = protect(scene, plans, exits, plan)
    stages = Stages(
        wallets, attention, opinions, exits, kept_out, allocation, sizes, changes, reviews, plan
    )
    return Decision(
        at=snapshot.at,
        standing=standing,
        regime=regime,
        universe=universe,
        attention=attention,
        proposals=stages.proposals(),
        verdicts=product_verdicts(stages, universe, portfolio),
        plan=protections.plan,
        protections=protections.of,
        exits=plans,
        changes=changes,
    )


def _ready(symbols: tuple[str, ...], values: Floats) -> Mapping[str, float]:
    """The values that are known, by symbol."""
    pairs = zip(symbols, values.tolist(), strict=True)
    return {symbol: value for symbol, value in pairs if isfinite(value)}
