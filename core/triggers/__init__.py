"""Stage 3: what just happened that deserves attention; one function per trigger kind.

Exists so that strategies look at a few products with a stated event instead of at
all of them. It has no opinion on what to do about it, and passes over no product
without naming the number seen, the limit and the policy key.
"""

from __future__ import annotations

from core.triggers.attention import find_triggers
from core.triggers.resolution import unreachable, unresolved, unusable
from core.triggers.trigger import Attention, Direction, Trigger, TriggerKind

__all__ = [
    "Attention",
    "Direction",
    "Trigger",
    "TriggerKind",
    "find_triggers",
    "unreachable",
    "unresolved",
    "unusable",
]
