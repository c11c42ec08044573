"""kill -9 of LIVE bots in the middle of a story, what came of each, and whether all agrees then."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

from core.orders import REACHED, OrderStatus
from infra.audit_archive import archives
from infra.audit_record import Record
from infra.crash_points import CrashPoint
from infra.ledger_reader import LedgerReader
from infra.tape import last_frame
from runner import ledger as ledger_program
from runner import replay
from runner.verify import verify
from tests.builders.terminal import asked
from tests.crashes.table import Deaths, Sign
from tests.crashes.wire.books import OwnBooks, Truth, books_of, truth_of
from tests.crashes.wire.dying import Death
from tests.crashes.wire.judge import disagreements
from tests.crashes.wire.life import CALM, Life, lived
from tests.crashes.wire.stories import STORIES, STORM, Story

AGAIN, ON, FOUND, NEVER = "decided again", "gone on", "found at the venue", "never reached"
LEGEND = {
    AGAIN: Sign("=", "killed before the commit: nothing was sent, and the bot decided again"),
    ON: Sign(">", "killed after it: gone on, venue and ledger agree"),
    FOUND: Sign("+", "an intent without an answer was found at the venue, by its own id"),
    NEVER: Sign("*", "an intent never reached the venue: proved absent, decided afresh"),
}
_UNSURE = frozenset({OrderStatus.INTENDED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN})
# Of these a process passes none: the venue is another one, and no day ends in a story.
_NOT_HERE = ("VENUE_", "ARCHIVE", "LOG_MOVING", "RESUME_TAKEN")
POINTS = tuple(p.name for p in CrashPoint if not p.name.startswith(_NOT_HERE))
EACH = 5  # deaths in a life, at most
SIDE_BY_SIDE = 3  # lives; most of a life is waiting
DOWN = 0.25  # how often nobody starts the next bot before a bar has passed
STORMY = 3  # cycles of a process that outlives the storm, so that faults have their time
# Points around orders are where it matters, and passed less often than those of files.
_ACTING = ("CANCEL_DUE", "CANCEL_ANSWERED", "SEND_DUE", "SEND_ANSWERED", "LEDGER_COMMITTED")


@dataclass(frozen=True, slots=True)
class Corpse:
    """What one killed process left: where it was, in which cycle, and what it knew of orders."""

    where: str
    cycle: int | None  # on tape, and not on record
    intended: bool = False  # whether orders of it were durable
    known: Mapping[str, OrderStatus] = field(default_factory=dict)

    def outcome(self, books: OwnBooks) -> str:
        """What came of it, once everything is settled."""
        now = {order.planned.client_order_id: order.status for order in books.orders}
        became = [now[name] for name, status in self.known.items() if status in _UNSURE]
        if OrderStatus.NEVER_REACHED in became:
            return NEVER
        if any(status in REACHED for status in became):
            return FOUND
        if self.cycle is None or (books.plans[self.cycle] and not self.intended):
            return AGAIN
        return ON


@dataclass
class Inquest:
    """One life: its deaths, and at the end everything that is wrong."""

    life: Life
    corpses: list[Corpse] = field(default_factory=list)
    code: int = 0
    truth: Truth = field(init=False)
    books: OwnBooks = field(init=False)

    def kill(self, death: Death) -> bool:
        """Whether there was a process to kill."""
        where = self.life.kill(death)
        if where is not None:
            self.corpses.append(self._left(where))
        return where is not None

    def _left(self, where: str) -> Corpse:
        places = self.life.places
        frame = last_frame(places.tape) if places.tape.is_dir() else None
        recorded = {line["cycle"] for line in self.lines()}
        if not places.ledger.is_file():
            return Corpse(where, None)
        with closing(LedgerReader.open(places.ledger)) as ledger:
            known = {o.planned.client_order_id: o.status for o in ledger.unsettled()}
            begun = frame is not None and frame.cycle not in recorded
            intended = begun and frame is not None and bool(ledger.orders_of(frame.cycle))
        return Corpse(where, frame.cycle if frame and begun else None, intended, known)

    def lines(self) -> list[Record]:
        """Every whole line of the audit log, oldest first."""
        path = self.life.places.logs / "audit.jsonl"
        if not path.is_file():
            return []
        return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]

    def end(self, cycles: int) -> None:
        """The bot goes on for so many cycles, undisturbed; then the venue is asked."""
        self.code = self.life.run(cycles)
        self.truth, self.books = truth_of(self.life.truth()), books_of(self.life.places)

    def wrong(self) -> Iterator[str]:
        """Everything that is wrong at the end, one line each."""
        if self.code != 0:
            yield f"the last process ended with {self.code}: {self.life.told[-1]}"
        yield from disagreements(self.truth, self.books)
        yield from self._unproved()

    def _unproved(self) -> Iterator[str]:
        """What the files do not prove of themselves."""
        places, lines = self.life.places, self.lines()
        chain = verify([*archives(places.logs), places.logs / "audit.jsonl"])
        if chain.why is not None:
            yield f"verify: {chain.why}"
        where = ("--state-dir", places.state_dir, "--log-dir", places.log_dir)
        for program, words in ((replay.main, ()), (ledger_program.main, ("check",))):
            answer = asked(program, *words, *where)
            if answer.code != 0:
                yield f"{program.__module__}: {answer.out}{answer.err}"
        cycles = [line["cycle"] for line in lines]
        if cycles != sorted(set(cycles)):
            yield f"cycle numbers are not in order: {cycles}"
        decided = [line["at"] for line in lines if line["outcome"] != "FAILED"]
        times = [datetime.fromisoformat(at) for at in decided]
        if times != sorted(set(times)):
            yield f"market times were decided twice, or not in order: {', '.join(decided)}"
        codes = {line["cycle"]: (line["why"] or {}).get("code") for line in lines}
        for corpse in self.corpses:
            code = codes.get(corpse.cycle) if corpse.cycle is not None else "INTERRUPTED"
            if code != "INTERRUPTED":
                yield f"cycle {corpse.cycle}, killed at {corpse.where}, is on record as {code}"
        if lines[-1]["outcome"] == "FAILED" or lines[-1]["level"] != "NORMAL":
            yield f"ends {lines[-1]['level']}, {lines[-1]['outcome']}: {lines[-1]['why']}"


@dataclass
class Killings:
    """Kills in folders below `place`, and keeps the table of what came of it."""

    place: Path
    deaths: Deaths = field(default_factory=lambda: Deaths(LEGEND))
    wrong: list[str] = field(default_factory=list)
    orders: int = 0
    fills: int = 0
    lives: int = 0

    def at_random(self, count: int, random: Random) -> Iterator[str]:
        """So many deaths in a storm, some in each life; every other life is a busy one.

        Lives go on side by side. After each a word of how it stands.
        """
        flying: dict[Future[Inquest], int] = {}
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            while self.deaths.total < count:
                while len(flying) < SIDE_BY_SIDE and (
                    deaths := min(EACH, count - self.deaths.total - sum(flying.values()))
                ):
                    seed = random.randrange(2**32)
                    story, folder = _story(self.lives), self.place / f"life {self.lives + 1}"
                    flying[pool.submit(stormed, story, folder, deaths, seed)] = deaths
                    self.lives += 1
                for done in wait(flying, return_when=FIRST_COMPLETED).done:
                    del flying[done]
                    self.judge(done.result())
                    yield (
                        f"{self.deaths.total} deaths, {self.orders} orders, {self.fills} fills, "
                        f"{len(self.wrong)} disagreements"
                    )

    def judge(self, inquest: Inquest) -> None:
        """Take a life that is over into the account."""
        where = f"{inquest.life.folder.name} ({inquest.life.story.name})"
        self.wrong += [f"{where}: {line}" for line in inquest.wrong()]
        for corpse in inquest.corpses:
            outcome = corpse.outcome(inquest.books)
            self.deaths.add(corpse.where, inquest.life.story.name, outcome)
        self.orders += len(inquest.truth.orders)
        self.fills += len(inquest.truth.fills)


def _story(number: int) -> Story:
    """Told ones and busy ones by turns."""
    turn, is_odd = divmod(number, 2)
    like = [story for story in STORIES.values() if (story.stage is None) == bool(is_odd)]
    return like[turn % len(like)]


def stormed(story: Story, folder: Path, deaths: int, seed: int) -> Inquest:
    """One life with at most so many deaths in a storm, to its calm end."""
    random = Random(seed)
    with lived(story, folder) as life:
        inquest = Inquest(life)
        for number in range(deaths):
            life.strike([*story.faults, *STORM], seed + number)
            inquest.kill(a_death(random))
            if random.random() < DOWN:
                life.move()
        life.run(STORMY)
        life.strike(())
        inquest.end(CALM)
    return inquest


def a_death(random: Random) -> Death:
    """At a point of any kind, or at any moment; within a few cycles in any case."""
    latest = random.randint(10, 60)
    drawn = random.random()
    if drawn < 0.25:
        return Death(seconds=random.uniform(0.3, 2.5), latest=90)
    points = _ACTING if drawn < 0.6 else POINTS
    return Death(point=random.choice(points), nth=random.randint(1, 3), latest=latest)
