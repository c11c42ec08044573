"""Pings: an outside watcher hears after each good cycle that the bot lives, or notices.

One thread of its own: a watcher that does not answer delays nothing. Pings that fall due
while one is under way become one. The address may be a secret, so it is never logged: hence
urllib, which logs nothing, and imported only where somebody is pinged.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from queue import Queue
from threading import Thread

log = logging.getLogger("runner.alerts")


@dataclass(slots=True)
class Pinger:
    """Asks one address, whatever it answers. The thread begins with the first ping."""

    url: str
    timeout: float  # seconds
    _asked: Queue[bool] = field(default_factory=Queue)  # False: it is the end
    _thread: Thread | None = None
    _silent: bool = False  # the last one was in vain, and it was said

    def ping(self) -> None:
        """Never waits."""
        if self._asked.empty():
            self._asked.put(True)
        if self._thread is None:
            self._thread = Thread(target=self._run, name="pings", daemon=True)
            self._thread.start()

    def close(self, seconds: float) -> None:
        """A ping that is due still goes out."""
        if self._thread is not None:
            self._asked.put(False)
            self._thread.join(seconds)

    def _run(self) -> None:
        while self._asked.get():
            self._ask()

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
