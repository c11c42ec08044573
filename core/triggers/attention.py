"""find_triggers(): from candles to what the cycle looks at.

    fit candles > sightings > triggers or a Finding for each product > rank and cap

Every eligible product ends in exactly one of two places: among the triggers, or
passed over with a Finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from core.indicators import shown_ratio
from core.market import Floats, Panel, Regime
from core.money import Ratio
from core.policy import AtrPolicy, TriggersPolicy
from core.reasons import Finding, Reason
from core.triggers.guards import gapped, outliers, short
from core.triggers.resolution import watching
from core.triggers.sighting import Sighting
from core.triggers.trigger import Attention, Trigger, TriggerKind
from core.triggers.watches import Watch
from core.wording import count, percent_of

_DIGITS = 4  # what a record carries


class _Sights(NamedTuple):
    """What every kind sees of the products that can be measured, row by row."""

    kinds: tuple[TriggerKind, ...]
    sightings: tuple[Sighting, ...]  # one per kind
    nearness: tuple[tuple[float, ...], ...]  # [row][kind]: 1 and more fires
    confidences: tuple[list[float], ...]  # [kind][row], of kinds that fire at all
    ranges: list[float]  # [row]: ATR over the close, as shown


def find_triggers(panel: Panel, atr: Floats, regime: Regime, policy: TriggersPolicy) -> Attention:
    """What deserves attention among the products of `panel`, and why the rest does not.

    `atr` is `average_true_range` over `policy.atr.window`, in quote currency.
    """
    if policy.are_off:
        deaf = Finding(Reason.NO_TRIGGER, "no kind enabled", "a kind enabled", "triggers")
        return Attention((), dict.fromkeys(panel.symbols, deaf), panel.symbols)
    watched = watching(policy, panel.bar)
    windows = tuple(window for watch in watched for window in watch.windows)
    passed = {**short(panel, policy, windows), **gapped(panel, policy, windows)}
    rows = [row for row, symbol in enumerate(panel.symbols) if symbol not in passed]
    if not rows:
        return Attention((), {symbol: passed[symbol] for symbol in panel.symbols}, panel.symbols)

    fit, fit_atr = panel.rows(tuple(panel.symbols[row] for row in rows)), atr[rows]
    passed |= outliers(fit, fit_atr, policy)
    sights = _look(fit, fit_atr, regime, watched)
    judged = {symbol: row for row, symbol in enumerate(fit.symbols) if symbol not in passed}
    noticed = []
    for symbol, row in judged.items():
        answer = _judge(symbol, row, sights, policy)
        if isinstance(answer, Finding):
            passed[symbol] = answer
        else:
            noticed.append(answer)

    kept, beyond = _ranked(noticed, policy.per_cycle_max)
    passed |= beyond
    best = {symbol: max(sights.nearness[row]) for symbol, row in judged.items()}
    return Attention(
        triggers=tuple(trigger for triggers in kept for trigger in triggers),
        passed={symbol: passed[symbol] for symbol in sorted(passed)},
        nearest=_nearest_first(panel.symbols, best),
    )


def _look(panel: Panel, atr: Floats, regime: Regime, watched: tuple[Watch, ...]) -> _Sights:
    sightings = tuple(watch.look(panel, regime) for watch in watched)
    by_kind = [sighting.nearness.tolist() for sighting in sightings]
    return _Sights(
        kinds=tuple(watch.kind for watch in watched),
        sightings=sightings,
        nearness=tuple(zip(*by_kind, strict=True)),
        confidences=tuple(
            sighting.confidence().tolist() if max(near) >= 1 else []
            for sighting, near in zip(sightings, by_kind, strict=True)
        ),
        ranges=shown_ratio(atr / panel.close[:, -1]).tolist(),
    )


def _judge(
    symbol: str, row: int, sights: _Sights, policy: TriggersPolicy
) -> tuple[Trigger, ...] | Finding:
    """The product's triggers, strongest first, or why it is passed over."""
    triggers = _fired(symbol, row, sights)
    if not triggers:
        return _nearest_miss(row, sights)
    return (
        _outside_band(sights.ranges[row], policy.atr)
        or _too_weak(triggers[0], policy.score_min)
        or triggers
    )


def _fired(symbol: str, row: int, sights: _Sights) -> tuple[Trigger, ...]:
    triggers = [
        _trigger(symbol, row, place, sights)
        for place, near in enumerate(sights.nearness[row])
        if near >= 1
    ]
    # A stable sort: of two equally strong kinds the one listed first stays first.
    return tuple(sorted(triggers, key=lambda trigger: -trigger.strength))


def _trigger(symbol: str, row: int, place: int, sights: _Sights) -> Trigger:
    sighting = sights.sightings[place]
    first = sighting.measures[0]
    return Trigger(
        symbol=symbol,
        kind=sights.kinds[place],
        direction=sighting.direction(row),
        strength=round(first.nearness.item(row), _DIGITS),
        confidence=round(sights.confidences[place][row], _DIGITS),
        seen=first.said(row),
    )


def _nearest_miss(row: int, sights: _Sights) -> Finding:
    """NO_TRIGGER, with the kind that came nearest to its limit."""
    near = sights.nearness[row]
    place = near.index(max(near))
    kind, sighting = sights.kinds[place].value, sights.sightings[place]
    measure = sighting.measures[sighting.binding(row)]
    seen = f"{kind} {measure.said(row)}"
    return Finding(Reason.NO_TRIGGER, seen, measure.limit_said, f"triggers.{kind}.{measure.key}")


def _outside_band(range_share: float, band: AtrPolicy) -> Finding | None:
    """Whether the product moves too little to pay its fees, or too wildly."""
    seen = percent_of(range_share)
    if range_share < float(band.min.value):
        return Finding(Reason.ATR_TOO_LOW, seen, str(band.min), "triggers.atr.min")
    if range_share > float(band.max.value):
        return Finding(Reason.ATR_TOO_HIGH, seen, str(band.max), "triggers.atr.max")
    return None


def _too_weak(strongest: Trigger, score_min: Ratio) -> Finding | None:
    if strongest.strength >= float(score_min.value):
        return None
    seen = f"{strongest.kind.value} {percent_of(strongest.strength)}"
    return Finding(Reason.SCORE_TOO_LOW, seen, str(score_min), "triggers.score_min")


def _ranked(
    noticed: list[tuple[Trigger, ...]], places: int
) -> tuple[list[tuple[Trigger, ...]], dict[str, Finding]]:
    """The products that get attention, strongest first, and a Finding for each one beyond."""
    ranking = sorted(noticed, key=lambda triggers: (-triggers[0].strength, triggers[0].symbol))
    beyond = {
        triggers[0].symbol: Finding(
            Reason.TRIGGER_CAP,
            f"rank {rank}",
            count(places, "product"),
            "triggers.per_cycle_max",
        )
        for rank, triggers in enumerate(ranking[places:], start=places + 1)
    }
    return ranking[:places], beyond


def _nearest_first(symbols: tuple[str, ...], best: Mapping[str, float]) -> tuple[str, ...]:
    """What could not be judged comes last. Sorts are stable: equals stay in order of symbol."""
    judged = sorted(best, key=best.__getitem__, reverse=True)
    return (*judged, *(symbol for symbol in symbols if symbol not in best))
