"""Where orders are dealt with: the simulated venue, and what the wire shows of it and when.

Trading is the simulated venue's. Here is what only the wire knows: an order's
configuration as its client wrote it, and the delays that faults put between what
happened and what is shown. The truth is never delayed, only its showing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from core.market import Balance, Depth, Fees
from core.money import ZERO, Money, Ratio
from core.orders import RESTING
from core.ports import Clock, MarketData, Timer
from infra.exchange.simulated.entry import Deal, Entry
from infra.exchange.simulated.estimate import Preview
from infra.exchange.simulated.exchange import AccountTerms, SimulatedExchange
from infra.exchange.simulated.matcher import MatchingRules
from infra.exchange.simulated.request import CancelRefusal, EditRefusal, Refusal, VenueRequest
from infra.exchange.simulated.venue_file import VenueIdentity
from infra.exchange.simulated.venue_rows import FillQuery, OrderQuery
from infra.sandbox.coinbase.faults import Faults, Kind
from infra.sandbox.coinbase.gate import BROKERAGE
from infra.sandbox.coinbase.journal import mend
from infra.sandbox.coinbase.standing import Standing
from infra.sandbox.coinbase.tickets import Change, rebuilt

T = TypeVar("T")

_VOLUME_SHARE_MAX = Ratio(Decimal("0.25"))  # of a bar's volume, for all own orders
_NEWEST = 50  # orders that may have come and gone between two looks


@dataclass(frozen=True, slots=True)
class Opening:
    """Whose books they are, and what lies in them on the first day."""

    market: Mapping[str, str]
    balances: tuple[Money, ...]
    bar: timedelta  # of the candles that orders are matched against


class Configurations:
    """Every order's configuration as it came, in a file that only grows."""

    def __init__(self, path: Path) -> None:
        mend(path)
        self._known: dict[str, Mapping[str, Any]] = {}
        for line in path.read_bytes().splitlines():
            row = msgspec.json.decode(line)
            self._known[row["order_id"]] = row["order_configuration"]
        self._file = path.open("ab", buffering=0)

    def keep(self, order_id: str, configuration: Mapping[str, Any]) -> None:
        if order_id not in self._known:
            self._known[order_id] = configuration
            row = {"order_id": order_id, "order_configuration": configuration}
            self._file.write(msgspec.json.encode(row) + b"\n")

    def of(self, entry: Entry) -> Mapping[str, Any]:
        """As it came; of an edited or attached order as it must be."""
        known = self._known.get(entry.exchange_order_id)
        return rebuilt(entry.request) if known is None or entry.edits else known

    def close(self) -> None:
        self._file.close()


class Floor:
    """The account behind the wire. Times of delays are real ones, all others the market's."""

    def __init__(
        self,
        exchange: SimulatedExchange,
        clock: Clock,
        timer: Timer,
        faults: Faults,
        configurations: Configurations,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._timer = timer
        self._faults = faults
        self._configurations = configurations
        self._hidden: dict[str, float] = {}  # order -> shown from then on
        self._late: dict[str, float] = {}  # fill -> shown from then on
        self._stale: dict[str, tuple[float, Entry]] = {}  # order -> told so until then
        self._queued: dict[str, float] = {}  # order -> its cancel reaches the venue then

    def now(self) -> datetime:
        return self._clock.now()

    def close(self) -> None:
        for order_id in tuple(self._queued):
            self._exchange.cancel(order_id)
        self._exchange.close()
        self._configurations.close()

    def catch_up(self) -> tuple[str, ...]:
        """Let happen what is due; what could not, for people."""
        now = self._timer.monotonic()
        for order_id in [name for name, due in self._queued.items() if due <= now]:
            del self._queued[order_id]
            self._exchange.cancel(order_id)
        self._exchange.working()
        return self._exchange.notices()

    # Acting

    def place(self, asked: VenueRequest, configuration: Mapping[str, Any]) -> Entry | Refusal:
        answer = self._exchange.create(asked)
        if isinstance(answer, Refusal):
            return answer
        self._configurations.keep(answer.exchange_order_id, configuration)
        delay = self._faults.delay(Kind.ORDER_LATE, f"POST {BROKERAGE}/orders")
        if delay:
            self._hidden[answer.exchange_order_id] = self._timer.monotonic() + delay
        return answer

    def preview(self, asked: VenueRequest) -> Preview:
        return self._exchange.preview(asked)

    def edit(self, order_id: str, change: Change) -> Entry | EditRefusal | Refusal:
        return self._exchange.edit(
            order_id, price=change.price, quantity=change.quantity, stop=change.stop
        )

    def preview_edit(self, order_id: str, change: Change) -> Preview | EditRefusal:
        return self._exchange.preview_edit(
            order_id, price=change.price, quantity=change.quantity, stop=change.stop
        )

    def cancel(self, order_id: str) -> CancelRefusal | None:
        if order_id in self._queued:
            return CancelRefusal.DUPLICATE_CANCEL_REQUEST
        before = self._exchange.order(order_id)
        request, now = f"POST {BROKERAGE}/orders/batch_cancel", self._timer.monotonic()
        if before is not None and before.works:
            slow = self._faults.delay(Kind.CANCEL_SLOW, request)
            if slow:
                self._queued[order_id] = now + slow
                return None
        refused = self._exchange.cancel(order_id)
        if refused is None and before is not None:
            stale = self._faults.delay(Kind.OPEN_AFTER_CANCEL, request)
            if stale:
                self._stale[order_id] = now + stale, before
        return refused

    # Showing

    def balances(self) -> tuple[Balance, ...]:
        """Every currency of the venue by name, also those that were never held."""
        held = {balance.currency: balance for balance in self._exchange.balances()}
        products = self._exchange.products().values()
        listed = {code for product in products for code in (product.base, product.quote)}
        return tuple(
            held.get(code, Balance(code, ZERO, ZERO)) for code in sorted(listed | held.keys())
        )

    def fees(self) -> Fees:
        return self._exchange.fees()

    def book(self, symbol: str) -> Depth | None:
        return self._exchange.product_book(symbol)

    def order(self, order_id: str) -> Standing | None:
        self.catch_up()
        entry = self._exchange.order(order_id)
        return None if entry is None or self._is_hidden(order_id) else self._shown(entry)

    def orders(self, query: OrderQuery) -> tuple[list[Standing], str]:
        """One page, newest first, and the cursor of the next; hidden orders make it shorter.

        While an order is told in a state that it has left, the page may hold other states
        than those asked for.
        """
        self.catch_up()
        now = self._timer.monotonic()
        if any(until > now for until, _ in self._stale.values()):
            query = replace(query, statuses=())
        page = self._exchange.orders(query)
        shown = [
            self._shown(entry)
            for entry in page.orders
            if not self._is_hidden(entry.exchange_order_id)
        ]
        return shown, page.cursor

    def fills(self, query: FillQuery) -> tuple[list[Deal], str]:
        """The same for fills."""
        self.catch_up()
        page = self._exchange.fills(query)
        return [deal for deal in page.fills if not self._is_late(deal)], page.cursor

    def lately(self, known: Iterable[str]) -> list[Standing]:
        """Orders that work, `known` ones, and the newest: all that can have changed."""
        self.catch_up()
        found = {
            entry.exchange_order_id: entry
            for query in (OrderQuery(statuses=tuple(RESTING)), OrderQuery(limit=_NEWEST))
            for entry in self._exchange.orders(query).orders
        }
        gone = tuple(order_id for order_id in known if order_id not in found)
        if gone:
            asked = OrderQuery(exchange_order_ids=gone)
            more = self._exchange.orders(asked).orders
            found |= {entry.exchange_order_id: entry for entry in more}
        return [self._shown(entry) for name, entry in found.items() if not self._is_hidden(name)]

    # The truth

    def all_orders(self) -> list[Standing]:
        """Newest first, as they are."""
        self.catch_up()
        entries = _all(lambda cursor: _orders(self._exchange, cursor))
        return [Standing(entry, self._configurations.of(entry), self.now()) for entry in entries]

    def all_fills(self) -> list[Deal]:
        """Newest first, as they are."""
        self.catch_up()
        return _all(lambda cursor: _fills(self._exchange, cursor))

    def traded_since(self, since: datetime) -> tuple[Deal, ...]:
        return self._exchange.fills_since(since)

    def _shown(self, entry: Entry) -> Standing:
        order_id, now = entry.exchange_order_id, self._timer.monotonic()
        until, before = self._stale.get(order_id, (0.0, entry))
        if until > now:
            entry = before
        elif order_id in self._queued and entry.works:
            entry = replace(entry, cancel_from=self.now())
        return Standing(entry, self._configurations.of(entry), self.now())

    def _is_hidden(self, order_id: str) -> bool:
        return self._hidden.get(order_id, 0.0) > self._timer.monotonic()

    def _is_late(self, deal: Deal) -> bool:
        """Whether a fill is not shown yet; drawn when it could be seen first."""
        now = self._timer.monotonic()
        if deal.fill_id not in self._late:
            self._late[deal.fill_id] = now + self._faults.delay(
                Kind.FILLS_LATE, f"FILL {deal.symbol}"
            )
        return self._late[deal.fill_id] > now


def open_floor(
    market: MarketData,
    clock: Clock,
    timer: Timer,
    faults: Faults,
    folder: Path,
    opening: Opening,
) -> Floor:
    """The floor on its own file in `folder`; raises FatalError for a file of another market."""
    exchange = SimulatedExchange(
        market,
        clock,
        AccountTerms(
            identity=VenueIdentity(mode="SANDBOX", market=opening.market),
            starting=opening.balances,
            rules=MatchingRules(opening.bar, _VOLUME_SHARE_MAX),
            path=folder / "venue.sqlite",
        ),
    )
    configurations = Configurations(folder / "configurations.jsonl")
    return Floor(exchange, clock, timer, faults, configurations)


def _orders(exchange: SimulatedExchange, cursor: str) -> tuple[tuple[Entry, ...], str]:
    page = exchange.orders(OrderQuery(cursor=cursor))
    return page.orders, page.cursor


def _fills(exchange: SimulatedExchange, cursor: str) -> tuple[tuple[Deal, ...], str]:
    page = exchange.fills(FillQuery(limit=1_000, cursor=cursor))
    return page.fills, page.cursor


def _all(page: Callable[[str], tuple[tuple[T, ...], str]]) -> list[T]:
    rows, cursor = page("")
    found = list(rows)
    while cursor:
        rows, cursor = page(cursor)
        found += rows
    return found
