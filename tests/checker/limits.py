"""Judges every denial of an audit record from the record and the effective policy alone.

A denial is right when the limit it names is the one that the policy sets under its
key, and when what was seen really lies beyond that limit. A code that nobody here
knows is a complaint too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from tests.checker.quantities import NotAQuantity, quantity, said_quantity
from tests.checker.words import JUDGES, WORDS_ONLY, value

Effective = Mapping[str, Any]
Beyond = Callable[[Decimal, Decimal], bool]


def above(seen: Decimal, limit: Decimal) -> bool:
    return seen > limit


def below(seen: Decimal, limit: Decimal) -> bool:
    return seen < limit


def not_below(seen: Decimal, limit: Decimal) -> bool:
    return seen >= limit


def magnitude_below(seen: Decimal, limit: Decimal) -> bool:
    return abs(seen) < limit


# Which side of its limit a number must lie on for each code that compares numbers.
BEYOND: Mapping[str, Beyond] = {
    "RATE_UNKNOWN": above,
    "LISTING_TOO_YOUNG": below,
    "PRICE_TOO_LOW": below,
    "VOLUME_TOO_LOW": below,
    "SPREAD_TOO_WIDE": above,
    "DEPTH_TOO_THIN": below,
    "ENTERING": below,
    "CANDLES_MISSING": above,
    "NO_TRIGGER": magnitude_below,
    "ATR_TOO_LOW": below,
    "ATR_TOO_HIGH": above,
    "SCORE_TOO_LOW": below,
    "TRIGGER_CAP": above,
    "CONVICTION_TOO_LOW": below,
    "STRATEGY_BUDGET": above,
    "STRATEGY_PROPOSALS_FULL": above,
    "CLOCK_OFF": above,
    "BOOK_TOO_OLD": above,
    "DEPTH_UNKNOWN": above,
    "CANDLES_TOO_OLD": above,
    "BOOK_OFF_CANDLES": not_below,
    "SPREAD_BEYOND_LIMIT": above,
    "DEPTH_TOO_SMALL": below,
    "IMPACT_TOO_HIGH": above,
    "CASH_BUFFER": below,
    "WRONG_WALLET": below,
    "NOTIONAL_TOO_SMALL": below,
    "NOTIONAL_TOO_LARGE": above,
    "POSITION_FULL": above,
    "THEME_FULL": above,
    "AT_RISK_FULL": above,
    "POSITIONS_FULL": above,
    "HOURLY_PACE": above,
    "DAILY_PACE": above,
    "SPACING": below,
    "COOLDOWN": below,
    "STOPPED_RECENTLY": below,
    "LOSING_STREAK": below,
    "ADDS_FULL": above,
    "ADD_SPACING": below,
    "DAY_LOSS": above,
    "WEEK_LOSS": above,
    "DRAWDOWN": above,
    "HELD_TOO_LONG": above,
    "REDUCED": above,
    "ORDER_UNWANTED": above,
    "BOOK_MOVED_AWAY": not_below,
    "TRIM_SPACING": below,
}

# Caps that the regime makes smaller: the limit is the key's value times this multiplier.
BY_REGIME = frozenset({"POSITION_FULL", "THEME_FULL", "AT_RISK_FULL"})
# The limit is what was granted, which no key states.
GRANTED = frozenset({"REDUCED"})
# Measured against a number that the policy does not state as such: a multiple of the order, or
# what the order takes.
OWN_LIMIT = frozenset({"DEPTH_TOO_SMALL", "WRONG_WALLET"})


def complaints(record: Mapping[str, Any], effective: Effective) -> Iterator[str]:
    """Every denial of the record that its own numbers or the policy do not bear out."""
    for symbol, finding in _findings(record):
        code = finding["code"]
        for wrong in _judged(symbol, finding, record, effective):
            yield f"{symbol} {code}: {wrong}"


def _findings(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Exclusions, verdicts, and what the exits of positions watched."""
    verdicts = record["verdicts"]
    exits = {symbol: told["exit"] for symbol, told in verdicts.items() if told.get("exit")}
    for findings in (record["universe"]["changed"], verdicts, exits):
        yield from sorted(findings.items())


def _judged(
    symbol: str, finding: Mapping[str, str], record: Mapping[str, Any], effective: Effective
) -> Iterator[str]:
    code = finding["code"]
    if code in BEYOND:
        yield from _wrong(code, finding, record["regime"], effective)
    elif code in JUDGES:
        yield from JUDGES[code](symbol, finding, record, effective)
    elif code not in WORDS_ONLY:
        yield "no judge knows this code"


def _wrong(
    code: str, finding: Mapping[str, str], regime: str, effective: Effective
) -> Iterator[str]:
    try:
        seen, seen_unit = said_quantity(finding["seen"])
    except NotAQuantity:
        return  # `never`, `none`: beyond any limit, and no number to compare
    limit, limit_unit = quantity(finding["limit"].partition(" (")[0])
    if "rank" not in finding["seen"] and seen_unit != limit_unit:
        yield f"seen {finding['seen']} and limit {finding['limit']} have different units"
    # Nearly every trigger asks for at least something; one, for a low that is not too old.
    beyond = above if code == "NO_TRIGGER" and finding["key"].endswith("_max") else BEYOND[code]
    if not beyond(seen, limit):
        yield f"seen {finding['seen']} is within the limit {finding['limit']}"
    if code in GRANTED | OWN_LIMIT:
        return
    stated = value(finding["key"], effective)
    if stated is None:
        yield f"{finding['key']} is no key of the policy"
        return
    expected, _ = quantity(str(stated))
    if code in BY_REGIME:
        expected *= quantity(value(f"regime.multipliers.{regime}.caps", effective) or "1x")[0]
    if expected != limit:
        yield f"limit {finding['limit']} is not {finding['key']}, which is {stated}"
