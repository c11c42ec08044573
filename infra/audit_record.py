"""The audit record: what one cycle saw, decided, sent and filled, as plain JSON values.

Pure. The names are a contract (people script against them with jq); decimals are
strings, other numbers carry at most four decimals, `seen` and `limit` carry their
unit. The decision's digest is taken over the members that `runner.verify` takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.account import Portfolio
from core.changes.stuck import stuck_orders
from core.decision import Decision, Outcome, ProductVerdict
from core.money import plain
from core.orders import FINAL, REACHED, CancelAnswer, Order, OrderType
from core.proposals import TradeProposal
from core.protection import Protection
from core.reasons import Finding, Reason
from core.state import BotState, Breaker, Level, Standing
from core.triggers import Trigger
from core.universe import Universe
from core.wording import instant
from infra.audit_orders import cancelled_members, fill_members, order_members, plan_members
from infra.audit_portfolio import portfolio_members
from infra.codec import canonical_json, digest

Record = dict[str, Any]

STEPS = ("gather", "reconcile", "decide", "commit", "carry_out", "record", "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is the same in every record of one process."""

    mode: str
    exchange: str
    config: str  # fingerprint of the effective configuration
    version: str
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What the cycle cost. Differs between identical runs, so it is in no digest."""

    timing_ms: Mapping[str, float]
    requests: int
    rss_mb: float


def decided_members(decision: Decision) -> Record:
    """The members whose digest is the decision."""
    return {
        "at": instant(decision.at),
        "level": decision.standing.level.name,
        "regime": decision.regime.regime.value,
        "universe": _universe(decision.universe),
        "triggers": [_trigger(trigger) for trigger in decision.triggers],
        "proposals": [_proposal(proposal) for proposal in decision.proposals],
        "verdicts": {
            symbol: _verdict(verdict, decision.protections.get(symbol))
            for symbol, verdict in decision.verdicts.items()
        },
        "plan": plan_members(decision.plan),
    }


def decision_digest(decision: Decision) -> str:
    return digest(canonical_json(decided_members(decision)))


def decided_record(
    identity: Identity,
    state: BotState,
    decision: Decision,
    portfolio: Portfolio,
    outcome: Outcome,
    *,
    inputs: str,
) -> Record:
    """The record of a cycle that decided; `changed`, cost and chain are added by others."""
    members = decided_members(decision)
    outcome_name, why = _outcome(decision, outcome, state.cycle)
    return {
        **_head(identity, state, decision.at),
        **members,
        "standing": _standing(decision.standing),
        "outcome": outcome_name,
        "why": why,
        "decision": digest(canonical_json(members)),
        "inputs": inputs,
        "orders": [
            *(cancelled_members(cancelled) for cancelled in outcome.cancels),
            *(order_members(order) for order in outcome.orders),
        ],
        "fills": [fill_members(fill) for fill in outcome.fills],
        "portfolio": {
            **portfolio_members(portfolio, state),
            "open_orders": [order_members(order) for order in _open(portfolio, outcome)],
            "stuck": [o.planned.client_order_id for o in stuck_orders(portfolio, state)],
        },
    }


def _open(portfolio: Portfolio, outcome: Outcome) -> tuple[Order, ...]:
    """Own orders that may still fill at the end of the cycle, by product."""
    known = (*portfolio.open_orders, *outcome.orders, *(c.order for c in outcome.cancels))
    latest = {order.planned.client_order_id: order for order in known}
    open_now = (order for order in latest.values() if order.status not in FINAL)
    return tuple(sorted(open_now, key=lambda order: (order.symbol, order.cycle)))


def failed_record(
    identity: Identity,
    state: BotState,
    at: datetime,
    why: Mapping[str, str],
    *,
    orders: Iterable[Order] = (),
) -> Record:
    """The record of a cycle without a decision: the last known universe, and nothing done.

    What is held has a verdict too, as in every cycle.
    """
    eligible = dict(sorted(state.eligible.items()))
    excluded = _by_code({s: c for s, c in state.excluded.items() if s not in eligible})
    silent = Finding(Reason.NOT_DECIDED, why["code"], "a decision", "cycle")
    return {
        **_head(identity, state, at),
        "level": state.standing.level.name,
        "standing": _standing(state.standing),
        "regime": None,
        "universe": {"eligible": eligible, "excluded": excluded, "changed": {}},
        "triggers": [],
        "proposals": [],
        "verdicts": {
            symbol: _verdict(ProductVerdict(silent, None))
            for symbol in sorted(eligible.keys() | state.exits.keys())
        },
        "plan": [],
        "outcome": "FAILED",
        "why": dict(why),
        "decision": None,
        "inputs": None,
        "orders": [order_members(order) for order in orders],
        "fills": [],
        "portfolio": None,
    }


def changed_exclusions(universe: Universe, before: Mapping[str, str] | None) -> Record:
    """Exclusions that are new or have another code than before; all where `before` is None."""
    known = before or {}
    return {
        symbol: _finding(finding)
        for symbol, finding in universe.excluded.items()
        if known.get(symbol) != finding.reason.name
    }


def cost_members(cost: Footprint) -> Record:
    """Every step has its time; one that a failed cycle never came to took none."""
    took = dict.fromkeys(STEPS, 0.0) | dict(cost.timing_ms)
    return {
        "timing_ms": {name: round(value, 3) for name, value in sorted(took.items())},
        "requests": cost.requests,
        "rss_mb": round(cost.rss_mb, 1),
    }


def _head(identity: Identity, state: BotState, at: datetime) -> Record:
    return {
        "schema": 1,
        "cycle": state.cycle,
        "cycle_id": state.cycle_id,
        "run_id": identity.run_id,
        "at": instant(at),
        "mode": identity.mode,
        "exchange": identity.exchange,
        "config": identity.config,
        "version": identity.version,
        "standing": _standing(state.standing),
        "breakers": {breaker.group: _breaker(breaker) for breaker in state.breakers},
    }


def _breaker(breaker: Breaker) -> Record:
    return {
        "position": breaker.position.value,
        "failures": breaker.failures,
        "since": instant(breaker.opened_at) if breaker.opened_at is not None else None,
    }


def _outcome(decision: Decision, outcome: Outcome, cycle: int) -> tuple[str, Record | None]:
    if outcome.fills or any(
        order.status in REACHED for order in outcome.orders if order.cycle == cycle
    ):
        return "TRADED", None
    if any(cancelled.answer is CancelAnswer.ACCEPTED for cancelled in outcome.cancels):
        return "TRADED", None
    if decision.plan.cancels or decision.plan.orders:
        return "PLANNED", None
    if decision.standing.level is Level.HALTED:
        return "HALTED", _standing(decision.standing)
    return "NO_TRADE", deciding_reason(decision)


def deciding_reason(decision: Decision) -> Record:
    """Why nothing was traded: the fate of the strongest proposal, else the nearest product's."""
    for proposal in sorted(decision.proposals, key=lambda p: (-p.conviction, p.id)):
        verdict = decision.verdicts[proposal.symbol]
        return _why(proposal.symbol, verdict.finding)
    for symbol in decision.attention.nearest:
        return _why(symbol, decision.verdicts[symbol].finding)
    return {"code": Reason.NOTHING_ELIGIBLE.name, "text": Reason.NOTHING_ELIGIBLE.sentence}


def _why(symbol: str, finding: Finding) -> Record:
    return {**_finding(finding), "text": finding.reason.sentence, "symbol": symbol}


def _standing(standing: Standing) -> Record:
    return {
        "code": standing.code,
        "text": standing.why,
        "since": instant(standing.since),
        "until": instant(standing.until) if standing.until is not None else None,
        "seen": standing.seen,
        "limit": standing.limit,
        "key": standing.key,
    }


def _universe(universe: Universe) -> Record:
    codes = {symbol: finding.reason.name for symbol, finding in universe.excluded.items()}
    return {"eligible": dict(universe.eligible), "excluded": _by_code(codes)}


def _by_code(codes: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for symbol, code in sorted(codes.items()):
        grouped.setdefault(code, []).append(symbol)
    return grouped


def _finding(finding: Finding) -> Record:
    return {
        "code": finding.reason.name,
        "seen": finding.seen,
        "limit": finding.limit,
        "key": finding.key,
    }


def _verdict(verdict: ProductVerdict, kept: Protection | None = None) -> Record:
    """What was decided; of a position also which exit was watched, how far it is, and where
    its stop is.
    """
    members = {**_finding(verdict.finding), "proposal": verdict.proposal}
    if verdict.exit is not None:
        members["exit"] = _finding(verdict.exit)
    if kept is not None:
        members["protection"] = _protection(kept)
    return members


def _protection(kept: Protection) -> Record:
    """Where the stop of a position is: RESTING, PLACED or WATCHED, which order, and why."""
    order = kept.order
    return {
        **_finding(kept.why),
        "guard": kept.guard.value,
        "client_order_id": order.client_order_id if order is not None else None,
        "stop": plain(order.stop.amount) if order is not None and order.stop is not None else None,
        "target": plain(order.price.amount) if order and order.type is OrderType.BRACKET else None,
    }


def _trigger(trigger: Trigger) -> Record:
    return {
        "symbol": trigger.symbol,
        "kind": trigger.kind.value,
        "strength": trigger.strength,
        "confidence": trigger.confidence,
        "seen": trigger.seen,
    }


def _proposal(proposal: TradeProposal) -> Record:
    return {
        "id": proposal.id,
        "symbol": proposal.symbol,
        "side": proposal.side.value,
        "notional": plain(proposal.notional.amount) if proposal.notional is not None else None,
        "currency": proposal.notional.currency if proposal.notional is not None else None,
        "strategy": proposal.strategy,
        "rule": proposal.rule,
        "conviction": proposal.conviction,
        "breakdown": dict(proposal.breakdown),
        "stop_loss": _measured(proposal.stop_loss),
        "take_profit": _measured(proposal.take_profit),
        "because": proposal.because,
    }


def _measured(value: float) -> str:
    """A price measured in floats, to ten significant digits: more would pretend."""
    return plain(Decimal(f"{value:.10g}"))
