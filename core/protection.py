"""Stage 7: where the stop of every position is, with us or as an order at the venue.

Exists so that a position is protected while the bot is away, and so that there are
never two live sells of it. It comes after the plan, for only then is it known which
sales really go out: a stop is taken back for a sale that was approved, never for one
that was merely wished. A stop that rests is one more protection and replaces none:
the bot watches every level in every cycle all the same.

It needs no leave of risk, like a cancel, and acts at every level. It sells own lots
only, and what the venue refuses is tried ever more rarely. Whatever follows a resting
stop, a sale or a newer stop, waits for the proof that the old one has ended with
nothing filled (`PlannedOrder.after`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from core.changes import Scene
from core.changes.entries import may_ask_again
from core.execution import OrderPlan, below_minimum, lowest_sale, no_tick, on_the_lot
from core.exits import STRATEGY, Armed, Exits
from core.market import Product, ProductStatus, Side
from core.money import (
    ZERO,
    Price,
    Quantity,
    multiplied,
    plain,
    rounded_down,
    rounded_up,
    subtracted,
)
from core.orders import (
    FINAL,
    PROTECT,
    Fill,
    Order,
    OrderType,
    PlannedCancel,
    PlannedOrder,
    TimeInForce,
    client_order_id,
)
from core.policy import Resting
from core.reasons import Finding, Reason
from core.state import ExitPlan
from core.wording import count

_SELLABLE = (ProductStatus.ONLINE, ProductStatus.LIMIT_ONLY)


class Guard(Enum):
    """Who would leave the position now."""

    RESTING = "RESTING"  # the venue, at any moment; the bot watches too
    PLACED = "PLACED"  # the venue, once it has taken the order of this cycle
    WATCHED = "WATCHED"  # the bot, in its next cycle


@dataclass(frozen=True, slots=True)
class Protection:
    """The stop of one position. `order` is the one that rests, or is sent to rest."""

    guard: Guard
    why: Finding
    order: PlannedOrder | None = None


@dataclass(frozen=True, slots=True)
class Protections:
    """The protection of every position, and the plan with what it takes."""

    of: Mapping[str, Protection]  # by symbol
    plan: OrderPlan


@dataclass(frozen=True, slots=True)
class _Step:
    """What one position needs in this cycle."""

    protection: Protection
    cancels: tuple[PlannedCancel, ...] = ()
    order: PlannedOrder | None = None


class _Stop(NamedTuple):
    """A stop as it should rest now. In most cycles one like it does, so it is no order yet."""

    product: Product
    type: OrderType
    stop: Decimal
    price: Decimal  # of a bracket: its target
    quantity: Quantity

    def ordered(self, scene: Scene, after: tuple[str, ...]) -> PlannedOrder:
        symbol, quote = self.product.symbol, self.product.quote
        return PlannedOrder(
            client_order_id=client_order_id(scene.state.cycle_id, PROTECT, symbol, Side.SELL, 0),
            symbol=symbol,
            side=Side.SELL,
            type=self.type,
            time_in_force=TimeInForce.GTC,
            post_only=False,
            end_time=None,
            price=Price(self.price, quote),
            quantity=self.quantity,
            reason=f"{PROTECT}:{symbol}:{Side.SELL.value}",
            stop=Price(self.stop, quote),
            after=after,
        )


def protect(
    scene: Scene, plans: Mapping[str, ExitPlan], exits: Exits, plan: OrderPlan
) -> Protections:
    """Where every position's stop is, and the plan with stops placed, replaced and taken back."""
    sales = {order.symbol: order for order in reversed(plan.orders) if order.side is Side.SELL}
    own: dict[str, list[Order]] = {}
    for order in scene.portfolio.open_orders:
        own.setdefault(order.symbol, []).append(order)
    steps = {
        symbol: _step(plans[symbol], own.get(symbol, []), sales.get(symbol), exits, scene)
        for symbol in sorted(plans)
    }
    cancels = tuple(cancel for step in steps.values() for cancel in step.cancels)
    orders = tuple(step.order for step in steps.values() if step.order is not None)
    selling = {
        symbol: tuple(cancel.client_order_id for cancel in step.cancels)
        for symbol, step in steps.items()
    }
    sent = tuple(_behind(order, selling) for order in plan.orders)
    # What has to be sold now, then the stops of what is kept, then whatever was wished.
    first = tuple(order for order in sent if order.author == STRATEGY)
    rest = tuple(order for order in sent if order.author != STRATEGY)
    whole = replace(plan, orders=first + orders + rest, cancels=plan.cancels + cancels)
    return Protections({symbol: step.protection for symbol, step in steps.items()}, whole)


def stopped_by(planned: PlannedOrder, fill: Fill) -> bool:
    """Whether a fill of a resting order was its stop: below a bracket's target it can only be."""
    if not planned.protects:
        return False
    return planned.type is OrderType.STOP_LIMIT or fill.price.amount < planned.price.amount


def _behind(order: PlannedOrder, selling: Mapping[str, tuple[str, ...]]) -> PlannedOrder:
    """A sale, to be sent once the stops of its product have ended."""
    before = selling.get(order.symbol, ()) if order.side is Side.SELL else ()
    return replace(order, after=before) if before else order


def _step(
    plan: ExitPlan, own: list[Order], sale: PlannedOrder | None, exits: Exits, scene: Scene
) -> _Step:
    watched = exits.watched[plan.symbol]
    guards = [order for order in own if order.guards]
    if sale is not None:
        return _given_way(guards, sale, watched)
    hindrance = _hindrance(plan.symbol, own, watched, scene)
    if hindrance is not None:
        return _as_it_is(guards, hindrance)
    if scene.policy.exits.resting is Resting.WATCHED:
        return _taken_back(guards, scene)
    wanted = _wanted(plan.symbol, exits.armed[plan.symbol], scene)
    if isinstance(wanted, Finding):
        return _as_it_is(guards, wanted)
    return _brought_up(guards, wanted, scene)


def _given_way(guards: list[Order], sale: PlannedOrder, watched: Finding) -> _Step:
    """Every sale takes the resting stop back first, each time it is tried."""
    key = watched.key if sale.author == STRATEGY else "exits.resting"
    why = Finding(Reason.STOP_GIVES_WAY, sale.reason, "no sale of the product", key)
    cancels = tuple(PlannedCancel(guard, why) for guard in guards)
    return _Step(Protection(Guard.WATCHED, why), cancels)


def _hindrance(symbol: str, own: list[Order], watched: Finding, scene: Scene) -> Finding | None:
    """Why nothing may be placed or taken back now."""
    odd = scene.portfolio.quarantined.get(symbol)
    if odd is not None:
        return Finding(Reason.QUARANTINED, odd, "books that close", "ledger")
    if watched.reason is not Reason.HELD:
        return watched  # it is to be left, and could not be: a stop would be beyond the market
    for order in own:
        live = order.status not in FINAL and not order.guards
        if live and order.planned.side is Side.SELL:
            seen = f"{order.planned.side.value} {order.status.name}"
            return Finding(Reason.ORDER_PENDING, seen, "no open sell", "order.status")
    return None


def _as_it_is(guards: list[Order], why: Finding) -> _Step:
    """What rests goes on resting."""
    if guards:
        return _Step(_resting(guards[0]))
    return _Step(Protection(Guard.WATCHED, why))


def _resting(guard: Order, why: Finding | None = None) -> Protection:
    planned = guard.planned
    rests = Finding(
        Reason.STOP_RESTS, f"stop {planned.stop}", "a stop for the position", "exits.resting"
    )
    return Protection(Guard.RESTING, why or rests, planned)


def _taken_back(guards: list[Order], scene: Scene) -> _Step:
    """The policy wants no stop at the venue (any more)."""
    wanted = Resting.WATCHED.value
    if not guards:
        why = Finding(Reason.STOP_WATCHED, wanted, "a stop at the venue", "exits.resting")
        return _Step(Protection(Guard.WATCHED, why))
    why = Finding(Reason.STOP_OUTDATED, guards[0].planned.type.value, wanted, "exits.resting")
    cancels = tuple(PlannedCancel(guard, why) for guard in guards if _may_ask(guard, scene))
    return _Step(_resting(guards[0], why), cancels)


def _wanted(symbol: str, armed: Armed, scene: Scene) -> _Stop | Finding:
    """The stop as it should rest now, or why none can."""
    product = scene.snapshot.products.get(symbol)
    if product is None or product.status not in _SELLABLE:
        seen = "not listed" if product is None else product.status.value
        limit = " or ".join(status.value for status in _SELLABLE)
        return Finding(Reason.PRODUCT_NOT_ONLINE, seen, limit, "product.status")
    # The tick that is reached first: no stop waits longer for the venue than for the bot.
    stop = rounded_up(armed.stop, product.price_increment)
    return _legal(stop, armed.target, product, scene)


def _legal(stop: Decimal, target: Decimal, product: Product, scene: Scene) -> _Stop | Finding:
    tick, symbol, kind = product.price_increment, product.symbol, _kind(product.symbol, scene)
    top = scene.snapshot.tops.get(symbol)
    if top is not None and stop >= top.bid:
        bid = Price(top.bid, product.quote)
        seen = f"stop {Price(stop, product.quote)}"
        return Finding(Reason.STOP_WATCHED, seen, f"below the bid {bid}", "exits")
    limit = lowest_sale(stop, scene.policy.exits.resting_gap, tick)
    if kind is OrderType.BRACKET:
        limit = rounded_down(target, tick)
    if limit <= ZERO:
        return no_tick(stop, product)
    quantity = on_the_lot(scene.portfolio.positions[symbol].quantity.amount, product)
    worst = Price(min(stop, limit), product.quote)
    too_small = below_minimum(worst, quantity, product)
    if too_small is not None:
        return too_small
    return _Stop(product, kind, stop, limit, quantity)


def _kind(symbol: str, scene: Scene) -> OrderType:
    """As the policy says; where the venue refuses a bracket, in turns as a stop-limit."""
    refused = scene.state.refusals.get(symbol)
    in_turn = refused is None or refused.times % 2 == 0
    bracket = scene.policy.exits.resting is Resting.BRACKET and in_turn
    return OrderType.BRACKET if bracket else OrderType.STOP_LIMIT


def _brought_up(guards: list[Order], wanted: _Stop, scene: Scene) -> _Step:
    """Keep what rests, replace it, or place it."""
    outdated = _outdated(guards, wanted, scene)
    if guards and outdated is None:
        return _Step(_resting(guards[0]))
    refused = _refused(wanted.product.symbol, scene)
    if refused is not None:  # an old stop is better than none
        return _as_it_is(guards, refused)
    if outdated is None:
        order = wanted.ordered(scene, after=())
        why = Finding(
            Reason.STOP_PLACED, f"stop {order.stop}", "a stop at the venue", "exits.resting"
        )
        return _Step(Protection(Guard.PLACED, why, order), (), order)
    if not all(_may_ask(guard, scene) for guard in guards):
        return _Step(_resting(guards[0], outdated))
    cancels = tuple(PlannedCancel(guard, outdated) for guard in guards)
    before = tuple(guard.planned.client_order_id for guard in guards)
    return _Step(_resting(guards[0], outdated), cancels, wanted.ordered(scene, before))


def _outdated(guards: list[Order], wanted: _Stop, scene: Scene) -> Finding | None:
    """What of the resting stop is no longer right; None where nothing rests or all is well."""
    if not guards:
        return None
    guard, now = guards[0].planned, guards[0].left
    if len(guards) > 1:
        seen, limit = count(len(guards), "resting stop"), count(1, "resting stop")
        return Finding(Reason.STOP_OUTDATED, seen, limit, "exits.resting")
    if guard.type is not wanted.type:
        seen, limit = guard.type.value, wanted.type.value
        return Finding(Reason.STOP_OUTDATED, seen, limit, "exits.resting")
    if now != wanted.quantity:
        return Finding(Reason.STOP_OUTDATED, str(now), str(wanted.quantity), "portfolio.positions")
    levels = [("stop", _stop_of(guard), wanted.stop)]
    if guard.type is OrderType.BRACKET:
        levels.append(("target", guard.price.amount, wanted.price))
    for name, old, new in levels:
        if _has_moved(old, new, scene):
            seen, limit = f"{name} {plain(old)}", f"{name} {plain(new)}"
            return Finding(Reason.STOP_OUTDATED, seen, limit, "exits.resting_drift_min")
    return None


def _stop_of(order: PlannedOrder) -> Decimal:
    assert order.stop is not None  # a stop that rests has one
    return order.stop.amount


def _has_moved(old: Decimal, new: Decimal, scene: Scene) -> bool:
    moved = subtracted(new, old).copy_abs()
    # As a product, because a quotient would round.
    return bool(moved) and moved >= multiplied(old, scene.policy.exits.resting_drift_min.value)


def _may_ask(guard: Order, scene: Scene) -> bool:
    before = scene.state.changes.asked.get(guard.planned.client_order_id)
    return before is None or may_ask_again(before, scene.state.cycle)


def _refused(symbol: str, scene: Scene) -> Finding | None:
    """While the venue is not to be asked again: after 1, 2, 4, 8 ... cycles it is."""
    refused = scene.state.refusals.get(symbol)
    if refused is None or scene.state.cycle - refused.cycle >= 1 << (refused.times - 1):
        return None
    told = refused.told or "no word of the venue"
    return Finding(Reason.STOP_REFUSED, told, "a stop at the venue", "exits.resting")
