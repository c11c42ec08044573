"""Reading the account: wallets, orders, fills, what the key may do.

A listing is read to its last page, or not at all: half a listing would make an order
that exists look absent. A page that repeats its cursor would never end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from core.errors import RetryableError
from core.market import Balance
from core.orders import VenueFill, VenueOrder
from core.ports import Absent, CannotTell, Found, Search
from infra.exchange.coinbase.link import Group, Request
from infra.exchange.coinbase.transport import Transport
from infra.exchange.coinbase.wire import accounts, fills, futures, orders, standing
from infra.exchange.coinbase.wire.standing import Permissions, PortfolioName
from infra.exchange.coinbase.wire.values import cursor, read, written

_LOG = logging.getLogger(__name__)

_PAGE = "250"
_PAGES_MAX = 200
# A listing begins so long before the intent: two clocks are never the same.
_CLOCKS_APART = timedelta(minutes=2)
# For so long after something was sent an order may be neither OPEN nor over.
_SETTLING = timedelta(minutes=1)

Page = TypeVar("Page")


@dataclass(slots=True)
class AccountReading:
    """The reading half of a Venue."""

    transport: Transport
    _stirred_at: datetime | None = None
    _has_looked: bool = False

    def stirred(self) -> None:
        """Something was sent: for a while orders may be in between states."""
        self._stirred_at = self.transport.now.now()

    def balances(self) -> tuple[Balance, ...]:
        """Every page of accounts."""
        request = _get("/accounts", Group.ACCOUNT, ("limit", _PAGE))
        pages = self._pages(request, accounts.accounts)
        return accounts.balances(account for page in pages for account in page)

    def open_orders(self) -> tuple[VenueOrder, ...]:
        """Every order that works, ours or not, oldest first.

        Asking for OPEN leaves out what is queued, so that is asked for too at first and
        after anything was sent.
        """
        found = self._listed(("order_status", "OPEN"))
        if self._may_be_in_between():
            found += self._listed(*(("order_status", state) for state in orders.TRANSIENT))
        self._has_looked = True
        once = {order.exchange_order_id: order for order in found}
        return tuple(sorted(once.values(), key=lambda o: (o.created_at, o.exchange_order_id)))

    def order(self, exchange_order_id: str) -> VenueOrder | None:
        """One order; None for 404, which also comes for a moment after it was created."""
        request = _get(f"/orders/historical/{exchange_order_id}", Group.ORDERS)
        try:
            return self.transport.read(request, orders.order)
        except RetryableError as error:
            if error.code == "NOT_FOUND":
                return None
            raise

    def find_order(self, client_order_id: str, since: datetime) -> Search:
        """Looked for in the whole listing from before `since`: there is no filter by own id."""
        try:
            listed = self._listed(("start_date", written(since - _CLOCKS_APART)))
        except RetryableError as error:
            return CannotTell(f"{error.code}: {error}")
        for order in listed:
            if order.client_order_id == client_order_id:
                return Found(order)
        nameless = [order for order in listed if order.client_order_id is None]
        if nameless:
            return CannotTell(f"order {nameless[0].exchange_order_id} has no client order id")
        return Absent()

    def fills(self, since: datetime) -> tuple[VenueFill, ...]:
        """Every page of fills that were made or told at or after `since`."""
        request = _get(
            "/orders/historical/fills",
            Group.ORDERS,
            ("start_sequence_timestamp", written(since)),
            ("limit", _PAGE),
        )
        found: list[VenueFill] = []
        for page in self._pages(request, fills.page):
            found += page.fills
            if page.strange:
                _LOG.warning("rows that are no fills, not booked: %s", ", ".join(page.strange))
        return fills.in_order(found)

    def permissions(self) -> Permissions:
        """What the key may do: the best first call of a live bot."""
        return self.transport.read(_get("/key_permissions", Group.ACCOUNT), standing.permissions)

    def portfolio(self) -> PortfolioName | None:
        """The portfolio that the key sees; None where the list does not name it."""
        own = self.permissions().portfolio_id
        found = self.transport.read(_get("/portfolios", Group.ACCOUNT), standing.portfolios)
        return next((one for one in found if one.portfolio_id == own), None)

    def futures(self) -> str:
        """US futures in one line; they are never traded."""
        balance = self.transport.read(_get("/cfm/balance_summary", Group.ACCOUNT), bytes)
        positions = self.transport.read(_get("/cfm/positions", Group.ACCOUNT), bytes)
        return read(balance, lambda body: futures.line(body, positions))

    def _may_be_in_between(self) -> bool:
        if not self._has_looked:
            return True
        stirred = self._stirred_at
        return stirred is not None and self.transport.now.now() - stirred <= _SETTLING

    def _listed(self, *query: tuple[str, str]) -> list[VenueOrder]:
        request = _get("/orders/historical/batch", Group.ORDERS, *query, ("limit", _PAGE))
        pages = self._pages(request, orders.orders)
        return [order for page in pages for order in page]

    def _pages(self, request: Request, decode: Callable[[bytes], Page]) -> Iterator[Page]:
        """Every page to the last, or LISTING_INCOMPLETE."""
        seen = {""}
        following, first = "", request.query
        while True:
            page, following = self.transport.read(
                request, lambda body: (decode(body), cursor(body))
            )
            yield page
            if not following:
                return
            if following in seen or len(seen) > _PAGES_MAX:
                raise RetryableError(
                    "its pages do not come to an end", code="LISTING_INCOMPLETE", path=request.path
                )
            seen.add(following)
            request = replace(request, query=(*first, ("cursor", following)))


def _get(path: str, group: Group, *query: tuple[str, str]) -> Request:
    return Request(method="GET", path=path, group=group, query=query)
