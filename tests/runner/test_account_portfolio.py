"""The account as one Portfolio: wallets that can be valued are ours, all else stands beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.account import Portfolio, Position
from core.market import Snapshot
from core.orders import Order
from core.rates import Rate
from runner.reconcile.portfolio import portfolio_of, rates_now
from tests.builders.account import a_position, a_state
from tests.builders.market import NOON, a_product, a_snapshot, a_top
from tests.builders.risk import a_policy, an_open_order, usd

BOOK = a_top("USDC-USD", bid="0.9", ask="0.91")
OLD = Rate(Decimal("0.8"), NOON - timedelta(days=3))


@dataclass
class Books:
    """A ledger that says what a test wants it to, and notes when its books were opened."""

    held: Mapping[str, Decimal]
    beside: Mapping[str, Decimal] = field(default_factory=dict)
    flowed: Mapping[str, Decimal] = field(default_factory=dict)
    lots: Mapping[str, Position] = field(default_factory=dict)
    out: tuple[Order, ...] = ()

    def cash(self) -> Mapping[str, Decimal]:
        return self.held

    def foreign(self) -> Mapping[str, Decimal]:
        return self.beside

    def flows(self) -> Mapping[str, Decimal]:
        return self.flowed

    def positions(self) -> Mapping[str, Position]:
        return self.lots

    def unsettled(self) -> tuple[Order, ...]:
        return self.out

    def dust(self) -> Mapping[str, Decimal]:
        return {"SOL": Decimal("0.001")}


def a_market(*, priced: bool, **missing: str) -> Snapshot:
    products = {"USDC-USD": a_product("USDC-USD")}
    return a_snapshot(products=products, tops={"USDC-USD": BOOK} if priced else {}, missing=missing)


def portfolio(books: Any, snapshot: Snapshot, remembered: Rate | None = None) -> Portfolio:
    state = a_state(rates={} if remembered is None else {"USDC": remembered})
    rates = rates_now(books, snapshot, state, a_policy())
    return portfolio_of(books, snapshot, rates, {"SOL-USD": "odd"})


def amounts(**texts: str) -> dict[str, Decimal]:
    return {name: Decimal(text) for name, text in texts.items()}


BOTH = amounts(USD="100", USDC="50")


def test_every_wallet_that_can_be_valued_is_equity() -> None:
    found = portfolio(Books(BOTH), a_market(priced=True))
    assert (found.cash, found.foreign) == (BOTH, {})
    assert found.known_rates == {"USDC": Rate(Decimal("0.9"), NOON)}
    assert found.equity == usd("145")


def test_a_rate_of_an_earlier_cycle_still_values_a_wallet() -> None:
    found = portfolio(Books(BOTH), a_market(priced=False), OLD)
    assert found.known_rates == {"USDC": OLD}
    assert found.equity == usd("140")


def test_a_wallet_without_a_rate_stands_with_the_foreign_coins() -> None:
    books = Books(BOTH, beside=amounts(USDC="7", BTC="1"))
    found = portfolio(books, a_market(priced=False))
    assert found.cash == amounts(USD="100")
    assert found.foreign == amounts(USDC="57", BTC="1")
    assert found.equity == usd("100")


def test_an_empty_wallet_without_a_rate_is_nowhere() -> None:
    found = portfolio(Books(amounts(USD="100", USDC="0")), a_market(priced=False))
    assert (found.cash, found.foreign) == (amounts(USD="100"), {})


def test_flows_count_for_the_wallets_that_equity_counts_at_their_rates() -> None:
    books = Books(BOTH, flowed=amounts(USD="10", USDC="20", EUR="1000"))
    assert portfolio(books, a_market(priced=True)).flows == usd("28")
    assert portfolio(books, a_market(priced=False)).flows == usd("10")


@pytest.mark.parametrize(
    "books",
    [
        Books(amounts(USD="1"), lots={"SOL-EUR": a_position("SOL-EUR")}),
        Books(amounts(USD="1"), out=(an_open_order("SOL-EUR"),)),
    ],
)
def test_what_is_held_or_ordered_in_a_currency_that_is_no_wallet_is_valued_too(
    books: Books,
) -> None:
    pair = "EUR-USD"
    market = a_snapshot(
        products={pair: a_product(pair)}, tops={pair: a_top(pair, bid="1.1", ask="1.2")}
    )
    assert portfolio(books, market).known_rates == {"EUR": Rate(Decimal("1.1"), NOON)}


def test_dust_and_what_stands_still_are_in_it() -> None:
    found = portfolio(Books(BOTH), a_market(priced=True))
    assert (found.dust, found.quarantined) == (amounts(SOL="0.001"), {"SOL-USD": "odd"})
