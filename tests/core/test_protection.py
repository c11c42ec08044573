"""Where stops are: placed, kept, replaced, taken back; and never two live sells of a position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.account import Lot, Position
from core.changes import Scene
from core.execution import OrderPlan
from core.exits import exit_plans, protective_exits
from core.market import ProductStatus, Regime, Side
from core.money import Price
from core.orders import (
    Fill,
    Order,
    OrderStatus,
    OrderType,
    PlannedCancel,
    PlannedOrder,
    TimeInForce,
)
from core.policy import Resting
from core.protection import Guard, Protection, Protections, protect, stopped_by
from core.reasons import Finding, Reason
from core.state import Asked, BotState, ChangeMemory, ExitLevel, ExitPlan, Level, Refusal
from tests.builders.account import a_portfolio, a_standing, a_state
from tests.builders.changes import a_scene, a_stop, an_entry
from tests.builders.market import NOON, a_product, a_snapshot, a_top
from tests.builders.risk import a_policy, an_exits_policy, bps, percent, usd

SOL = "SOL-USD"
DAY = timedelta(days=1)


def resting(how: Resting = Resting.STOP_LIMIT, **changes: object) -> object:
    return a_policy(exits=an_exits_policy(resting=how, **changes))


def a_scene_with(
    *orders: Order,
    how: Resting = Resting.STOP_LIMIT,
    quantity: str = "1",
    state: BotState | None = None,
    regime: Regime = Regime.CHOP,
    quarantined: dict[str, str] | None = None,
    product: Mapping[str, object] | None = None,
    bid: str = "99.98",
    level: Level = Level.NORMAL,
    **exits: object,
) -> Scene:
    """One SOL bought at 100 yesterday: its stop is 95, its target 110, the bid 99.98."""
    lot = Lot(Decimal(quantity), Decimal(100), NOON - DAY)
    portfolio = replace(
        a_portfolio(Position(SOL, "SOL", "USD", (lot,)), marks={SOL: bid}),
        quarantined=quarantined or {},
    )
    ask = str(Decimal(bid) + Decimal("0.04"))
    snapshot = a_snapshot(
        SOL,
        products={SOL: a_product(SOL, **(product or {}))},
        tops={SOL: a_top(SOL, bid=bid, ask=ask)},
    )
    return a_scene(
        *orders,
        portfolio=portfolio,
        snapshot=snapshot,
        state=state,
        regime=regime,
        standing=a_standing(level=level),
        policy=resting(how, **exits),  # type: ignore[arg-type]
    )


def protected(scene: Scene, *sent: PlannedOrder) -> Protections:
    """The stage after a plan that sends these orders."""
    plans = exit_plans(scene.state, scene.portfolio, scene.snapshot.panel, scene.policy.exits)
    exits = protective_exits(
        scene.snapshot, scene.portfolio, plans, {SOL: "T2"}, scene.regime, scene.policy
    )
    return protect(scene, plans, exits, OrderPlan(sent, {}))


def the_stop(scene: Scene) -> Protection:
    return protected(scene).of[SOL]


def cancels(scene: Scene, *sent: PlannedOrder) -> list[PlannedCancel]:
    return list(protected(scene, *sent).plan.cancels)


def an_exit(author: str = "exits", side: Side = Side.SELL) -> PlannedOrder:
    return replace(an_entry().planned, side=side, reason=f"{author}:{SOL}:{side.value}")


def refused(times: int, cycles_ago: int) -> BotState:
    known = Refusal(times, 97 - cycles_ago, "ORDER_TYPE_NOT_SUPPORTED")
    return a_state(refusals={SOL: known})


def test_a_stop_limit_rests_at_the_stop_with_its_limit_below() -> None:
    result = protected(a_scene_with())

    (order,) = result.plan.orders
    assert (order.side, order.type, order.time_in_force) == (
        Side.SELL,
        OrderType.STOP_LIMIT,
        TimeInForce.GTC,
    )
    assert order.stop == Price(Decimal(95), "USD")
    assert order.price == Price(Decimal("93.1"), "USD")  # 2% below
    assert str(order.quantity) == "1 SOL"
    assert order.reason == f"protect:{SOL}:SELL"
    assert result.of[SOL].guard is Guard.PLACED
    assert result.of[SOL].order == order


def test_a_bracket_carries_the_target_as_its_price() -> None:
    (order,) = protected(a_scene_with(how=Resting.BRACKET)).plan.orders

    assert order.type is OrderType.BRACKET
    assert (str(order.stop), str(order.price)) == ("95 USD", "110 USD")


def test_a_policy_that_watches_places_nothing_and_says_so() -> None:
    result = protected(a_scene_with(how=Resting.WATCHED))

    assert result.plan.orders == ()
    assert result.of[SOL].guard is Guard.WATCHED
    assert result.of[SOL].why.reason is Reason.STOP_WATCHED


def test_the_stop_is_the_nearest_that_is_armed() -> None:
    plan = ExitPlan(
        symbol=SOL,
        stop=ExitLevel(Decimal(80), "exits.stop_loss"),
        target=ExitLevel(Decimal(200), "exits.take_profit"),
        entry=Decimal(100),
        opened_at=NOON - DAY,
        added_at=NOON - DAY,
        highest_close=Decimal(106),
    )
    state = a_state(exits={SOL: plan})
    (trailing,) = protected(a_scene_with(state=state, bid="103")).plan.orders
    assert str(trailing.stop) == "101.76 USD"  # 4% below the highest close

    calm = a_scene_with(state=a_state(exits={SOL: replace(plan, highest_close=Decimal(100))}))
    (own,) = protected(calm).plan.orders
    (in_a_crash,) = protected(replace(calm, regime=Regime.CRASH)).plan.orders
    assert (str(own.stop), str(in_a_crash.stop)) == ("80 USD", "90 USD")


@pytest.mark.parametrize("how", [Resting.STOP_LIMIT, Resting.BRACKET])
def test_a_stop_that_is_right_goes_on_resting(how: Resting) -> None:
    kind = OrderType.BRACKET if how is Resting.BRACKET else OrderType.STOP_LIMIT
    price = "110" if how is Resting.BRACKET else "93.1"
    guard = a_stop(kind=kind, price=price)
    result = protected(a_scene_with(guard, how=how))

    assert (result.plan.orders, result.plan.cancels) == ((), ())
    assert result.of[SOL] == Protection(Guard.RESTING, result.of[SOL].why, guard.planned)
    assert result.of[SOL].why.reason is Reason.STOP_RESTS


@pytest.mark.parametrize(
    ("stop", "replaced"),
    [("94.77", False), ("94.76", True), ("94.5", True), ("95.23", False), ("95.24", True)],
)
def test_a_stop_that_moved_by_less_than_the_drift_is_not_replaced(
    stop: str, replaced: bool
) -> None:
    """0.25% of 94.77 is 0.2369, of 94.76 0.2369; of 95.23 0.238 and of 95.24 0.2381."""
    scene = a_scene_with(a_stop(stop=stop))
    assert bool(protected(scene).plan.orders) is replaced
    assert bool(cancels(scene)) is replaced


def test_at_the_drift_a_stop_is_replaced_and_without_one_only_what_is_other_is() -> None:
    def moved(drift: object, stop: str) -> bool:
        return bool(cancels(a_scene_with(a_stop(stop=stop), resting_drift_min=drift)))

    assert moved(percent("1"), "94.06") is False  # 0.94 against 0.9406
    assert moved(percent("25"), "76") is True  # 19 against 19
    assert moved(bps("0"), "95") is False
    assert moved(bps("0"), "94.99") is True


def test_a_target_that_moved_replaces_a_bracket() -> None:
    scene = a_scene_with(a_stop(kind=OrderType.BRACKET, price="108"), how=Resting.BRACKET)
    (cancel,) = cancels(scene)
    assert (cancel.why.seen, cancel.why.limit) == ("target 108", "target 110")


def test_a_replacement_waits_for_the_end_of_what_it_replaces() -> None:
    guard = a_stop(stop="90")
    result = protected(a_scene_with(guard))

    (order,) = result.plan.orders
    assert order.after == (guard.planned.client_order_id,)
    assert result.plan.cancels[0].order == guard
    assert result.of[SOL].guard is Guard.RESTING
    assert result.of[SOL].why.reason is Reason.STOP_OUTDATED


def test_an_add_makes_the_stop_outdated_and_a_partial_fill_does_not() -> None:
    assert cancels(a_scene_with(a_stop(quantity="1"), quantity="1.5"))
    half = a_stop(quantity="1", filled="0.4", status=OrderStatus.PARTIAL)
    assert not cancels(a_scene_with(half, quantity="0.6"))
    assert cancels(a_scene_with(half, quantity="0.7"))


def test_a_stop_of_another_kind_is_replaced() -> None:
    (cancel,) = cancels(a_scene_with(a_stop(), how=Resting.BRACKET))
    assert (cancel.why.seen, cancel.why.limit) == ("STOP_LIMIT", "BRACKET")


def test_a_policy_that_watches_again_takes_the_stop_back() -> None:
    scene = a_scene_with(a_stop(), how=Resting.WATCHED)
    (cancel,) = cancels(scene)
    assert cancel.why.reason is Reason.STOP_OUTDATED
    assert protected(scene).plan.orders == ()


@pytest.mark.parametrize("author", ["exits", "rules", "trims"])
def test_every_sale_takes_the_stop_back_and_waits_for_its_end(author: str) -> None:
    guard = a_stop()
    result = protected(a_scene_with(guard), an_exit(author))

    (sale,) = result.plan.orders
    assert sale.after == (guard.planned.client_order_id,)
    assert [c.why.reason for c in result.plan.cancels] == [Reason.STOP_GIVES_WAY]
    assert result.of[SOL].guard is Guard.WATCHED


def test_a_sale_asks_every_time_whatever_was_asked_before() -> None:
    guard = a_stop()
    asked = {guard.planned.client_order_id: Asked(5, 96)}
    state = a_state(changes=ChangeMemory(asked=asked))
    assert cancels(a_scene_with(guard, state=state), an_exit())
    assert not cancels(a_scene_with(guard, state=state, how=Resting.WATCHED))


def test_a_buy_neither_waits_nor_takes_anything_back() -> None:
    result = protected(a_scene_with(a_stop()), an_exit("rules", Side.BUY))
    (buy,) = result.plan.orders
    assert buy.after == ()
    assert result.plan.cancels == ()


def test_exits_are_sent_first_then_stops_then_what_was_wished() -> None:
    other = replace(an_exit("exits"), symbol="ADA-USD", client_order_id="exit")
    wished = replace(an_exit("rules", Side.BUY), symbol="XRP-USD", client_order_id="buy")
    result = protected(a_scene_with(), wished, other)
    assert [order.author for order in result.plan.orders] == ["exits", "protect", "rules"]


@pytest.mark.parametrize("status", [OrderStatus.UNKNOWN, OrderStatus.SUBMITTED])
def test_while_a_sell_has_no_answer_no_stop_is_placed(status: OrderStatus) -> None:
    for order in (a_stop(status=status), replace(an_entry(), planned=an_exit(), status=status)):
        result = protected(a_scene_with(order))
        assert (result.plan.orders, result.plan.cancels) == ((), ())
        assert result.of[SOL].why.reason is Reason.ORDER_PENDING


def test_while_a_buy_is_out_the_stop_is_placed_all_the_same() -> None:
    assert protected(a_scene_with(an_entry(status=OrderStatus.UNKNOWN))).plan.orders


def test_where_books_do_not_close_nothing_is_touched() -> None:
    odd = {SOL: "the venue holds less"}
    outdated = a_scene_with(a_stop(stop="80"), quarantined=odd)
    assert not cancels(outdated)
    assert the_stop(outdated).guard is Guard.RESTING
    assert the_stop(a_scene_with(quarantined=odd)).why.reason is Reason.QUARANTINED


def test_a_position_that_is_to_be_left_and_cannot_be_gets_no_stop_beyond_the_market() -> None:
    scene = a_scene_with(bid="94.5")
    result = protected(scene)
    assert result.plan.orders == ()
    assert result.of[SOL].why.reason is Reason.STOP_LOSS


@pytest.mark.parametrize(
    ("status", "placed"),
    [
        (ProductStatus.ONLINE, True),
        (ProductStatus.LIMIT_ONLY, True),
        (ProductStatus.CANCEL_ONLY, False),
    ],
)
def test_a_stop_rests_only_where_the_venue_takes_sells(status: ProductStatus, placed: bool) -> None:
    scene = a_scene_with(product={"status": status})
    assert bool(protected(scene).plan.orders) is placed
    if not placed:
        assert the_stop(scene).why.reason is Reason.PRODUCT_NOT_ONLINE


@pytest.mark.parametrize(("least", "placed"), [("93.09", True), ("93.1", True), ("93.11", False)])
def test_what_the_venue_would_find_too_small_at_its_limit_is_watched(
    least: str, placed: bool
) -> None:
    scene = a_scene_with(product={"quote_min": Decimal(least)})
    assert bool(protected(scene).plan.orders) is placed
    if not placed:
        assert the_stop(scene).why.reason is Reason.BELOW_VENUE_MINIMUM


def test_stop_and_limit_lie_on_the_tick_and_the_stop_on_the_side_that_is_reached_first() -> None:
    tick = {"price_increment": Decimal("0.4")}
    (order,) = protected(a_scene_with(product=tick)).plan.orders
    assert (str(order.stop), str(order.price)) == ("95.2 USD", "93.6 USD")
    coarse = a_scene_with(product={"price_increment": Decimal(100)})
    assert the_stop(coarse).why.reason is Reason.STOP_WATCHED  # 100 is above the bid


@pytest.mark.parametrize(
    ("times", "ago", "placed"),
    [(1, 1, True), (2, 1, False), (2, 2, True), (3, 3, False), (3, 4, True)],
)
def test_a_venue_that_refused_is_asked_ever_more_rarely(times: int, ago: int, placed: bool) -> None:
    scene = a_scene_with(state=refused(times, ago))
    assert bool(protected(scene).plan.orders) is placed
    if not placed:
        assert the_stop(scene).guard is Guard.WATCHED
        assert the_stop(scene).why.reason is Reason.STOP_REFUSED
        assert the_stop(scene).why.seen == "ORDER_TYPE_NOT_SUPPORTED"


def test_an_old_stop_is_kept_while_the_venue_is_not_to_be_asked() -> None:
    scene = a_scene_with(a_stop(stop="80"), state=refused(4, 1))
    assert not cancels(scene)
    assert the_stop(scene).guard is Guard.RESTING


def test_a_refused_bracket_is_tried_as_a_stop_limit_in_turns() -> None:
    kinds = [
        protected(a_scene_with(how=Resting.BRACKET, state=refused(times, 100))).plan.orders[0].type
        for times in (1, 2, 3)
    ]
    assert kinds == [OrderType.STOP_LIMIT, OrderType.BRACKET, OrderType.STOP_LIMIT]
    taken = a_scene_with(a_stop(), how=Resting.BRACKET, state=refused(1, 100))
    assert the_stop(taken).guard is Guard.RESTING


@pytest.mark.parametrize("level", list(Level))
def test_stops_are_placed_at_every_level(level: Level) -> None:
    assert protected(a_scene_with(level=level)).plan.orders


def test_of_two_stops_both_are_taken_back_before_one_is_placed() -> None:
    other = a_stop()
    other = replace(other, planned=replace(other.planned, client_order_id="another"))
    result = protected(a_scene_with(a_stop(), other))
    assert len(result.plan.cancels) == 2
    assert len(result.plan.orders[0].after) == 2


def test_a_fill_below_the_target_of_a_bracket_was_its_stop() -> None:
    def fill(price: str) -> Fill:
        planned = a_stop().planned
        return Fill(
            fill_id="F",
            client_order_id=planned.client_order_id,
            symbol=SOL,
            side=Side.SELL,
            price=Price(Decimal(price), "USD"),
            quantity=planned.quantity,
            fee=usd("0"),
            at=NOON,
        )

    bracket = a_stop(kind=OrderType.BRACKET, price="110").planned
    assert stopped_by(bracket, fill("109.99"))
    assert not stopped_by(bracket, fill("110"))
    assert stopped_by(a_stop().planned, fill("99"))
    assert not stopped_by(an_exit(), fill("90"))


def test_a_protection_says_what_is_seen() -> None:
    assert the_stop(a_scene_with(a_stop())).why == Finding(
        Reason.STOP_RESTS, "stop 95 USD", "a stop for the position", "exits.resting"
    )
