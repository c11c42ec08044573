"""A venue that cannot send: reads pass, every order and every cancel answers NOT_SENT.

DRY_RUN is this class and nothing else; there is no mode to look at below the
wiring. It holds the starting balances of the configuration. A real account
behind it, with its own balances, comes with the first real venue.
"""

from __future__ import annotations

from datetime import datetime

from core.market import Balance
from core.money import ZERO, Money
from core.orders import (
    CancelAnswer,
    OrderStatus,
    PlannedCancel,
    PlannedOrder,
    VenueFill,
    VenueOrder,
)
from core.ports import Answer, Search, Unsent


class ReadOnlyVenue:
    """Venue whose orders have a definite, final answer: they were never sent."""

    def __init__(self, starting: tuple[Money, ...]) -> None:
        """`starting` names each currency once."""
        currencies = [money.currency for money in starting]
        if len(set(currencies)) < len(currencies):
            raise ValueError(f"a currency has two starting balances: {', '.join(currencies)}")
        self._balances = tuple(Balance(money.currency, money.amount, ZERO) for money in starting)

    @property
    def requests(self) -> int:
        return 0

    def balances(self) -> tuple[Balance, ...]:
        return self._balances

    def submit(self, order: PlannedOrder) -> Answer:  # noqa: ARG002
        return Answer(OrderStatus.NOT_SENT)

    def preview(self, order: PlannedOrder) -> str:  # noqa: ARG002
        return ""

    def cancel(self, cancel: PlannedCancel) -> CancelAnswer:  # noqa: ARG002
        return CancelAnswer.NOT_SENT

    def open_orders(self) -> tuple[VenueOrder, ...]:
        return ()

    def order(self, exchange_order_id: str) -> VenueOrder | None:  # noqa: ARG002
        return None

    def find_order(self, client_order_id: str, since: datetime) -> Search:  # noqa: ARG002
        """An intent that was never answered was not sent either: nothing here ever is."""
        return Unsent()

    def fills(self, since: datetime) -> tuple[VenueFill, ...]:  # noqa: ARG002
        return ()
