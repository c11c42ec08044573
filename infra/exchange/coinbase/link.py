"""What is asked of the venue and what comes back, before anybody judges it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol


class Group(Enum):
    """Endpoints that fail together, each with a circuit breaker of its own."""

    ORDERS = "orders"
    ACCOUNT = "account"
    MARKET_DATA = "market_data"


class Urgency(Enum):
    """Who goes first when requests are short."""

    READ = "read"
    ENTRY = "entry"
    EXIT = "exit"  # cancels and sales: they may use what the others must leave


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; `path` is below /api/v3/brokerage."""

    method: str
    path: str
    group: Group
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, object] | None = None
    urgency: Urgency = Urgency.READ

    @property
    def name(self) -> str:
        """The request in words, and the same for the same request."""
        told = "&".join(f"{key}={value}" for key, value in self.query)
        return f"{self.method} {self.path}{'?' if told else ''}{told}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came, with secrets of ours cut out; `dated` is its Date header."""

    status: int
    body: bytes
    dated: datetime | None


class LinkError(Exception):
    """No answer. `sent` is False only where it is certain that nothing left us."""

    def __init__(self, code: str, words: str, *, sent: bool) -> None:
        super().__init__(words)
        self.code = code
        self.sent = sent


class Link(Protocol):
    """One connection to the venue; each thread has its own."""

    def send(self, request: Request, seconds: float) -> Reply:
        """The answer, whatever its status, within `seconds`; LinkError where there is none."""
