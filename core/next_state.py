"""How one cycle changes what must survive a restart. Pure, so replay proves every step.

`opened` begins a cycle, `observed` adds what reconciling saw, `next_state` ends one that
decided, `after_failure` one that did not. Nothing else writes a BotState.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from core.account import Portfolio
from core.accounting import one_per_order
from core.decision import Decision, Outcome
from core.exits import STOPS, as_written
from core.losses import monday_of, net_equity
from core.market import Side
from core.money import Money
from core.orders import Order, OrderStatus
from core.proposals import Purpose, TradeProposal
from core.protection import stopped_by
from core.reasons import Reason
from core.state import (
    BotState,
    Closed,
    Controls,
    DayOpen,
    ExitLevel,
    ExitPlan,
    Level,
    Refusal,
    Sent,
    Sighting,
    Standing,
    WeekOpen,
    Wish,
)

DAY = timedelta(days=1)
STOPPED_KEPT = timedelta(days=30)  # the longest wait that the policy may ask for
CLOSED_KEPT = 100  # sales; more than the longest streak that the policy may allow
CLOSED_KEPT_FOR = timedelta(days=30)  # the longest rest after a streak
_NOTHING_NEW = Sighting()
_OPERATORS = frozenset({Reason.KILL_SWITCH.name, Reason.FLATTEN.name})
# What is not in the market and never was: it uses up nothing.
_IN_VAIN = frozenset({OrderStatus.REFUSED, OrderStatus.NEVER_REACHED})


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
        # The operator has looked: every loss counts from here, or the halt would come back at once.
        return replace(governed, equity_peak=None, day_open=None, week_open=None)
    return governed


def _level(state: BotState, at: datetime, controls: Controls) -> Standing:
    standing = state.standing
    if controls.flatten is not None:
        return Standing(Level.HALTED, Reason.FLATTEN.name, controls.flatten, at)
    if controls.kill is not None:
        if standing.code in _OPERATORS:  # what he wants sold goes on being sold
            return standing
        return Standing(Level.HALTED, Reason.KILL_SWITCH.name, controls.kill, at)
    if controls.resume is not None:
        return Standing(Level.NORMAL, "", f"resumed: {controls.resume}", at)
    if standing.until is not None and standing.until <= at:
        return Standing(Level.NORMAL, "", f"{standing.code} ended", at)
    if controls.stop is not None and standing.level is Level.NORMAL:
        return Standing(Level.REDUCE_ONLY, Reason.STOPPING.name, controls.stop, at)
    if controls.stop is None and standing.code == Reason.STOPPING.name:
        return Standing(Level.NORMAL, "", f"{standing.code} ended", at)
    return standing


def after_preflight(state: BotState, failed: tuple[str, ...], at: datetime) -> BotState:
    """REDUCE_ONLY while a check of entries fails; back to NORMAL where that was the only cause."""
    code, standing = Reason.PREFLIGHT_FAILED.name, state.standing
    if failed and standing.level is Level.NORMAL:
        why = f"failed: {', '.join(failed)}"
        return replace(state, standing=Standing(Level.REDUCE_ONLY, code, why, at))
    if not failed and standing.code == code:
        return replace(state, standing=Standing(Level.NORMAL, "", f"{code} ended", at))
    return state


def observed(state: BotState, sighting: Sighting) -> BotState:
    """The state in which the cycle decides, once the venue has told what happened since."""
    assert state.at is not None  # the cycle is opened
    closed = sales(state.closed, sighting.closed, state.at)
    open_questions = state.absent or state.unexplained
    if sighting == _NOTHING_NEW and closed == state.closed and not open_questions:
        return state
    standing, halt = state.standing, sighting.halt
    if halt is not None and standing.level is not Level.HALTED:
        standing = Standing(Level.HALTED, halt.code, halt.why, state.at)
    return replace(
        state,
        standing=standing,
        sent=_less(state.sent, sighting.unsent),
        closed=closed,
        stopped=_latest(state.stopped, sighting.stops),
        absent=dict(sighting.absent),
        unexplained=dict(sighting.unexplained),
    )


def counted(
    state: BotState,
    sent: tuple[Sent, ...],
    closed: tuple[Closed, ...],
    stops: Mapping[str, datetime],
    at: datetime,
) -> BotState:
    """The state with what the ledger knows better: its orders of a day, its sales, its stops."""
    stopped = _latest(state.stopped, stops)
    return replace(state, sent=sent, closed=sales((), closed, at), stopped=stopped)


def next_state(
    state: BotState, decision: Decision, portfolio: Portfolio, outcome: Outcome
) -> BotState:
    """What the decision and its outcome leave behind for the next cycle."""
    equity = net_equity(portfolio)
    sent = _sent_proposals(state, decision, outcome)
    return replace(
        state,
        standing=decision.standing,
        memberships=decision.universe.memberships,
        excluded={
            symbol: finding.reason.name for symbol, finding in decision.universe.excluded.items()
        },
        sent=_sent(state, decision.at, outcome),
        nearest=decision.attention.nearest,
        equity_peak=_peak(state.equity_peak, equity),
        day_open=_day_open(state.day_open, decision.at, equity),
        week_open=_week_open(state.week_open, decision.at, equity),
        exits=_exits(decision, sent),
        wished=_wished(state, decision.at, portfolio, sent),
        stopped=_stopped(state, decision, sent, _stops_filled(portfolio, outcome)),
        closed=sales(state.closed, outcome.closed, decision.at),
        rates=portfolio.known_rates,
        refusals=_refusals(state, decision, outcome),
        breakers=outcome.breakers,
        changes=decision.changes.remembered(
            decision.plan.orders, decision.plan.cancels, state.cycle, decision.at
        ),
    )


def after_failure(state: BotState, why: Mapping[str, str], *, fatal: bool) -> BotState:
    """The opened state of a cycle that failed; a fatal error halts until an operator resumes."""
    if not fatal or state.standing.level is Level.HALTED or state.at is None:
        return state
    return replace(state, standing=Standing(Level.HALTED, why["code"], why["text"], state.at))


def _sent(state: BotState, at: datetime, outcome: Outcome) -> tuple[Sent, ...]:
    """Orders that count for pace: all that may have been in the market. NOT_SENT counts as sent."""
    recent = tuple(sent for sent in state.sent if sent.at > at - DAY)
    new = tuple(
        Sent(order.symbol, order.planned.side, at)
        for order in _of_this_cycle(state, outcome)
        if not order.planned.protects  # a stop that rests is no trade until it fills
    )
    return recent + new


def _of_this_cycle(state: BotState, outcome: Outcome) -> tuple[Order, ...]:
    """The orders that this cycle sent, without those that came to nothing at once."""
    return tuple(
        order
        for order in outcome.orders
        if order.cycle == state.cycle and order.status not in _IN_VAIN
    )


def _less(sent: tuple[Sent, ...], unsent: tuple[Sent, ...]) -> tuple[Sent, ...]:
    """Each of `unsent` taken out once."""
    left = list(sent)
    for gone in unsent:
        if gone in left:
            left.remove(gone)
    return tuple(left)


def _peak(peak: Money | None, equity: Money) -> Money:
    return equity if peak is None or peak < equity else peak


def _day_open(day_open: DayOpen | None, at: datetime, equity: Money) -> DayOpen:
    if day_open is not None and day_open.day == at.date():
        return day_open
    return DayOpen(at.date(), equity)


def _week_open(week_open: WeekOpen | None, at: datetime, equity: Money) -> WeekOpen:
    monday = monday_of(at.date())
    if week_open is not None and week_open.monday == monday:
        return week_open
    return WeekOpen(monday, equity)


def _sent_proposals(
    state: BotState, decision: Decision, outcome: Outcome
) -> tuple[TradeProposal, ...]:
    """The proposals whose order was sent; NOT_SENT counts, as it does for pace.

    Unless it stood back behind an order that had not ended: that was no attempt.
    """
    carried = {
        order.planned.reason
        for order in _of_this_cycle(state, outcome)
        if order.status is not OrderStatus.NOT_SENT or not order.planned.after
    }
    return tuple(proposal for proposal in decision.proposals if proposal.id in carried)


def _exits(decision: Decision, sent: tuple[TradeProposal, ...]) -> Mapping[str, ExitPlan]:
    """The plans of this cycle; an attempt counts until the position is gone or the exit is off."""
    wanted = {p.symbol for p in decision.proposals if p.purpose is Purpose.EXIT}
    tried = {p.symbol for p in sent if p.purpose is Purpose.EXIT}
    return {
        symbol: replace(plan, attempts=plan.attempts + (symbol in tried) if symbol in wanted else 0)
        for symbol, plan in decision.exits.items()
    }


def _wished(
    state: BotState, at: datetime, portfolio: Portfolio, sent: tuple[TradeProposal, ...]
) -> Mapping[str, Wish]:
    """Levels of the buys of the last day, and of those that may still fill."""
    pending = {order.symbol for order in portfolio.open_orders if order.planned.side is Side.BUY}
    kept = {
        symbol: wish
        for symbol, wish in state.wished.items()
        if wish.at > at - DAY or symbol in pending
    }
    for proposal in sent:
        if proposal.side is Side.BUY and 0 < proposal.stop_loss < proposal.take_profit:
            by = f"strategies.{proposal.strategy}.parameters.{proposal.rule}"
            kept[proposal.symbol] = Wish(
                stop=ExitLevel(as_written(proposal.stop_loss), by),
                target=ExitLevel(as_written(proposal.take_profit), by),
                at=at,
            )
    return dict(sorted(kept.items()))


def _stopped(
    state: BotState,
    decision: Decision,
    sent: tuple[TradeProposal, ...],
    filled: Mapping[str, datetime],
) -> Mapping[str, datetime]:
    """When each product's last stop was sent, or a resting one filled.

    Whether what was sent filled is another matter.
    """
    kept = {s: when for s, when in state.stopped.items() if when > decision.at - STOPPED_KEPT}
    kept |= {
        proposal.symbol: decision.at
        for proposal in sent
        if proposal.purpose is Purpose.EXIT and Reason[proposal.rule.upper()] in STOPS
    }
    return _latest(kept, filled)


def _stops_filled(portfolio: Portfolio, outcome: Outcome) -> Mapping[str, datetime]:
    """Resting stops that filled while the plan was carried out, a cancel or a sale under way."""
    resting = {order.planned.client_order_id: order.planned for order in portfolio.open_orders}
    return {
        fill.symbol: fill.at
        for fill in outcome.fills
        if (stop := resting.get(fill.client_order_id)) is not None and stopped_by(stop, fill)
    }


def _latest(known: Mapping[str, datetime], new: Mapping[str, datetime]) -> Mapping[str, datetime]:
    """The later of both for each product, sorted."""
    later = {symbol: max(at, known.get(symbol, at)) for symbol, at in new.items()}
    return dict(sorted({**known, **later}.items()))


def _refusals(state: BotState, decision: Decision, outcome: Outcome) -> Mapping[str, Refusal]:
    """Stops that the venue would not let rest, for as long as there is a position.

    One that it took and ended by itself, unasked and unfilled, is a refusal too: else the
    bot would send a stop a cycle to a venue that wants none.
    """
    kept = {s: refusal for s, refusal in state.refusals.items() if s in decision.exits}
    asked = {*state.changes.asked, *(cancel.client_order_id for cancel in decision.plan.cancels)}
    for order in outcome.orders:
        if order.planned.protects and order.symbol in decision.exits and _refused(order, asked):
            before = kept.get(order.symbol)
            times = before.times + 1 if before is not None else 1
            kept[order.symbol] = Refusal(times, state.cycle, order.told)
    return dict(sorted(kept.items()))


def _refused(order: Order, asked: set[str]) -> bool:
    if order.status is OrderStatus.REFUSED:
        return True
    ended = order.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
    return ended and not order.filled and order.planned.client_order_id not in asked


def sales(known: tuple[Closed, ...], new: tuple[Closed, ...], at: datetime) -> tuple[Closed, ...]:
    """The last sales, oldest first. Fills of one order are one sale, of the time of its last."""
    since = at - CLOSED_KEPT_FOR
    if not new and all(sale.at > since for sale in known):
        return known
    recent = (sale for sale in one_per_order((*known, *new)) if sale.at > since)
    return tuple(recent)[-CLOSED_KEPT:]
