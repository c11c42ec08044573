"""The stories of tests/crashes, told over the wire: a recording that the sandbox plays.

The market is the stage's own script, so what happens is a function of market time. What
only a wire can do to an order is in the sandbox's faults: the story's own, which are part
of it, and the storm, which is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from tests.builders.market import BAR, NOON
from tests.builders.recordings import write_candles
from tests.builders.rehearsal import BUSY, SEED
from tests.builders.stage import Stage, decision_time
from tests.crashes.scenarios import SCENARIOS, SOL

_BEFORE, _AFTER = 400, 40  # bars of the recording on either side of noon
ORDERS = "/api/v3/brokerage/orders"
Rules = Sequence[Mapping[str, Any]]

_COINS = ("AAVE", "AVAX", "BTC", "DOGE", "DOT", "PEPE", "SOL")

# Seconds are real ones. Between two cycles lie a tenth of one (tests/crashes/wire/dying.py), so
# a new order that is hidden for a moment is seen again by the next cycle; and a client waits one.
STORM: Rules = (
    {"kind": "cut", "on": f"POST {ORDERS}", "share": 0.05},
    {"kind": "cut", "on": f"POST {ORDERS}", "share": 0.08, "after": True},
    {"kind": "status", "on": f"POST {ORDERS}", "share": 0.04, "status": 503},
    {"kind": "status", "on": f"POST {ORDERS}", "share": 0.05, "status": 502, "body": "html"}
    | {"after": True},
    {"kind": "rate_limited", "on": f"POST {ORDERS}", "share": 0.04},
    {"kind": "unauthorized", "on": f"POST {ORDERS}", "share": 0.02},
    {"kind": "slow", "on": f"POST {ORDERS}", "share": 0.04, "seconds": 1.3},
    {"kind": "html", "on": f"POST {ORDERS}", "share": 0.03},
    {"kind": "empty", "on": f"POST {ORDERS}", "share": 0.03},
    {"kind": "order_late", "share": 0.25, "seconds": 0.05},
    {"kind": "fills_late", "share": 0.25, "seconds": 0.15},
    {"kind": "open_after_cancel", "share": 0.25, "seconds": 0.15},
    {"kind": "cancel_slow", "share": 0.3, "seconds": 0.3},
    {"kind": "twice", "share": 0.3},
    {"kind": "new_fields", "share": 0.1},
    {"kind": "strange_status", "on": f"GET {ORDERS}", "share": 0.01},
    {"kind": "status", "on": "GET", "share": 0.03, "status": 500},
    {"kind": "status", "on": f"GET {ORDERS}", "share": 0.02, "status": 404},
    {"kind": "cut", "on": "GET", "share": 0.02},
    {"kind": "rate_limited", "on": "GET", "share": 0.02},
    {"kind": "html", "on": "GET", "share": 0.02},
    {"kind": "slow", "on": "GET", "share": 0.005, "seconds": 1.3},
)

# Short, so that what is lost is given up soon.
_QUICK: Mapping[str, object] = {
    "exchange.read_only": False,
    "exchange.connect_timeout": "1s",
    "exchange.read_timeout": "1s",
    "exchange.cycle_deadline": "4s",
    "exchange.retry_wait_first": "0.02s",
    "exchange.retry_wait_max": "0.1s",
    "exchange.breaker_wait": "1s",
    # Coins that are not the bot's lie on the account, so the venue would let it sell too much.
    "app.starting_balances": ["10000 USD", "2500 USDC", *(f"100000 {coin}" for coin in _COINS)],
}


@dataclass(frozen=True)
class Story:
    """A market, a bot's settings, what goes wrong of itself; and what comes of it undisturbed."""

    name: str
    cycles: int
    fills: tuple[str, ...] = ()  # sides, in order
    statuses: frozenset[str] = frozenset()  # of orders that the venue must have seen
    settings: Mapping[str, object] = field(default_factory=dict)
    faults: Rules = ()
    stage: Callable[[], Stage] | None = None  # without one the market is synthetic
    begins: datetime = NOON

    def profile(self) -> bytes:
        """The settings as an overlay; JSON is YAML too."""
        nested: dict[str, Any] = {}
        for key, value in {**_QUICK, **self.settings}.items():
            *sections, name = key.split(".")
            inner = nested
            for section in sections:
                inner = inner.setdefault(section, {})
            inner[name] = value
        return json.dumps(nested).encode()

    def market(self, folder: Path) -> tuple[str, ...]:
        """Flags of the sandbox that plays it; what they name is written."""
        if self.stage is None:
            return ("--seed", str(SEED), "--start", self.begins.isoformat())
        recorded(self.stage(), folder)
        return ("--recording", str(folder), "--bar", "15m")

    def cycle_of(self, at: datetime) -> int:
        """The how manieth market time it is."""
        return 1 + (at - self.begins) // BAR


def recorded(stage: Stage, folder: Path) -> None:
    """The stage's whole script as candles and a list of products."""
    folder.mkdir(parents=True, exist_ok=True)
    stage.clock.set(NOON + _AFTER * BAR)
    listed = []
    for symbol, role in stage.roles.items():
        bars = stage.bars(symbol, BAR, NOON - _BEFORE * BAR, NOON + _AFTER * BAR)
        columns = (bars.opened, bars.open, bars.high, bars.low, bars.close, bars.volume)
        rows = [
            (int(opened), *(round(float(number), 4) for number in numbers))
            for opened, *numbers in zip(*columns, strict=True)
        ]
        write_candles(folder, f"{symbol}_15m_stage.csv", rows)
        product = role.product
        listed.append(
            {
                "product_id": symbol,
                "price_increment": str(product.price_increment),
                "base_increment": str(product.base_increment),
                "base_min_size": str(product.base_min),
                "quote_min_size": str(product.quote_min),
            }
        )
    (folder / "products.json").write_bytes(msgspec.json.encode({"products": listed}))


def _partial_fill() -> Stage:
    """The bar ends below the entry, which the book does not; a quarter of its trade is ours."""
    stage = Stage(SOL)
    stage.roles.pop("BTC-USD")
    stage.rises(SOL, cycle=2)
    stage.rises(SOL, cycle=3, share=-0.00147)
    stage.roles[SOL].volumes |= {decision_time(3): 4.0, decision_time(4): 0.0}
    return stage


def _told(name: str, *, faults: Rules = (), **more: Any) -> Story:
    """A scenario of tests/crashes as it is, over the wire."""
    scenario = SCENARIOS[name]
    own = {k: v for k, v in scenario.settings.items() if not k.startswith(("app.", "market."))}
    given: dict[str, Any] = {
        "cycles": scenario.cycles,
        "fills": scenario.fills,
        "statuses": frozenset(scenario.statuses) - {"NEVER_REACHED"},
        "settings": own,
        "stage": scenario.stage,
    }
    return Story(name=name, faults=faults, **(given | more))


_BUSY = tuple(f"{coin}-USD" for coin in _COINS)
# Everything is bought that moves, and sold soon after.
_RESTLESS: Mapping[str, object] = {
    "universe.allowlist": {"count": len(_BUSY), "symbols": list(_BUSY)},
    "risk.spacing_min": "0s",
    "risk.cooldown": "0s",
    "risk.cooldown_after_stop": "0s",
    "risk.losing_streak_max": 50,
    "risk.trades_per_hour_max": 100,
    "risk.trades_per_day_max": 1000,
    "exits.stop_loss": "1%",
    "exits.take_profit": "1%",
    "exits.held_max": "45m",
    "execution.tiers.T1": {"tactic": "ioc", "slippage_max": "20 bps"},
}


def _busy(name: str, resting: str) -> Story:
    settings = {**_RESTLESS, "exits.resting": resting}
    return Story(name, cycles=12, begins=datetime.fromisoformat(BUSY), settings=settings)


def _gives_way() -> Story:
    """A stop rests and the position is sold for its age; the cancel takes its time."""
    resting = {"exits.resting": "bracket", "exits.held_max": "30m"}
    return Story(
        "a stop gives way",
        cycles=8,
        fills=("BUY", "SELL"),
        statuses=frozenset({"FILLED", "CANCELLED"}),
        settings={"regime.pinned": "chop", **resting},
        faults=({"kind": "cancel_slow", "seconds": 0.3},),
        stage=SCENARIOS["entry"].stage,
    )


_LOST = {"kind": "cut", "on": f"POST {ORDERS}", "count": 1}
STORIES = {
    story.name: story
    for story in (
        _told("entry"),
        _told("entry at once"),
        _told("partial fill", stage=_partial_fill),
        _told("reprice"),
        _told("cancel race", faults=({"kind": "cancel_slow", "seconds": 60},)),
        _told("stop exit"),
        _told("lost answer", faults=({**_LOST, "after": True},)),
        _told("lost answer of a stop", faults=({**_LOST, "after": True, "skip": 1},)),
        _told("lost request", faults=(_LOST,)),
        _told("bracket"),
        _gives_way(),
        _busy("busy, stops rest", "bracket"),
        _busy("busy, stops watched", "watched"),
    )
}
