"""A seeded random world: weather at the venue, a person at the account, and sudden deaths.

Storms of faults and calm take turns. In a storm requests fail in every way that the
simulated venue knows, the process dies between two effects and is started again, and a
person pays in and out, trades by hand, stops the bot and lets it go on.
"""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from core.market import Side
from core.orders import TimeInForce
from core.ports import Clock, Venue
from infra.control_files import ControlFolder
from infra.crash_points import CrashPoint, hooked
from infra.exchange.simulated.faults import Fault, FaultPlan, FaultyVenue
from infra.exchange.simulated.request import Kind, VenueRequest
from infra.instance_lock import InstanceLock
from infra.naming import new_run_id
from runner.bot import Bot
from runner.cadence import Timetable
from runner.main_loop import turn
from runner.markets import Market
from runner.wiring import Home, assembled
from tests.builders.bot import Killed, dies, the_places
from tests.builders.market import BAR, NOON
from tests.builders.paper import in_front
from tests.builders.shipped import shipped_configuration
from tests.oracles.judges import Broken, Liveness, Safety
from tests.oracles.market import SYMBOLS, RandomMarket
from tests.oracles.witness import Defect, Record, Witness, sound

STORM, CALM = 60, 30  # cycles
DEATHS, KILLS, FLOWS, PERSONS = 0.015, 0.01, 0.02, 0.02  # a cycle of a storm
SETTINGS = {
    "app.mode": "PAPER",
    "regime.pinned": "chop",
    "risk.cooldown": "30m",
    "risk.cooldown_after_stop": "1h",
    "risk.trades_per_hour_max": "20",
    "risk.trades_per_day_max": "200",
    "risk.day_loss_max": "90%",
    "risk.week_loss_max": "90%",
    "risk.drawdown_max": "90%",
    "risk.losing_streak_max": "50",
    "app.disk_reserve": "1 MB",
}
_FAULTS = tuple(fault for fault in Fault if fault not in (Fault.KEY_REFUSED, Fault.OUTAGE))


class Weather:
    """The venue as the bot meets it: the witness itself, or faults in front of it."""

    def __init__(self, witness: Witness, clock: Clock) -> None:
        self.witness, self.clock = witness, clock
        self.front: Any = witness

    def __getattr__(self, name: str) -> Any:
        return getattr(self.front, name)

    def storm(self, plan: FaultPlan) -> None:
        self.front = FaultyVenue(self.witness, plan, self.clock)

    def calm(self) -> None:
        if isinstance(self.front, FaultyVenue):
            self.front.calm()  # what was under way arrives
        self.front = self.witness


@dataclass
class World:
    """One bot in one folder through all its lives."""

    folder: Path
    seed: int
    cycles: int
    defect: Defect = sound
    happened: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.market = RandomMarket(self.seed, self.cycles)
        self.configuration = shipped_configuration(**SETTINGS)
        self.record = Record()
        self.controls = ControlFolder(the_places(self.folder).state_dir)
        self.plan: FaultPlan | None = None
        self.killed_until = 0

    def run(self) -> Iterator[Bot]:
        """Cycle after cycle, each judged; Broken where a promise is."""
        safety = Safety(self.market, self.configuration.policy)
        liveness = Liveness(self.market)
        bot = self._begin()
        try:
            for number in range(self.cycles):
                storm = number % (STORM + CALM) < STORM
                self._weather(number)
                if storm:
                    self._person(number)
                self.market.storm = storm  # for the bot alone
                bot = self._lived(bot, storm)
                self.market.storm = False
                self._judged(bot, safety, liveness, storm)
                yield bot
        finally:
            dies(bot)

    def _judged(self, bot: Bot, safety: Safety, liveness: Liveness, storm: bool) -> None:
        try:
            safety.look(bot, self.weather.witness)
            if storm:
                liveness.storm()
            else:
                liveness.look(bot, self.weather.witness)
        except Broken as broken:
            cycle, at = bot.last.state.cycle, bot.last.state.at
            raise Broken(f"seed {self.seed}, cycle {cycle} at {at}: {broken}") from None

    def _begin(self) -> Bot:
        places, run_id = the_places(self.folder), new_run_id()
        market = Market(
            data=self.market,
            behind=self.market,
            clock=self.market.clock,
            identity={"exchange": "embedded", "script": str(self.seed)},
            timetable=Timetable(NOON, BAR, None),
            notices=(),
        )
        lock = InstanceLock.take(places.state_dir, places.mode, run_id)
        with in_front(self._front):
            return assembled(
                Namespace(fast=True), self.configuration, market, Home(places, lock, run_id)
            )

    def _front(self, venue: Venue, clock: Clock) -> Any:
        self.weather = Weather(Witness.of(venue, self.record, self.defect), clock)
        if self.plan is not None:
            self.weather.storm(self.plan)
        return self.weather

    def _weather(self, number: int) -> None:
        within = number % (STORM + CALM)
        if within == 0:
            shares: dict[Fault, float] = {
                fault: self.chance.choice((0.0, 0.02, 0.1)) for fault in _FAULTS
            }
            self.plan = FaultPlan(seed=self.chance.randrange(2**32), shares=shares)
            self.weather.storm(self.plan)
            self.happened["storms"] += 1
        elif within == STORM:
            self.plan = None
            front = self.weather.front
            self.happened.update(
                {fault.name: n for fault, n in getattr(front, "struck", {}).items()}
            )
            self.weather.calm()
            self.controls.write_resume("calm")

    def _person(self, number: int) -> None:
        chance, exchange = self.chance, self.weather.witness.exchange
        if chance.random() < KILLS:
            self.controls.write_kill("a person")
            self.killed_until = number + chance.randrange(2, 8)
            self.happened["kills"] += 1
        elif number == self.killed_until:
            self.controls.write_resume("a person")
        if chance.random() < FLOWS:
            amount = Decimal(chance.randrange(-200, 400))
            currency = chance.choice(("USD", "USDC"))
            if exchange._account.available(currency) + amount > 0:
                exchange._account.move(currency, amount)
                exchange._account.save()
                self.happened["flows"] += 1
        if chance.random() < PERSONS:
            symbol = chance.choice(SYMBOLS)
            bid, _ = self.market.prices(symbol)
            exchange.create(
                VenueRequest(
                    symbol=symbol,
                    side=Side.BUY,
                    kind=Kind.LIMIT,
                    time_in_force=TimeInForce.GTC,
                    quantity=Decimal("0.2"),
                    price=bid - Decimal("0.5"),
                )
            )
            self.happened["a person's orders"] += 1

    def _lived(self, bot: Bot, storm: bool) -> Bot:
        """One market time; in a storm the process may die in it, and is started again."""
        at = bot.timetable.after(bot.last.state.at)
        assert at is not None
        if not storm or self.chance.random() >= DEATHS:
            bot.last = turn(bot, at)
            return bot
        left = self.chance.randrange(25)

        def kill_there(_: CrashPoint) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed

        try:
            with hooked(kill_there):
                bot.last = turn(bot, at)
        except Killed:
            self.happened["deaths"] += 1
            self.weather.calm()  # what was on its way arrives at the venue, and nobody hears of it
            dies(bot)
            return self._begin()
        return bot
