"""The bot as a process of its own, that kills itself where it is told to; else it is main_loop.

    python -m tests.crashes.wire.dying DEATH ARGUMENTS OF MAIN_LOOP...

DEATH is the JSON of a Death, or {} for a long life. Nothing of the bot is replaced but
waiting: between two cycles, where the sandbox's clock is moved instead, so that hours take
seconds; and for the venue's limits, which a sandbox for this does not keep.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import datetime
from http.client import HTTPSConnection
from pathlib import Path
from ssl import create_default_context
from threading import Thread
from types import FrameType
from typing import Any

import msgspec

from infra.clock import FastClock
from infra.crash_points import CrashPoint, hooked
from infra.exchange.coinbase.buckets import Bucket
from runner import main_loop
from runner.bot import Bot
from runner.command_line import run
from tests.builders.market import BAR

_ANY = "any moment"
# The files that pass crash points, by the module that writes them.
_FILES = {"tape.py": "tape", "audit_log.py": "audit", "state_store.py": "state"}


class Death(msgspec.Struct, frozen=True, omit_defaults=True):
    """When the process dies: where a point is passed for the nth time, or after so many seconds.

    `latest` is the how manieth point of all at which it dies if it has not by then. The
    words of where it was are left in `note`. `step` is of market time, from cycle to cycle;
    `pause` of real time: longer than the sandbox's faults hide a new order, or a bot whose
    quarters of an hour last milliseconds would prove absent what a real one sees in time.
    """

    note: str = ""
    point: str = ""
    nth: int = 1
    seconds: float = 0.0
    latest: int = 0
    step: float = BAR.total_seconds()
    pause: float = 0.1


class Executioner:
    """The hook on every crash point."""

    def __init__(self, death: Death) -> None:
        self._death = death
        self._passed = self._met = 0

    def __call__(self, point: CrashPoint) -> None:
        self._passed += 1
        self._met += point.name == self._death.point
        met = point.name == self._death.point and self._met == self._death.nth
        if met or self._passed == self._death.latest:
            self.kill(_words(point))

    def in_time(self) -> None:
        """Another thread's work: the main one may be anywhere by then, also in a request."""
        time.sleep(self._death.seconds)
        self.kill(_ANY)

    def kill(self, words: str) -> None:
        Path(self._death.note).write_text(words, encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)


class Hands:
    """What moves the sandbox's clock, and with it the bot's, to the next whole step."""

    def __init__(self, step: float, pause: float) -> None:
        context = create_default_context(cafile=os.environ["COINBASE_CA_FILE"])
        self._line = HTTPSConnection(os.environ["COINBASE_BASE_URL"], context=context, timeout=20)
        self._step, self._pause = step, pause

    def rest(self, bot: Bot, stop: main_loop.Stop, failures: int) -> None:
        """In place of main_loop's: nobody waits long, however many cycles have failed."""
        time.sleep(self._pause)
        now = self._told("GET", None)
        at = now.fromtimestamp((now.timestamp() // self._step + 1) * self._step, now.tzinfo)
        there = self._told("POST", {"at": at.isoformat()})
        assert bot.real is not None
        assert isinstance(bot.real.clock, FastClock)
        bot.real.clock.set(there)

    def _told(self, method: str, body: Any) -> datetime:
        self._line.request(method, "/_sandbox/clock", json.dumps(body) if body else None)
        return datetime.fromisoformat(json.loads(self._line.getresponse().read())["at"])


def _words(point: CrashPoint) -> str:
    """What is done at that point, and to which file."""
    words = point.name.lower().replace("_", " ")
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        file = _FILES.get(Path(frame.f_code.co_filename).name)
        if file is not None:
            return f"{file} {words}"
        frame = frame.f_back
    return words


def main(told: str, arguments: list[str]) -> None:
    death = msgspec.json.decode(told, type=Death)
    executioner = Executioner(death)
    if death.seconds:
        Thread(target=executioner.in_time, daemon=True).start()
    vars(main_loop)["rest"] = Hands(death.step, death.pause).rest
    setattr(Bucket, "take", lambda *_: None)  # noqa: B010
    with hooked(executioner):
        run(lambda _: main_loop.main(arguments))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
