"""The keys of strategies: what each rule makes of a course that it acts on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from config.tree import Plain
from core.market import Panel, Snapshot
from tests.builders.market import a_depth, a_panel, a_top
from tests.keys.deciding import BTC, DEEP, SOL, a_market, amount, deciding
from tests.keys.scenario import Change, Refused, Row, Scenario, both
from tests.keys.triggers import climbing

RULES = ("momentum", "breakout", "mean_reversion", "reversal")
PARAMETERS = "strategies.rules.parameters"
RIPPLE = [100.0 + bar % 2 for bar in range(350)]  # so that RSI and deviations mean something
FALL = [99.0, 98.0, 97.0, 96.0, 95.0, 94.0, 93.0, 92.0, 91.0]
TURN = [91.0, 92.5, 93.5, 91.5, 94.5, 96.0, 97.0, 98.0, 97.5, 98.5, 99.0, 99.5]


def alone(rule: str, regime: str = "chop", **settings: Plain) -> dict[str, Plain]:
    """Only this rule speaks."""
    others = {f"{PARAMETERS}.{name}.enabled": False for name in RULES if name != rule}
    return {**others, "regime.pinned": regime, **settings}


def asked(rule: str, name: str, market: Snapshot, regime: str = "chop", **more: Plain) -> Scenario:
    return deciding(name, market, settings=alone(rule, regime, **more))


def a_course(closes: Sequence[float], volumes: Sequence[float] = ()) -> Panel:
    """SOL ripples until these closes; BTC stands."""
    course = [*RIPPLE, *closes][-350:]
    return a_panel(
        {BTC: [100.0] * 350, SOL: course},
        volumes={BTC: [1000.0] * 350, SOL: [*[1000.0] * (350 - len(volumes)), *volumes]},
        swing=0.001,
    )


def a_panel_market(panel: Panel) -> Snapshot:
    """Books where the closes are."""
    price = float(panel.close[panel.symbols.index(SOL), -1])
    bid, ask = amount(round(price - 0.02, 2)), amount(round(price + 0.02, 2))
    deep = a_depth(SOL, bids=((bid, DEEP),), asks=((ask, DEEP),))
    return a_market(SOL, panel=panel, tops={SOL: a_top(bid=bid, ask=ask)}, depths={SOL: deep})


def climbed(name: str, *closes: float, regime: str = "chop") -> Scenario:
    return asked("momentum", name, a_market(closes={SOL: closes}), regime)


def fallen(
    name: str = "SOL fell and its sellers are exhausted",
    *,
    last: float = 91.5,
    place: float = 0.8,
    volumes: Sequence[float] = (900.0,),
    before: Sequence[float] = FALL,
    regime: str = "chop",
    target_atr: str = "5x",
) -> Scenario:
    """The last bar closed at such a place of its range of 1."""
    panel = a_course([*before, last], volumes)
    high, low = panel.high.copy(), panel.low.copy()
    row = panel.symbols.index(SOL)
    low[row, -1], high[row, -1] = last - place, last - place + 1.0
    market = a_panel_market(replace(panel, high=high, low=low))
    return asked(
        "mean_reversion",
        name,
        market,
        regime,
        **{parameter("mean_reversion", "target_atr"): target_atr},
    )


def turned(
    name: str,
    *turn: float,
    regime: str = "chop",
    low: float = 90.0,
    confirmations_min: int = 3,
) -> Scenario:
    slide = [100.0 - bar for bar in range(1, int(100 - low) + 1)]
    market = a_panel_market(a_course([*slide, *turn]))
    asks = {parameter("reversal", "confirmations_min"): confirmations_min}
    return asked("reversal", name, market, regime, **asks)


def parameter(rule: str, name: str) -> str:
    return f"{PARAMETERS}.{rule}.{name}"


CLIMB = climbed("SOL climbs", *climbing(0.03, 24))
CLIMB_IN_BEAR = climbed("SOL climbs in a bear market", *climbing(0.04, 24), regime="bear")
WEAK_CLIMB = asked(
    "momentum",
    "SOL rises, and little speaks for it",
    a_market(closes={SOL: [101.1]}),
    **{f"{PARAMETERS}.momentum.{part}_weight": "0%" for part in ("confidence", "trend")},
)
BROKEN_OUT = asked(
    "breakout",
    "SOL leaves its range on volume",
    a_market(closes={SOL: [100.1 * 1.003]}, volumes={SOL: [4000.0] * 4}),
)
BROKEN_OUT_IN_BEAR = asked(
    "breakout",
    "SOL leaves its range in a bear market",
    a_market(closes={SOL: [100.1 * 1.006]}, volumes={SOL: [4000.0] * 4}),
    "bear",
)
FALLEN = fallen()
TURNED = turned("SOL fell and turned, four confirmations", *TURN)
REACHING = fallen(
    "SOL fell, and its target lies beyond the mean",
    target_atr="50x",
)
TWO_SIGNS = turned("SOL turned, two confirmations", *TURN[:6])
THREE_SIGNS = turned("SOL turned, three confirmations", *TURN[:7])
WEAK_TURN = turned("SOL turned weakly", 95.0, 96.2, 96.7, low=94.0, confirmations_min=1)


def sole(rule: str, scenario: Scenario) -> Scenario:
    """The same with every rule switched on, for one must be."""
    settings = {key: value for key, value in scenario.settings.items() if key not in enabled()}
    return Scenario(scenario.name, scenario.outcome, settings)


def enabled() -> frozenset[str]:
    return frozenset(parameter(rule, "enabled") for rule in RULES)


def weights(rule: str, scenario: Scenario, **shipped: int) -> dict[str, Row]:
    """What a rule pays for, ten points less and ten more."""
    return {
        parameter(rule, name): both(f"{percent - 10}%", f"{percent + 10}%", scenario)
        for name, percent in shipped.items()
    }


MOMENTUM: dict[str, Row] = {
    parameter("momentum", "enabled"): (Change(False, sole("momentum", CLIMB)),),
    parameter("momentum", "regimes"): (
        Change(["bull"], CLIMB),
        Change(["bull", "chop", "bear"], CLIMB_IN_BEAR),
    ),
    **weights(
        "momentum", CLIMB, base=30, strength_weight=25, confidence_weight=25, trend_weight=20
    ),
    parameter("momentum", "fast"): (
        Change(
            "1h", climbed("SOL climbs, and rests an hour", *climbing(-0.003, 4, climbing(0.04, 20)))
        ),
        Change(
            "6h", climbed("SOL climbs, and rests three", *climbing(-0.007, 10, climbing(0.04, 14)))
        ),
    ),
    parameter("momentum", "slow"): (
        Change("6h", climbed("SOL fell 6 h ago", *[110.0] * 30, 100.0, *climbing(0.03, 24))),
        Change(
            "24h", climbed("SOL fell 12 h ago", *[110.0] * 60, *[100.0] * 24, *climbing(0.03, 24))
        ),
    ),
    parameter("momentum", "stop_atr"): both("1x", "4x", CLIMB),
    parameter("momentum", "target_atr"): both("2x", "8x", CLIMB),
}

BREAKOUT: dict[str, Row] = {
    parameter("breakout", "enabled"): (Change(False, sole("breakout", BROKEN_OUT)),),
    parameter("breakout", "regimes"): (
        Change(["bull"], BROKEN_OUT),
        Change(["bull", "chop", "bear"], BROKEN_OUT_IN_BEAR),
    ),
    **weights(
        "breakout", BROKEN_OUT, base=35, strength_weight=25, confidence_weight=20, volume_weight=20
    ),
    parameter("breakout", "stop_atr"): both("1x", "3x", BROKEN_OUT),
    parameter("breakout", "target_atr"): both("2x", "9x", BROKEN_OUT),
}

MEAN_REVERSION: dict[str, Row] = {
    parameter("mean_reversion", "enabled"): (Change(False, sole("mean_reversion", FALLEN)),),
    parameter("mean_reversion", "regimes"): (
        Change(["bull"], FALLEN),
        Change(["bull", "chop", "bear"], fallen("SOL fell in a bear market", regime="bear")),
    ),
    **weights(
        "mean_reversion",
        FALLEN,
        base=35,
        strength_weight=20,
        confidence_weight=25,
        volume_weight=20,
    ),
    parameter("mean_reversion", "rsi_window"): (
        Change(
            "2h", fallen("a quiet end of a busy fall", volumes=[*[1200.0] * 8, *[800.0] * 8, 900.0])
        ),
        Change(
            "8h",
            fallen("a busy end of a quiet fall", volumes=[*[1000.0] * 16, *[800.0] * 16, 900.0]),
        ),
    ),
    parameter("mean_reversion", "rsi_max"): (
        Change("10%", FALLEN),
        Change(
            "60%",
            fallen(
                "a fall with an RSI that is not low",
                before=[*FALL[:5], 97.0, 95.0, 94.0, 96.0, 93.0, 92.0, 91.0],
            ),
        ),
    ),
    parameter("mean_reversion", "close_in_range_min"): (
        Change("40%", fallen("a close in the middle of its bar", place=0.5)),
        Change("90%", FALLEN),
    ),
    parameter("mean_reversion", "mean_window"): both("12h", "48h", REACHING),
    parameter("mean_reversion", "stop_atr"): both("2x", "6x", FALLEN),
    parameter("mean_reversion", "target_atr"): both("2x", "6x", FALLEN),
}

REVERSAL: dict[str, Row] = {
    parameter("reversal", "enabled"): (Change(False, sole("reversal", TURNED)),),
    parameter("reversal", "regimes"): (
        Change(["bear"], TURNED),
        Change(
            ["bull", "chop", "bear"], turned("SOL turned in a bull market", *TURN, regime="bull")
        ),
    ),
    **weights(
        "reversal",
        TURNED,
        base=20,
        strength_weight=20,
        confidence_weight=20,
        confirmation_weight=10,
    ),
    parameter("reversal", "confirmations_min"): (
        Change(2, TWO_SIGNS),
        Change(4, THREE_SIGNS),
    ),
    parameter("reversal", "window"): both("3h", "12h", THREE_SIGNS),
    parameter("reversal", "rsi_min"): (
        Change("25%", WEAK_TURN),
        Change("75%", TURNED),
    ),
    parameter("reversal", "bounce_min"): (
        Change("1%", WEAK_TURN),
        Change("20%", TURNED),
    ),
    parameter("reversal", "stop_atr"): both("2x", "6x", TURNED),
    parameter("reversal", "target_atr"): both("3x", "12x", TURNED),
}

SURE = "strategies.rules.budget"
FIVE = tuple(f"{letter * 3}-USD" for letter in "ABCDE")
FIVE_WISHES = deciding("five buys wished", a_market(*FIVE), wishes=FIVE)
FOUR_WISHES = deciding("four buys wished", a_market(*FIVE[:4]), wishes=FIVE[:4])

STRATEGIES: dict[str, Row] = {
    # The only strategy there is: without it the bot does not start.
    "strategies.rules.enabled": (Refused(False, "no strategy is enabled"),),
    f"{SURE}.proposals_per_cycle_max": (Change(3, FOUR_WISHES), Change(5, FIVE_WISHES)),
    f"{SURE}.exposure_max": (
        Change("12%", FOUR_WISHES),
        Change(
            "24%",
            deciding(
                "five buys wished, all of them heard",
                a_market(*FIVE),
                wishes=FIVE,
                settings={f"{SURE}.proposals_per_cycle_max": 5, "risk.spacing_min": "0s"},
            ),
        ),
    ),
    f"{PARAMETERS}.conviction_min": (
        Change("10%", WEAK_CLIMB),
        Change("90%", CLIMB),
    ),
    **MOMENTUM,
    **BREAKOUT,
    **MEAN_REVERSION,
    **REVERSAL,
}
