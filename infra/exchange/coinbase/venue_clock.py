"""How far the venue's clock is from ours, as its answers tell.

The Date of an answer names a second, and the answer was made while we waited for it:
that bounds the offset from both sides, and several answers bound it closer. Within the
bounds the smallest offset is taken, so none is ever made up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

_SECOND = timedelta(seconds=1)
_NONE = timedelta(0)


@dataclass(slots=True)
class VenueClock:
    """Bounds of (the venue's time less ours), of one cycle."""

    _low: timedelta | None = None
    _high: timedelta | None = None
    _lock: Lock = field(default_factory=Lock)

    def forget(self) -> None:
        """A new cycle measures anew."""
        with self._lock:
            self._low = self._high = None

    def saw(self, dated: datetime, sent: datetime, received: datetime) -> None:
        """An answer of `dated`, cut to the second, to a request of ours."""
        low, high = dated - received, dated + _SECOND - sent
        with self._lock:
            if self._low is not None and self._high is not None:
                closer = max(low, self._low), min(high, self._high)
                # Bounds that exclude each other: a clock jumped, so the newest holds.
                low, high = closer if closer[0] <= closer[1] else (low, high)
            self._low, self._high = low, high

    @property
    def offset(self) -> timedelta | None:
        """The smallest offset that explains every answer; None before the first."""
        with self._lock:
            if self._low is None or self._high is None:
                return None
            return min(max(_NONE, self._low), self._high)
