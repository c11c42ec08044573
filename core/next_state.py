"""How one cycle changes what must survive a restart. Pure, so replay proves every step.

`opened` begins a cycle, `next_state` ends one that decided, `after_failure` one
that did not. Nothing else writes a BotState.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from core.account import Portfolio
from core.decision import Decision, Outcome
from core.money import Money
from core.orders import OrderStatus
from core.reasons import Reason
from core.state import BotState, Controls, DayOpen, Level, Sent, Standing

DAY = timedelta(days=1)


def newborn(name: str, at: datetime) -> BotState:
    """The state of a folder in which nothing has happened yet."""
    return BotState(
        name=name,
        born_at=at,
        cycle=0,
        at=None,
        standing=Standing(Level.NORMAL, "", "", at),
        memberships={},
        excluded={},
        sent=(),
        nearest=(),
        equity_peak=None,
        day_open=None,
    )


def opened(state: BotState, at: datetime, controls: Controls) -> BotState:
    """The state in which the next cycle decides: a new number, its time, the level of now."""
    governed = replace(state, cycle=state.cycle + 1, at=at, standing=_level(state, at, controls))
    if controls.resume is not None and controls.kill is None:
        return replace(governed, equity_peak=None)
    return governed


def _level(state: BotState, at: datetime, controls: Controls) -> Standing:
    standing = state.standing
    if controls.kill is not None:
        if standing.code == Reason.KILL_SWITCH.name:
            return standing
        return Standing(Level.HALTED, Reason.KILL_SWITCH.name, controls.kill, at)
    if controls.resume is not None:
        return Standing(Level.NORMAL, "", f"resumed: {controls.resume}", at)
    if standing.until is not None and standing.until <= at:
        return Standing(Level.NORMAL, "", f"{standing.code} ended", at)
    return standing


def next_state(
    state: BotState, decision: Decision, portfolio: Portfolio, outcome: Outcome
) -> BotState:
    """What the decision and its outcome leave behind for the next cycle."""
    equity = portfolio.equity
    return replace(
        state,
        memberships=decision.universe.memberships,
        excluded={
            symbol: finding.reason.name for symbol, finding in decision.universe.excluded.items()
        },
        sent=_sent(state, decision.at, outcome),
        nearest=decision.attention.nearest,
        equity_peak=_peak(state.equity_peak, equity),
        day_open=_day_open(state.day_open, decision.at, equity),
    )


def after_failure(state: BotState, why: Mapping[str, str], *, fatal: bool) -> BotState:
    """The opened state of a cycle that failed; a fatal error halts until an operator resumes."""
    if not fatal or state.standing.level is Level.HALTED or state.at is None:
        return state
    return replace(state, standing=Standing(Level.HALTED, why["code"], why["text"], state.at))


def _sent(state: BotState, at: datetime, outcome: Outcome) -> tuple[Sent, ...]:
    """Orders that count for pace: all but those the venue refused. NOT_SENT counts as sent."""
    recent = tuple(sent for sent in state.sent if sent.at > at - DAY)
    new = tuple(
        Sent(order.symbol, order.planned.side, at)
        for order in outcome.orders
        if order.cycle == state.cycle and order.status is not OrderStatus.REFUSED
    )
    return recent + new


def _peak(peak: Money | None, equity: Money) -> Money:
    return equity if peak is None or peak < equity else peak


def _day_open(day_open: DayOpen | None, at: datetime, equity: Money) -> DayOpen:
    if day_open is not None and day_open.day == at.date():
        return day_open
    return DayOpen(at.date(), equity)
