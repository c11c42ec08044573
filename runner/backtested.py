"""A Bot for a backtest: the classes of PAPER, with stores that forget.

The counterpart of wiring.py for runs whose only product is a report.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from config.loader import Configuration
from core.money import Ratio
from core.next_state import newborn
from core.wording import percent, span
from infra.audit_record import Identity
from infra.disk import FreeSpace
from infra.exchange.simulated.venue_file import MEMORY as VENUE_IN_MEMORY
from infra.history import History
from infra.in_memory import MemoryStates, NobodySpeaks, NoHeartbeat, NoLock, NoLog
from infra.ledger import Owner, SqliteLedger
from infra.ledger_file import MEMORY
from runner import VERSION
from runner.bot import Bot
from runner.cadence import FullSpeed
from runner.configured import history_length, strategies_of
from runner.cycle import Turn, World
from runner.gather import Gatherer
from runner.markets import Market
from runner.report.journal import Journal, NoTape
from runner.report.story import Setting
from runner.venues import simulated_venue


@dataclass(frozen=True, slots=True)
class MemoryStores:
    """runner.bot.Open: the books of ledger and venue, gone when they are closed."""

    ledger: SqliteLedger
    closing: ExitStack

    def close(self) -> None:
        self.closing.close()
        self.ledger.close()


def backtested(configuration: Configuration, market: Market) -> tuple[Bot, Journal]:
    """The bot before its first cycle, and what will be written down of it."""
    settings, policy = configuration.settings, configuration.policy
    app, history = settings.app, History(settings.market.bar, history_length(configuration))
    assert market.turned is not None, "only a market with a clock of its own is played"
    market.turned.set(market.timetable.start)
    closing = ExitStack()
    venue = simulated_venue(settings, market, VENUE_IN_MEMORY, closing)
    ledger = SqliteLedger(
        MEMORY,
        Owner(mode=app.mode.name, exchange=settings.exchange.name, market=dict(market.identity)),
        quote_currencies=app.quote_currencies,
        capital_max=app.capital_max,
    )
    identity = Identity(
        mode=app.mode.name,
        exchange=settings.exchange.name,
        config=configuration.fingerprint,
        version=VERSION,
        run_id="backtest",
    )
    journal = Journal(setting_of(configuration, market))
    world = World(
        identity=identity,
        policy=policy,
        strategies=strategies_of(configuration),
        gatherer=Gatherer(market.data, venue, history, policy, settings.gather.books_per_cycle_max),
        history=history,
        venue=venue,
        ledger=ledger,
        states=MemoryStates(),
        tape=NoTape(),
        audit=journal,
        controls=NobodySpeaks(),
        disk=FreeSpace((), 0),
    )
    bot = Bot(
        world=world,
        last=Turn(newborn(app.name, market.timetable.start), None, None),
        timetable=market.timetable,
        pace=FullSpeed(),
        clock=market.turned,
        beats=NoHeartbeat(),
        logs=NoLog(),
        lock=NoLock(),
        stores=MemoryStores(ledger, closing),
        notices=(*configuration.notices, *market.notices),
        settings=settings,
    )
    return bot, journal


def setting_of(configuration: Configuration, market: Market) -> Setting:
    settings = configuration.settings
    model, fees = settings.market.book_model, settings.market
    return Setting(
        products=tuple(sorted(product.symbol for product in market.data.products())),
        bar=span(settings.market.bar),
        recording=market.identity["recording"],
        config=configuration.fingerprint,
        version=VERSION,
        strategies=tuple(configuration.strategies),
        currency=settings.app.capital_currency,
        cash=", ".join(str(money) for money in settings.app.starting_balances),
        maker_fee=percent(fees.maker_fee),
        taker_fee=percent(fees.taker_fee),
        taker=float(fees.taker_fee.value),
        book_model=(
            f"Books are modelled from closed bars: a spread of {_share(model.spread_range_share)} "
            f"of the last bar's range and at least {percent(model.spread_min)}; ten levels a side "
            f"that hold {_share(model.depth_volume_share)} of the last hour's volume. A real book "
            "may be thinner in the moment that counts."
        ),
        themes={
            asset: theme
            for theme, assets in sorted(configuration.policy.universe.themes.items())
            for asset in assets
        },
    )


def _share(ratio: Ratio) -> str:
    return percent(ratio)
