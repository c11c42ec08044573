"""This process: how long its steps take and how much memory it holds."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


class Stopwatch:
    """Milliseconds between laps. For the record only; no decision ever reads it."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._laps[name] = (now - self._last) * 1000
        self._last = now

    def laps(self) -> Mapping[str, float]:
        return {**self._laps, "total": (self._last - self._started) * 1000}


def resident_mb() -> float:
    """Resident memory in MB; 0.0 on a system that does not tell it."""
    if not _STATM.exists():
        return 0.0
    return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE / 1_000_000
