"""A timer that a test moves by hand."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class HandTimer:
    """Time that passes only by sleeping, or when a test says that work took some."""

    at: float = 1000.0
    naps: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.at += seconds

    def works(self, seconds: float) -> None:
        self.at += seconds
