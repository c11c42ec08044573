"""The checks of a protective exit: the venue and the lots may stop it, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.market import ProductStatus, Side
from core.orders import OrderStatus
from core.reasons import Finding, Reason
from core.risk.checks import EXIT_CHECKS
from core.risk.verdict import Approved
from tests.builders.account import a_portfolio, a_position
from tests.builders.market import a_product, a_snapshot
from tests.builders.risk import an_exit, an_open_order, denial, verdict_on


def test_an_exit_is_checked_for_what_only_the_venue_and_the_lots_can_say() -> None:
    names = [check.__name__ for check in EXIT_CHECKS]
    assert names == ["product_sellable", "books_closed", "no_sell_pending", "only_own_lots"]


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        (ProductStatus.ONLINE, True),
        (ProductStatus.LIMIT_ONLY, True),
        (ProductStatus.POST_ONLY, False),
        (ProductStatus.HALTED, False),
        (ProductStatus.DELISTED, False),
    ],
)
def test_an_exit_goes_where_the_venue_takes_a_limit_sale(
    status: ProductStatus, allowed: bool
) -> None:
    snapshot = a_snapshot("SOL-USD", products={"SOL-USD": a_product(status=status)})
    held = a_portfolio(a_position("SOL-USD"))
    verdict = verdict_on(an_exit("1"), snapshot=snapshot, portfolio=held)
    if allowed:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.PRODUCT_NOT_ONLINE, status.value, "online or limit_only", "product.status"
        )


@pytest.mark.parametrize("status", [OrderStatus.INTENDED, OrderStatus.OPEN, OrderStatus.UNKNOWN])
def test_no_exit_goes_out_while_another_sale_of_the_product_may_fill(status: OrderStatus) -> None:
    pending = an_open_order("SOL-USD", side=Side.SELL, status=status)
    held = a_portfolio(a_position("SOL-USD"), open_orders=(pending,))
    found = denial(verdict_on(an_exit("1"), portfolio=held))
    assert found == Finding(
        Reason.ORDER_PENDING, f"SELL {status.name}", "no open sell", "order.status"
    )
    elsewhere = an_open_order("ETH-USD", side=Side.SELL, status=status)
    held = a_portfolio(a_position("SOL-USD"), open_orders=(elsewhere,))
    assert isinstance(verdict_on(an_exit("1"), portfolio=held), Approved)


@pytest.mark.parametrize(("asked", "allowed"), [("0.9999", True), ("1", True), ("1.0001", False)])
def test_an_exit_sells_own_lots_and_not_one_more(asked: str, allowed: bool) -> None:
    verdict = verdict_on(an_exit(asked), portfolio=a_portfolio(a_position("SOL-USD")))
    if allowed:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.NO_SHORTS, "1 SOL", "1.0001 SOL", "portfolio.positions"
        )


def test_an_exit_of_what_is_not_held_is_no_exit() -> None:
    assert denial(verdict_on(an_exit("1"))).reason is Reason.NO_SHORTS


@pytest.mark.parametrize(("odd", "allowed"), [("SOL-USD", False), ("ETH-USD", True), ("USD", True)])
def test_an_exit_waits_where_the_books_of_its_product_are_open(odd: str, allowed: bool) -> None:
    held = replace(a_portfolio(a_position("SOL-USD")), quarantined={odd: "0.5 SOL are gone"})
    verdict = verdict_on(an_exit("1"), portfolio=held)
    if allowed:
        assert isinstance(verdict, Approved)
    else:
        assert denial(verdict) == Finding(
            Reason.QUARANTINED, "0.5 SOL are gone", "books that close", "ledger"
        )
