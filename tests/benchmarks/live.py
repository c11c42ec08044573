"""What one warm round of reading costs against a venue 80 ms away, and what a LIVE bot weighs.

The real adapter over the sandbox with the shipped limits; the gatherer is the bot's. The
critical path is the longest chain of requests of which none could leave before the one
ahead of it was answered, as the venue saw them come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from core.policy import Policy
from infra.clock import MarketClock, SystemClock
from infra.exchange.coinbase.assembly import coinbase_exchange
from infra.exchange.coinbase.exchange import CoinbaseExchange
from infra.history import History
from runner.configured import history_length
from runner.gather import Gatherer
from tests.benchmarks.far_venue import LATENCY, NEW_BARS, WALL_MAX, critical_path, only, rest
from tests.benchmarks.measured import Row
from tests.builders.shipped import shipped_configuration
from tests.infra.sandbox.served import Running, sandbox
from tests.soak.live import BUDGET_MB, live_run

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Round:
    """One reading."""

    seconds: float
    requests: int
    path: int  # requests one after the other
    missing: int


@dataclass(slots=True)
class Bench:
    """A sandbox whose clock stands still, the adapter, and the bot's history."""

    running: Running
    exchange: CoinbaseExchange
    clock: MarketClock
    history: History
    policy: Policy
    books: int

    def next_bar(self) -> None:
        told = self.running.admin("clock", {"advance": self.history.bar.total_seconds()})
        self.clock.set(datetime.fromisoformat(told["at"]))

    def gather(self, policy: Policy) -> Round:
        """Read once and take it in."""
        before, count = self.exchange.requests, self.running.admin("journal")["count"]
        began = perf_counter()
        self.exchange.begin_cycle(f"cycle {count}")
        gatherer = Gatherer(
            self.exchange, self.exchange, self.history, policy, self.books, self.exchange.read_all
        )
        reading = gatherer.read(self.clock.now(), (), ())
        seconds = perf_counter() - began
        self.history.absorb(reading)
        entries = self.running.admin(f"journal?after={count}")["requests"]
        return Round(
            seconds,
            self.exchange.requests - before,
            len(critical_path(entries)),
            len(reading.missing),
        )


def live_rows() -> list[Row]:
    """A round with some new bars, and one in which every product's bar has closed."""
    with TemporaryDirectory() as folder:
        flags = ("--latency-ms", LATENCY // timedelta(milliseconds=1))
        with sandbox(Path(folder), *flags) as running:
            bench = _bench(running)
            cold = bench.gather(bench.policy)
            products = tuple(bench.history.remembered().through)
            some, every = [], []
            for _ in range(ROUNDS):
                bench.next_bar()
                rest()
                bench.gather(only(bench.policy, products[NEW_BARS:]))
                rest()
                some.append(bench.gather(bench.policy))
                bench.next_bar()
                rest()
                every.append(bench.gather(bench.policy))
    return [
        _row(f"LIVE reading, {NEW_BARS} new bars", some, WALL_MAX),
        _row(f"LIVE reading, {len(products)} new bars", every, None),
        _row("LIVE reading, the first", [cold], None),
    ]


def live_memory_rows(cycles: int) -> list[Row]:
    """The bot in a process of its own, after so many cycles over the wire."""
    with TemporaryDirectory() as folder:
        run = live_run(Path(folder), cycles, lambda _: None)
    (_, first), (_, last) = run.soak.settled[0], run.soak.settled[-1]
    note = (
        f"its own process, RSS, {last - first:+.2f} MB in the last 80%; {run.fills} fills; "
        "10,000 cycles: python -m tests.soak --mode LIVE"
    )
    return [Row(f"memory after {cycles} LIVE cycles", last, "MB", BUDGET_MB, note)]


def _bench(running: Running) -> Bench:
    configuration = shipped_configuration()
    settings = replace(
        configuration.settings,
        exchange=replace(
            configuration.settings.exchange,
            base_url=running.address,
            ca_file=running.ready["ca_file"],
        ),
    )
    clock = MarketClock(datetime.fromisoformat(running.admin("clock")["at"]))
    keys = {"COINBASE_KEY_FILE": running.ready["key_file"]}
    return Bench(
        running,
        coinbase_exchange(settings, keys, clock, SystemClock()),
        clock,
        History(settings.market.bar, history_length(configuration)),
        configuration.policy,
        settings.gather.books_per_cycle_max,
    )


def _row(what: str, rounds: Sequence[Round], budget: float | None) -> Row:
    best = sorted(rounds, key=lambda one: one.seconds)[len(rounds) // 2]
    note = f"{best.requests} requests, {best.path} one after the other, {best.missing} missing"
    return Row(what, best.seconds, "s", budget, f"venue 80 ms away; {note}")
