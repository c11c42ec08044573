"""Step 1, gather: every read of the world, once, in a fixed order.

A piece that could not be had is missing with its reason; gather never fails a
cycle. It reads no more than the decision can use: candles only of products that
might be bought or are held, depth only of the few that matter most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from core.errors import RetryableError
from core.market import Balance, Bars, Depth, Fees, Product, TopOfBook, quote_of
from core.policy import Policy
from core.ports import MarketData, Piece, ReadAll, Venue
from core.rates import rate_books
from infra.history import History, Reading, floor_to_bar

Keep = Callable[[], None]  # puts an answer where it belongs
Ask = tuple[str, Callable[[], Keep]]  # the piece's name, and what asks for it
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Reads one cycle's worth of a market, knowing what History already holds."""

    market: MarketData
    venue: Venue
    history: History
    policy: Policy
    books_per_cycle_max: int
    read_all: ReadAll = field(default_factory=lambda: in_turn)
    offset: Callable[[], timedelta] | None = None  # of the venue's clock, where it has its own
    _last: _Last = field(default_factory=lambda: _Last(), init=False, repr=False, compare=False)

    def read(self, at: datetime, nearest: Sequence[str], held: Iterable[str]) -> Reading:
        """What the market tells at `at`, positions first, then what is `nearest` to a trigger.

        What does not depend on another answer is asked side by side; whatever comes first,
        it is put together in one order.
        """
        tries, found, positions = _Tries(), _Found(), frozenset(held)
        books, priced = self._reach(self._listed(tries, found), positions)
        candles = self._wanted_candles(books, at)
        tries.all_of(
            self.read_all,
            [
                *self._listing_asks(found),
                ("tops", kept(lambda: self.market.tops(priced), found.tops.update)),
                *self._account_asks(found),
                *self._candle_asks(candles, at, found.bars),
                *self._depth_asks(self._by_need(books, nearest, positions), found.depths),
            ],
        )
        if not one_venue(self.market, self.venue):
            # An account of its own may not be asked from another thread.
            found.balances.extend(tries.piece("balances", self._balances) or ())
        answered = {name: found.bars[want] for name, want in candles.items() if want in found.bars}
        return Reading(
            at=at,
            server_time=self._server_time(at, tries),
            products=None if found.products == self.history.products else found.products,
            tops=found.tops,
            depths=_shared_depths(books, found.depths),
            bars={name: answer for name, answer in answered.items() if len(answer)},
            through=dict.fromkeys(answered, floor_to_bar(at, self.history.bar)),
            balances=tuple(found.balances),
            fees=found.fees or self._last_fees(),
            missing=tries.missing,
        )

    def _listed(self, tries: _Tries, found: _Found) -> tuple[Product, ...]:
        """The products to read: as listed now, or as last listed where that saves a journey."""
        if not self._knows_products:
            found.products = tries.piece("products", self.market.products)
        return self.history.products if found.products is None else found.products

    @property
    def _knows_products(self) -> bool:
        """Whether a venue that is far away has told its list before; a new one is read beside."""
        return self.offset is not None and bool(self.history.products)

    def _listing_asks(self, found: _Found) -> Iterator[Ask]:
        """What is asked of the venue only now and then."""
        if self._knows_products:
            yield "products", kept(self.market.products, found.take_list)
        yield "fees", kept(self.market.fees, found.take_fees)

    def _account_asks(self, found: _Found) -> Iterator[Ask]:
        """The balances, side by side with the market where it is the same venue that answers."""
        if one_venue(self.market, self.venue):
            yield "balances", kept(self._balances, found.balances.extend)

    def _balances(self) -> tuple[Balance, ...]:
        """What is no number at all is no answer; no record could hold it either."""
        told = self.venue.balances()
        for one in told:
            if not (one.total.is_finite() and one.held.is_finite()):
                what = f"{one.total} {one.currency}, {one.held} of it held"
                raise RetryableError(f"the venue tells {what}", code="ANSWER_UNREADABLE")
        return told

    def _server_time(self, at: datetime, tries: _Tries) -> datetime | None:
        """What the venue's clock said at the decision time, however long the reading took."""
        if self.offset is None:
            return tries.piece("server_time", self.market.server_time)
        offset = tries.piece("server_time", self.offset)
        return None if offset is None else at + offset

    def _last_fees(self) -> Fees:
        """As last told, and said to be missing; without any the cycle cannot be decided."""
        if self.history.fees is None:
            raise RetryableError("the venue never told our fees", code="MARKET_UNREACHABLE")
        return self.history.fees

    def _reach(
        self, listed: tuple[Product, ...], held: frozenset[str]
    ) -> tuple[Mapping[str, str], tuple[str, ...]]:
        """Whose books to read, and what to price; worked out when the list or `held` changes."""
        if self._last.of != (listed, held):
            watched = self._watched(listed, held)
            self._last.of = listed, held
            self._last.reach = _books(listed, watched), self._priced(listed, watched)
        return self._last.reach

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

    def _wanted_candles(
        self, books: Mapping[str, str], at: datetime
    ) -> Mapping[str, tuple[str, datetime]]:
        """Each product that lacks closed bars -> its book, and from when on they lack."""
        closed_at = floor_to_bar(at, self.history.bar)
        oldest = closed_at - self.history.bar * self.history.length
        since = {symbol: self.history.through(symbol) or oldest for symbol in books}
        return {
            symbol: (book, since[symbol])
            for symbol, book in books.items()
            if since[symbol] < closed_at
        }

    def _candle_asks(
        self,
        candles: Mapping[str, tuple[str, datetime]],
        at: datetime,
        into: dict[tuple[str, datetime], Bars],
    ) -> Iterator[Ask]:
        """One for each book, whichever products share it."""
        until = floor_to_bar(at, self.history.bar)
        for wanted in dict.fromkeys(candles.values()):
            yield f"candles {wanted[0]}", self._asking(wanted, until, into)

    def _asking(
        self, wanted: tuple[str, datetime], until: datetime, into: dict[tuple[str, datetime], Bars]
    ) -> Callable[[], Keep]:
        book, since = wanted
        return kept(
            lambda: self.market.bars(book, self.history.bar, since, until),
            lambda bars: into.update({wanted: bars}),
        )

    def _depth_asks(self, wanted: tuple[str, ...], into: dict[str, Depth]) -> Iterator[Ask]:
        per_request = self.market.depths_per_request
        for start in range(0, len(wanted), per_request):
            part = wanted[start : start + per_request]
            yield f"depth {part[0]}", self._asking_depths(part, into)

    def _asking_depths(self, part: tuple[str, ...], into: dict[str, Depth]) -> Callable[[], Keep]:
        return kept(lambda: self.market.depths(part), into.update)

    def _by_need(
        self, books: Mapping[str, str], nearest: Sequence[str], held: frozenset[str]
    ) -> tuple[str, ...]:
        """Own positions first, then the products nearest to a trigger, then the oldest book.

        The last place goes to the oldest book, so that every product's depth is seen at last.
        """
        places = self.books_per_cycle_max * self.market.depths_per_request
        nearness = {symbol: rank for rank, symbol in enumerate(nearest)}
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
class _Last:
    """The product list and the positions that were last read for, and what they reach to."""

    of: tuple[tuple[Product, ...], frozenset[str]] = ((), frozenset())
    reach: tuple[Mapping[str, str], tuple[str, ...]] = field(default_factory=lambda: ({}, ()))


@dataclass(slots=True)
class _Found:
    """What has been answered; answers may come in any order."""

    products: tuple[Product, ...] | None = None
    fees: Fees | None = None
    tops: dict[str, TopOfBook] = field(default_factory=dict)
    balances: list[Balance] = field(default_factory=list)
    bars: dict[tuple[str, datetime], Bars] = field(default_factory=dict)
    depths: dict[str, Depth] = field(default_factory=dict)

    def take_list(self, products: tuple[Product, ...]) -> None:
        self.products = products

    def take_fees(self, fees: Fees) -> None:
        self.fees = fees


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

    def all_of(self, read_all: ReadAll, asks: Sequence[Ask]) -> None:
        answers = read_all([ask for _, ask in asks])
        for (name, _), answer in zip(asks, answers, strict=True):
            if isinstance(answer, RetryableError):
                self.missing[name] = f"{answer.code}: {answer}"
            else:
                answer()


def kept(ask: Callable[[], Piece], keep: Callable[[Piece], object]) -> Callable[[], Keep]:
    """Asked on whatever thread, kept on ours: an answer that comes too late changes nothing."""

    def asked() -> Keep:
        answer = ask()

        def put() -> None:
            keep(answer)

        return put

    return asked


def one_venue(market: object, venue: object) -> bool:
    """Whether the account is where the market is, as in LIVE."""
    return market is venue


def in_turn(asks: Sequence[Callable[[], Piece]]) -> tuple[Piece | RetryableError, ...]:
    """One after the other: for markets that nobody has to wait for."""
    return tuple(_answer(ask) for ask in asks)


def _answer(ask: Callable[[], Piece]) -> Piece | RetryableError:
    try:
        return ask()
    except RetryableError as error:
        return error


def _shared_depths(books: Mapping[str, str], read: Mapping[str, Depth]) -> Mapping[str, Depth]:
    """A book that products share was read once, for all of them."""
    return {
        symbol: read[book] if symbol == book else replace(read[book], symbol=symbol)
        for symbol, book in books.items()
        if book in read
    }


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
