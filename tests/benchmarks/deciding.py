"""How long decide() takes, on a market of as many products as are asked for.

The products are those of the embedded market, several times over: each copy
shows another stretch of its past, so that no two rows of the panel are alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from config.loader import Configuration
from core.account import Portfolio
from core.decide import decide
from core.decision import Outcome
from core.market import (
    Balance,
    Depth,
    Fees,
    Panel,
    Product,
    ProductStatus,
    Snapshot,
    TopOfBook,
    base_of,
)
from core.money import ZERO
from core.next_state import newborn, next_state, opened
from core.policy import Policy
from core.proposals import Strategy
from core.state import BotState, Controls
from infra.clock import MarketClock
from infra.exchange.simulated.synthetic import SyntheticMarket
from infra.history import History, Reading
from strategy import registry
from tests.benchmarks.full_account import (
    ENTRIES,
    OUTDATED,
    POSITIONS,
    a_full_account,
    everything_on,
)
from tests.benchmarks.measured import Row, worked
from tests.builders.account import a_portfolio
from tests.builders.shipped import shipped_configuration, shipped_policy

AT = datetime(2025, 3, 1, tzinfo=UTC)
BARS = 350
BETWEEN_COPIES = timedelta(days=2)
CYCLES_TO_ENTER = 3  # more than universe.hysteresis asks for
FEW, MANY = 30, 300
NOTHING_HAPPENS = {"triggers.score_min": "1000%"}  # hardly a trigger is that strong
BUDGET_MS = {FEW: 3.0, MANY: 20.0}


@dataclass(frozen=True, slots=True)
class _Copy:
    """One stretch of the embedded market under names of its own, moved to `AT`."""

    products: dict[str, Product]
    tops: dict[str, TopOfBook]
    depths: dict[str, Depth]
    panel: Panel


def decide_rows() -> list[Row]:
    """Medians for few and many products, and how the cost grows with their number."""
    seconds, rows = {}, []
    calm, busy = shipped_policy(**NOTHING_HAPPENS), shipped_policy()
    for products, times in ((FEW, 200), (MANY, 60)):
        snapshot, state = a_warm_market(products)
        seconds[products] = _seconds_of(snapshot, state, busy, times)
        found = decide(snapshot, _portfolio(), state, busy, _strategies())
        note = (
            f"median of {times}; {len(found.universe.eligible)} eligible, "
            f"{len(found.attention.triggers)} triggers, {len(found.proposals)} proposals"
        )
        what = f"decide(), {products} products x {BARS} bars"
        rows.append(Row(what, seconds[products] * 1000, "ms", BUDGET_MS[products], note))
        idle = _seconds_of(snapshot, state, calm, times) * 1000
        note = f"median of {times}; the same without a trigger, as in most cycles"
        rows.append(Row("  when nothing happens", idle, "ms", BUDGET_MS[products], note))
        rows.append(_full_row(snapshot, state, BUDGET_MS[products], times))
    growth = seconds[MANY] / seconds[FEW]
    note = "same run; linear growth is at most the budget, fixed costs make it less"
    rows.append(Row(f"decide(), {MANY} over {FEW} products", growth, "x", MANY / FEW, note))
    return rows


def _full_row(snapshot: Snapshot, state: BotState, budget: float, times: int) -> Row:
    """With everything switched on, and an account that gives every stage something to do."""
    configuration, portfolio = everything_on(), a_full_account(snapshot)
    policy, strategies = configuration.policy, _made(configuration)
    seconds = worked(lambda: decide(snapshot, portfolio, state, policy, strategies), times=times)
    note = (
        f"median of {times}; {POSITIONS} positions whose stops rest, {OUTDATED} of them "
        f"outdated, {ENTRIES} entries, {len(strategies)} strategies"
    )
    return Row("  with everything switched on", seconds * 1000, "ms", budget, note)


def a_warm_market(products: int) -> tuple[Snapshot, BotState]:
    """A snapshot of that many products, and a state in which they are in the universe."""
    snapshot = _snapshot(products)
    configuration = shipped_configuration()
    strategies = _strategies()
    portfolio, state = _portfolio(), newborn("benchmark", AT - timedelta(days=1))
    for cycle in range(CYCLES_TO_ENTER):
        at = AT + timedelta(seconds=cycle)
        state = opened(state, at, Controls())
        found = decide(replace(snapshot, at=at), portfolio, state, configuration.policy, strategies)
        state = next_state(state, found, portfolio, Outcome((), ()))
    at = AT + timedelta(seconds=CYCLES_TO_ENTER)
    return replace(snapshot, at=at), opened(state, at, Controls())


def _portfolio() -> Portfolio:
    """Both shipped wallets, their rate as recent as the books."""
    return a_portfolio(usdc="2500", rate_seen_at=AT)


def _seconds_of(snapshot: Snapshot, state: BotState, policy: Policy, times: int) -> float:
    portfolio, strategies = _portfolio(), _strategies()
    return worked(lambda: decide(snapshot, portfolio, state, policy, strategies), times=times)


def _strategies() -> tuple[Strategy, ...]:
    return _made(shipped_configuration())


def _made(configuration: Configuration) -> tuple[Strategy, ...]:
    chosen = configuration.strategies
    return tuple(registry.make(name, choice.parameters) for name, choice in chosen.items())


def _snapshot(count: int) -> Snapshot:
    copies: list[_Copy] = []
    while sum(len(copy.products) for copy in copies) < count:
        copies.append(_copy(len(copies)))
    symbols = sorted(symbol for copy in copies for symbol in copy.products)
    kept = frozenset(_with_the_reference(symbols, count))
    panel = _joined([copy.panel for copy in copies]).rows(tuple(sorted(kept)))
    return Snapshot(
        at=AT,
        server_time=AT,
        products={s: p for copy in copies for s, p in sorted(copy.products.items()) if s in kept},
        tops={s: top for copy in copies for s, top in copy.tops.items() if s in kept},
        depths={s: depth for copy in copies for s, depth in copy.depths.items() if s in kept},
        panel=panel,
        candles_through=dict.fromkeys(sorted(kept), AT),
        balances=(Balance("USD", _portfolio().cash["USD"], ZERO),),
        fees=_fees(),
        missing={},
    )


def _with_the_reference(symbols: list[str], count: int) -> list[str]:
    """So many of the symbols, BTC-USD among them: the regime is read from it."""
    others = [symbol for symbol in symbols if symbol != "BTC-USD"]
    return ["BTC-USD", *others[: count - 1]]


def _copy(number: int) -> _Copy:
    """The tradable products of the embedded market as they were `number` stretches before."""
    at = AT - number * BETWEEN_COPIES
    market = SyntheticMarket(
        clock=MarketClock(at),
        seed=7,
        start=AT - timedelta(days=60),
        bar=timedelta(minutes=15),
        fees=_fees(),
        quote="USD",
    )
    online = {p.symbol: p for p in market.products() if p.status is ProductStatus.ONLINE}
    names = {symbol: _name(symbol, number) for symbol in online}
    history = History(timedelta(minutes=15), BARS)
    since = at - BARS * timedelta(minutes=15)
    reading = Reading(
        at=at,
        server_time=at,
        products=tuple(online.values()),
        tops=market.tops(online),
        depths=market.depths(online),
        bars={symbol: market.bars(symbol, history.bar, since, at) for symbol in online},
        through=dict.fromkeys(online, at),
        balances=(),
        fees=_fees(),
        missing={},
    )
    seen = history.absorb(reading)
    return _Copy(
        {
            names[s]: replace(
                p,
                symbol=names[s],
                base=base_of(names[s]),
                alias_of=None if p.alias_of is None else _name(p.alias_of, number),
            )
            for s, p in online.items()
        },
        {names[s]: replace(top, symbol=names[s], seen_at=AT) for s, top in seen.tops.items()},
        {names[s]: replace(book, symbol=names[s], seen_at=AT) for s, book in seen.depths.items()},
        replace(seen.panel, symbols=tuple(names[s] for s in seen.panel.symbols), closed_at=AT),
    )


def _name(symbol: str, number: int) -> str:
    base, quote = symbol.split("-")
    return symbol if number == 0 else f"{base}{number}-{quote}"


def _joined(panels: list[Panel]) -> Panel:
    """All rows in one panel, sorted by symbol."""
    symbols = [symbol for panel in panels for symbol in panel.symbols]
    order = sorted(range(len(symbols)), key=symbols.__getitem__)

    def grids() -> Iterator[np.ndarray]:
        for name in ("open", "high", "low", "close", "volume", "missing", "known"):
            stacked = np.concatenate([getattr(panel, name) for panel in panels])
            yield np.ascontiguousarray(stacked[order])

    names = tuple(symbols[row] for row in order)
    return Panel(names, panels[0].bar, AT, *grids())


def _fees() -> Fees:
    market = shipped_configuration().settings.market
    return Fees(maker=market.maker_fee, taker=market.taker_fee)
