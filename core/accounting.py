"""Accounting: what one fill or one external flow does to the books, as balanced postings.

Exists so that money is moved and never made. A fill is booked by the rule of two legs:
what comes in and what goes out meet in the trading accounts, the fee goes to the fee
account, and per asset the postings sum to zero (double entry over several currencies
with trading accounts: Peter Selinger, "Tutorial on multiple currency accounting").

Cost is first in, first out (IAS 2.25): the n-th coin sold is the n-th coin bought. So
only the order among buys and the order among sales matter, never how they interleave,
and both are by time and fill id: late rows give the same lots. A fee belongs to the cost
of a buy and lessens the proceeds of a sale (IAS 2.10, IFRS 9 B5.1.1); a fee taken in coins
is coins that cost something and are gone. A share of a lot's cost is rounded up, so profit
is never shown early, and the rest keeps the exact difference: over a whole position cost,
profit and cash tie to the last unit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from typing import NamedTuple

from core.account import Lot, Position
from core.errors import FatalError
from core.market import Side
from core.money import EXACT, ZERO, Toward, added, divided, multiplied, plain, rounded_up
from core.orders import Fill, Order
from core.state import Closed

WALLET, LOTS, DUST, FOREIGN = "wallet", "lots", "dust", "foreign"  # what the venue must hold
OPENING, TRADING, FEES, EXTERNAL = "opening", "trading", "fees", "external"  # where it came from
HOLDINGS = (WALLET, LOTS, DUST, FOREIGN)

_FINEST = Decimal("1E-18")  # cost shares are rounded up to this: no currency is finer
# A unit's cost has 30 digits, a quantity may have more than the other 30; rounded right after.
_WIDE = Context(prec=120, traps=[InvalidOperation, DivisionByZero, Inexact])
_DIGITS_MAX, _FEE_DIGITS_MAX = 28, 40  # a product of two amounts must stay below 60 digits
_DECIMALS_MAX, _FEE_DECIMALS_MAX, _LARGEST = 18, 36, 18  # 10 ** _LARGEST is absurd


class Posting(NamedTuple):
    """One line of a transaction; per transaction and asset the amounts sum to zero."""

    account: str  # "wallet:USD", "lots:BTC-USD": whose, and of what
    asset: str
    amount: Decimal


class Movement(NamedTuple):
    """What one fill moves, in numbers; from the owner's side, so out is negative."""

    symbol: str
    base: str
    quote: str
    side: Side
    price: Decimal
    at: datetime
    fee: Decimal  # taken in quote currency
    fee_coins: Decimal  # taken in coins; one of the two is zero
    notional: Decimal  # price times quantity
    coins: Decimal  # what own coins grow by, fee in coins included
    cash: Decimal  # what the wallet grows by, fee in quote currency included


class CostLot(NamedTuple):
    """What is left of one purchase, and what was paid for what is left, fees included."""

    quantity: Decimal
    cost: Decimal  # in quote currency, exact
    at: datetime


def legs(
    side: Side, price: Decimal, quantity: Decimal, fee: Decimal, fee_coins: Decimal
) -> tuple[Decimal, Decimal, Decimal]:
    """Notional, coins and cash of a Movement."""
    notional = EXACT.multiply(price, quantity)
    if side is Side.BUY:
        coins, cash = quantity, EXACT.minus(EXACT.add(notional, fee))
    else:
        coins, cash = EXACT.minus(quantity), EXACT.subtract(notional, fee)
    return notional, EXACT.subtract(coins, fee_coins) if fee_coins else coins, cash


def movement(fill: Fill) -> Movement:
    """What this fill moves."""
    base, quote, price = fill.quantity.base, fill.price.quote, fill.price.amount
    fee, fee_coins = fees_of(fill)
    moved = legs(fill.side, price, fill.quantity.amount, fee, fee_coins)
    return Movement(fill.symbol, base, quote, fill.side, price, fill.at, fee, fee_coins, *moved)


def fees_of(fill: Fill) -> tuple[Decimal, Decimal]:
    """The fee by where it was taken: in quote currency, in coins."""
    amount = fill.fee.amount
    return (ZERO, amount) if fill.fee.currency == fill.quantity.base else (amount, ZERO)


def fill_postings(moved: Movement) -> list[Posting]:
    """Base leg, quote leg and fee leg of a fill, against the trading accounts."""
    base, quote = moved.base, moved.quote
    # What met in the trading accounts, so without the fee that was taken on the way.
    bought, paid = added(moved.coins, moved.fee_coins), added(moved.cash, moved.fee)
    return [
        posting
        for posting in (
            Posting(f"{LOTS}:{moved.symbol}", base, moved.coins),
            Posting(f"{TRADING}:{base}", base, EXACT.minus(bought)),
            Posting(f"{FEES}:{base}", base, moved.fee_coins),
            Posting(f"{WALLET}:{quote}", quote, moved.cash),
            Posting(f"{TRADING}:{quote}", quote, EXACT.minus(paid)),
            Posting(f"{FEES}:{quote}", quote, moved.fee),
        )
        if posting.amount
    ]


def transfer(source: str, target: str, asset: str, amount: Decimal) -> tuple[Posting, Posting]:
    """`amount` out of one account into another."""
    return Posting(source, asset, EXACT.minus(amount)), Posting(target, asset, amount)


def unbalanced(postings: Iterable[tuple[str, Decimal]]) -> Mapping[str, Decimal]:
    """What the (asset, amount) pairs of one transaction are off by; empty where they balance."""
    totals: dict[str, Decimal] = {}
    for asset, amount in postings:
        totals[asset] = EXACT.add(totals.get(asset, ZERO), amount)
    return {asset: total for asset, total in totals.items() if total != ZERO}


class Holding:
    """The lots of one product: a fold over its fills, in the order of the module's rule.

    Derived from fills and never stored. The one thing in the core that changes in place,
    because a copy of the lots for every fill would make long books slow.
    """

    __slots__ = ("base", "fees", "lots", "quantity", "quote", "realised", "symbol", "withdrawn")

    def __init__(self, symbol: str, base: str, quote: str) -> None:
        self.symbol, self.base, self.quote = symbol, base, quote
        self.lots: deque[CostLot] = deque()
        self.quantity = ZERO
        self.realised = ZERO  # in quote currency, net of fees
        self.fees = ZERO  # in quote currency; those taken in coins at the price of their fill
        self.withdrawn = ZERO  # what the coins that went out otherwise than by a sale had cost

    @property
    def cost(self) -> Decimal:
        """What was paid for what is left, to the last unit."""
        total = ZERO
        for lot in self.lots:
            total = EXACT.add(total, lot.cost)
        return total

    def book(self, moved: Movement) -> Decimal | None:
        """Take a fill in. The profit of a sale, net of its fee and of its lots' cost."""
        self.fees = EXACT.add(self.fees, moved.fee)
        if moved.fee_coins:
            self.fees = added(self.fees, multiplied(moved.fee_coins, moved.price))
        if moved.side is Side.BUY:
            self.take_in(moved.coins, EXACT.minus(moved.cash), moved.at)
            return None
        profit = EXACT.subtract(moved.cash, self.take_out(EXACT.minus(moved.coins)))
        self.realised = EXACT.add(self.realised, profit)
        return profit

    def withdraw(self, quantity: Decimal) -> None:
        """Coins that left without a sale: neither gain nor loss, so they go at their cost."""
        self.withdrawn = EXACT.add(self.withdrawn, self.take_out(quantity))

    def take_in(self, quantity: Decimal, cost: Decimal, at: datetime) -> None:
        """One more lot at the end of the queue."""
        self.lots.append(CostLot(quantity, cost, at))
        self.quantity = EXACT.add(self.quantity, quantity)

    def take_out(self, quantity: Decimal) -> Decimal:
        """Take the oldest coins out, and say what they had cost.

        More than there is must never happen: it is fatal, and nothing is taken.
        """
        if quantity > self.quantity:
            raise FatalError(
                f"{self.symbol}: more own coins went out than there are lots",
                code="BEYOND_OWN_LOTS",
                went_out=plain(quantity),
                lots=plain(self.quantity),
            )
        self.quantity = EXACT.subtract(self.quantity, quantity)
        cost = ZERO
        while quantity:
            lot = self.lots.popleft()
            if lot.quantity <= quantity:
                quantity = EXACT.subtract(quantity, lot.quantity)
                cost = EXACT.add(cost, lot.cost)
                continue
            share = _share(lot, quantity)
            self.lots.appendleft(
                CostLot(
                    EXACT.subtract(lot.quantity, quantity),
                    EXACT.subtract(lot.cost, share),
                    lot.at,
                )
            )
            return EXACT.add(cost, share)
        return cost

    def position(self) -> Position:
        """The lots as the decision sees them; a unit's cost is rounded up."""
        lots = tuple(
            Lot(lot.quantity, divided(lot.cost, lot.quantity, toward=Toward.CEILING), lot.at)
            for lot in self.lots
        )
        return Position(self.symbol, self.base, self.quote, lots)


def _share(lot: CostLot, quantity: Decimal) -> Decimal:
    """The part of a lot's cost that goes with a part of its coins, rounded up."""
    unit = divided(lot.cost, lot.quantity, toward=Toward.CEILING)
    return min(rounded_up(_WIDE.multiply(unit, quantity), _FINEST), lot.cost)


def one_per_order(parts: Iterable[Closed]) -> tuple[Closed, ...]:
    """Sales with all fills of an order as one, in the order in which each was last added to.

    `parts` come as they were booked. Books and state both keep sales so, and agree.
    """
    sales: dict[str, Closed] = {}
    for part in parts:
        before = sales.pop(part.order, None)
        if before is not None:
            whole = before.profit + part.profit
            part = Closed(part.symbol, part.order, max(before.at, part.at), whole)
        sales[part.order] = part
    return tuple(sales.values())


def checked(fill: Fill, order: Order) -> Fill:
    """The fill of this order; fatal (FILL_REFUSED) where its numbers cannot be true.

    Signs and NaN are refused by the values themselves. A price beyond the order's limit is
    not refused here: the money has moved, and books that deny it help nobody.
    """
    planned = order.planned
    base, quote = planned.quantity.base, planned.price.quote
    _, fee_coins = fees_of(fill)
    complaints = {
        "it has no id": not fill.fill_id,
        "its time has no zone": fill.at.tzinfo is None,
        "it is of another product than its order": (fill.symbol, fill.quantity.base)
        != (planned.symbol, base)
        or fill.price.quote != quote,
        "it is of the other side than its order": fill.side is not planned.side,
        "it fills nothing": fill.quantity.amount == ZERO,
        "its fee is negative": fill.fee.amount < ZERO,
        f"its fee is neither in {base} nor in {quote}": fill.fee.currency not in (base, quote),
        "its fee takes all that was bought": fill.side is Side.BUY
        and fee_coins >= fill.quantity.amount,
        "its numbers are absurd": not (
            _sane(fill.price.amount, _DIGITS_MAX, _DECIMALS_MAX)
            and _sane(fill.quantity.amount, _DIGITS_MAX, _DECIMALS_MAX)
            and _sane(fill.fee.amount, _FEE_DIGITS_MAX, _FEE_DECIMALS_MAX)
        ),
    }
    for complaint, holds in complaints.items():
        if holds:
            raise FatalError(
                f"fill {fill.fill_id!r} is not booked: {complaint}",
                code="FILL_REFUSED",
                order=planned.client_order_id,
                symbol=fill.symbol,
                side=fill.side.value,
                price=fill.price,
                quantity=fill.quantity,
                fee=fill.fee,
            )
    return fill


def bookable(amount: Decimal) -> bool:
    """Whether the ledger can add it up with any other: NaN, 1E+400 and 1E-400 it could not."""
    return _sane(amount, _LARGEST + _FEE_DECIMALS_MAX, _FEE_DECIMALS_MAX)


def _sane(amount: Decimal, digits: int, decimals: int) -> bool:
    """Whether sums and products of such amounts stay exact, and its size is of this world."""
    _, written, exponent = amount.as_tuple()
    return (
        isinstance(exponent, int)
        and len(written) <= digits
        and exponent >= -decimals
        and (not amount or amount.adjusted() < _LARGEST)
    )
