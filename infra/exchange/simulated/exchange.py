"""The simulated venue as a person or a program of any kind can use it.

Every request first brings the account up to now on the market's prices, then acts, and
is on disk before it is answered. The same client order id is the same order. A cancel
is two steps: accepted now, done when the venue is next looked at, and a fill may come
between. It waits for nobody, draws no chance and reads no clock but the one it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from core.market import Balance, Depth, Fees, Product, Side
from core.money import (
    ZERO,
    Money,
    added,
)
from core.orders import TimeInForce
from core.ports import Clock, MarketData
from infra.exchange.simulated.account import Account
from infra.exchange.simulated.admission import Facts, cost_of, refusal, stop_limit_of
from infra.exchange.simulated.entry import GRAIN, Deal, Edit, Entry
from infra.exchange.simulated.estimate import Preview, estimated
from infra.exchange.simulated.fee_schedule import FeeSchedule
from infra.exchange.simulated.matcher import Matcher, MatchingRules
from infra.exchange.simulated.request import (
    CancelRefusal,
    EditRefusal,
    Kind,
    Refusal,
    VenueRequest,
)
from infra.exchange.simulated.venue_file import MEMORY, VenueIdentity, open_venue_file
from infra.exchange.simulated.venue_rows import (
    FillPage,
    FillQuery,
    OrderPage,
    OrderQuery,
    VenueRows,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTerms:
    """Whose account it is, where it is kept, and how it is charged and matched."""

    identity: VenueIdentity
    starting: tuple[Money, ...]  # booked once, when the file is made
    rules: MatchingRules
    path: Path | str = MEMORY
    fees: FeeSchedule | None = None  # None: what the market says


class SimulatedExchange:
    """One account at the simulated venue."""

    def __init__(self, market: MarketData, clock: Clock, terms: AccountTerms) -> None:
        """Opens or makes the file; see venue_file for what it refuses."""
        self._market = market
        self._clock = clock
        self._terms = terms
        self._fees = terms.fees
        self._last = clock.now()
        db = open_venue_file(terms.path, terms.identity, terms.starting)
        self._rows = VenueRows(db, terms.path)
        self._account = Account(self._rows)
        self._matcher = Matcher(market, self._account, terms.rules, self._last)

    def close(self) -> None:
        self._rows.close()

    def notices(self) -> tuple[str, ...]:
        """What the venue could not do since it was last asked, for people."""
        notices = self._matcher.notices
        if not notices:
            return ()
        told = tuple(notices)
        notices.clear()
        return told

    # Reading

    def balances(self) -> tuple[Balance, ...]:
        """Every currency that was ever held, by name."""
        self._now()
        return self._account.balances()

    def fees(self) -> Fees:
        """The fees of the next order."""
        return self._rates(self._clock.now())

    def volume(self) -> Decimal:
        """Notional traded in the last thirty days."""
        return self._account.volume(self._now())

    def products(self) -> Mapping[str, Product]:
        return self._matcher.view.products(self._now())

    def product_book(self, symbol: str) -> Depth | None:
        """The book as it is now, less what the account itself has just taken."""
        now = self._now()
        return self._matcher.view.book(symbol, now)

    def working(self) -> tuple[Entry, ...]:
        """Every order that works, oldest first."""
        self._now()
        return tuple(self._account.working)

    def order(self, exchange_order_id: str) -> Entry | None:
        self._now()
        return self._account.entry(exchange_order_id)

    def order_named(self, client_order_id: str) -> Entry | None:
        self._now()
        return self._account.entry_named(client_order_id)

    def orders(self, query: OrderQuery) -> OrderPage:
        self._now()
        return self._rows.orders(query)

    def fills(self, query: FillQuery) -> FillPage:
        self._now()
        return self._rows.fills(query)

    def fills_since(self, since: datetime) -> tuple[Deal, ...]:
        """All of them, oldest first."""
        self._now()
        if self._account.last_fill_at is None or self._account.last_fill_at < since:
            return ()
        return self._rows.fills_since(since)

    def preview(self, request: VenueRequest) -> Preview:
        """What `create` would say now. Nothing is held."""
        return estimated(request, self._facts(request, self._now()))

    def preview_edit(
        self,
        exchange_order_id: str,
        *,
        price: Decimal,
        quantity: Decimal,
        stop: Decimal | None = None,
    ) -> Preview | EditRefusal:
        """What `edit` would say now."""
        now = self._now()
        entry = self._account.entry(exchange_order_id)
        found = _edit_refusal(entry, price, quantity, stop)
        if entry is None or found is not None:
            return found or EditRefusal.ORDER_NOT_FOUND
        request = _changed(entry.request, price, quantity, stop)
        return estimated(request, self._facts(request, now, instead_of=entry))

    # Acting

    def create(self, request: VenueRequest) -> Entry | Refusal:
        """A new order, or the old one of the same client order id, or why not."""
        now = self._now()
        if request.client_order_id is not None:
            known = self._account.entry_named(request.client_order_id)
            if known is not None:
                return known
        facts = self._facts(request, now)
        found = refusal(request, facts)
        if found is not None or facts.product is None:
            return found or Refusal.INVALID_PRODUCT_ID
        entry = self._account.admit(
            request,
            facts.fees,
            (now, now + self._terms.rules.latency),
            (_budget(request, facts), stop_limit_of(request, facts.product)),
        )
        entry = self._matcher.meet_now(entry, now)
        self._account.save()
        return entry

    def cancel(self, exchange_order_id: str) -> CancelRefusal | None:
        """Ask to take an order back; None: accepted. What becomes of it the order tells."""
        now = self._now()
        entry = self._account.entry(exchange_order_id)
        if entry is None or not entry.works:
            return CancelRefusal.UNKNOWN_CANCEL_ORDER
        if entry.cancel_from is not None:
            return CancelRefusal.DUPLICATE_CANCEL_REQUEST
        self._account.put(
            replace(entry, cancel_from=now + self._terms.rules.latency, updated_at=now)
        )
        self._account.save()
        return None

    def edit(
        self,
        exchange_order_id: str,
        *,
        price: Decimal,
        quantity: Decimal,
        stop: Decimal | None = None,
    ) -> Entry | EditRefusal | Refusal:
        """A GTC order at another price, for another total quantity, with another stop.

        Only a smaller quantity alone keeps its place among own orders.
        """
        now = self._now()
        entry = self._account.entry(exchange_order_id)
        found = _edit_refusal(entry, price, quantity, stop)
        if entry is None or found is not None:
            return found or EditRefusal.ORDER_NOT_FOUND
        before = entry.request
        request = _changed(before, price, quantity, stop)
        facts = self._facts(request, now, instead_of=entry)
        denied = refusal(request, facts)
        if denied is not None or facts.product is None:
            return denied or Refusal.INVALID_PRODUCT_ID
        same = price == before.price and stop in (None, before.stop)
        keeps_place = same and quantity <= (before.quantity or ZERO)
        entry = replace(
            entry,
            request=request,
            place_since=entry.place_since if keeps_place else now,
            stop_limit=stop_limit_of(request, facts.product),
            rests=same and entry.rests,
            edits=(*entry.edits, Edit(before.price, before.quantity, now))[-5:],
            updated_at=now,
        )
        self._account.put(entry)
        entry = self._matcher.meet_now(entry, now)
        self._account.save()
        return entry

    def _now(self) -> datetime:
        """The time, which never goes back here, with everything done that is due by then."""
        now = self._last = max(self._last, self._clock.now())
        self._matcher.advance(now)
        return now

    def _facts(
        self, request: VenueRequest, now: datetime, instead_of: Entry | None = None
    ) -> Facts:
        account = self._account
        product = self._matcher.view.product(request.symbol, now)
        freed = instead_of.hold if instead_of is not None else Money.zero("")

        def available(currency: str) -> Decimal:
            own = freed.amount if currency == freed.currency else ZERO
            return added(account.available(currency), own)

        return Facts(
            product=product,
            depth=self._matcher.view.book(request.symbol, now),
            fees=self._rates(now) if instead_of is None else instead_of.rates,
            now=now,
            available=available,
            open_orders=len(account.waiting(request.symbol)),
        )

    def _rates(self, now: datetime) -> Fees:
        if self._fees is None:
            self._fees = FeeSchedule.flat(self._market.fees())
        if len(self._fees.tiers) == 1:
            return self._fees.tiers[0].fees
        return self._fees.fees(self._account.volume(now))


def _changed(
    request: VenueRequest, price: Decimal, quantity: Decimal, stop: Decimal | None
) -> VenueRequest:
    return replace(request, price=price, quantity=quantity, stop=stop or request.stop)


def _budget(request: VenueRequest, facts: Facts) -> Decimal | None:
    """All that a market buy may cost; other orders are bounded by their limit."""
    if request.kind is not Kind.MARKET or request.side is Side.SELL:
        return None
    cost = cost_of(request, facts.depth, facts.fees)
    # Of base currency: two grains more, so that rounding cannot leave its last lot unpaid.
    return cost if request.notional is not None else added(cost, GRAIN, GRAIN)


def _edit_refusal(
    entry: Entry | None, price: Decimal, quantity: Decimal, stop: Decimal | None
) -> EditRefusal | None:
    if entry is None:
        return EditRefusal.ORDER_NOT_FOUND
    request = entry.request
    rules = (
        (not entry.works, EditRefusal.ONLY_OPEN_ORDERS_CAN_BE_EDITED),
        (entry.cancel_from is not None, EditRefusal.CANNOT_EDIT_ORDER_PENDING_CANCEL),
        (
            request.time_in_force is not TimeInForce.GTC or request.kind is Kind.MARKET,
            EditRefusal.ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED,
        ),
        (entry.triggered, EditRefusal.CANNOT_EDIT_TRIGGERED_ORDER),
        (
            stop is not None and request.stop is None,
            EditRefusal.CANNOT_EDIT_STOP_PRICE_FOR_TRIGGERED_ORDER,
        ),
        (not (price.is_finite() and price > ZERO), EditRefusal.INVALID_EDITED_PRICE),
        (not (quantity.is_finite() and quantity > ZERO), EditRefusal.INVALID_EDITED_SIZE),
        (quantity <= entry.filled, EditRefusal.CANNOT_EDIT_TO_BELOW_FILLED_SIZE),
        (
            (price, quantity) == (request.price, request.quantity) and stop in (None, request.stop),
            EditRefusal.EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST,
        ),
    )
    return next((why for holds, why in rules if holds), None)
