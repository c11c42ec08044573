"""The keys of triggers: what a course of closes and volumes is noticed for, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

from tests.keys.deciding import SOL, a_market, deciding
from tests.keys.scenario import Change, Refused, Row, Scenario, around, both

DAY, HOUR = 96, 4  # bars
TOP = 100.1  # the highest high of a calm market
REGIMES = ("bull", "chop", "bear", "crash")


def noticing(
    name: str,
    closes: Sequence[float] = (),
    volumes: Sequence[float] = (),
    *,
    regime: str = "chop",
    swing: float = 0.001,
) -> Scenario:
    """SOL did this last; the regime is pinned."""
    market = a_market(closes={SOL: closes}, volumes={SOL: volumes}, swing=swing)
    return deciding(name, market, settings={"regime.pinned": regime})


InRegime = Callable[[str], Callable[[float], Scenario]]


def limits(kind: str, situation: InRegime) -> dict[str, Row]:
    """The four limits of a kind, by regime."""
    keys = {regime: f"triggers.{kind}.min.{regime}" for regime in REGIMES}
    return {key: around(key, situation(regime)) for regime, key in keys.items()}


def moved(bars: int) -> InRegime:
    """One step, so many bars ago."""

    def in_regime(regime: str) -> Callable[[float], Scenario]:
        return lambda share: noticing(
            f"SOL rose {share:.2%} {bars} bars ago, {regime}",
            [100 * (1 + share)] * bars,
            regime=regime,
        )

    return in_regime


def spiked(regime: str) -> Callable[[float], Scenario]:
    """The volume of the last hour is such a multiple of that of the day."""

    def of(multiple: float) -> Scenario:
        bars = [1000 * (DAY - HOUR) * multiple / (DAY - HOUR * multiple)] * HOUR
        return noticing(f"{multiple:g} times the volume, {regime}", volumes=bars, regime=regime)

    return of


def broken_out(regime: str) -> Callable[[float], Scenario]:
    return lambda share: noticing(
        f"SOL {share:.2%} above its range, {regime}", [TOP * (1 + share)], regime=regime
    )


def climbing(share: float, bars: int, before: Sequence[float] = ()) -> list[float]:
    start = before[-1] if before else 100.0
    return [*before, *(start * (1 + share * (bar + 1) / bars) for bar in range(bars))]


def climbed(regime: str) -> Callable[[float], Scenario]:
    return lambda share: noticing(
        f"SOL climbed {share:.2%} in six hours, {regime}",
        climbing(share, 6 * HOUR),
        regime=regime,
    )


def unsteady(share: float) -> Scenario:
    """It rose 3% in six hours, in such a share of their bars."""
    ups = round(share * 24)
    steps = [3.0 / ups] * ups + [0.0] * (24 - ups)
    return noticing(f"SOL rose in {ups} of 24 bars", [100 + rise for rise in accumulate(steps)])


def stretched(regime: str) -> Callable[[float], Scenario]:
    """So many standard deviations below the mean of the day: the fewer bars, the more."""

    def of(deviations: float) -> Scenario:
        return low_for(round(DAY / (1 + deviations**2)), regime)

    return of


def low_for(bars: int, regime: str = "chop") -> Scenario:
    return noticing(f"SOL is low for {bars} bars, {regime}", [95.0] * bars, regime=regime)


def turned(
    fall: float,
    *,
    won_back: float = 0.6,
    age: int = HOUR,
    since: int = 0,
    regime: str = "chop",
) -> Scenario:
    """Fell from 100, where it was so many bars ago; the low is so old; part is won back."""
    low = 100 * (1 - fall)
    between = [(100 + low) / 2] * since
    closes = [*between, low, *climbing((100 - low) * won_back / low, age, [low])[1:]]
    name = f"SOL lost {fall:.2%}, {age} bars ago, and won back {won_back:.0%}, {regime}"
    return noticing(name, closes, regime=regime)


def fell(regime: str) -> Callable[[float], Scenario]:
    return lambda fall: turned(fall, regime=regime)


def regained(share: float) -> Scenario:
    return turned(0.08, won_back=share)


def turned_before(seconds: float) -> Scenario:
    return turned(0.08, age=int(seconds / 900))


def ranging(share: float) -> Scenario:
    """Such an ATR, and a volume that is noticed."""
    return noticing(f"an ATR of {share:.3%}", volumes=[9000.0] * HOUR, swing=share / 2)


def jumped(ranges: float, volume: float = 100.0) -> Scenario:
    """The last bar moved by so many ATRs, on such a volume."""
    name = f"a jump of {ranges:g} ATRs on {volume:g} units"
    return noticing(name, [100 * (1 + 0.002 * ranges)], [volume])


def jumped_on(share: float) -> Scenario:
    return jumped(12, volume=1000 * share)


def crowd(number: int) -> Scenario:
    names = [f"{letter * 3}-USD" for letter in "ABCDEFGHI"][:number]
    market = a_market(closes={name: [102.5] for name in names})
    return deciding(f"{number} products that rise", market)


def holed(share: float) -> Scenario:
    """Such a share of the day's bars was never traded."""
    gaps = [float("nan")] * int(DAY * share)
    return noticing(f"{share:.0%} of a day missing", [*gaps, *[100.0] * 8, 102.5])


def off(kind: str, scenario: Scenario) -> dict[str, Row]:
    return {f"triggers.{kind}.enabled": (Change(False, scenario),)}


RISEN = noticing("SOL rises and a rule buys", [102.5])

TRIGGERS: dict[str, Row] = {
    **limits("price_move_15m", moved(1)),
    **off("price_move_15m", moved(1)("chop")(0.015)),
    "triggers.price_move_15m.window": (
        Change("5m", moved(1)("chop")(0.015)),  # no bar resolves it, and the kind is off
        Change("30m", moved(2)("chop")(0.015)),
    ),
    **limits("price_move_60m", moved(4)),
    **off("price_move_60m", moved(4)("chop")(0.025)),
    "triggers.price_move_60m.window": (
        Change("30m", moved(3)("chop")(0.025)),
        Change("2h", moved(6)("chop")(0.025)),
    ),
    **limits("volume_spike", spiked),
    **off("volume_spike", spiked("chop")(4)),
    "triggers.volume_spike.window": (
        Change("30m", noticing("a spike of two bars", volumes=[4000.0] * 2)),
        Change("2h", noticing("a spike of four bars", volumes=[3000.0] * 4)),
    ),
    "triggers.volume_spike.baseline": (
        Change("12h", noticing("a spike for a day", volumes=[2800.0] * 4)),
        Change("48h", noticing("a spike for two days", volumes=[2650.0] * 4)),
    ),
    **limits("breakout", broken_out),
    **off("breakout", broken_out("chop")(0.005)),
    "triggers.breakout.lookback": (
        Change("12h", noticing("a top 15 h ago", [103.0, *[100.0] * 60, 101.5])),
        Change("48h", noticing("a top 30 h ago", [103.0, *[100.0] * 120, 101.5])),
    ),
    **limits("momentum", climbed),
    **off("momentum", climbed("chop")(0.03)),
    "triggers.momentum.window": (
        Change("3h", noticing("a climb of 3 h", climbing(0.03, 12, [*[102.0] * 12, 100.0]))),
        Change("12h", noticing("a climb of 12 h", climbing(0.04, 48))),
    ),
    "triggers.momentum.consistency_min": (
        Change("40%", unsteady(0.5)),
        Change("80%", unsteady(0.7)),
    ),
    **limits("oversold", stretched),
    **off("oversold", low_for(6)),
    "triggers.oversold.window": (Change("12h", low_for(10)), Change("48h", low_for(16))),
    **limits("reversal", fell),
    **off("reversal", turned(0.08)),
    "triggers.reversal.lookback": (
        Change("12h", turned(0.06, since=60)),
        Change("48h", turned(0.06, since=120)),
    ),
    "triggers.reversal.low_age_max": around("triggers.reversal.low_age_max", turned_before),
    "triggers.reversal.won_back_min": around("triggers.reversal.won_back_min", regained),
    "triggers.atr.window": both("2h", "8h", RISEN),
    "triggers.atr.min": around("triggers.atr.min", ranging),
    "triggers.atr.max": around("triggers.atr.max", ranging),
    "triggers.outlier.move_min": around("triggers.outlier.move_min", jumped),
    "triggers.outlier.volume_max": around("triggers.outlier.volume_max", jumped_on),
    "triggers.score_min": (
        Refused("90%", "at least 100%"),  # what reached no limit of its own is no trigger
        Change("200%", moved(4)("chop")(0.025)),
    ),
    "triggers.per_cycle_max": (Change(7, crowd(8)), Change(9, crowd(9))),
    "market.gap_share_max": around("market.gap_share_max", holed),
}
