"""Whatever we hold and whatever rests: only our own is sold or taken back, and once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from core.account import Portfolio, Position
from core.changes import Changes, Scene
from core.execution import OrderPlan, plan_orders
from core.market import Product, ProductStatus, Regime, Side
from core.money import added
from core.orders import FINAL, Order, OrderStatus
from core.proposals import Purpose
from core.reasons import Finding, Reason
from core.regime import RegimeReading
from core.risk import RiskManager
from core.state import Asked, ChangeMemory, Chase, Level
from core.universe import Universe
from tests.builders.account import a_portfolio, a_position, a_standing, a_state
from tests.builders.changes import a_scene, an_entry, changed
from tests.builders.market import NOON, a_product, a_snapshot
from tests.builders.risk import a_buy, a_sell

SYMBOLS = ("BTC-USD", "DOGE-USD", "LINK-USD", "SOL-USD", "UNI-USD")
ids = st.sampled_from(SYMBOLS)
quantities = st.decimals("0.0001", "60", places=4)
findings = st.sampled_from(
    [
        Finding(Reason.RED_FLAG, "hacked", "no end", "universe.red_flags"),
        Finding(Reason.VOLUME_TOO_LOW, "1 USD", "2 USD", "universe.tiers.T2.volume_24h_min"),
        Finding(Reason.PRODUCT_NOT_ONLINE, "limit_only", "online", "product.status"),
    ]
)
times = st.integers(0, 180).map(lambda minutes: NOON - timedelta(minutes=minutes))


@st.composite
def positions(draw: st.DrawFn) -> tuple[Position, ...]:
    names = draw(st.sets(ids))
    return tuple(a_position(name, quantity=str(draw(quantities))) for name in sorted(names))


@st.composite
def orders(draw: st.DrawFn) -> tuple[Order, ...]:
    return tuple(
        an_entry(
            name,
            price=str(draw(st.decimals("90", "100", places=2))),
            quantity=str(draw(quantities)),
            status=draw(st.sampled_from([s for s in OrderStatus if s not in FINAL])),
            end_time=draw(times) + timedelta(hours=2),
            step=draw(st.integers(0, 4)),
        )
        for name in sorted(draw(st.sets(ids)))
    )


@st.composite
def products(draw: st.DrawFn) -> dict[str, Product]:
    status = st.sampled_from([ProductStatus.ONLINE, *ProductStatus])
    return {
        name: a_product(
            name,
            status=draw(status),
            quote_min=draw(st.sampled_from([Decimal(1), Decimal(200)])),
            base_increment=Decimal(draw(st.sampled_from(["0.0001", "0.1", "1"]))),
        )
        for name in SYMBOLS
    }


@st.composite
def memories(draw: st.DrawFn) -> ChangeMemory:
    asked = st.builds(Asked, st.integers(1, 6), st.integers(60, 96))
    names = [an_entry(name).planned.client_order_id for name in SYMBOLS]
    return ChangeMemory(
        asked=draw(st.dictionaries(st.sampled_from(names), asked)),
        unwanted=draw(st.dictionaries(st.sampled_from(names), st.integers(1, 3))),
        chases={
            name: Chase(f"rules:{name}:BUY", draw(st.integers(0, 3)), Decimal(2), Decimal(9))
            for name in sorted(draw(st.sets(ids)))
        },
        trimmed=draw(st.dictionaries(ids, times)),
    )


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    owned = draw(positions())
    out = draw(st.dictionaries(ids, findings))
    portfolio = a_portfolio(*owned, cash=str(draw(st.integers(0, 20_000))))
    eligible = {name: "T2" for name in SYMBOLS if name not in out}
    return a_scene(
        *draw(orders()),
        portfolio=portfolio,
        snapshot=a_snapshot(*SYMBOLS, products=draw(products())),
        state=a_state(changes=draw(memories())),
        standing=a_standing(draw(st.sampled_from(list(Level)))),
        universe=Universe(eligible, out, {}),
        regime=draw(st.sampled_from(list(Regime))),
    )


def decided(scene: Scene, names: set[str]) -> tuple[Changes, OrderPlan]:
    """What changes and what is planned of it, with a strategy that wants these products."""
    held = sorted(set(scene.portfolio.positions) & names)
    wants = [a_buy(name) for name in sorted(names - set(held))]
    wants += [
        a_sell(name, notional=str(Decimal("99.98") * owned(scene.portfolio, name)))
        for name in held[:1]
    ]
    changes = changed(scene, *wants, wanted=None)
    manager = RiskManager(scene.snapshot, scene.state, scene.standing, scene.policy)
    reading = RegimeReading(scene.regime, "drawn")
    reviews = manager.check_all(changes.proposals, scene.valued, reading)
    plan = plan_orders(reviews, scene.snapshot, scene.state.cycle_id, scene.policy, changes.cancels)
    return changes, plan


def owned(portfolio: Portfolio, symbol: str) -> Decimal:
    position = portfolio.positions.get(symbol)
    return Decimal(0) if position is None else position.quantity.amount


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(scenes(), st.sets(ids))
def test_no_plan_sells_more_than_own_lots_or_one_lot_twice(scene: Scene, names: set[str]) -> None:
    _, plan = decided(scene, names)

    sells = [order for order in plan.orders if order.side is Side.SELL]
    assert max(Counter(order.symbol for order in sells).values(), default=0) <= 1
    for order in sells:
        assert order.quantity.amount <= owned(scene.portfolio, order.symbol)
        assert not scene.pending(order.symbol)


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(scenes(), st.sets(ids))
def test_only_own_orders_that_rest_are_cancelled_each_once(scene: Scene, names: set[str]) -> None:
    _, plan = decided(scene, names)

    taken_back = [cancel.order for cancel in plan.cancels]
    assert all(order in scene.portfolio.open_orders for order in taken_back)
    assert len({order.planned.client_order_id for order in taken_back}) == len(taken_back)


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(scenes(), st.sets(ids))
def test_a_product_is_never_bought_and_sold_in_one_cycle(scene: Scene, names: set[str]) -> None:
    _, plan = decided(scene, names)

    assert max(Counter(order.symbol for order in plan.orders).values(), default=0) <= 1


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(scenes())
def test_slices_leave_time_between_them_and_a_rest_that_can_be_sold(scene: Scene) -> None:
    changes, _ = decided(scene, set())

    for slice_ in changes.proposals:
        assert slice_.purpose is Purpose.TRIM
        last = scene.state.changes.trimmed.get(slice_.symbol)
        assert last is None or scene.at - last >= scene.rules.trim_spacing_min
        whole = Decimal("99.98") * owned(scene.portfolio, slice_.symbol)
        assert slice_.notional is not None
        rest = whole - slice_.notional.amount
        assert rest == 0 or rest >= scene.policy.risk.notional_min.amount


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(scenes(), st.sets(ids))
def test_a_replacement_never_asks_for_more_than_was_left(scene: Scene, names: set[str]) -> None:
    changes, _ = decided(scene, names)

    for proposal in changes.proposals:
        if proposal.step:
            chase = scene.state.changes.chases[proposal.symbol]
            assert proposal.step == chase.step + 1
            assert proposal.notional is not None
            bought = proposal.notional.amount / Decimal("99.98")
            assert bought <= chase.left
            assert added(owned(scene.portfolio, proposal.symbol), bought) <= chase.reach
            assert not scene.pending(proposal.symbol)


@settings(derandomize=True, database=None, deadline=None, max_examples=100)
@given(scenes())
def test_what_has_changed_once_is_not_changed_again_at_once(scene: Scene) -> None:
    """The same world one cycle later, after nothing came of anything."""
    changes, plan = decided(scene, set())
    memory = changes.remembered(plan.orders, plan.cancels, scene.state.cycle, scene.at)
    later = a_state(cycle=scene.state.cycle + 1, changes=memory)

    again, plan_again = decided(replace(scene, state=later), set())

    sold = {order.symbol for order in plan.orders}
    assert not sold & {order.symbol for order in plan_again.orders}
    before = scene.state.changes.asked
    repeated = {c.client_order_id for c in changes.cancels if c.client_order_id in before}
    assert not repeated & {c.client_order_id for c in again.cancels}
