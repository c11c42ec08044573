"""What a run did, counted from its audit log alone: all that can become of an order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

Line = Mapping[str, Any]

PLACED = "entries placed"
RESTED = "entries that rested at the venue"
FILLED = "entries filled"
PARTLY = "orders filled in parts"
ANEW = "entries placed anew, nearer to the book"
RAN_OUT = "entries that ran out by themselves"
TAKEN_BACK = "entries taken back"
GUARDED = "stops laid at the venue"
MOVED = "stops replaced"
STOPPED_THERE = "positions stopped out by the venue"
STOPPED_HERE = "positions stopped out by the bot"
KINDS = (
    *(PLACED, RESTED, FILLED, PARTLY, ANEW, RAN_OUT, TAKEN_BACK),
    *(GUARDED, MOVED, STOPPED_THERE, STOPPED_HERE),
)

_STOPS = ("STOP_LOSS", "TRAILING_STOP")
_REACHED = ("OPEN", "PARTIAL", "FILLED", "CANCELLED", "EXPIRED")
_MOVED_AWAY = "BOOK_MOVED_AWAY"


def counted(lines: Iterable[Line]) -> dict[str, int]:
    """Every kind, with how often it happened; an order counts once for each."""
    seen: set[tuple[str, str]] = set()
    orders: dict[str, Line] = {}
    fills: Counter[str] = Counter()
    gone: set[str] = set()
    again = 0
    for line in lines:
        orders.update({order["client_order_id"]: order for order in line["orders"]})
        for order in line["orders"]:
            seen |= {(kind, order["client_order_id"]) for kind in _kinds_of(order)}
        for fill in line["fills"]:
            fills[fill["client_order_id"]] += 1
            kind = _stopped(fill, orders.get(fill["client_order_id"]), line["verdicts"])
            if kind is not None:
                seen.add((kind, fill["client_order_id"]))
        again += sum(order["symbol"] in gone for order in _entries(line))
        gone = {order["symbol"] for order in line["plan"] if order["reason"] == _MOVED_AWAY}
        again += sum(order["symbol"] in gone for order in _entries(line))
    many = Counter(kind for kind, _ in seen)
    many[PARTLY] = sum(rows > 1 for rows in fills.values())
    many[ANEW] = again
    many[MOVED] = sum(1 for kind, name in seen if kind == TAKEN_BACK and _guards(orders[name]))
    many[TAKEN_BACK] -= many[MOVED]
    return {kind: many[kind] for kind in KINDS}


def _kinds_of(order: Line) -> list[str]:
    status, kinds = order["status"], []
    if order["status"] not in _REACHED:
        return []
    if _guards(order):
        kinds.append(GUARDED)
    elif order["side"] == "BUY":
        kinds.append(PLACED)
        if status == "OPEN":
            kinds.append(RESTED)
        if status == "FILLED":
            kinds.append(FILLED)
        if status == "EXPIRED" and order["time_in_force"] == "GTD":
            kinds.append(RAN_OUT)
    if status == "CANCELLED" and (order["side"] == "BUY" or _guards(order)):
        kinds.append(TAKEN_BACK)
    return kinds


def _entries(line: Line) -> list[Line]:
    return [o for o in line["plan"] if o["side"] == "BUY" and o["type"] != "CANCEL"]


def _guards(order: Line) -> bool:
    return bool(order["stop"] is not None)


def _stopped(fill: Line, order: Line | None, verdicts: Mapping[str, Line]) -> str | None:
    """Whether a sale was a stop: a bracket that sold below its target, or the bot's own verdict."""
    if fill["side"] != "SELL" or order is None:
        return None
    if _guards(order):
        below = Decimal(fill["price"]) < Decimal(order["price"])
        return STOPPED_THERE if below or order["type"] == "STOP_LIMIT" else None
    verdict = verdicts.get(fill["symbol"], {}).get("code")
    return STOPPED_HERE if verdict in _STOPS else None
