"""No decision sees the future: what is decided at t on data cut at t is what was decided.

The bot plays a recording to its end. Beside every cycle the same state decides again on a
market that holds nothing after that cycle, read from nothing by a fresh process. With
TRADER_RECORDINGS this is done at every bar of a stretch of real candles; with
TRADER_FULL=1 at every bar of the whole recording.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from core.decide import decide
from core.decision import Decision, Outcome
from core.market import Bars, Product
from infra.clock import MarketClock
from infra.exchange.simulated.player import RecordedMarket
from infra.history import History
from runner import backtest
from runner.backtested import backtested
from runner.bot import Bot
from runner.framing import Seen
from runner.gather import Gatherer
from runner.main_loop import Stop, loop
from tests.builders.backtests import WARM_UP, a_recording, arguments
from tests.builders.wired import recordings

FULL = os.environ.get("TRADER_FULL") == "1"
# Of real candles, where nobody asks for all of them: a fortnight with a fall of a fifth.
COMPACT = ("BTC-USD", "SOL-USD")
STRETCH = ("--start", "2025-02-24", "--end", "2025-03-08T20:00:00Z")


class Cut(RecordedMarket):
    """A recording of which nothing after `at` exists. What is listed is the venue's word."""

    def __init__(self, whole: RecordedMarket, at: datetime) -> None:
        self._whole = whole
        recording = whole._recording
        ended = int((at - recording.bar).timestamp())
        bars = {symbol: _until(series, ended) for symbol, series in recording.bars.items()}
        known = replace(recording, bars=bars)
        super().__init__(MarketClock(at), known, whole._fees, whole._book_model)

    def products(self) -> tuple[Product, ...]:
        return self._whole.products()

    def _product_at(self, symbol: str, now: datetime) -> Product:
        return self._whole._product_at(symbol, now)


def _until(series: Bars, ended: int) -> Bars:
    """Copies: a view would hold the future behind it."""
    count = int(np.searchsorted(series.opened, ended, "right"))
    return Bars(*(np.array(getattr(series, one.name)[:count]) for one in fields(Bars)))


@dataclass
class Witness:
    """runner.journals.Tape: decides every cycle again on what existed then."""

    bot: Bot
    differences: list[datetime] = field(default_factory=list)
    cycles: int = 0

    def append(self, seen: Seen, previous: Outcome | None, decision: Decision) -> None:
        world, at = self.bot.world, decision.at
        market = world.gatherer.market
        assert isinstance(market, RecordedMarket)
        history = History(world.history.bar, world.history.length)
        gatherer = Gatherer(
            Cut(market, at), world.venue, history, world.policy, world.gatherer.books_per_cycle_max
        )
        read = gatherer.read(at, seen.state.nearest, seen.portfolio.positions)
        snapshot = replace(history.absorb(read), balances=seen.snapshot.balances)
        again = decide(snapshot, seen.portfolio, seen.state, world.policy, world.strategies)
        self.cycles += 1
        if again != decision:
            self.differences.append(at)


def witnessed(recording: Path, bar: str, *more: object, market: type | None = None) -> Witness:
    """The whole backtest, with a witness."""
    given = backtest.options([str(a) for a in arguments(recording, Path("unused"), *more)])
    given.bar = bar
    configuration, played = backtest.prepared(given)
    if market is not None:
        whole = played.data
        assert isinstance(whole, RecordedMarket)
        parts = (played.clock, whole._recording, whole._fees, whole._book_model)
        played = replace(played, data=market(*parts))
    bot, _ = backtested(configuration, played)
    witness = Witness(bot)
    bot.world = replace(bot.world, tape=witness)
    with bot:
        loop(bot, given, backtest.Progress(open(os.devnull, "w")), Stop())  # noqa: SIM115
    return witness


def test_no_decision_sees_the_future(tmp_path: Path) -> None:
    witness = witnessed(a_recording(tmp_path, bars=WARM_UP + 60), "1h")

    assert witness.differences == []
    assert witness.cycles == 61


class Peeking(RecordedMarket):
    """Makes its books from the bar that is not closed yet."""

    def _closed(self, series: Bars, until: datetime) -> int:
        return min(super()._closed(series, until) + 1, len(series))


def test_a_market_that_looks_ahead_is_found_out(tmp_path: Path) -> None:
    witness = witnessed(a_recording(tmp_path, bars=WARM_UP + 60), "1h", market=Peeking)

    assert len(witness.differences) > 5


@pytest.mark.skipif(recordings("coinbase/1h") is None, reason="TRADER_RECORDINGS has no candles")
def test_no_decision_on_real_candles_sees_the_future(tmp_path: Path) -> None:
    folder = recordings("coinbase/1h")
    assert folder is not None
    if FULL:
        witness = witnessed(folder, "1h")
    else:
        for path in sorted(folder.glob("*-USD_1h_2025*")):
            if path.name.startswith(COMPACT):
                (tmp_path / path.name).symlink_to(path)
        witness = witnessed(tmp_path, "1h", *STRETCH)

    assert witness.differences == []
    assert witness.cycles >= 300
