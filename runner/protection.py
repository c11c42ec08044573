"""Protection delay: how late, at worst, an exit is acted on after its price is reached."""

from __future__ import annotations

from datetime import timedelta

from config.settings import LoopSettings
from core.wording import span


def protection_delay(loop: LoopSettings) -> timedelta:
    """Between two looks while all goes well: an interval and its jitter."""
    return loop.interval + loop.interval * float(loop.jitter_max.value)


def protection_told(loop: LoopSettings) -> str:
    """The worst case, for people. A failed cycle postpones the next look by its wait."""
    delay, wait = protection_delay(loop), loop.backoff_max
    return f"exits are looked at every {span(delay)} at worst, {span(delay + wait)} after failures"
