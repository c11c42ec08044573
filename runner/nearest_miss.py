"""What would have had to differ: the smallest change of one number that turns a verdict.

At a limit is allowed, so the limit that would have let a product pass is exactly
what was seen. Where no limit could have done it, the sentence says what else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.reasons import Reason

_WITH_UNIT = re.compile(r"^-?[\d.]+(%|x)$|^-?([\d.]+[dhms])+$")
_NUMBER = re.compile(r"^-?[\d.]+$")

# Where no number of ours decides, what would have had to be otherwise.
_OTHERWISE: Mapping[str, str] = {
    Reason.APPROVED.name: "nothing: it was approved",
    Reason.REDUCED.name: "nothing: it was approved, for less",
    Reason.HELD.name: "nothing: the position is held",
    Reason.STOP_LOSS.name: "the price would have had to stay above the stop",
    Reason.TRAILING_STOP.name: "the price would have had to stay above the trailing stop",
    Reason.TAKE_PROFIT.name: "the price would have had to stay below the target",
    Reason.EXITING.name: "no exit of the asset would have had to fire",
    Reason.ADD_NOT_IN_PROFIT.name: "the position would have had to be in profit",
    Reason.NOT_DECIDED.name: "the cycle would have had to be decided",
    Reason.PRODUCT_NOT_ONLINE.name: "the venue would have had to offer the product as online",
    Reason.BOOK_MISSING.name: "the venue would have had to show both sides of a book",
    Reason.HISTORY_MISSING.name: "the venue would have had to give candles",
    Reason.RULE_DECLINED.name: "the rule's condition would have had to hold",
    Reason.NO_CROSS.name: "the fast average would have had to cross the slow one",
    Reason.RATE_UNKNOWN.name: "the market would have had to show what its wallet is worth",
    Reason.OTHER_WALLET.name: "its wallet or book would have had to be the better one",
    Reason.WRONG_WALLET.name: "its wallet would have had to hold what the order takes",
    Reason.OUTBID.name: "it would have had to be surer than the other proposal",
    Reason.BOOK_MOVED_AWAY.name: "the best bid would have had to stay nearer to the order",
}
# A limit that the regime makes smaller: what is compared is the key times a multiplier.
_TIMES_CAPS = frozenset({"POSITION_FULL", "THEME_FULL", "AT_RISK_FULL"})
# A move counts in both directions; every other trigger only upwards.
_EITHER_WAY = ("price_move_",)


@dataclass(frozen=True, slots=True)
class Remedy:
    """The one change of policy that would have let the product pass, ready for a YAML file."""

    key: str
    value: str


def remedy(verdict: Mapping[str, str]) -> Remedy | None:
    """The change, or None where no single limit decided."""
    code = verdict["code"]
    if code in _OTHERWISE or code in _TIMES_CAPS:
        return None
    limit, seen = _said(verdict["limit"]), _said(verdict["seen"])
    if limit is None or seen is None or _kind(seen) != _kind(limit):
        return None
    if seen.startswith("-") and code == Reason.NO_TRIGGER.name:
        if not verdict["seen"].startswith(_EITHER_WAY):
            return None
        seen = seen[1:]
    if code == Reason.NO_TRIGGER.name and not re.search("[1-9]", seen):
        return None
    return Remedy(verdict["key"], seen)


def differ(verdict: Mapping[str, str]) -> str:
    """One clause: what would have had to differ for this product to pass."""
    change = remedy(verdict)
    if change is not None:
        return f"{change.key} at {change.value} would have let it pass"
    code, seen, limit, key = (verdict[name] for name in ("code", "seen", "limit", "key"))
    if code in _OTHERWISE:
        return _OTHERWISE[code]
    if code in _TIMES_CAPS:
        return f"a limit of {seen} instead of {limit} ({key} times the regime's caps)"
    return f"{seen} would have had to meet {limit} ({key})"


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
