"""Accounts: one row per wallet, and a currency may have several.

Counted are the spot wallets of the key's own portfolio. Vaults cannot be traded from,
futures wallets are another venue's, a kind that we do not know is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from core.market import Balance
from core.money import ZERO, added
from infra.exchange.coinbase.wire.values import Amount, needed, rows

_KINDS = frozenset({"ACCOUNT_TYPE_CRYPTO", "ACCOUNT_TYPE_FIAT", "ACCOUNT_TYPE_UNSPECIFIED", None})
_PLATFORMS = frozenset({"ACCOUNT_PLATFORM_CONSUMER", "ACCOUNT_PLATFORM_UNSPECIFIED", None})


class Account(msgspec.Struct):
    """A wallet as the venue tells of it."""

    uuid: str
    currency: str
    available_balance: Amount | None = None
    hold: Amount | None = None
    type: str | None = None
    platform: str | None = None
    deleted_at: str | None = None


def accounts(body: bytes) -> list[Account]:
    """The rows of one page."""
    return rows(body, "accounts", Account)


def balances(pages: Iterable[Account]) -> tuple[Balance, ...]:
    """What is held of each currency, sorted; what is zero is left out.

    A wallet may come twice when pages shift, so it is known by its uuid.
    """
    available: dict[str, Decimal] = {}
    held: dict[str, Decimal] = {}
    for account in {account.uuid: account for account in pages}.values():
        if not _counts(account):
            continue
        name = account.currency
        free = needed(_value(account.available_balance), f"the balance of {name}")
        hold = needed(_value(account.hold), f"the hold of {name}")
        available[name] = added(available.get(name, ZERO), free)
        held[name] = added(held.get(name, ZERO), hold)
    return tuple(
        Balance(name, added(available[name], held[name]), held[name])
        for name in sorted(available)
        if available[name] or held[name]
    )


def _counts(account: Account) -> bool:
    return account.type in _KINDS and account.platform in _PLATFORMS and account.deleted_at is None


def _value(amount: Amount | None) -> str | None:
    return None if amount is None else amount.value
