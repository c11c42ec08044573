"""Step 1, gather: every read of the world, once, in a fixed order.

A piece that could not be had is missing with its reason; gather never fails a
cycle. It reads no more than the decision can use: candles only of products that
might be bought or are held, depth only of the few that matter most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from core.errors import RetryableError
from core.market import Bars, Depth, Product, quote_of
from core.policy import Policy
from core.ports import MarketData, Venue
from core.rates import rate_books
from core.state import BotState
from infra.history import History, Reading, floor_to_bar

Piece = TypeVar("Piece")
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Reads one cycle's worth of a market, knowing what History already holds."""

    market: MarketData
    venue: Venue
    history: History
    policy: Policy
    books_per_cycle_max: int

    def read(self, state: BotState, held: Iterable[str]) -> Reading:
        """What the market tells at the decision time of `state`, positions first."""
        assert state.at is not None
        tries = _Tries()
        products = tries.piece("products", self.market.products)
        listed = self.history.products if products is None else products
        watched = self._watched(listed, frozenset(held))
        books = _books(listed, watched)
        priced = self._priced(listed, watched)
        bars, through = self._new_bars(books, state.at, tries)
        return Reading(
            at=state.at,
            server_time=tries.piece("server_time", self.market.server_time),
            products=None if products == self.history.products else products,
            tops=tries.piece("tops", lambda: self.market.tops(priced)) or {},
            depths=self._depths(books, state, frozenset(held), tries),
            bars=bars,
            through=through,
            balances=tries.piece("balances", self.venue.balances) or (),
            fees=self.market.fees(),
            missing=tries.missing,
        )

    def _watched(self, listed: tuple[Product, ...], held: frozenset[str]) -> tuple[str, ...]:
        return tuple(
            sorted(p.symbol for p in listed if p.symbol in held or _worth_reading(p, self.policy))
        )

    def _priced(self, listed: tuple[Product, ...], watched: tuple[str, ...]) -> tuple[str, ...]:
        """What is watched, and the books that say what a wallet or a position is worth."""
        currencies = frozenset(self.policy.quote_currencies) | {quote_of(name) for name in watched}
        return tuple(
            sorted({*watched, *rate_books(listed, currencies, self.policy.capital_currency)})
        )

    def _new_bars(
        self, books: Mapping[str, str], at: datetime, tries: _Tries
    ) -> tuple[Mapping[str, Bars], Mapping[str, datetime]]:
        """New candles of each watched product; one answer serves all that share a book."""
        closed_at = floor_to_bar(at, self.history.bar)
        oldest = closed_at - self.history.bar * self.history.length
        bars: dict[str, Bars] = {}
        through: dict[str, datetime] = {}
        answers: dict[tuple[str, datetime], Bars | None] = {}
        for symbol, book in books.items():
            since = self.history.through(symbol) or oldest
            if since >= closed_at:
                continue
            if (book, since) not in answers:
                ask = self._asking(book, since, closed_at)
                answers[book, since] = tries.piece(f"candles {book}", ask)
            answer = answers[book, since]
            if answer is not None:
                through[symbol] = closed_at
                if len(answer):
                    bars[symbol] = answer
        return bars, through

    def _asking(self, symbol: str, since: datetime, until: datetime) -> Callable[[], Bars]:
        return lambda: self.market.bars(symbol, self.history.bar, since, until)

    def _depths(
        self, books: Mapping[str, str], state: BotState, held: frozenset[str], tries: _Tries
    ) -> Mapping[str, Depth]:
        """Own positions first, then the products nearest to a trigger, then the oldest book.

        A book that products share is read once, for all of them.
        """
        per_request = self.market.depths_per_request
        wanted = self._by_need(books, state, held, self.books_per_cycle_max * per_request)
        read: dict[str, Depth] = {}
        for start in range(0, len(wanted), per_request):
            part = wanted[start : start + per_request]
            answer = tries.piece(f"depth {part[0]}", self._asking_depths(part))
            read |= answer or {}
        return {
            symbol: read[book] if symbol == book else replace(read[book], symbol=symbol)
            for symbol, book in books.items()
            if book in read
        }

    def _asking_depths(self, part: tuple[str, ...]) -> Callable[[], Mapping[str, Depth]]:
        return lambda: self.market.depths(part)

    def _by_need(
        self, books: Mapping[str, str], state: BotState, held: frozenset[str], places: int
    ) -> tuple[str, ...]:
        """The last place goes to the oldest book, so that every product's depth is seen at last."""
        nearness = {symbol: rank for rank, symbol in enumerate(state.nearest)}
        urgent = sorted(
            books, key=lambda name: (name not in held, nearness.get(name, len(nearness)), name)
        )
        in_turn = list(dict.fromkeys(books[symbol] for symbol in urgent))
        first = in_turn[: max(places - 1, 0)]
        rest = sorted(set(in_turn) - set(first), key=self._oldest_depth_first)
        return tuple(first + rest[: places - len(first)])

    def _oldest_depth_first(self, symbol: str) -> tuple[bool, datetime, str]:
        seen_at = self.history.depth_seen_at(symbol)
        return (seen_at is not None, seen_at or _NEVER, symbol)


@dataclass(slots=True)
class _Tries:
    """Calls that may fail: the answer, or the reason filed under the piece's name."""

    missing: dict[str, str] = field(default_factory=dict)

    def piece(self, name: str, ask: Callable[[], Piece]) -> Piece | None:
        try:
            return ask()
        except RetryableError as error:
            self.missing[name] = f"{error.code}: {error}"
            return None


def _books(listed: tuple[Product, ...], watched: tuple[str, ...]) -> Mapping[str, str]:
    """Each watched product -> the product whose book it shares, if that is watched too."""
    owners = {product.symbol: product.book for product in listed}
    read = frozenset(watched)
    return {name: owners[name] if owners[name] in read else name for name in watched}


def _worth_reading(product: Product, policy: Policy) -> bool:
    """Whether the universe could ever hold the product; the rest is excluded unread."""
    allowed = policy.universe.allowlist
    return (
        product.quote in policy.quote_currencies
        and product.base not in policy.universe.stable_assets
        and (allowed.count == 0 or product.symbol in allowed.symbols)
    )
