"""Markets that bring their own clock: the embedded one and the player of recordings."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.settings import MarketSettings, Settings
from core.market import Fees
from core.ports import MarketData
from core.wording import instant, span
from infra.clock import MarketClock
from infra.exchange.simulated.book_model import BookModel
from infra.exchange.simulated.player import RecordedMarket
from infra.exchange.simulated.recording import BadRecording, Recording
from infra.exchange.simulated.synthetic import SyntheticMarket
from runner.cadence import Timetable
from runner.command_line import instant_of
from runner.exit_codes import ExitCode, Refusal

# Beyond these, times of history or of later cycles would leave the calendar.
_FIRST, _END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Market:
    """A market with its clock, its identity and the times it can play.

    `behind` shows the same prices to the simulated venue, which asks on its own account.
    """

    data: MarketData
    behind: MarketData
    clock: MarketClock
    identity: Mapping[str, str]
    timetable: Timetable
    notices: tuple[str, ...]


def market_for(given: Namespace, settings: Settings, warm_up: int, clock: MarketClock) -> Market:
    """The market that the settings name; `warm_up` is the bars a first decision looks back on."""
    make = _MAKERS[settings.exchange.name]
    return make(given, settings, warm_up, clock)


def _embedded(given: Namespace, settings: Settings, _warm_up: int, clock: MarketClock) -> Market:
    if given.recording is not None:
        raise Refusal(
            ExitCode.USAGE, "--recording: the embedded market plays none; add --exchange recorded"
        )
    market = settings.market
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


def _recorded(given: Namespace, settings: Settings, warm_up: int, clock: MarketClock) -> Market:
    if given.recording is None:
        raise Refusal(ExitCode.USAGE, "--exchange recorded: name the candles with --recording DIR")
    market = settings.market
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


_MAKERS: Mapping[str, Callable[[Namespace, Settings, int, MarketClock], Market]] = {
    "embedded": _embedded,
    "recorded": _recorded,
}


def _fees(market: MarketSettings) -> Fees:
    return Fees(maker=market.maker_fee, taker=market.taker_fee)
