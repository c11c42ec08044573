"""A venue 80 ms away: what a cycle with it may take, and how its requests followed each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from time import sleep
from typing import Any

from core.policy import Allowlist, Policy

LATENCY = timedelta(milliseconds=80)
WALL_MAX = 0.4  # seconds
NEW_BARS = 10
_REFILL = 1.2  # seconds until the adapter's limit is whole again


def rest() -> None:
    sleep(_REFILL)


def only(policy: Policy, symbols: Sequence[str]) -> Policy:
    allowed = Allowlist(count=len(symbols), symbols=tuple(symbols))
    return replace(policy, universe=replace(policy.universe, allowlist=allowed))


def critical_path(entries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The longest chain in which each came at least a journey after the one before."""
    longest: list[tuple[datetime, tuple[str, ...]]] = []
    for entry in entries:
        came = datetime.fromisoformat(entry["at"])
        earlier = [chain for then, chain in longest if came - then >= LATENCY]
        ahead = max(earlier, key=len, default=())
        longest.append((came, (*ahead, entry["path"].rpartition("/")[2])))
    return max((chain for _, chain in longest), key=len, default=())
