"""Decisions to grow a state by, without deciding anything."""

from __future__ import annotations

from core.changes import Changes
from core.decision import Decision
from core.execution import OrderPlan
from core.market import Regime
from core.regime import RegimeReading
from core.state import ChangeMemory
from core.triggers import Attention
from core.universe import Universe
from tests.builders.account import a_standing
from tests.builders.market import NOON


def a_decision(**changes: object) -> Decision:
    """Nothing eligible, nothing seen, nothing wanted."""
    fields: dict[str, object] = {
        "at": NOON,
        "standing": a_standing(),
        "regime": RegimeReading(Regime.CHOP, "a calm market"),
        "universe": Universe(eligible={}, excluded={}, memberships={}),
        "attention": Attention(triggers=(), passed={}, nearest=()),
        "proposals": (),
        "verdicts": {},
        "plan": OrderPlan((), {}),
        "exits": {},
        "protections": {},
        "changes": Changes((), (), {}, ChangeMemory()),
    }
    return Decision(**(fields | changes))  # type: ignore[arg-type]
