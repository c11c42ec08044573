"""sd_notify: what a supervisor such as systemd is told of this process, by datagrams.

The protocol is text over a local socket that the supervisor names in NOTIFY_SOCKET. Without
one, or where it cannot be reached, nothing is sent and nothing fails.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from core.ports import Timer

_BEATS = 4  # in the time after which a silent process is killed


@dataclass(slots=True)
class Supervisor:
    """The one that started us, if it wants to be told."""

    address: str  # empty: nobody listens
    watchdog: float  # seconds of silence that it bears; 0: any
    timer: Timer
    _last: float | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str], timer: Timer) -> Supervisor:
        """As the environment says. A watchdog that is meant for another process is not ours."""
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        told = environment.get("WATCHDOG_USEC", "") if ours else ""
        seconds = int(told) / 1_000_000 if told.isdecimal() else 0.0
        return cls(environment.get("NOTIFY_SOCKET", ""), seconds, timer)

    def ready(self, status: str) -> None:
        """Started, as far as it depends on us."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def status(self, text: str) -> None:
        self._send(f"STATUS={_line(text)}")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=ending")

    def alive(self) -> None:
        """Feed the watchdog, as often as it needs and no more."""
        if not self.watchdog:
            return
        now = self.timer.monotonic()
        if self._last is None or now - self._last >= self.watchdog / _BEATS:
            self._last = now
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self.address:
            return
        # A name that begins with @ lies in no folder.
        path = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto(text.encode(), path)


def _line(text: str) -> str:
    return " ".join(text.split())
