"""Threads that ask: a bounded number, each with a connection of its own.

The one who waits gives up at the deadline whatever the other end does. A thread that
still hangs then is left behind and replaced, a few times; nothing waits for it, not
even the end of the program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event, Lock, Thread, current_thread
from typing import TypeVar, cast

from core.errors import BotError, RetryableError
from core.ports import Timer

Answer = TypeVar("Answer")

_HANGING_MAX = 8  # left behind; beyond it something is wrong that threads cannot cure


@dataclass(slots=True)
class _Job:
    ask: Callable[[], object]
    done: Event = field(default_factory=Event)
    answer: object = None
    error: BaseException | None = None
    begun: bool = False
    abandoned: bool = False

    def run(self) -> None:
        """Errors of ours are answers; anything else also ends the thread, loudly."""
        self.begun = True
        try:
            self.answer = self.ask()
        except BotError as error:
            self.error = error
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.done.set()


@dataclass(slots=True)
class Workers:
    """At most `most` threads, started when they are needed."""

    most: int
    name: str
    timer: Timer
    _jobs: SimpleQueue[_Job] = field(default_factory=SimpleQueue)
    _threads: list[Thread] = field(default_factory=list)
    _hanging: list[_Job] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def is_one(self) -> bool:
        """Whether the caller is one of these threads: it asks by itself."""
        return current_thread() in self._threads

    def ask(self, call: Callable[[], Answer], until: float) -> Answer:
        """One answer, or its error."""
        (given,) = self.ask_all((call,), until)
        if isinstance(given, BotError):
            raise given
        return given

    def ask_all(
        self, calls: Sequence[Callable[[], Answer]], until: float
    ) -> tuple[Answer | BotError, ...]:
        """Every answer or error of ours, in the order of the calls.

        After `until` what was not begun is CYCLE_DEADLINE, what was begun is TIMEOUT.
        """
        jobs = [_Job(call) for call in calls]
        self._staff(len(jobs))
        for job in jobs:
            self._jobs.put(job)
        return tuple(cast("Answer | BotError", self._outcome(job, until)) for job in jobs)

    def _outcome(self, job: _Job, until: float) -> object:
        if not job.done.wait(max(0.0, until - self.timer.monotonic())):
            with self._lock:
                job.abandoned = True
                if not job.begun:
                    return RetryableError("not asked before the deadline", code="CYCLE_DEADLINE")
                self._hanging.append(job)
            return RetryableError("no answer before the deadline", code="TIMEOUT")
        if isinstance(job.error, BotError):
            return job.error
        if job.error is not None:
            raise job.error
        return job.answer

    def _staff(self, wanted: int) -> None:
        """Enough threads that live and do not hang."""
        with self._lock:
            self._hanging = [job for job in self._hanging if not job.done.is_set()]
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            if len(self._hanging) > _HANGING_MAX:
                raise RetryableError("too many requests hang", code="CONNECTIONS_HANG")
            free = len(self._threads) - len(self._hanging)
            for _ in range(min(wanted, self.most) - free):
                thread = Thread(target=self._work, name=f"coinbase-{self.name}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            with self._lock:
                skipped = job.abandoned
                job.begun = not skipped
            if not skipped:
                job.run()
