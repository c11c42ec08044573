"""The books against an independent oracle: any order, any repetition, to the last unit.

The oracle knows nothing of lots in motion: it lines up every coin bought and every coin
sold, by time, and pays each coin sold with the coin bought at the same place in the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from core.accounting import Holding, fill_postings, movement, unbalanced
from core.errors import FatalError
from core.market import Side
from core.orders import Fill
from core.rates import Rates
from infra.ledger import SqliteLedger
from infra.ledger_walk import usual_text
from tests.builders.books import a_fill, a_ledger, an_order, balances
from tests.builders.market import NOON

SYMBOL = "BTC-USD"
START = Decimal(100_000)


@dataclass(frozen=True)
class Trade:
    """What one fill is, in the hundredths that hypothesis likes: small enough to collide."""

    minute: int
    buy: bool
    quantity: int  # thousandths
    price: int  # hundredths
    fee: int  # thousandths of a dollar, or millionths of a coin
    in_coins: bool

    def fill(self, number: int) -> Fill:
        side = Side.BUY if self.buy else Side.SELL
        fee = Decimal(self.fee).scaleb(-6 if self.in_coins else -3)
        order = an_order(f"order-{number // 2}-{side.value}", side, SYMBOL)
        told = a_fill(
            order,
            f"fill-{number:02}",
            quantity=str(Decimal(self.quantity).scaleb(-3)),
            price=str(Decimal(self.price).scaleb(-2)),
            fee=f"{fee} {'BTC' if self.in_coins else 'USD'}",
        )
        at = NOON + timedelta(minutes=self.minute)
        return Fill(**{name: getattr(told, name) for name in told.__slots__} | {"at": at})


TRADES = st.builds(
    Trade,
    minute=st.integers(0, 5),
    buy=st.booleans(),
    quantity=st.integers(1, 3_000),
    price=st.integers(1, 30_000),
    fee=st.integers(0, 900),
    in_coins=st.booleans(),
)


def coins_of(fill: Fill) -> tuple[Fraction, Fraction]:
    """Coins and dollars that a fill moves, fees included, counted without the books' code."""
    quantity, fee = Fraction(fill.quantity.amount), Fraction(fill.fee.amount)
    dollars = quantity * Fraction(fill.price.amount)
    in_coins = fill.fee.currency == "BTC"
    if fill.side is Side.BUY:
        return quantity - (fee if in_coins else 0), dollars + (0 if in_coins else fee)
    return quantity + (fee if in_coins else 0), dollars - (0 if in_coins else fee)


def feasible(trades: list[Trade]) -> list[Fill]:
    """The fills of trades, sales beyond what was bought in all left out."""
    held, kept = Fraction(0), []
    for number, trade in enumerate(sorted(trades, key=lambda trade: not trade.buy)):
        fill = trade.fill(number)
        coins, _ = coins_of(fill)
        if trade.buy or coins <= held:
            held += coins if trade.buy else -coins
            kept.append(fill)
    return kept


def oracle(fills: list[Fill]) -> tuple[Fraction, Fraction, dict[str, Fraction]]:
    """Coins left, what they had cost, and the profit of each sale: exact fractions."""
    by_time = sorted(fills, key=lambda fill: (fill.at, fill.fill_id))
    line = [list(coins_of(fill)) for fill in by_time if fill.side is Side.BUY]
    profits = {}
    for sale in (fill for fill in by_time if fill.side is Side.SELL):
        coins, dollars = coins_of(sale)
        for lot in line:
            part = min(lot[0], coins)
            if part:
                cost = lot[1] * part / lot[0]
                dollars -= cost
                lot[0], lot[1], coins = lot[0] - part, lot[1] - cost, coins - part
        profits[sale.fill_id] = dollars
    return (
        sum((lot[0] for lot in line), Fraction(0)),
        sum((lot[1] for lot in line), Fraction(0)),
        (profits),
    )


def booked(folder: Path, batches: list[list[Fill]]) -> SqliteLedger:
    """A ledger that was told the batches; what it had to refuse is told again at the end."""
    ledger = a_ledger(folder, capital_max="1000000")
    ledger.open_books(balances(USD=str(START)), Rates("USD", {}), NOON)
    orders = {
        fill.client_order_id: an_order(fill.client_order_id, fill.side, SYMBOL)
        for batch in batches
        for fill in batch
    }
    ledger.intend(tuple(orders[name] for name in sorted(orders)), NOON)
    refused: list[Fill] = []
    for batch in batches:
        try:
            ledger.book(tuple(batch))
        except FatalError as error:
            if error.code != "BEYOND_OWN_LOTS":
                raise
            refused += batch
    ledger.book(tuple(refused))
    return ledger


@settings(max_examples=60, deadline=None)
@given(st.lists(TRADES, min_size=1, max_size=10), st.data())
def test_any_order_and_repetition_of_fills_gives_the_books_of_the_oracle(
    trades: list[Trade], data: st.DataObject
) -> None:
    fills = feasible(trades)
    told = data.draw(
        st.permutations(fills + data.draw(st.lists(st.sampled_from(fills))) if fills else [])
    )
    cuts = sorted(data.draw(st.sets(st.integers(0, len(told)), max_size=3)))
    edges = [0, *cuts, len(told)]
    batches = [list(told[a:b]) for a, b in pairwise(edges)]
    coins, cost, profits = oracle(fills)

    with TemporaryDirectory() as folder:
        ledger = booked(Path(folder), batches)
        ledger.prove()
        checked = ledger.check()
        held = ledger.derived().holding(SYMBOL) or Holding(SYMBOL, "BTC", "USD")
        sales = {
            sale.order: sale.profit.amount for sale in ledger.closed_since(NOON - timedelta(1))
        }
        cash = ledger.cash()["USD"]
        ledger.close()
        again = a_ledger(Path(folder), capital_max="1000000")
        assert (again.derived().holding(SYMBOL) or held).lots == held.lots
        assert again.cash()["USD"] == cash
        again.close()

    assert (checked.balanced, checked.fills) == (True, len(fills))
    assert Fraction(held.quantity) == coins
    # Cost shares are rounded to 1E-18, at most one a sale and lot; the tie itself is exact.
    assert abs(Fraction(held.cost) - cost) < Fraction(1, 10**16)
    assert held.realised - held.cost == cash - START
    assert sum(sales.values(), Decimal(0)) == held.realised
    by_order: dict[str, Fraction] = {}
    for fill in fills:
        if fill.fill_id in profits:
            before = by_order.get(fill.client_order_id, Fraction(0))
            by_order[fill.client_order_id] = before + profits[fill.fill_id]
    assert sales.keys() == by_order.keys()
    for order, profit in by_order.items():
        assert abs(Fraction(sales[order]) - profit) < Fraction(1, 10**16)


@given(TRADES)
def test_the_postings_of_every_fill_sum_to_zero_and_the_usual_ones_have_their_text(
    trade: Trade,
) -> None:
    fill = trade.fill(1)
    moved = movement(fill)
    postings = fill_postings(moved)

    assert unbalanced((asset, amount) for _, asset, amount in postings) == {}
    accounts = {(account.partition(":")[0], asset): amount for account, asset, amount in postings}
    coins, dollars = coins_of(fill)
    sign = 1 if trade.buy else -1
    assert Fraction(accounts["lots", "BTC"]) == sign * coins
    assert Fraction(accounts.get(("wallet", "USD"), Decimal(0))) == -sign * dollars
    if trade.fee and not trade.in_coins:
        text = "|".join(
            f"{account} {asset} {amount:f}" for account, asset, amount in sorted(postings)
        )
        expected = usual_text(moved, f"{fill.quantity.amount:f}", f"{fill.fee.amount:f}")
        assert (text == expected) or moved.cash == 0
