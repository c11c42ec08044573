"""How we deal with the venue: the keys of app.yaml that this room reads.

Protocols, because this room cannot import the configuration; its settings satisfy them.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from core.money import Ratio


class Terms(Protocol):
    """The section `exchange`."""

    @property
    def base_url(self) -> str: ...

    @property
    def ca_file(self) -> str | None: ...

    @property
    def clock_speed(self) -> Decimal: ...

    @property
    def connect_timeout(self) -> timedelta: ...

    @property
    def read_timeout(self) -> timedelta: ...

    @property
    def cycle_deadline(self) -> timedelta: ...

    @property
    def workers_max(self) -> int: ...

    @property
    def attempts_max(self) -> int: ...

    @property
    def retry_wait_first(self) -> timedelta: ...

    @property
    def retry_wait_max(self) -> timedelta: ...

    @property
    def private_requests_per_second_max(self) -> int: ...

    @property
    def public_requests_per_second_max(self) -> int: ...

    @property
    def exit_reserve(self) -> Ratio: ...

    @property
    def breaker_failures(self) -> int: ...

    @property
    def breaker_wait(self) -> timedelta: ...

    @property
    def products_age_max(self) -> timedelta: ...

    @property
    def fees_age_max(self) -> timedelta: ...


class Derivatives(Protocol):
    """The section `derivatives`."""

    @property
    def enabled(self) -> bool: ...


class Simulated(Protocol):
    """Of the section `market`: what an account without a key is assumed to pay."""

    @property
    def maker_fee(self) -> Ratio: ...

    @property
    def taker_fee(self) -> Ratio: ...


class Sections(Protocol):
    """The settings as a whole."""

    @property
    def exchange(self) -> Terms: ...

    @property
    def derivatives(self) -> Derivatives: ...

    @property
    def market(self) -> Simulated: ...
