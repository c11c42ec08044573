"""The markets that a bot can run on: embedded, recorded, and Coinbase, real or its sandbox.

The first two bring their own clock, which moves only with the cycles. A real one has the
wall clock; a sandbox on this machine has its own time, which may run fast.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import MarketSettings, Settings
from core.errors import BotError
from core.market import Fees
from core.ports import Clock, MarketData, Timer
from core.wording import instant, span
from infra.clock import FastClock, MarketClock, SystemClock
from runner.cadence import PresentTime, Schedule, Timetable
from runner.command_line import instant_of
from runner.exit_codes import ExitCode, Refusal

if TYPE_CHECKING:
    from infra.exchange.coinbase.exchange import CoinbaseExchange

_HURRY = timedelta(seconds=3)  # a kill is obeyed within ten seconds, come what may
# Beyond these, times of history or of later cycles would leave the calendar.
_FIRST, _END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Market:
    """A market with its clock, its identity and the times it can play.

    `behind` shows the same prices to the simulated venue, which asks on its own account.
    """

    data: MarketData
    behind: MarketData
    clock: Clock
    identity: Mapping[str, str]
    timetable: Schedule
    notices: tuple[str, ...]
    real: RealVenue | None = None

    @property
    def turned(self) -> MarketClock | None:
        """The clock, where the cycles are what moves it."""
        return self.clock if isinstance(self.clock, MarketClock) else None


@dataclass(frozen=True, slots=True)
class RealVenue:
    """A venue that exists whether we ask it or not, and the time that passes there."""

    exchange: CoinbaseExchange
    clock: SystemClock | FastClock
    speed: Decimal

    @property
    def timer(self) -> Timer:
        """For waits that are meant in the market's time."""
        return self.clock

    def offset(self) -> timedelta:
        """The venue's clock less ours; the smallest that explains its answer. RetryableError.

        An answer is as old as it travelled, which a fast clock makes long.
        """
        before = self.clock.now()
        told = self.exchange.server_time()
        low, high = told - self.clock.now(), told - before
        return min(max(timedelta(0), low), high)

    def beside(self) -> Mapping[str, str]:
        """What the status shows besides: US futures in one line, where they are switched on."""
        try:
            line = self.exchange.futures()
        except BotError as error:
            line = f"futures: not told ({error.code})"
        return {} if line is None else {"futures": line}

    def begin(self, cycle: str, *, hurried: bool) -> None:
        """One deadline for all reads of a cycle; a short one where somebody wants orders back."""
        self.exchange.begin_cycle(cycle, _HURRY if hurried else None)

    def meet(self) -> datetime:
        """Ask it for its time, and live by it where it is a sandbox. RetryableError, FatalError."""
        self.exchange.begin_cycle("meeting")
        at = self.exchange.server_time()
        if isinstance(self.clock, FastClock):
            self.clock.set(at)
            self.exchange.begin_cycle("met")  # what was measured before is worth nothing now
        return at


def market_for(given: Namespace, settings: Settings, warm_up: int) -> Market:
    """The market that the settings name; `warm_up` is the bars a first decision looks back on."""
    make = _MAKERS[settings.exchange.name]
    return make(given, settings, warm_up)


# Each market's own parts are loaded by whoever plays it: a bot on a real venue needs none.


def _embedded(given: Namespace, settings: Settings, _warm_up: int) -> Market:
    from infra.exchange.simulated.synthetic import SyntheticMarket

    if given.recording is not None:
        raise Refusal(
            ExitCode.USAGE, "--recording: the embedded market plays none; add --exchange recorded"
        )
    market = settings.market
    clock = MarketClock(market.start)
    start = instant_of("--start", given.start) or market.start
    if not _FIRST <= start < _END:
        raise Refusal(
            ExitCode.USAGE,
            f"{'market.start' if given.start is None else '--start'}: {instant(start)} is not "
            f"between {_FIRST.year} and {_END.year}, where the embedded market can begin",
        )
    data, behind = (
        SyntheticMarket(
            clock=clock,
            seed=market.seed,
            start=start,
            bar=market.bar,
            fees=_fees(market),
            quote=settings.app.capital_currency,
        )
        for _ in range(2)
    )
    identity = {
        "exchange": "embedded",
        "seed": str(market.seed),
        "bar": span(market.bar),
        "start": instant(start),
    }
    return Market(data, behind, clock, identity, Timetable(start, settings.loop.interval, None), ())


def _recorded(given: Namespace, settings: Settings, warm_up: int) -> Market:
    from infra.exchange.simulated.book_model import BookModel
    from infra.exchange.simulated.player import RecordedMarket
    from infra.exchange.simulated.recording import BadRecording, Recording

    if given.recording is None:
        raise Refusal(ExitCode.USAGE, "--exchange recorded: name the candles with --recording DIR")
    market = settings.market
    clock = MarketClock(market.start)
    try:
        recording = Recording.read(Path(given.recording), market.bar)
        start = instant_of("--start", given.start) or recording.start_after(warm_up)
    except BadRecording as error:
        raise Refusal(ExitCode.USAGE, str(error)) from error
    if not recording.first < start <= recording.last:
        raise Refusal(
            ExitCode.USAGE,
            f"--start: {instant(start)} is not within the recording, which begins "
            f"{instant(recording.first)} and ends {instant(recording.last)}",
        )
    model = market.book_model
    books = BookModel(model.spread_min, model.spread_range_share, model.depth_volume_share)
    data, behind = (
        RecordedMarket(clock=clock, recording=recording, fees=_fees(market), book_model=books)
        for _ in range(2)
    )
    identity = {
        "exchange": "recorded",
        "recording": recording.digest,
        "bar": span(market.bar),
        "start": instant(start),
    }
    timetable = Timetable(start, settings.loop.interval, recording.last)
    return Market(data, behind, clock, identity, timetable, recording.notices)


def _coinbase(given: Namespace, settings: Settings, _warm_up: int) -> Market:
    """Nothing is asked of the venue yet."""
    from infra.exchange.coinbase.access import access_of
    from infra.exchange.coinbase.assembly import coinbase_exchange
    from infra.exchange.coinbase.keys import BadAccess

    for flag, value in (("--recording", given.recording), ("--start", given.start)):
        if value is not None:
            raise Refusal(ExitCode.USAGE, f"{flag}: coinbase is not played back; leave it out")
    try:
        access = access_of(settings.exchange, os.environ)
        # A sandbox on this machine has a time of its own, at whatever speed.
        wall = SystemClock()
        clock = FastClock(wall.now(), access.clock_speed) if access.is_loopback else wall
        exchange = coinbase_exchange(settings, os.environ, clock, wall)
    except BadAccess as error:
        raise Refusal(ExitCode.USAGE, str(error)) from error
    name = access.host.rpartition(":")[0] if access.is_loopback else access.host
    identity = {"exchange": "coinbase", "host": name, "bar": span(settings.market.bar)}
    schedule = PresentTime(clock, settings.loop.interval)
    real = RealVenue(exchange, clock, access.clock_speed)
    return Market(exchange, exchange, clock, identity, schedule, (), real)


_MAKERS: Mapping[str, Callable[[Namespace, Settings, int], Market]] = {
    "embedded": _embedded,
    "recorded": _recorded,
    "coinbase": _coinbase,
}


def _fees(market: MarketSettings) -> Fees:
    return Fees(maker=market.maker_fee, taker=market.taker_fee)
