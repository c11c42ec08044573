"""What is left and cannot be sold alone is set aside; what cannot be watched halts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.market import Side
from core.policy import ExitsPolicy
from runner.reconcile.leftovers import halt_for, is_dust, unwatchable
from tests.builders.account import a_position
from tests.builders.market import a_product, a_snapshot, a_top
from tests.builders.reconciling import SOL, a_wish, bookkeeping
from tests.builders.risk import a_policy, percent

RULES: ExitsPolicy = replace(a_policy().exits, through_max=percent("5"))
PRODUCT = replace(
    a_product(SOL),
    base_min=Decimal("0.02"),
    base_increment=Decimal("0.01"),
    quote_min=Decimal("1"),
)


@pytest.mark.parametrize(
    ("quantity", "bid", "dust"),
    [
        ("0.02", "100", False),
        ("0.0299", "100", False),
        ("0.0199", "100", True),  # on the increment it is below the smallest quantity
        ("0.1", "10.53", False),
        ("0.1", "10.52", True),  # five per cent below the bid it is worth less than 1 USD
    ],
)
def test_a_position_below_the_minimum_of_its_last_exit_is_dust(
    quantity: str, bid: str, dust: bool
) -> None:
    top = a_top(SOL, bid=bid, ask=str(Decimal(bid) + 1))
    snapshot = a_snapshot(SOL, products={SOL: PRODUCT}, tops={SOL: top})
    assert is_dust(a_position(SOL, quantity=quantity), snapshot, RULES) == dust


def test_without_a_product_or_a_book_nothing_is_called_dust() -> None:
    small, tiny = a_position(SOL, quantity="0.02"), a_position(SOL, quantity="0.001")
    unlisted = a_snapshot(products={}, tops={})
    blind = a_snapshot(SOL, products={SOL: PRODUCT}, tops={})
    assert not is_dust(tiny, unlisted, RULES)
    assert not is_dust(small, blind, RULES)
    assert is_dust(tiny, blind, RULES)


def test_what_is_left_of_a_sale_is_set_aside_and_the_next_buy_takes_it_back(
    tmp_path: Path,
) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.venue.fills_of(kept.sends(a_wish()), "3", "100")
        kept.cycle()
        sale = kept.sends(a_wish("two", Side.SELL, quantity="2.9999999"))
        kept.venue.fills_of(sale, "2.9999999", "100")
        found = kept.cycle()
        assert (dict(found.portfolio.positions), found.portfolio.dust) == (
            {},
            {"SOL": Decimal("0.0000001")},
        )
        kept.venue.fills_of(kept.sends(a_wish("three")), "3", "100")
        found = kept.cycle()
        assert found.portfolio.positions[SOL].quantity.amount == Decimal("3.0000001")
        assert kept.ledger.expected() == kept.venue.account


def test_nothing_is_set_aside_while_an_order_of_the_product_works(tmp_path: Path) -> None:
    with bookkeeping(tmp_path) as kept:
        kept.venue.fills_of(kept.sends(a_wish()), "0.0000001", "100")
        found = kept.cycle()
        assert list(found.portfolio.positions) == [SOL]
        assert found.portfolio.dust == {}


def test_a_position_without_a_cost_is_named_in_the_halt() -> None:
    free = replace(a_position(SOL), lots=(replace(a_position(SOL).lots[0], price=Decimal(0)),))
    positions = {"BTC-USD": a_position("BTC-USD"), SOL: free}
    named = unwatchable(positions)
    assert list(named) == [SOL]
    halt = halt_for(named)
    assert halt is not None
    assert (halt.code, SOL in halt.why) == ("NO_EXIT_PLAN", True)
    assert halt_for({}) is None
