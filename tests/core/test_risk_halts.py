"""Level, product status and pending orders: may anything go out at all?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.market import ProductStatus, Side
from core.orders import OrderStatus
from core.reasons import Finding, Reason
from core.risk.verdict import Approved
from core.state import Level, Standing
from tests.builders.account import a_portfolio, a_position, a_standing
from tests.builders.market import a_product, a_snapshot
from tests.builders.risk import a_buy, a_sell, an_open_order, denial, verdict_on

KILLED = a_standing(Level.HALTED, "KILL_SWITCH", "it smells")
OURS = a_portfolio(a_position("SOL-USD"))


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        (a_standing(Level.REDUCE_ONLY, "SOME_CAUSE"), Reason.REDUCE_ONLY),
        (a_standing(Level.PAUSED, "SOME_CAUSE"), Reason.PAUSED),
        (a_standing(Level.HALTED, "FATAL"), Reason.HALTED),
        (KILLED, Reason.KILL_SWITCH),
    ],
)
def test_only_the_normal_level_buys(standing: Standing, reason: Reason) -> None:
    seen = standing.level.name
    assert denial(verdict_on(a_buy(), standing=standing)) == Finding(
        reason, seen, "NORMAL", "level"
    )


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        (a_standing(Level.PAUSED, "SOME_CAUSE"), Reason.PAUSED),
        (a_standing(Level.HALTED, "FATAL"), Reason.HALTED),
        (KILLED, Reason.KILL_SWITCH),
    ],
)
def test_a_stopped_bot_does_not_sell_because_a_strategy_wants_to(
    standing: Standing, reason: Reason
) -> None:
    verdict = verdict_on(a_sell(), standing=standing, portfolio=OURS)
    assert denial(verdict) == Finding(reason, standing.level.name, "NORMAL or REDUCE_ONLY", "level")


@pytest.mark.parametrize("level", [Level.NORMAL, Level.REDUCE_ONLY])
def test_a_strategy_may_sell_while_the_bot_may_reduce(level: Level) -> None:
    verdict = verdict_on(a_sell(), standing=a_standing(level), portfolio=OURS)
    assert isinstance(verdict, Approved)


def test_the_normal_level_buys() -> None:
    assert isinstance(verdict_on(a_buy()), Approved)


@pytest.mark.parametrize("status", list(ProductStatus))
def test_only_an_online_product_is_bought(status: ProductStatus) -> None:
    snapshot = a_snapshot(products={"SOL-USD": a_product(status=status)})
    verdict = verdict_on(a_buy(), snapshot=snapshot)
    if status is ProductStatus.ONLINE:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.PRODUCT_NOT_ONLINE, status.value, "online", "product.status"
        )


@pytest.mark.parametrize("status", list(ProductStatus))
def test_a_product_is_sold_where_a_limit_order_may_take(status: ProductStatus) -> None:
    snapshot = a_snapshot(products={"SOL-USD": a_product(status=status)})
    verdict = verdict_on(a_sell(), snapshot=snapshot, portfolio=OURS)
    if status in (ProductStatus.ONLINE, ProductStatus.LIMIT_ONLY):
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.PRODUCT_NOT_ONLINE, status.value, "online or limit_only", "product.status"
        )


def test_a_product_that_is_not_listed_is_not_traded() -> None:
    gone = a_snapshot(products={})
    bought = verdict_on(a_buy(), snapshot=gone)
    sold = verdict_on(a_sell(), snapshot=gone, portfolio=OURS)
    assert denial(bought).seen == denial(sold).seen == "not listed"


@pytest.mark.parametrize("status", [OrderStatus.INTENDED, OrderStatus.OPEN, OrderStatus.UNKNOWN])
@pytest.mark.parametrize("side", list(Side))
def test_a_product_with_an_unsettled_order_waits(status: OrderStatus, side: Side) -> None:
    pending = an_open_order("SOL-USD", side=side, status=status)
    portfolio = a_portfolio(a_position("SOL-USD"), open_orders=(pending,))
    expected = Finding(
        Reason.ORDER_PENDING, f"{side.value} {status.name}", "no open order", "order.status"
    )
    assert denial(verdict_on(a_buy(), portfolio=portfolio)) == expected
    assert denial(verdict_on(a_sell(), portfolio=portfolio)) == expected


@pytest.mark.parametrize("status", [OrderStatus.NOT_SENT, OrderStatus.REFUSED])
def test_a_settled_order_is_in_nobodys_way(status: OrderStatus) -> None:
    settled = an_open_order("SOL-USD", status=status)
    verdict = verdict_on(a_buy(), portfolio=a_portfolio(open_orders=(settled,)))
    assert isinstance(verdict, Approved)


def test_another_products_pending_order_is_in_nobodys_way() -> None:
    portfolio = a_portfolio(open_orders=(an_open_order("ETH-USD"),))
    assert isinstance(verdict_on(a_buy(), portfolio=portfolio), Approved)


@pytest.mark.parametrize("odd", ["SOL-USD", "USD"])
def test_nothing_is_bought_whose_product_or_wallet_is_not_understood(odd: str) -> None:
    portfolio = replace(a_portfolio(), quarantined={odd: "the venue tells a total of NaN of it"})
    assert denial(verdict_on(a_buy(), portfolio=portfolio)) == Finding(
        Reason.QUARANTINED, "the venue tells a total of NaN of it", "books that close", "ledger"
    )
