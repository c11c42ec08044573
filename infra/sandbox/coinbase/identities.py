"""Names that the venue gives: the same thing has the same name in every run."""

from __future__ import annotations

from functools import cache
from uuid import NAMESPACE_DNS, uuid5


@cache
def named(kind: str, what: str) -> str:
    return str(uuid5(NAMESPACE_DNS, f"{kind}.{what}.sandbox"))


def account_id(currency: str) -> str:
    return named("account", currency)


PORTFOLIO = named("portfolio", "default")
USER = named("user", "only")
