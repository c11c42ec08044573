"""The working orders of one product, and how far the market is from touching any of them.

Exists for speed: there may be hundreds of orders and a request every millisecond, and
mostly nothing happens. The bounds may be too wide for a while, after orders have ended;
they are never too narrow. Prices are compared as floats here and exactly afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from core.market import Side
from infra.exchange.simulated.entry import Entry

_NEVER = datetime.max.replace(tzinfo=UTC)
_LOW, _HIGH = float("-inf"), float("inf")


class Waiting:
    """Orders by number, oldest first."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._ends: dict[int, datetime] = {}
        self._eager: set[int] = set()  # they take what there is, at any price
        self._loosened = 0
        self.due = _NEVER  # the first end of an order; may have gone already
        self._forget()

    def _forget(self) -> None:
        self._down, self._up = _LOW, _HIGH

    @property
    def down(self) -> float:
        """A price at or below it may do something."""
        return _HIGH if self._eager else self._down

    @property
    def up(self) -> float:
        """A price at or above it may do something."""
        return _LOW if self._eager else self._up

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def put(self, entry: Entry) -> None:
        """A new order, or an order as it is now."""
        if entry.number in self._entries:
            self._loosen()
        self._entries[entry.number] = entry
        self._eager.discard(entry.number)
        until = entry.until
        if until is not None:
            self._ends[entry.number] = until
            self.due = min(self.due, until)
        self._widen(entry)

    def pop(self, number: int) -> None:
        """An order has ended."""
        self._ends.pop(number, None)
        self._eager.discard(number)
        if self._entries.pop(number, None) is not None:
            self._loosen()

    def ending(self, now: datetime) -> tuple[Entry, ...]:
        """Orders whose end has come, oldest first."""
        if self.due > now:
            return ()
        numbers = sorted(number for number, until in self._ends.items() if until <= now)
        self.due = min((until for until in self._ends.values() if until > now), default=_NEVER)
        return tuple(self._entries[number] for number in numbers)

    def tighten(self) -> None:
        """Find the bounds afresh."""
        self._loosened = 0
        self._forget()
        for entry in self._entries.values():
            self._widen(entry)

    def touched(self, low: float, high: float) -> bool:
        """Whether prices between `low` and `high` may do something to some order."""
        return low <= self.down or high >= self.up

    def _loosen(self) -> None:
        self._loosened += 1
        if self._loosened > len(self._entries) + 1:
            self.tighten()

    def _widen(self, entry: Entry) -> None:
        request = entry.request
        if entry.in_the_market and not entry.rests:  # it takes what there is
            self._eager.add(entry.number)
            return
        if entry.waits_for_stop and request.stop is not None:
            self._reach(float(request.stop), below=request.falls_to_stop)
        if entry.in_the_market and entry.limit is not None:
            self._reach(float(entry.limit), below=entry.side is Side.BUY)

    def _reach(self, price: float, *, below: bool) -> None:
        if below:
            self._down = max(self._down, price)
        else:
            self._up = min(self._up, price)
