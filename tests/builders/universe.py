"""Universes to look at: small markets in which one product is dull, wide or thin."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from core.market import Panel, Snapshot
from core.reasons import Finding
from core.state import Membership
from core.universe import Universe, select_universe
from tests.builders.account import a_portfolio, a_state
from tests.builders.market import (
    a_depth,
    a_panel,
    a_snapshot,
    a_top,
)
from tests.builders.risk import a_policy, a_universe_policy


def universe_of(
    snapshot: Snapshot, memberships: Mapping[str, Membership] | None = None, /, **rules: object
) -> Universe:
    """The universe of a new folder unless memberships are given."""
    policy = a_policy(universe=a_universe_policy(**rules))
    state, rates = a_state(memberships=memberships or {}), a_portfolio().rates
    return select_universe(snapshot, state, policy, rates)


def why_not(snapshot: Snapshot, symbol: str = "SOL-USD", /, **rules: object) -> Finding | None:
    universe = universe_of(snapshot, **rules)
    assert (symbol in universe.eligible) != (symbol in universe.excluded)
    return universe.excluded.get(symbol)


def a_volume(symbol: str, base_units: float, *, length: int = 350) -> Panel:
    """A flat panel at 100 whose last bar alone has volume."""
    volumes = [0.0] * (length - 1) + [base_units]
    return a_panel({symbol: [100.0] * length}, volumes={symbol: volumes})


def a_spread(symbol: str, spread_bps: str) -> Snapshot:
    half = Decimal(spread_bps) / 200
    top = a_top(symbol, bid=str(100 - half), ask=str(100 + half))
    return a_snapshot(symbol, tops={symbol: top})


def a_thin_depth(symbol: str, *, bid_notional: str, ask_notional: str) -> Snapshot:
    depth = a_depth(
        symbol,
        bids=[("10", str(Decimal(bid_notional) / 10)), ("9.9", "1000000")],
        asks=[("20", str(Decimal(ask_notional) / 20)), ("20.5", "1000000")],
    )
    return a_snapshot(symbol, depths={symbol: depth})
