"""What a cycle left behind, read as what is wrong now. Pure, and it decides nothing.

It looks at facts that are there anyway: the state, the decision, the orders and positions of
the ledger. What a cycle did not find out it does not call well: a failed cycle says
nothing of the books, and an alert about them stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from core.changes.stuck import is_unanswered, resists_cancels
from core.decision import Decision, ProductVerdict
from core.market import Side
from core.orders import Order, OrderStatus
from core.reasons import Reason
from core.state import BotState, Level
from runner.alerts.alert import AROUND, Alert, AlertCode, Sight

KEY_CODES = frozenset({"KEY_REFUSED", "KEY_LACKS_PERMISSION"})
ATTEMPTS_DUE = 2  # exits sent in a row that left something of the position
# Pieces without which nobody sees what a position is worth or what the account holds.
_VITAL = ("tops", "balances")
_OF_A_DECISION = frozenset({AlertCode.BOOKS_OPEN, AlertCode.EXIT_BLOCKED, *AROUND})
_OF_THE_BOOKS = frozenset(
    {
        AlertCode.ORDER_UNKNOWN,
        AlertCode.ORDER_STUCK,
        AlertCode.EXIT_MISSING,
        AlertCode.EXIT_BLOCKED,
        AlertCode.STOP_REFUSED,
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a cycle decided nothing."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What the ledger says is ours and out there."""

    symbols: tuple[str, ...]  # of positions
    unsettled: tuple[Order, ...]

    def guarded(self, symbol: str) -> bool:
        """Whether a stop of it rests at the venue."""
        return any(order.symbol == symbol and order.guards for order in self.unsettled)

    def leaves(self, symbol: str) -> bool:
        """Whether a sale of it is out that is no resting stop."""
        return any(
            order.symbol == symbol and order.planned.side is Side.SELL and not order.guards
            for order in self.unsettled
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one cycle left behind. Without a failure there is a decision."""

    state: BotState
    holding: Holding | None  # None where the ledger could not be read
    failure: Failure | None = None
    decision: Decision | None = None
    orders: tuple[Order, ...] = ()  # own ones that the cycle sent or saw change
    quarantined: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)  # piece -> why it could not be had


def sight_of(facts: Facts) -> Sight:
    """All that is wrong now, and of what nothing is known."""
    alerts = (*_level(facts.state), *_cycle(facts), *_positions(facts), *_orders(facts))
    blind: frozenset[AlertCode] = frozenset()
    if facts.failure is not None:
        blind |= _OF_A_DECISION | {AlertCode.VENUE_UNREACHABLE}
    if facts.holding is None:
        blind |= _OF_THE_BOOKS
    return Sight(alerts, blind)


def _level(state: BotState) -> Iterator[Alert]:
    standing = state.standing
    if standing.level is Level.NORMAL or standing.code == Reason.STOPPING.name:
        return
    met = f"; {standing.seen} against {standing.limit}" if standing.seen else ""
    yield Alert(AlertCode[standing.level.name], "", f"{standing.code}: {standing.why}{met}")
    if standing.code == Reason.BOOKS_OPEN.name:
        yield Alert(AlertCode.BOOKS_OPEN, "ledger", standing.why)


def _cycle(facts: Facts) -> Iterator[Alert]:
    if facts.failure is not None:
        yield _failed(facts.failure)
        return
    silent = [f"{piece}: {facts.missing[piece]}" for piece in _VITAL if piece in facts.missing]
    if silent:
        yield Alert(AlertCode.VENUE_UNREACHABLE, "", "; ".join(silent))


def _failed(failure: Failure) -> Alert:
    told = f"{failure.code}: {failure.text}"
    if failure.code in KEY_CODES:
        return Alert(AlertCode.KEY_REFUSED, "", told)
    if failure.code == Reason.DISK_FULL.name:
        return Alert(AlertCode.DISK_FULL, "", told)
    if failure.code == Reason.STATE_NOT_WRITTEN.name:
        return Alert(AlertCode.NOT_WRITTEN, "", told)
    return Alert(AlertCode.CYCLE_FAILED, "", told)


def _positions(facts: Facts) -> Iterator[Alert]:
    for name, why in sorted(facts.quarantined.items()):
        yield Alert(AlertCode.BOOKS_OPEN, name, f"{name}: {why}")
    if facts.holding is None:
        return
    for symbol in facts.holding.symbols:
        unwatched = _unwatched(symbol, facts, facts.holding)
        if unwatched:
            told = f"{symbol}: {unwatched}, and no stop of it rests at the venue"
            yield Alert(AlertCode.EXIT_MISSING, symbol, told)
        blocked = _blocked(symbol, facts, facts.holding)
        if blocked:
            yield Alert(AlertCode.EXIT_BLOCKED, symbol, f"{symbol}: {blocked}")
        refusal = facts.state.refusals.get(symbol)
        if refusal is not None and not facts.holding.guarded(symbol):
            told = f"{symbol}: refused {refusal.times} times: {refusal.told or 'without a word'}"
            yield Alert(AlertCode.STOP_REFUSED, symbol, told)


def _unwatched(symbol: str, facts: Facts, holding: Holding) -> str:
    """Why the bot would not leave the position now, with no stop of it at the venue."""
    if holding.guarded(symbol):
        return ""
    if symbol in facts.quarantined:
        return "it stands still"
    if facts.decision is None:
        code = facts.failure.code if facts.failure is not None else "no decision"
        return f"the cycle that watches it failed with {code}"
    return f"no book of it: {facts.missing['tops']}" if "tops" in facts.missing else ""


def _blocked(symbol: str, facts: Facts, holding: Holding) -> str:
    """What is in the way of an exit that has fired."""
    decision = facts.decision
    verdict = decision.verdicts.get(symbol) if decision is not None else None
    if decision is None or verdict is None or verdict.exit is None:
        return ""
    if verdict.exit.reason is Reason.HELD:
        return ""
    fired = f"{verdict.exit.reason.name} has fired"
    planned = any(o.symbol == symbol and o.side is Side.SELL for o in decision.plan.orders)
    if not planned and not holding.leaves(symbol) and not holding.guarded(symbol):
        return f"{fired}, and no sale goes out: {_answer(verdict)}"
    for order in facts.orders:
        if order.symbol == symbol and _is_refused_sale(order):
            return f"{fired}, and the venue refuses its sale: {order.told or 'without a word'}"
    plan = facts.state.exits.get(symbol)
    if plan is not None and plan.attempts >= ATTEMPTS_DUE:
        return f"{fired}, and {plan.attempts} sales left some of it"
    return ""


def _is_refused_sale(order: Order) -> bool:
    planned = order.planned
    sells = planned.side is Side.SELL and not planned.protects
    return sells and order.status is OrderStatus.REFUSED


def _answer(verdict: ProductVerdict) -> str:
    finding = verdict.finding
    return f"{finding.reason.name}, {finding.seen} against {finding.limit}"


def _orders(facts: Facts) -> Iterator[Alert]:
    if facts.holding is None:
        return
    for order in facts.holding.unsettled:
        planned, name = order.planned, order.planned.client_order_id
        told = f"{planned.side.value} {planned.quantity} at {planned.price} ({name})"
        if is_unanswered(order, facts.state):
            text = f"{told}: {order.status.name} since cycle {order.cycle}"
            yield Alert(AlertCode.ORDER_UNKNOWN, name, text)
        elif resists_cancels(order, facts.state):
            asked = facts.state.changes.asked[name].times
            yield Alert(AlertCode.ORDER_STUCK, name, f"{told}: {asked} cancels came to nothing")
