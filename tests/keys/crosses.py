"""The keys of the example strategy: what a cross of averages makes it do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from config.tree import Plain
from tests.builders.market import a_depth, a_top
from tests.keys.deciding import BTC, DEEP, SOL, a_market, amount, deciding
from tests.keys.scenario import Change, Refused, Row, Scenario, both

CROSS = "strategies.ema_cross.parameters.cross"
BUDGET = "strategies.ema_cross.budget"
FELL = [99.0] * 8
FIVE = tuple(f"{letter * 3}-USD" for letter in "ABCDE")


ALONE: dict[str, Plain] = {
    "strategies.rules.enabled": False,
    "strategies.ema_cross.enabled": True,
    "regime.pinned": "chop",
}


def crossing(
    name: str,
    closes: Sequence[float],
    symbols: Sequence[str] = (SOL,),
    more: Mapping[str, Plain] = MappingProxyType({}),
) -> Scenario:
    """Products that end with these closes, their books around the last one."""
    bid, ask = amount(round(closes[-1] - 0.02, 2)), amount(round(closes[-1] + 0.02, 2))
    market = a_market(
        *symbols,
        closes={symbol: closes for symbol in symbols},
        tops={symbol: a_top(symbol, bid=bid, ask=ask) for symbol in symbols},
        depths={
            symbol: a_depth(symbol, bids=((bid, DEEP),), asks=((ask, DEEP),)) for symbol in symbols
        },
    )
    return deciding(name, market, settings={**ALONE, **more})


CROSSED = crossing("SOL fell a little and its averages cross", [*FELL, 103.0])
OLD = crossing("SOL's averages crossed three bars ago", [*FELL, 103.0, 103.0, 103.0])
OLDER = crossing("SOL's averages crossed five bars ago", [*FELL, *[103.0] * 5])
NEARLY = crossing("SOL's faster averages cross, these not yet", [*FELL, 100.8, 100.8])
BARELY = crossing("SOL's averages cross, slower ones not yet", [*FELL, 101.0, 101.0])
CRASHED = crossing(
    "SOL's averages cross in a crash", [*FELL, 103.0], more={"regime.pinned": "crash"}
)
FOUR_CROSSED = crossing("four products cross", [*FELL, 103.0], FIVE[:4])
FIVE_CROSSED = crossing("five products cross", [*FELL, 103.0], FIVE)
ALL_HEARD = crossing(
    "five products cross, all of them heard",
    [*FELL, 103.0],
    FIVE,
    {f"{BUDGET}.proposals_per_cycle_max": 5, "risk.spacing_min": "0s"},
)
BOTH_SPEAK = deciding(
    "SOL climbs after a fall, and the rules are on",
    a_market(BTC, closes={SOL: [*FELL, 103.0]}),
    settings={"regime.pinned": "chop"},
)

CROSSES: dict[str, Row] = {
    "strategies.ema_cross.enabled": (Change(True, BOTH_SPEAK),),
    f"{BUDGET}.proposals_per_cycle_max": (Change(3, FOUR_CROSSED), Change(5, FIVE_CROSSED)),
    f"{BUDGET}.exposure_max": (Change("12%", FOUR_CROSSED), Change("24%", ALL_HEARD)),
    f"{CROSS}.regimes": (
        Change(["bull", "bear"], CROSSED),
        Change(["bull", "chop", "bear", "crash"], CRASHED),
    ),
    f"{CROSS}.fast_bars": (Change(3, NEARLY), Change(25, BARELY)),
    f"{CROSS}.slow_bars": (Change(13, NEARLY), Change(60, BARELY)),
    f"{CROSS}.age_max": (Change(1, OLD), Change(5, OLDER)),
    f"{CROSS}.conviction": (Change("50%", CROSSED), Refused("101%", "100%")),
    f"{CROSS}.stop": both("5%", "20%", CROSSED),
    f"{CROSS}.target": both("50%", "200%", CROSSED),
}
