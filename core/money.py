"""Money, prices, quantities and ratios: Decimal values that refuse floats and mixed currencies.

All money is computed in one explicit context of 60 digits in which an inexact
result is an error. Only `divided` and the two `rounded_*` functions may round,
and each names its direction. Nothing here depends on the thread's own context.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
)
from enum import Enum

EXACT = Context(prec=60, traps=[InvalidOperation, DivisionByZero, Inexact])
ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)


class Toward(Enum):
    """The direction in which a value that does not fit may be rounded."""

    FLOOR = ROUND_FLOOR
    CEILING = ROUND_CEILING


_FLOORING, _CEILING = (
    Context(prec=30, rounding=toward.value, traps=[InvalidOperation, DivisionByZero])
    for toward in (Toward.FLOOR, Toward.CEILING)
)


def divided(dividend: Decimal, divisor: Decimal, *, toward: Toward) -> Decimal:
    """The quotient to 30 digits, rounded in the direction named."""
    context = _FLOORING if toward is Toward.FLOOR else _CEILING
    return context.divide(dividend, divisor)


def added(*values: Decimal) -> Decimal:
    """The exact sum."""
    total = ZERO
    for value in values:
        total = EXACT.add(total, value)
    return total


def subtracted(value: Decimal, less: Decimal) -> Decimal:
    """The exact difference."""
    return EXACT.subtract(value, less)


def multiplied(first: Decimal, *others: Decimal) -> Decimal:
    """The exact product; a product beyond 60 digits raises Inexact."""
    product = first
    for factor in others:
        product = EXACT.multiply(product, factor)
    return product


def rounded_down(value: Decimal, increment: Decimal) -> Decimal:
    """The largest multiple of `increment` that is not above `value`."""
    steps = EXACT.divide_int(value, increment)
    floor = EXACT.multiply(steps, increment)
    return floor if floor <= value else EXACT.subtract(floor, increment)


def rounded_up(value: Decimal, increment: Decimal) -> Decimal:
    """The smallest multiple of `increment` that is not below `value`."""
    floor = rounded_down(value, increment)
    return floor if floor == value else EXACT.add(floor, increment)


def plain(value: Decimal) -> str:
    """The number without exponent and without idle zeros: 0.00000001, never 1E-8."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _finite(value: Decimal, what: str) -> None:
    if not isinstance(value, Decimal):
        raise TypeError(f"{what} takes a Decimal, was {type(value).__name__}")
    if not value.is_finite():
        raise ValueError(f"{what} takes a finite number, was {value}")


@dataclass(frozen=True, slots=True, order=True)
class Ratio:
    """A share of something: 0.03 is three per cent, everywhere."""

    value: Decimal

    def __post_init__(self) -> None:
        _finite(self.value, "Ratio")

    def of(self, money: Money) -> Money:
        return Money(multiplied(money.amount, self.value), money.currency)

    def times(self, multiple: Decimal) -> Ratio:
        return Ratio(multiplied(self.value, multiple))

    def __str__(self) -> str:
        return f"{plain(multiplied(self.value, HUNDRED))}%"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency. Adding or comparing two currencies is an error."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        _finite(self.amount, "Money")

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(ZERO, currency)

    def __add__(self, other: Money) -> Money:
        return Money(added(self.amount, self._same(other)), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(subtracted(self.amount, self._same(other)), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def times(self, factor: Decimal) -> Money:
        return Money(multiplied(self.amount, factor), self.currency)

    def share_of(self, whole: Money, *, toward: Toward) -> Ratio:
        """This amount as a share of `whole`, which must not be zero."""
        return Ratio(divided(self.amount, whole._same_currency(self), toward=toward))

    def down_to(self, increment: Decimal) -> Money:
        return Money(rounded_down(self.amount, increment), self.currency)

    def _same(self, other: Money) -> Decimal:
        return other._same_currency(self)

    def _same_currency(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {other.currency} with {self.currency}")
        return self.amount

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.currency}"


@dataclass(frozen=True, slots=True)
class Quantity:
    """How much of the base currency."""

    amount: Decimal
    base: str

    def __post_init__(self) -> None:
        _finite(self.amount, "Quantity")
        if self.amount < 0:
            raise ValueError(f"a quantity is never negative, was {self.amount} {self.base}")

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.base}"


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of the base costs, in quote currency."""

    amount: Decimal
    quote: str

    def __post_init__(self) -> None:
        _finite(self.amount, "Price")
        if self.amount <= 0:
            raise ValueError(f"a price is positive, was {self.amount} {self.quote}")

    def of(self, quantity: Quantity) -> Money:
        """The notional of `quantity` at this price."""
        return Money(multiplied(self.amount, quantity.amount), self.quote)

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.quote}"
