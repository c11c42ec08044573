"""The account at the simulated venue: what it holds, what is held back, what works.

Memory holds the orders that work and the balances; everything else is in the file.
A request changes both together: `save` writes what it changed in one transaction, and
where that fails memory is read from the file again, so that nothing was done by half.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from core.errors import BotError, FatalError
from core.market import Balance, Fees, Side, base_of, quote_of
from core.money import ZERO, Money, added, multiplied, plain, rounded_up, subtracted
from core.orders import OrderStatus
from infra.exchange.simulated.entry import GRAIN, Deal, Entry, Liquidity, MatchedBy
from infra.exchange.simulated.fee_schedule import WINDOW, TradedVolume
from infra.exchange.simulated.request import VenueRequest
from infra.exchange.simulated.venue_rows import Changes, VenueRows
from infra.exchange.simulated.waiting import Waiting

_NAMES = UUID("0f4c6b52-6d1e-5a57-8f43-9d1b247247aa")  # of order and fill ids


class Account:
    """Balances, holds and working orders of one account, in step with its file."""

    def __init__(self, rows: VenueRows) -> None:
        self.rows = rows
        self._load()

    def _load(self) -> None:
        self._changes = Changes()
        self.to_protect: list[Entry] = []  # ended, and what hangs on them is yet to be placed
        self._totals = self.rows.balances()
        self._held: dict[str, Decimal] = {}
        self._holds: dict[int, Money] = {}
        self._working: dict[int, Entry] = {}
        self._ids: dict[str, int] = {}  # of working orders
        self._names: dict[str, int] = {}
        self._books: dict[str, Waiting] = {}
        self.progress = self.rows.progress()
        self.order_number, self.fill_number = self.rows.last_numbers()
        self.last_fill_at = self.rows.last_fill_at()
        self._volume: TradedVolume | None = None  # read when it is first asked for
        self.revision = 0  # grows with every change
        self._balances: tuple[int, tuple[Balance, ...]] | None = None
        for entry in self.rows.working():
            self._keep(entry)

    def volume(self, now: datetime) -> Decimal:
        """Notional traded in the last thirty days."""
        if self._volume is None:
            self._volume = TradedVolume(self.rows.volumes_since(now - WINDOW))
        return self._volume.within(now)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Products with orders that work."""
        return tuple(sorted(self._books))

    @property
    def working(self) -> Iterable[Entry]:
        """Every order that works, oldest first."""
        return tuple(self._working.values())

    def waiting(self, symbol: str) -> Waiting:
        """The same of one product."""
        return self._books.get(symbol) or Waiting()

    def entry(self, exchange_order_id: str) -> Entry | None:
        """An order by the venue's id."""
        number = self._ids.get(exchange_order_id)
        return self.rows.entry(exchange_order_id) if number is None else self._working[number]

    def entry_named(self, client_order_id: str) -> Entry | None:
        """An order by the id that its sender gave it."""
        number = self._names.get(client_order_id)
        return self.rows.entry_named(client_order_id) if number is None else self._working[number]

    def balances(self) -> tuple[Balance, ...]:
        """Every currency that was ever held, by name."""
        kept = self._balances
        if kept is None or kept[0] != self.revision:
            rows = tuple(
                Balance(currency, _short(total), _short(self._held.get(currency, ZERO)))
                for currency, total in sorted(self._totals.items())
            )
            kept = self._balances = self.revision, rows
        return kept[1]

    def available(self, currency: str) -> Decimal:
        return subtracted(self._totals.get(currency, ZERO), self._held.get(currency, ZERO))

    def admit(
        self,
        request: VenueRequest,
        rates: Fees,
        times: tuple[datetime, datetime],
        bounds: tuple[Decimal | None, Decimal | None],
        originates_from: str | None = None,
    ) -> Entry:
        """Keep a new order: `times` of acceptance and of arrival, `bounds` budget and stop limit.

        The same account always gives the same ids.
        """
        number, (created_at, active_from) = self.order_number + 1, times
        budget, stop_limit = bounds
        entry = Entry(
            number=number,
            exchange_order_id=str(uuid5(_NAMES, f"order {number}")),
            request=request,
            rates=rates,
            created_at=created_at,
            active_from=active_from,
            place_since=created_at,
            originates_from=originates_from,
            budget=budget,
            stop_limit=stop_limit,
        )
        self.put(entry)
        return entry

    def put(self, entry: Entry) -> None:
        """Keep the order as it is now, with what it holds."""
        if entry.request.attached is not None and not entry.works and entry.filled > ZERO:
            self.to_protect.append(entry)
        self.order_number = max(self.order_number, entry.number)
        self._changes.orders[entry.number] = entry
        self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        self.revision += 1
        number, symbol, name = entry.number, entry.symbol, entry.request.client_order_id
        before = self._holds.pop(number, None)
        if before is not None:
            self._hold(before.currency, subtracted(ZERO, before.amount))
        if entry.works:
            self._working[number] = entry
            self._ids[entry.exchange_order_id] = number
            if name is not None:
                self._names[name] = number
            if symbol not in self._books:
                self._books[symbol] = Waiting()
            self._books[symbol].put(entry)
            hold = self._holds[number] = entry.hold
            self._hold(hold.currency, hold.amount)
            return
        self._working.pop(number, None)
        self._ids.pop(entry.exchange_order_id, None)
        if name is not None:
            self._names.pop(name, None)
        book = self._books.get(symbol)
        if book is not None:
            book.pop(number)
            if not book:
                del self._books[symbol]

    def _hold(self, currency: str, amount: Decimal) -> None:
        self._held[currency] = added(self._held.get(currency, ZERO), amount)

    def trade(
        self,
        entry: Entry,
        part: tuple[Decimal, Decimal],
        how: tuple[Liquidity, MatchedBy],
        at: datetime,
    ) -> Entry:
        """Book `part`, a price and a quantity, of an order; the order as it is then.

        The fee is in quote currency, rounded up to 8 decimals over the order as a whole:
        against the trader, and never more than was held for it.
        """
        (price, quantity), (liquidity, matched_by) = part, how
        notional = multiplied(price, quantity)
        rates = entry.rates
        rate = rates.maker if liquidity is Liquidity.MAKER else rates.taker
        exact = added(entry.fees_exact, multiplied(notional, rate.value))
        fee = subtracted(rounded_up(exact, GRAIN), entry.fees)
        at = at if self.last_fill_at is None else max(at, self.last_fill_at)
        self.last_fill_at = at
        self.fill_number += 1
        self._changes.fills.append(
            Deal(
                number=self.fill_number,
                fill_id=str(uuid5(_NAMES, f"fill {self.fill_number}")),
                exchange_order_id=entry.exchange_order_id,
                symbol=entry.symbol,
                side=entry.side,
                price=price,
                quantity=quantity,
                fee=fee,
                at=at,
                liquidity=liquidity,
                matched_by=matched_by,
                in_quote=entry.request.notional is not None,
            )
        )
        if self._volume is not None:
            self._volume.add(at, notional)
        self._pay(entry, quantity, notional, fee)
        filled = added(entry.filled, quantity)
        after = replace(
            entry,
            filled=filled,
            value=added(entry.value, notional),
            fees=added(entry.fees, fee),
            fees_exact=exact,
            fills=entry.fills + 1,
            status=OrderStatus.FILLED if filled == entry.request.quantity else OrderStatus.PARTIAL,
            last_fill_at=at,
            updated_at=at,
        )
        self.put(after)
        return after

    def _pay(self, entry: Entry, quantity: Decimal, notional: Decimal, fee: Decimal) -> None:
        base, quote = base_of(entry.symbol), quote_of(entry.symbol)
        if entry.side is Side.BUY:
            self.move(base, quantity)
            self.move(quote, subtracted(ZERO, added(notional, fee)))
        else:
            self.move(base, subtracted(ZERO, quantity))
            self.move(quote, subtracted(notional, fee))

    def move(self, currency: str, amount: Decimal) -> None:
        """Add to a balance, which never falls below zero: that would be our own mistake."""
        total = added(self._totals.get(currency, ZERO), amount)
        if total < ZERO:
            raise FatalError(
                "the simulated venue would owe money", code="VENUE_OVERDRAWN", currency=currency
            )
        self.revision += 1
        self._totals[currency] = total
        self._changes.balances[currency] = total

    def progressed(self, symbol: str, through: datetime) -> None:
        """Remember up to when closed bars have done their work; written with the next change."""
        self.progress[symbol] = through

    def totals(self) -> Mapping[str, Decimal]:
        return dict(self._totals)

    def save(self) -> None:
        """Write what changed. On an error memory is as the file is, and the error goes on."""
        if not self._changes:
            return
        # With every change, or after a restart old bars would meet an order as it is now.
        for symbol in {entry.symbol for entry in self._changes.orders.values()}:
            if symbol in self.progress:
                self._changes.progress[symbol] = self.progress[symbol]
        try:
            self.rows.write(self._changes)
        except BotError:
            self._load()
            raise
        self._changes = Changes()


def _short(value: Decimal) -> Decimal:
    """One form for one number, whatever sums led to it: a restart must not show."""
    return Decimal(plain(value))
