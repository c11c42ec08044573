"""Which own orders no longer stand for what would be decided today, and are taken back.

An entry is stale when its product is being sold or may not be bought, when the level
forbids buys, when it would break a cap that the regime made smaller, when nobody asks
for it any more, or when the book has moved away from it. An order of either side is
stale once its own end has passed and the venue still has it; sells are otherwise left
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from core.changes.scene import Scene, breach_of, buy_of, caps_on
from core.market import Side
from core.money import Ratio, Toward, divided, multiplied, subtracted
from core.orders import RESTING, Order, PlannedCancel, step_of
from core.proposals import Purpose, TradeProposal
from core.reasons import Finding, Reason
from core.state import Asked, Level
from core.wording import count, instant, percent

_FORBIDS_BUYS = {
    Level.REDUCE_ONLY: Reason.REDUCE_ONLY,
    Level.PAUSED: Reason.PAUSED,
    Level.HALTED: Reason.HALTED,
}


@dataclass(frozen=True, slots=True)
class Entries:
    """What was seen of own orders. Everything by client order id, but `findings` by symbol."""

    cancels: tuple[PlannedCancel, ...]
    findings: Mapping[str, Finding]
    asked: Mapping[str, Asked]
    unwanted: Mapping[str, int]


def review_entries(
    scene: Scene, wanted: frozenset[str], sales: Mapping[str, TradeProposal]
) -> Entries:
    """Every own order that rests, looked at once. `sales` are proposed in this cycle."""
    asked, memory = dict[str, Asked](), scene.state.changes
    unwanted = _unwanted(scene, wanted)
    cancels: list[PlannedCancel] = []
    findings: dict[str, Finding] = {}
    for order in scene.portfolio.open_orders:
        name = order.planned.client_order_id
        before = memory.asked.get(name)
        if before is not None:
            asked[name] = before
        if order.status not in RESTING:
            continue
        why = _crossed(order, sales) or _stale(order, scene, unwanted.get(name, 0))
        if why is None:
            continue
        findings[order.symbol] = why
        if before is None or may_ask_again(before, scene.state.cycle):
            cancels.append(PlannedCancel(order, why))
            asked[name] = Asked(before.times + 1 if before else 1, scene.state.cycle)
    return Entries(tuple(cancels), findings, asked, unwanted)


def may_ask_again(before: Asked, cycle: int) -> bool:
    """After 1, 2, 4, 8 ... cycles: an order that stays is never forgotten, nor ever hammered."""
    return cycle - before.cycle >= 1 << (before.times - 1)


def _unwanted(scene: Scene, wanted: frozenset[str]) -> dict[str, int]:
    """For how many cycles in a row, this one included, nobody has asked for an open entry."""
    before = scene.state.changes.unwanted
    return {
        order.planned.client_order_id: before.get(order.planned.client_order_id, 0) + 1
        for order in scene.portfolio.open_orders
        if order.planned.side is Side.BUY and order.planned.reason not in wanted
    }


def _stale(order: Order, scene: Scene, unwanted: int) -> Finding | None:
    """The first thing that speaks against the order."""
    checks = _CHECKS if order.planned.side is Side.BUY else (_overdue,)
    for check in checks:
        if (finding := check(order, scene)) is not None:
            return finding
    if order.planned.side is Side.SELL:
        return None
    most = scene.rules.unwanted_cycles_max
    if unwanted > most:
        seen, limit = count(unwanted, "cycle"), count(most, "cycle")
        key = "execution.unwanted_cycles_max"
        return Finding(Reason.ORDER_UNWANTED, seen, limit, key)
    # Without a wish of this cycle, nobody would place it anew.
    return _left_behind(order, scene) if not unwanted else None


def _crossed(order: Order, sales: Mapping[str, TradeProposal]) -> Finding | None:
    """Nothing is bought of what is being sold; else an exit would come back as a position."""
    sale = sales.get(order.symbol)
    if sale is None or order.planned.side is Side.SELL:
        return None
    if sale.purpose is Purpose.EXIT:
        return Finding(Reason.EXITING, sale.rule, "no exit of the product", "exits")
    key = f"strategies.{sale.strategy}.enabled"
    return Finding(Reason.ORDER_UNWANTED, sale.id, "no sale of the product", key)


def _level(_: Order, scene: Scene) -> Finding | None:
    standing = scene.standing
    if standing.level is Level.NORMAL:
        return None
    reason = _FORBIDS_BUYS[standing.level]
    if standing.code == Reason.KILL_SWITCH.name:
        reason = Reason.KILL_SWITCH
    return Finding(reason, standing.level.name, Level.NORMAL.name, "level")


def _ineligible(order: Order, scene: Scene) -> Finding | None:
    return scene.exclusion(order.symbol)


def _overdue(order: Order, scene: Scene) -> Finding | None:
    end = order.planned.end_time
    if end is None or scene.at <= end:
        return None
    return Finding(Reason.ORDER_OVERDUE, instant(scene.at), instant(end), "execution.maker_ttl")


def _beyond_cap(order: Order, scene: Scene) -> Finding | None:
    """Whether the order, were it filled, would leave a cap exceeded beyond the tolerance."""
    held, bought = scene.held, buy_of(order, scene)
    stakes = {**held, order.symbol: bought}
    if (has := held.get(order.symbol)) is not None:
        stakes[order.symbol] = replace(bought, worth=bought.worth + has.worth)
    for cap in caps_on({order.symbol: bought}, scene):
        if (breach := breach_of(cap, tuple(stakes.values()), scene)) is not None:
            return breach.finding
    return None


def _left_behind(order: Order, scene: Scene) -> Finding | None:
    """Whether the best bid lies so far above a resting entry that it will hardly be met."""
    planned, top = order.planned, scene.snapshot.tops.get(order.symbol)
    if top is None or not planned.post_only or step_now(order, scene) is None:
        return None
    price, least = planned.price.amount, scene.rules.reprice_distance_min
    away = subtracted(top.bid, price)
    # As a product, because a quotient would round.
    if away < multiplied(price, least.value):
        return None
    seen = percent(Ratio(divided(away, price, toward=Toward.FLOOR)))
    limit = percent(least)
    return Finding(Reason.BOOK_MOVED_AWAY, seen, limit, "execution.reprice_distance_min")


def step_now(order: Order, scene: Scene) -> int | None:
    """Which step of its intent the order is, while one more may follow; else None."""
    most = scene.rules.reprice_max
    planned_in = replace(scene.state, cycle=order.cycle).cycle_id
    return step_of(order.planned, planned_in, most=most - 1)


_CHECKS: tuple[Callable[[Order, Scene], Finding | None], ...] = (
    _level,
    _ineligible,
    _overdue,
    _beyond_cap,
)
