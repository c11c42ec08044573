"""Balances against the books: whose money is it that is more or less than expected?

A gain where no own order could have brought it is a flow from outside once two cycles have
seen it. So is a loss of cash or of foreign coins. A loss of coins of which we hold lots is
nobody's flow: the product stands still until the operator has booked it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from core.accounting import bookable
from core.market import Balance
from core.money import ZERO, plain, subtracted

_ABSURD = Decimal("1e15")  # of any asset: more than was ever issued of one that is traded


def absurd(balances: Iterable[Balance]) -> Mapping[str, str]:
    """Asset -> why the balance that the venue tells of it cannot be."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for balance in balances:
        why = _trouble(balance)
        if balance.currency in seen:
            why = "two balances"
        seen.add(balance.currency)
        if why is not None:
            found[balance.currency] = f"the venue tells {why} of {balance.currency}"
    return found


def _trouble(balance: Balance) -> str | None:
    for name, amount in (("total", balance.total), ("held", balance.held)):
        if not bookable(amount) or not ZERO <= amount <= _ABSURD:
            return f"a {name} of {amount}"
    if balance.held > balance.total:
        return f"{plain(balance.held)} held out of {plain(balance.total)}"
    return None


def differences(
    balances: Iterable[Balance], expected: Mapping[str, Decimal], unjudged: frozenset[str]
) -> Mapping[str, Decimal]:
    """Asset -> what the venue holds beyond our books, where anything; negative is a lack.

    An asset with an own order that works is not judged: its fills may be on their way.
    """
    held = {balance.currency: balance.total for balance in balances}
    found = {
        asset: subtracted(held.get(asset, ZERO), expected.get(asset, ZERO))
        for asset in sorted(held.keys() | expected.keys())
        if asset not in unjudged
    }
    return {asset: amount for asset, amount in found.items() if amount != ZERO}


def lasting(now: Mapping[str, Decimal], before: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    """Of each difference the part that the last cycle saw too."""
    found = {}
    for asset, amount in now.items():
        earlier = before.get(asset, ZERO)
        if (amount > ZERO) == (earlier > ZERO) and earlier != ZERO:
            found[asset] = min(amount, earlier, key=abs)
    return found
