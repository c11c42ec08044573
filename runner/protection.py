"""Protection delay: how late, at worst, an exit is acted on after its price is reached."""

from __future__ import annotations

from datetime import timedelta

from config.settings import LoopSettings
from core.policy import Resting
from core.wording import span


def protection_delay(loop: LoopSettings) -> timedelta:
    """Between two looks while all goes well: an interval and its jitter."""
    return loop.interval + loop.interval * float(loop.jitter_max.value)


def protection_told(loop: LoopSettings, resting: Resting) -> str:
    """The worst case, for people. A failed cycle postpones the next look by its wait."""
    delay, wait = protection_delay(loop), loop.backoff_max
    rests = ""
    if resting is not Resting.WATCHED:
        rests = f"stops rest at the venue as {resting.value}, where it takes them; all other "
    late = f"{span(delay)} at worst, {span(delay + wait)} after failures"
    return f"{rests}exits are looked at every {late}"
