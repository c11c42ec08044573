"""Step 5, carry out: send what was planned, in its order, and learn what came of it.

Cancels go first, and nothing stops them: taking an order back is always safe. The
intents are durable before this begins. The kill switch is looked at before every
send; what it stops stays NOT_SENT, a definite and final answer; protective sells it
does not stop. An order that follows another one waits until that is seen final, with
nothing filled since the decision, or is NOT_SENT. An order that the
venue took is looked at, and only the one that was asked for is believed. What filled
at once is booked at once; everything else is told by the next cycle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from core.decision import Outcome
from core.errors import RetryableError, UnknownOutcomeError
from core.execution import OrderPlan
from core.exits import STRATEGY
from core.market import Side
from core.orders import (
    FINAL,
    PROTECT,
    REACHED,
    RESTING,
    CancelAnswer,
    Cancelled,
    Order,
    OrderStatus,
    PlannedCancel,
    PlannedOrder,
    TimeInForce,
    moved,
)
from core.ports import Answer, Booked, ControlFiles
from infra.crash_points import CrashPoint, reached
from runner.account import Account
from runner.reconcile.fills import OVERLAP, FillReader
from runner.reconcile.orders import Looks, asked_otherwise, look, progress

LOOKS_MAX = 3  # at orders that should end at once, before the next cycle looks again


@dataclass(frozen=True, slots=True)
class Carrier:
    """Carries out plans for one account."""

    account: Account
    fills: FillReader
    controls: ControlFiles

    def carry_out(self, plan: OrderPlan, intents: tuple[Order, ...], at: datetime) -> Outcome:
        """Each cancel and each intent is sent at most once, and ends with what the venue said."""
        if not (intents or plan.cancels):
            return Outcome(orders=(), fills=())
        ledger, looks = self.account.ledger, Looks()
        answers = [(cancel, self._cancel(cancel)) for cancel in plan.cancels]
        stood = {cancel.client_order_id: cancel.order for cancel in plan.cancels}
        booked: list[Booked] = []
        turns: list[Order] = []
        for order in intents:
            before = [stood[name] for name in order.planned.after]
            booked.extend(self._followed(set(order.planned.after), Looks(), at))
            ready = all(self._ended_as_it_stood(one) for one in before)
            turns.append(self._sent(order, looks) if ready else _stood_back(order))
        sent = tuple(turns)
        ledger.settle(sent, at)
        watched = {o.planned.client_order_id for o in sent if _ends_at_once(o)}
        watched |= {cancel.client_order_id for cancel, answer in answers if answer in _TRIED}
        booked.extend(self._followed(watched, looks, at))
        cancels = tuple(Cancelled(self._as_it_stands(c.order), answer) for c, answer in answers)
        return Outcome(
            orders=tuple(self._as_it_stands(order) for order in sent),
            fills=tuple(entry.fill for entry in booked),
            cancels=cancels,
            closed=tuple(entry.closed for entry in booked if entry.closed is not None),
        )

    def _cancel(self, cancel: PlannedCancel) -> CancelAnswer:
        reached(CrashPoint.CANCEL_DUE)
        try:
            answer = self.account.venue.cancel(cancel)
        except RetryableError:
            answer = CancelAnswer.NOT_SENT
        except UnknownOutcomeError:
            answer = CancelAnswer.UNKNOWN
        reached(CrashPoint.CANCEL_ANSWERED)
        return answer

    def _sent(self, order: Order, looks: Looks) -> Order:
        """The order with what is known of it after its sending; only the one asked for is OPEN."""
        if self.controls.killed() and order.planned.author not in _NEVER_STOPPED:
            return moved(order, OrderStatus.NOT_SENT)
        answer = self._submit(order.planned)
        if answer.status is OrderStatus.UNKNOWN and order.planned.side is Side.SELL:
            # The same id and body: the same order, at most once. An exit does not wait a cycle.
            again = self._submit(order.planned)
            # A no to the second sending says nothing of the first, which may have arrived.
            answer = again if again.status in REACHED else answer
        known = replace(order, exchange_order_id=answer.exchange_order_id, told=answer.told)
        if answer.status not in REACHED:
            return moved(known, answer.status)
        told = look(self.account.venue, known, looks)
        if told is None or asked_otherwise(order.planned, told) is not None:
            return moved(known, OrderStatus.UNKNOWN)
        ended = told.status in FINAL and told.filled == order.filled
        return moved(known, told.status if ended else OrderStatus.OPEN)

    def _submit(self, planned: PlannedOrder) -> Answer:
        reached(CrashPoint.SEND_DUE)
        try:
            answer = self.account.venue.submit(planned)
        except RetryableError as error:  # it is certain that nothing was sent
            answer = Answer(OrderStatus.NEVER_REACHED, told=str(error))
        except UnknownOutcomeError as error:
            answer = Answer(OrderStatus.UNKNOWN, told=str(error))
        reached(CrashPoint.SEND_ANSWERED)
        return answer

    def _followed(self, names: set[str], looks: Looks, at: datetime) -> tuple[Booked, ...]:
        """Look at orders that should end now until they have, a bounded number of times."""
        ledger, venue = self.account.ledger, self.account.venue
        booked: list[Booked] = []
        if not names:
            return ()
        for _ in range(LOOKS_MAX):
            waiting = _resting(ledger.unsettled(), names)
            if not waiting:
                break
            told = [(order, look(venue, order, looks)) for order in waiting]
            if any(seen is not None and seen.filled != order.filled for order, seen in told):
                booked.extend(self.fills.book(at - OVERLAP, looks))
                waiting = _resting(ledger.unsettled(), names)
            ledger.settle(tuple(progress(venue, waiting, looks)), at)
            looks = Looks()
        return tuple(booked)

    def _ended_as_it_stood(self, before: Order) -> bool:
        """Whether the order is final, and nothing of it was filled since the decision."""
        now = self._as_it_stands(before)
        return now.status in FINAL and now.filled == before.filled

    def _as_it_stands(self, order: Order) -> Order:
        """As the ledger has it now."""
        if order.exchange_order_id is None:
            return order
        return self.account.ledger.order_of(order.exchange_order_id) or order


# A kill switch stops what was wished; stops go on.
_NEVER_STOPPED = (PROTECT, STRATEGY)
_TRIED = (CancelAnswer.ACCEPTED, CancelAnswer.REFUSED, CancelAnswer.UNKNOWN)


def _stood_back(order: Order) -> Order:
    """Two live sells could sell more than there is, so the next cycle decides again."""
    told = "the stop that it was to follow has not ended, or has sold"
    return replace(moved(order, OrderStatus.NOT_SENT), told=told)


def _ends_at_once(order: Order) -> bool:
    return order.status in RESTING and order.planned.time_in_force is TimeInForce.IOC


def _resting(orders: Iterable[Order], names: set[str]) -> tuple[Order, ...]:
    return tuple(
        order
        for order in orders
        if order.status in RESTING and order.planned.client_order_id in names
    )
