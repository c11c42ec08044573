"""Denials that a list, a level or a price of the record decides, judged by a hand of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from tests.checker.quantities import NotAQuantity, quantity, said_quantity

Finding = Mapping[str, str]
Record = Mapping[str, Any]
Judge = Callable[[str, Finding, Record, Mapping[str, Any]], Iterator[str]]

_PRICE = re.compile(r"\b(?:stop|target|bid|close|mark) (\d+(?:\.\d+)?) [A-Z]+")
_LEVELS = {"HALTED": "HALTED", "PAUSED": "PAUSED", "REDUCE_ONLY": "REDUCE_ONLY"}


def numbers(finding: Finding) -> tuple[Decimal, Decimal] | None:
    """What was seen and the limit, where both are told as numbers."""
    try:
        return said_quantity(finding["seen"])[0], said_quantity(finding["limit"])[0]
    except NotAQuantity:
        return None


def fewer(_: str, finding: Finding, __: Record, ___: Mapping[str, Any]) -> Iterator[str]:
    """Too little, against a number that stands in no key."""
    told = numbers(finding)
    if told is not None and not told[0] < told[1]:
        yield f"seen {finding['seen']} is not below {finding['limit']}"


def not_more(_: str, finding: Finding, __: Record, ___: Mapping[str, Any]) -> Iterator[str]:
    told = numbers(finding)
    if told is None or not told[0] <= told[1]:
        yield f"seen {finding['seen']} is more than {finding['limit']}"


def equal(_: str, finding: Finding, __: Record, ___: Mapping[str, Any]) -> Iterator[str]:
    if finding["seen"] != finding["limit"]:
        yield f"seen {finding['seen']} is not {finding['limit']}"


def unequal(_: str, finding: Finding, __: Record, ___: Mapping[str, Any]) -> Iterator[str]:
    if finding["seen"] in finding["limit"].split(" or "):
        yield f"seen {finding['seen']} is {finding['limit']}"


def not_listed(
    symbol: str, finding: Finding, _: Record, policy: Mapping[str, Any]
) -> Iterator[str]:
    """Neither the word nor the product stands in the list under the key."""
    if {symbol, finding["seen"]} & set(value(finding["key"], policy) or ()):
        yield f"{finding['seen']} stands in {finding['key']}"


def listed(symbol: str, finding: Finding, _: Record, policy: Mapping[str, Any]) -> Iterator[str]:
    """The asset stands in the list under the key, by itself or in an entry of it."""
    base = symbol.split("-")[0]
    entries = value(finding["key"], policy) or ()
    assets = {entry["asset"] if isinstance(entry, Mapping) else entry for entry in entries}
    if base not in assets:
        yield f"{base} does not stand in {finding['key']}"


def not_discovered(
    symbol: str, finding: Finding, _: Record, policy: Mapping[str, Any]
) -> Iterator[str]:
    tiers = policy["universe"]["tiers"].values()
    named = {asset for tier in tiers for asset in tier["assets"]}
    if value(finding["key"], policy) is not False or symbol.split("-")[0] in named:
        yield f"{symbol} is named in a tier, or may be discovered"


def regime_closed(
    symbol: str, finding: Finding, record: Record, policy: Mapping[str, Any]
) -> Iterator[str]:
    if finding["seen"] != record["regime"]:
        yield f"the regime is {record['regime']}, not {finding['seen']}"
    yield from not_listed(symbol, finding, record, policy)


def at_level(_: str, finding: Finding, record: Record, __: Mapping[str, Any]) -> Iterator[str]:
    if finding["seen"] != record["level"] or record["level"] == "NORMAL":
        yield f"the level is {record['level']}, not {finding['seen']}"


def halted(
    symbol: str, finding: Finding, record: Record, policy: Mapping[str, Any]
) -> Iterator[str]:
    """A level that has a code of its own."""
    yield from at_level(symbol, finding, record, policy)
    if finding["code"] in _LEVELS and record["level"] != _LEVELS[finding["code"]]:
        yield f"the level is {record['level']}"


def fallen(_: str, finding: Finding, __: Record, ___: Mapping[str, Any]) -> Iterator[str]:
    """The price is at its stop or below."""
    seen, level = _prices(finding)
    if not seen <= level:
        yield f"{finding['seen']} is above {finding['limit']}"


def risen(_: str, finding: Finding, __: Record, ___: Mapping[str, Any]) -> Iterator[str]:
    seen, level = _prices(finding)
    if not seen >= level:
        yield f"{finding['seen']} is below {finding['limit']}"


def held(_: str, finding: Finding, __: Record, ___: Mapping[str, Any]) -> Iterator[str]:
    """The nearest level is not reached."""
    seen, level = _prices(finding)
    rising = finding["limit"].startswith("target")
    if seen >= level if rising else seen <= level:
        yield f"{finding['seen']} has reached {finding['limit']}"


def declined(_: str, finding: Finding, __: Record, policy: Mapping[str, Any]) -> Iterator[str]:
    """Where the key is a bound: it is the one stated, and the number lies beyond it."""
    told, bound = numbers(finding), finding["key"].rpartition("_")[2]
    if told is None or bound not in ("min", "max"):
        return
    stated = value(finding["key"], policy)
    if stated is None or quantity(str(stated))[0] != told[1]:
        yield f"limit {finding['limit']} is not {finding['key']}, which is {stated}"
    if not (told[0] < told[1] if bound == "min" else told[0] > told[1]):
        yield f"seen {finding['seen']} is within the limit {finding['limit']}"


def jumped(_: str, finding: Finding, __: Record, policy: Mapping[str, Any]) -> Iterator[str]:
    """A move of at least the reach, on less than the share of the mean volume."""
    move, reach = (abs(n) for n in numbers(finding) or (Decimal(0), Decimal(1)))
    share = said_quantity(finding["seen"].partition(" on ")[2])[0]
    if not move >= reach:
        yield f"seen {finding['seen']} is within the limit {finding['limit']}"
    if not share < quantity(policy["triggers"]["outlier"]["volume_max"])[0]:
        yield f"seen {finding['seen']} was traded"


def late(_: str, finding: Finding, __: Record, ___: Mapping[str, Any]) -> Iterator[str]:
    """Two instants: ISO 8601 in UTC sorts as text."""
    if not finding["seen"] > finding["limit"]:
        yield f"{finding['seen']} is not after {finding['limit']}"


def nothing(_: str, finding: Finding, __: Record, ___: Mapping[str, Any]) -> Iterator[str]:
    if not said_quantity(finding["seen"])[0] <= 0:
        yield f"{finding['seen']} is more than nothing"


JUDGES: Mapping[str, Judge] = {
    "PRODUCT_NOT_ONLINE": unequal,
    "QUOTE_NOT_OURS": not_listed,
    "STABLE_PAIR": listed,
    "NOT_ON_ALLOWLIST": not_listed,
    "RED_FLAG": listed,
    "NOT_IN_A_TIER": not_discovered,
    "HISTORY_MISSING": fewer,
    "HISTORY_TOO_SHORT": fewer,
    "OUTLIER": jumped,
    "RULE_NOT_IN_REGIME": regime_closed,
    "RULE_DECLINED": declined,
    "HELD": held,
    "STOP_LOSS": fallen,
    "TRAILING_STOP": fallen,
    "TAKE_PROFIT": risen,
    "NO_SHORTS": fewer,
    "OUTBID": not_more,
    "SIZE_IS_ZERO": nothing,
    "ORDER_OVERDUE": late,
    "KILL_SWITCH": halted,
    "HALTED": halted,
    "PAUSED": halted,
    "REDUCE_ONLY": halted,
    "ADD_NOT_IN_PROFIT": not_more,
    "BELOW_VENUE_MINIMUM": fewer,
    "APPROVED": equal,
}
# Nothing in the record or the policy could prove these wrong: the words are all there is.
WORDS_ONLY = frozenset(
    {
        "BOOK_MISSING",
        "OTHER_WALLET",
        "NO_RULE",
        "NO_CROSS",
        "FLATTEN",
        "EXITING",
        "ORDER_PENDING",
        "QUARANTINED",
        "PRODUCTS_TOO_OLD",
        "NOT_DECIDED",
    }
)


def value(key: str, policy: Mapping[str, Any]) -> Any:
    """What the effective policy states under a dotted key, as YAML reads it."""
    found: Any = policy
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _prices(finding: Finding) -> tuple[Decimal, Decimal]:
    """The price that was seen, and the level it was held against."""
    seen, level = (_PRICE.search(finding[part]) for part in ("seen", "limit"))
    if seen is None or level is None:
        raise NotAQuantity(f"{finding['seen']} against {finding['limit']}")
    return Decimal(seen[1]), Decimal(level[1])
