"""Own orders that rest, and scenes in which something of our own may have to change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from core.account import Portfolio
from core.changes import Changes, Scene, plan_changes
from core.market import Regime, Side, Snapshot
from core.money import Price, Quantity
from core.orders import (
    PROTECT,
    Order,
    OrderStatus,
    OrderType,
    PlannedOrder,
    TimeInForce,
    client_order_id,
)
from core.policy import Policy
from core.proposals import TradeProposal
from core.state import BotState, ChangeMemory, Standing
from core.universe import Universe
from tests.builders.account import a_portfolio, a_standing, a_state
from tests.builders.market import NOON, a_snapshot
from tests.builders.risk import a_policy

SOL = "SOL-USD"
WANTED = f"rules:{SOL}:BUY"
TTL = timedelta(minutes=22, seconds=30)


def an_entry(
    symbol: str = SOL,
    *,
    price: str = "99.98",
    quantity: str = "3",
    filled: str = "0",
    status: OrderStatus = OrderStatus.OPEN,
    end_time: datetime = NOON + timedelta(minutes=7, seconds=30),
    step: int = 0,
) -> Order:
    """A maker buy of cycle 96, one cycle ago, with the id that this decision really has."""
    base, quote = symbol.split("-")
    planned_in = replace(a_state(), cycle=96).cycle_id
    planned = PlannedOrder(
        client_order_id=client_order_id(planned_in, "rules", symbol, Side.BUY, step),
        symbol=symbol,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTD,
        post_only=True,
        end_time=end_time,
        price=Price(Decimal(price), quote),
        quantity=Quantity(Decimal(quantity), base),
        reason=f"rules:{symbol}:BUY",
    )
    return Order(
        planned=planned,
        cycle=96,
        status=status,
        exchange_order_id="X-1",
        filled=Decimal(filled),
    )


def a_sale(symbol: str = SOL, *, end_time: datetime | None = None) -> Order:
    """A sell that rests, as one that somebody placed with an end."""
    bought = an_entry(symbol)
    planned = replace(
        bought.planned,
        side=Side.SELL,
        post_only=False,
        time_in_force=TimeInForce.GTD if end_time else TimeInForce.IOC,
        end_time=end_time,
        reason=f"rules:{symbol}:SELL",
    )
    return replace(bought, planned=planned)


def a_stop(
    symbol: str = SOL,
    *,
    stop: str = "95",
    price: str = "93.1",
    quantity: str = "1",
    kind: OrderType = OrderType.STOP_LIMIT,
    filled: str = "0",
    status: OrderStatus = OrderStatus.OPEN,
) -> Order:
    """A stop of cycle 96 that rests; of a BRACKET the price is its target."""
    base, quote = symbol.split("-")
    planned_in = replace(a_state(), cycle=96).cycle_id
    planned = PlannedOrder(
        client_order_id=client_order_id(planned_in, PROTECT, symbol, Side.SELL, 0),
        symbol=symbol,
        side=Side.SELL,
        type=kind,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        end_time=None,
        price=Price(Decimal(price), quote),
        quantity=Quantity(Decimal(quantity), base),
        reason=f"{PROTECT}:{symbol}:SELL",
        stop=Price(Decimal(stop), quote),
    )
    return Order(
        planned=planned, cycle=96, status=status, exchange_order_id="X-2", filled=Decimal(filled)
    )


def a_universe(*symbols: str, **excluded: object) -> Universe:
    """Everything in T2; `excluded` by SYMBOL_QUOTE keyword with its finding."""
    out = {name.replace("_", "-"): finding for name, finding in excluded.items()}
    eligible = {symbol: "T2" for symbol in sorted(symbols or (SOL,)) if symbol not in out}
    return Universe(eligible, out, {})  # type: ignore[arg-type]


def a_scene(
    *open_orders: Order,
    portfolio: Portfolio | None = None,
    snapshot: Snapshot | None = None,
    state: BotState | None = None,
    standing: Standing | None = None,
    universe: Universe | None = None,
    regime: Regime = Regime.CHOP,
    policy: Policy | None = None,
) -> Scene:
    """SOL at 99.98 to 100.02, 10,000 USD in cash, cycle 97, the shipped policy."""
    owned = portfolio or a_portfolio()
    names = sorted({SOL, *owned.positions, *(order.symbol for order in open_orders)})
    return Scene(
        snapshot=snapshot or a_snapshot(*names),
        valued=replace(owned, open_orders=open_orders).valued(),
        state=state or a_state(),
        standing=standing or a_standing(),
        universe=universe or a_universe(*names),
        regime=regime,
        policy=policy or a_policy(),
    )


def changed(scene: Scene, *sized: TradeProposal, wanted: str | None = WANTED) -> Changes:
    """What changes; the strategy still wants its entry in SOL unless told otherwise."""
    ids = {proposal.id for proposal in sized} | ({wanted} if wanted else set())
    return plan_changes(scene, frozenset(ids), sized)


def remembering(**memory: object) -> BotState:
    """The state of cycle 97 with this memory of changes."""
    return a_state(changes=ChangeMemory(**memory))  # type: ignore[arg-type]
