"""The thread that tells: what the cycles found, through one delivery, beside the cycles.

A cycle only leaves its sight in a queue and goes on. The thread alone knows the memory, its
file and the delivery, so a delivery that hangs or fails delays nothing but the next one.
The file is replaced and not synced, like the heartbeat: after a power cut something may be
told twice.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Thread
from typing import Protocol

from core.ports import Clock
from infra.disk import replace_quickly
from runner.alerts.alert import Sight
from runner.alerts.memory import (
    Memory,
    Message,
    Patience,
    due,
    in_vain,
    members,
    remembered,
    seen,
    told,
)

_QUEUE_MAX = 1000  # sights; beyond that the oldest are let go
_PAUSE = 1.0  # seconds between two looks at the clock
log = logging.getLogger("runner.alerts")


class Undelivered(Exception):
    """Nobody was told. The text says why, without an address."""


class Delivery(Protocol):
    """A way to tell somebody. It ends in bounded time."""

    def deliver(self, message: Message) -> None:
        """Raises Undelivered."""


@dataclass(frozen=True, slots=True)
class MemoryFile:
    """alerts.json: what was told already, across restarts."""

    path: Path

    def read(self) -> Memory:
        """Empty where it cannot be read: told twice is better than never."""
        try:
            found = [remembered(member) for member in json.loads(self.path.read_bytes())]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be read, so alerts may be told twice: %s", self.path, error)
            return {}
        return {entry.alert.key: entry for entry in found}

    def write(self, memory: Memory) -> None:
        with suppress(OSError):  # on a full disk the alert itself matters more
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_quickly(self.path, json.dumps(list(members(memory))).encode())


@dataclass(slots=True)
class Teller:
    """Reports go in, somebody is told. The thread begins with the first report."""

    delivery: Delivery
    file: MemoryFile
    patience: Patience
    clock: Clock
    memory: Memory = field(default_factory=dict)
    _sights: Queue[Sight | None] = field(default_factory=lambda: Queue(_QUEUE_MAX))
    _thread: Thread | None = None

    def report(self, sight: Sight) -> None:
        """What is wrong now. Never waits."""
        if self._thread is None:
            self.memory = self.file.read()
        if self._thread is None or not self._thread.is_alive():  # a fault of ours ended it
            self._thread = Thread(target=self._run, name="alerts", daemon=True)
            self._thread.start()
        self._put(sight)

    def close(self, seconds: float) -> None:
        """Tell what is due and end; after `seconds` the process goes without."""
        if self._thread is None:
            return
        self._put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            log.warning("what is due could not be told before the end; the next start tells it")

    def _put(self, sight: Sight | None) -> None:
        while True:
            try:
                self._sights.put_nowait(sight)
                return
            except Full:
                with suppress(Empty):
                    self._sights.get_nowait()

    def _run(self) -> None:
        while True:
            try:
                sight = self._sights.get(timeout=_PAUSE)
            except Empty:
                self.tell()
                continue
            if sight is None:
                self.tell()
                return
            self.look(sight)
            self.tell()

    def look(self, sight: Sight) -> None:
        """Remember a sight."""
        before = self.memory
        self.memory = seen(before, sight, self.clock.now())
        if self.memory != before:
            self.file.write(self.memory)

    def tell(self) -> None:
        """Say all that is due now."""
        for message in due(self.memory, self.clock.now(), self.patience):
            what = f"{message.alert.code.name} {message.phase.value}"
            try:
                self.delivery.deliver(message)
            except Undelivered as error:
                log.warning("nobody could be told that %s: %s", what, error)
                self.memory = in_vain(self.memory, message, self.clock.now())
            else:
                log.info("told: %s", what, extra={"subject": message.alert.subject})
                self.memory = told(self.memory, message, self.clock.now())
            self.file.write(self.memory)
