"""Overview: what a person wants to know of the bot at a glance, from one audit record.

The live view and `runner.status` both show it, so they cannot disagree. It adds
nothing to the record: it counts, picks and names, and asks no market.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from core.money import plain, subtracted
from infra.audit_record import Record


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict of a product: what was seen, against which limit, set by which key."""

    code: str
    seen: str
    limit: str
    key: str


@dataclass(frozen=True, slots=True)
class Held:
    """A position, what it has brought so far after fees, and the exit it is nearest to."""

    quantity: str
    cost: str
    value: str
    profit: str
    exit: Answer | None
    stop: str = ""  # RESTING, PLACED or WATCHED, with the stop that is at the venue


@dataclass(frozen=True, slots=True)
class Group:
    """All verdicts of one code; `symbol` is the product among them nearest to a trigger."""

    count: int
    symbol: str
    verdict: Answer


@dataclass(frozen=True, slots=True)
class Wanted:
    """A proposal, and what became of it."""

    symbol: str
    side: str
    notional: str | None  # None: lost before it had a size
    rule: str
    conviction: float
    verdict: Answer | None


@dataclass(frozen=True, slots=True)
class Planned:
    """An order as it was or is to be sent, or one that is to be taken back."""

    symbol: str
    side: str  # or CANCEL
    quantity: str
    price: str
    notional: str
    time_in_force: str
    status: str = ""  # of one that is at the venue, or may be


@dataclass(frozen=True, slots=True)
class Filled:
    """What happened in the market in this cycle."""

    symbol: str
    side: str
    quantity: str
    price: str
    fee: str  # with its currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One cycle at a glance. Amounts are in `currency`; without a decision they are None."""

    mode: str
    exchange: str
    level: str
    standing: str  # why this level and since when; empty at NORMAL
    cycle: int
    at: str  # the market's clock
    outcome: str
    why: Mapping[str, str] | None
    regime: str | None
    eligible: int
    excluded: Mapping[str, int]  # code -> products
    currency: str | None
    equity: str | None
    cash: str | None
    exposure: str | None
    drawdown: str | None
    day_pnl: str | None
    week_loss: str | None
    positions: Mapping[str, Held]
    verdicts: tuple[Group, ...]  # most frequent first
    proposals: tuple[Wanted, ...]  # strongest first
    plan: tuple[Planned, ...]
    open_orders: tuple[Planned, ...]
    process: str | None  # RUNNING, STOPPED; None where there is no sign of life
    next_cycle: str | None
    fills: tuple[Filled, ...] = ()
    quarantined: Mapping[str, str] = field(default_factory=dict)  # symbol -> why
    protection: str | None = None  # how late an exit may be acted on
    breakers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # not at rest
    stuck: int = 0  # own orders that should have got somewhere


def overview(
    record: Record,
    nearest: Sequence[str],
    *,
    process: str | None,
    next_cycle: str | None,
    protection: str | None = None,
) -> Overview:
    """`nearest`: products by nearness to a trigger, as the state of the same cycle has them."""
    account = record["portfolio"] or {}
    currency = account.get("currency")
    return Overview(
        mode=record["mode"],
        exchange=record["exchange"],
        level=record["level"],
        standing=_standing(record),
        cycle=record["cycle"],
        at=record["at"],
        outcome=record["outcome"],
        why=record["why"],
        regime=record["regime"],
        eligible=len(record["universe"]["eligible"]),
        excluded={code: len(names) for code, names in record["universe"]["excluded"].items()},
        currency=currency,
        equity=account.get("equity"),
        cash=account.get("cash", {}).get(currency),
        exposure=account.get("exposure"),
        drawdown=account.get("drawdown"),
        day_pnl=account.get("day_pnl"),
        week_loss=account.get("week_loss"),
        positions={name: _held(record, name) for name in account.get("positions", {})},
        verdicts=_groups(record["verdicts"], nearest),
        proposals=_wanted(record),
        plan=tuple(_planned(order) for order in record["plan"]),
        open_orders=tuple(_planned(order) for order in account.get("open_orders", ())),
        process=process,
        next_cycle=next_cycle,
        fills=tuple(_filled(fill) for fill in record["fills"]),
        quarantined=account.get("quarantined", {}),
        protection=protection,
        stuck=len(account.get("stuck", ())),
    )


def reason_told(why: Mapping[str, str]) -> str:
    """A `why` of a record in one line: whose, which code, what was seen against which limit."""
    product = f"{why['symbol']} " if "symbol" in why else ""
    seen = f"{why['seen']} against {why['limit']}" if "seen" in why else why.get("text", "")
    return f"{product}{why.get('code', '')} {seen}".rstrip()


def _standing(record: Record) -> str:
    standing = record.get("standing") or {}
    if not standing.get("code"):
        return ""
    met = f" {standing['seen']} against {standing['limit']}" if standing.get("seen") else ""
    until = f", until {standing['until']}" if standing.get("until") else ""
    return f"{standing['code']}: {standing['text']}{met} (since {standing['since']}{until})"


def _answer(record: Record, symbol: str) -> Answer | None:
    verdict = record["verdicts"].get(symbol)
    return None if verdict is None else _said(verdict)


def _said(finding: Record) -> Answer:
    return Answer(finding["code"], finding["seen"], finding["limit"], finding["key"])


def _held(record: Record, symbol: str) -> Held:
    position = record["portfolio"]["positions"][symbol]
    watched = record["verdicts"].get(symbol, {}).get("exit")
    profit = subtracted(Decimal(position["value"]), Decimal(position["cost"]))
    return Held(
        position["quantity"],
        position["cost"],
        position["value"],
        plain(profit),
        None if watched is None else _said(watched),
        _stop(record["verdicts"].get(symbol, {}).get("protection")),
    )


def _stop(kept: Record | None) -> str:
    if kept is None:
        return ""
    target = f" target {kept['target']}" if kept["target"] else ""
    return f"{kept['guard']} {kept['stop']}{target}" if kept["stop"] else f"{kept['guard']}"


def _groups(verdicts: Record, nearest: Sequence[str]) -> tuple[Group, ...]:
    rank = {symbol: place for place, symbol in enumerate(nearest)}
    by_code: dict[str, list[str]] = {}
    for symbol, verdict in verdicts.items():
        by_code.setdefault(verdict["code"], []).append(symbol)
    groups = []
    for symbols in by_code.values():
        first = min(symbols, key=lambda symbol: (rank.get(symbol, len(rank)), symbol))
        groups.append(Group(len(symbols), first, _said(verdicts[first])))
    return tuple(sorted(groups, key=lambda group: (-group.count, group.verdict.code)))


def _wanted(record: Record) -> tuple[Wanted, ...]:
    strongest = sorted(record["proposals"], key=lambda made: (-made["conviction"], made["id"]))
    return tuple(
        Wanted(
            made["symbol"],
            made["side"],
            made["notional"],
            made["rule"],
            made["conviction"],
            _answer(record, made["symbol"]),
        )
        for made in strongest
    )


def _planned(order: Record) -> Planned:
    return Planned(
        order["symbol"],
        "CANCEL" if order["type"] == "CANCEL" else order["side"],
        order["quantity"],
        order["price"],
        order["notional"],
        order["time_in_force"],
        order.get("status", ""),
    )


def _filled(fill: Record) -> Filled:
    fee = f"{fill['fee']} {fill['fee_currency']}"
    return Filled(fill["symbol"], fill["side"], fill["quantity"], fill["price"], fee)
