"""What would have had to differ: the smallest change that turns a verdict.

At a limit is allowed, so where a limit of ours decided, the one that would have let
the product pass is exactly what was seen. Where a list, the market, the venue or an
operator decided, the sentence says what else. Every code has its answer, and none
names a key that could not have done it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.reasons import Reason

_WITH_UNIT = re.compile(r"^-?[\d.]+(%|x)$|^-?([\d.]+[dhms])+$")
_NUMBER = re.compile(r"^-?[\d.]+$")

# Where a number of ours decided. A share that the regime makes smaller, and one that an order
# may also be cut down to, are told apart: there a smaller change lets a part of it pass.
BY_NUMBER = frozenset(
    {
        Reason.LISTING_TOO_YOUNG,
        Reason.PRICE_TOO_LOW,
        Reason.VOLUME_TOO_LOW,
        Reason.SPREAD_TOO_WIDE,
        Reason.DEPTH_TOO_THIN,
        Reason.ENTERING,
        Reason.CANDLES_MISSING,
        Reason.NO_TRIGGER,
        Reason.ATR_TOO_LOW,
        Reason.ATR_TOO_HIGH,
        Reason.SCORE_TOO_LOW,
        Reason.TRIGGER_CAP,
        Reason.RULE_DECLINED,
        Reason.CONVICTION_TOO_LOW,
        Reason.STRATEGY_PROPOSALS_FULL,
        Reason.ORDER_UNWANTED,
        Reason.TRIM_SPACING,
        Reason.RATE_UNKNOWN,
        Reason.CLOCK_OFF,
        Reason.BOOK_TOO_OLD,
        Reason.DEPTH_UNKNOWN,
        Reason.CANDLES_TOO_OLD,
        Reason.BOOK_OFF_CANDLES,
        Reason.SPREAD_BEYOND_LIMIT,
        Reason.IMPACT_TOO_HIGH,
        Reason.NOTIONAL_TOO_SMALL,
        Reason.POSITIONS_FULL,
        Reason.HOURLY_PACE,
        Reason.DAILY_PACE,
        Reason.SPACING,
        Reason.COOLDOWN,
        Reason.STOPPED_RECENTLY,
        Reason.LOSING_STREAK,
        Reason.ADDS_FULL,
        Reason.ADD_SPACING,
        Reason.DAY_LOSS,
        Reason.WEEK_LOSS,
        Reason.DRAWDOWN,
        Reason.HELD_TOO_LONG,
    }
)
CUT_TO_SIZE = frozenset(
    {
        Reason.STRATEGY_BUDGET,
        Reason.DEPTH_TOO_SMALL,
        Reason.CASH_BUFFER,
        Reason.NOTIONAL_TOO_LARGE,
    }
)
TIMES_CAPS = frozenset({Reason.POSITION_FULL, Reason.THEME_FULL, Reason.AT_RISK_FULL})

# Where no number of ours decides, or there was none to compare, what would have had to be
# otherwise. The verdict's own words may stand in it.
OTHERWISE: Mapping[Reason, str] = {
    Reason.PRODUCT_NOT_ONLINE: "the venue would have had to offer the product as {limit}",
    Reason.QUOTE_NOT_OURS: "{key} and universe.stable_assets with {seen} in them would have "
    "let it pass",
    Reason.RATE_UNKNOWN: "the market would have had to show what its wallet is worth",
    Reason.STABLE_PAIR: "{key} without {seen} would have let it pass",
    Reason.NOT_ON_ALLOWLIST: "{key} with {seen} in it, and counted, would have let it pass",
    Reason.RED_FLAG: "{key} without its asset would have let it pass",
    Reason.NOT_IN_A_TIER: "{key} at true would have let it pass, or a tier that names {seen}",
    Reason.HISTORY_MISSING: "the venue would have had to give candles",
    Reason.BOOK_MISSING: "the venue would have had to show both sides of a book",
    Reason.OTHER_WALLET: "its wallet or book would have had to be the better one",
    Reason.HISTORY_TOO_SHORT: "it would have had to have {limit}, which {key} takes",
    Reason.OUTLIER: "the jump would have had to be smaller, or traded: {limit}",
    Reason.NO_TRIGGER: "{seen} would have had to reach {limit} ({key})",
    Reason.NO_RULE: "a rule would have had to act on {seen} ({key})",
    Reason.RULE_NOT_IN_REGIME: "{key} with {seen} in it would have let the rule look",
    Reason.RULE_DECLINED: "the rule's condition would have had to hold: {limit} ({key})",
    Reason.NO_CROSS: "the fast average would have had to cross the slow one",
    Reason.HELD: "nothing: the position is held",
    Reason.STOP_LOSS: "the price would have had to stay above the stop",
    Reason.TRAILING_STOP: "the price would have had to stay above the trailing stop",
    Reason.TAKE_PROFIT: "the price would have had to stay below the target",
    Reason.FLATTEN: "the operator would have had to leave it be",
    Reason.EXITING: "no exit of the asset would have had to fire",
    Reason.NO_SHORTS: "it would have had to hold lots of its own to sell",
    Reason.OUTBID: "it would have had to be surer than the other proposal",
    Reason.SIZE_IS_ZERO: "{key} would have had to be above zero",
    Reason.ORDER_OVERDUE: "the venue would have had to end the order at its own end",
    Reason.ORDER_UNWANTED: "there would have had to be {limit} ({key})",
    Reason.KILL_SWITCH: "the kill switch would have had to be off: runner.resume",
    Reason.HALTED: "an operator would have had to resume the bot: runner.resume",
    Reason.PAUSED: "the pause would have had to be over",
    Reason.REDUCE_ONLY: "the cause of REDUCE_ONLY would have had to be gone",
    Reason.ORDER_PENDING: "there would have had to be {limit} of it",
    Reason.QUARANTINED: "its books would have had to close: runner.ledger check",
    Reason.CLOCK_OFF: "the venue would have had to tell its time",
    Reason.PRODUCTS_TOO_OLD: "the venue would have had to give the product list",
    Reason.BOOK_TOO_OLD: "a book would have had to be seen within {limit}",
    Reason.DEPTH_UNKNOWN: "a depth would have had to be seen within {limit}",
    Reason.CANDLES_TOO_OLD: "its last closed bar would have had to be there within {limit}",
    Reason.BOOK_OFF_CANDLES: "there would have had to be a book and a close to compare",
    Reason.SPREAD_BEYOND_LIMIT: "there would have had to be a book",
    Reason.IMPACT_TOO_HIGH: "the levels that were seen would have had to hold the order",
    Reason.CASH_BUFFER: "its wallets would have had to hold what it takes beside {limit} ({key})",
    Reason.WRONG_WALLET: "its wallet would have had to hold {limit}",
    Reason.ADD_NOT_IN_PROFIT: "the position would have had to be in profit, or {key} at false",
    Reason.BELOW_VENUE_MINIMUM: "the order would have had to come to at least {limit} ({key})",
    Reason.REDUCED: "nothing: it was approved, for less",
    Reason.APPROVED: "nothing: it was approved",
    Reason.NOT_DECIDED: "the cycle would have had to be decided",
}
# A cycle, an order or a protection is told by them; no product has them as its verdict.
NO_VERDICT = frozenset(
    {
        Reason.BOOK_MOVED_AWAY,
        Reason.STOP_RESTS,
        Reason.STOP_PLACED,
        Reason.STOP_WATCHED,
        Reason.STOP_REFUSED,
        Reason.STOP_OUTDATED,
        Reason.STOP_GIVES_WAY,
        Reason.INTERRUPTED,
        Reason.DISK_FULL,
        Reason.CLOCK_WENT_BACK,
        Reason.MARKET_UNREACHABLE,
        Reason.STATE_NOT_WRITTEN,
        Reason.NO_EXIT_PLAN,
        Reason.STOPPING,
        Reason.PREFLIGHT_FAILED,
        Reason.BOOKS_OPEN,
        Reason.BROKEN_RULE,
        Reason.NOTHING_ELIGIBLE,
    }
)
_EFFECT: Mapping[Reason, str] = {
    **dict.fromkeys(CUT_TO_SIZE, "let all of it pass"),
    Reason.HELD_TOO_LONG: "kept it",
    Reason.ORDER_UNWANTED: "left it where it is",
}
# A move counts in both directions; every other trigger only upwards.
_EITHER_WAY = ("price_move_",)


@dataclass(frozen=True, slots=True)
class Remedy:
    """The one change of policy that would have let the product pass, ready for a YAML file."""

    key: str
    value: str


def remedy(verdict: Mapping[str, str]) -> Remedy | None:
    """The change, or None where no single limit decided."""
    reason = Reason[verdict["code"]]
    if reason not in BY_NUMBER | CUT_TO_SIZE:
        return None
    if reason is Reason.RULE_DECLINED and not verdict["key"].endswith(("_min", "_max")):
        return None  # a window or a distance, which the numbers are not held against
    limit, seen = _said(verdict["limit"]), _said(verdict["seen"])
    if limit is None or seen is None or _kind(seen) != _kind(limit):
        return None
    if seen.startswith("-") and verdict["seen"].startswith(_EITHER_WAY):
        seen = seen[1:]
    if seen.startswith("-") or (reason is Reason.NO_TRIGGER and not re.search("[1-9]", seen)):
        return None  # no limit can be set there
    return Remedy(verdict["key"], seen)


def differ(verdict: Mapping[str, str]) -> str:
    """One clause: what would have had to differ for this product to pass."""
    reason, change = Reason[verdict["code"]], remedy(verdict)
    if change is not None:
        effect = _EFFECT.get(reason, "let it pass")
        return f"{change.key} at {change.value} would have {effect}"
    seen, limit, key = (verdict[name] for name in ("seen", "limit", "key"))
    if reason in TIMES_CAPS:
        return (
            f"a limit of {seen} instead of {limit} would have let all of it pass "
            f"({key} times the regime's caps)"
        )
    otherwise = OTHERWISE.get(reason, "{seen} would have had to meet {limit} ({key})")
    return otherwise.format(seen=seen, limit=limit, key=key)


def _said(phrase: str) -> str | None:
    """The first quantity in a phrase, in the form in which a YAML file takes it."""
    words = phrase.split()
    for place, word in enumerate(words):
        if _WITH_UNIT.match(word):
            return word
        if _NUMBER.match(word):
            unit = words[place + 1] if place + 1 < len(words) else ""
            return f"{word} {unit}" if unit.isupper() else word
    return None


def _kind(quantity: str) -> str:
    """Per cent, multiple, duration, currency or count."""
    if quantity[-1] in "%x":
        return quantity[-1]
    if quantity[-1] in "dhms":
        return "duration"
    return quantity.partition(" ")[2]
