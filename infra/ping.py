"""Pings: an outside watcher hears after each good cycle that the bot lives, or notices.

One thread of its own: a watcher that does not answer delays nothing. Pings that fall due
while one is under way become one. The address may be a secret, so it is never logged: hence
urllib, which logs nothing, and imported only where somebody is pinged.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from threading import Event, Thread

log = logging.getLogger("runner.alerts")


@dataclass(slots=True)
class Pinger:
    """Asks one address, whatever it answers. The thread begins with the first ping."""

    url: str
    timeout: float  # seconds
    _due: Event = field(default_factory=Event)
    _ending: Event = field(default_factory=Event)
    _thread: Thread | None = None
    _silent: bool = False  # the last one was in vain, and it was said

    def ping(self) -> None:
        """Never waits."""
        self._due.set()
        if self._thread is None:
            self._thread = Thread(target=self._run, name="pings", daemon=True)
            self._thread.start()

    def close(self, seconds: float) -> None:
        """A ping that is due still goes out."""
        if self._thread is not None:
            self._ending.set()
            self._due.set()
            self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            self._due.wait()
            last = self._ending.is_set()
            self._due.clear()
            self._ask()
            if last or self._ending.is_set():
                return

    def _ask(self) -> None:
        from http.client import HTTPException
        from urllib.request import urlopen

        try:
            with urlopen(self.url, timeout=self.timeout):
                self._silent = False
        except (OSError, HTTPException, ValueError) as error:
            if not self._silent:
                log.warning("the watcher could not be pinged: %s", type(error).__name__)
            self._silent = True
