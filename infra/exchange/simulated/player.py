"""The recorded market: plays a recording, up to the present of its clock and not a bar further.

What it lists are the recording's products: from their first bar on, delisted
after their last. Books are modelled from closed bars and say so. It takes no
orders and moves no clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.errors import RetryableError
from core.market import Bars, Depth, Fees, Product, ProductStatus, TopOfBook
from core.ports import Clock
from infra.exchange.simulated.book_model import BookModel, LastHour, model_book
from infra.exchange.simulated.recording import Recording

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_ANY_NUMBER = 1_000_000  # of depths a request: they are made here, not asked for


class RecordedMarket:
    """MarketData of a recording."""

    def __init__(
        self, clock: Clock, recording: Recording, fees: Fees, book_model: BookModel
    ) -> None:
        self._clock = clock
        self._recording = recording
        self._fees = fees
        self._book_model = book_model
        self._requests = 0
        self._made_at: datetime | None = None
        self._made: dict[str, tuple[TopOfBook, Depth] | None] = {}
        self._hours: defaultdict[str, LastHour] = defaultdict(LastHour)
        self._lives = {
            symbol: (_time(bars.opened[0]), _time(bars.opened[-1]) + recording.bar)
            for symbol, bars in recording.bars.items()
        }

    @property
    def requests(self) -> int:
        return self._requests

    @property
    def depths_per_request(self) -> int:
        return _ANY_NUMBER

    def server_time(self) -> datetime:
        self._requests += 1
        return self._clock.now()

    def products(self) -> tuple[Product, ...]:
        """What has had its first bar; after its last bar a product is delisted."""
        self._requests += 1
        now = self._clock.now()
        return tuple(
            self._product_at(symbol, now)
            for symbol, (began, _) in self._lives.items()
            if began <= now
        )

    def fees(self) -> Fees:
        self._requests += 1
        return self._fees

    def tops(self, symbols: Iterable[str]) -> Mapping[str, TopOfBook]:
        self._requests += 1
        return {symbol: top for symbol, (top, _) in self._books(symbols).items()}

    def depths(self, symbols: Iterable[str]) -> Mapping[str, Depth]:
        """All in one request."""
        self._requests += 1
        return {symbol: depth for symbol, (_, depth) in self._books(symbols).items()}

    def bars(self, symbol: str, bar: timedelta, since: datetime, until: datetime) -> Bars:
        """Recorded bars that are closed now; `bar` is the recording's."""
        self._requests += 1
        if bar != self._recording.bar:
            raise ValueError(f"the recording has bars of {self._recording.bar}, not of {bar}")
        series = self._series(symbol)
        first = series.opened.searchsorted(_seconds_up(since), "left")
        return _cut(series, int(first), self._closed(series, until))

    def _product_at(self, symbol: str, now: datetime) -> Product:
        product = self._recording.products[symbol]
        _, ended = self._lives[symbol]
        if ended <= now and ended < self._recording.last:
            return replace(product, status=ProductStatus.DELISTED)
        return product

    def _books(self, symbols: Iterable[str]) -> dict[str, tuple[TopOfBook, Depth]]:
        """The books of this moment; each is made once, however many ask for it."""
        now = self._clock.now()
        if now != self._made_at:
            self._made_at, self._made = now, {}
        made, books = self._made, {}
        for symbol in symbols:
            if symbol not in made:
                made[symbol] = self._book(symbol, now)
            book = made[symbol]
            if book is not None:
                books[symbol] = book
        return books

    def _book(self, symbol: str, now: datetime) -> tuple[TopOfBook, Depth] | None:
        series = self._recording.bars.get(symbol)
        if series is None:
            return None
        product = self._product_at(symbol, now)
        if product.status is ProductStatus.DELISTED:
            return None
        bar, end = self._recording.bar, self._closed(series, now)
        hour = max(1, _HOUR // bar)
        recent = _cut(series, max(0, end - hour), end)
        return model_book(product, recent, bar, self._book_model, now, self._hours[symbol])

    def _closed(self, series: Bars, until: datetime) -> int:
        """How many bars are closed by `until` and by now."""
        newest = min(until, self._clock.now()) - self._recording.bar
        return int(series.opened.searchsorted(_seconds(newest), "right"))

    def _series(self, symbol: str) -> Bars:
        series = self._recording.bars.get(symbol)
        if series is None:
            raise RetryableError("no such product", code="UNKNOWN_PRODUCT", symbol=symbol)
        return series


def _cut(bars: Bars, first: int, last: int) -> Bars:
    """A view: the arrays are read-only."""
    window = slice(first, max(first, last))
    return Bars(
        bars.opened[window],
        bars.open[window],
        bars.high[window],
        bars.low[window],
        bars.close[window],
        bars.volume[window],
    )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _seconds(at: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return (at - _EPOCH) // timedelta(seconds=1)


def _seconds_up(at: datetime) -> int:
    return -((_EPOCH - at) // timedelta(seconds=1))
