"""A bot that somebody listens to: the real teller without its thread, and an ear that remembers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from infra.clock import MarketClock, SystemClock
from infra.sd_notify import Supervisor
from runner.alerts.alert import Alert, AlertCode, Sight
from runner.alerts.memory import Message, Patience, Phase
from runner.alerts.outside import Outside, ended_badly
from runner.alerts.teller import MemoryFile, Teller, Undelivered
from runner.bot import Bot
from tests.builders.bot import a_bot, the_places
from tests.builders.market import NOON
from tests.builders.stage import Stage

PATIENCE = Patience(
    patience=timedelta(minutes=5),
    escalate_after=timedelta(minutes=30),
    repeat_every=timedelta(hours=12),
)


@dataclass
class Ear:
    """Somebody who is told, or cannot be told: `deaf` fails every delivery."""

    heard: list[Message] = field(default_factory=list)
    deaf: bool = False
    asked: int = 0

    def deliver(self, message: Message) -> None:
        self.asked += 1
        if self.deaf:
            raise Undelivered("nobody is there")
        self.heard.append(message)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Code and phase of everything, in order."""
        return [(message.alert.code.name, message.phase.value) for message in self.heard]

    def of(self, code: AlertCode) -> list[str]:
        """The phases of one code."""
        return [phase for name, phase in self.told if name == code.name]


class AtOnce(Teller):
    """Tells within the call, so that a test knows when it was told."""

    def report(self, sight: Sight) -> None:
        self.look(sight)
        self.tell()


def a_teller(ear: Ear, folder: Path, clock: MarketClock) -> AtOnce:
    file = MemoryFile(folder / "alerts.json")
    return AtOnce(ear, file, PATIENCE, clock, file.read())


def an_alert(code: AlertCode = AlertCode.HALTED, subject: str = "", text: str = "odd") -> Alert:
    return Alert(code, subject, text)


def a_sight(*alerts: Alert, blind: frozenset[AlertCode] = frozenset()) -> Sight:
    return Sight(alerts, blind)


def a_message(alert: Alert | None = None, phase: Phase = Phase.BEGAN) -> Message:
    return Message(phase, alert or an_alert(), NOON, NOON + timedelta(minutes=3))


@dataclass
class Listened:
    """A bot on a stage, and who hears of it. A cycle of the stage is a quarter of an hour."""

    bot: Bot
    ear: Ear


@contextmanager
def listened(folder: Path, stage: Stage, **overrides: str) -> Iterator[Listened]:
    """The whole bot; the wall clock of its alerts is the market's."""
    ear, places = Ear(), the_places(folder)
    bot = a_bot(folder, stage, **overrides)
    bot.outside = Outside(
        supervisor=Supervisor("", 0.0, SystemClock()),
        teller=a_teller(ear, places.folder, stage.clock),
        crashed=ended_badly(places),
    )
    with bot:
        yield Listened(bot, ear)


def minutes(number: float) -> datetime:
    """So long after noon."""
    return NOON + timedelta(minutes=number)
