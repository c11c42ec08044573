"""What a supervisor hears, through a real socket of either kind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from infra.sd_notify import Supervisor
from tests.builders.timer import HandTimer


@dataclass
class Heard:
    """A supervisor's end of the socket."""

    supervisor: Supervisor
    end: socket.socket
    timer: HandTimer

    @property
    def lines(self) -> list[str]:
        """Every datagram that has come since it was last asked."""
        found = []
        self.end.setblocking(False)
        while True:
            try:
                found.append(self.end.recv(65536).decode())
            except BlockingIOError:
                return found


@contextmanager
def a_supervisor(path: str = "", usec: str = "4000000", **more: str) -> Iterator[Heard]:
    """One that listens at `path`, or at a name without a file."""
    address = path or f"@247trader-{uuid4()}"
    timer = HandTimer()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(address.replace("@", "\0", 1))
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": usec, **more}
        yield Heard(Supervisor.of(environment, timer), end, timer)


def test_it_says_that_it_is_ready_what_it_does_and_that_it_ends() -> None:
    with a_supervisor() as heard:
        heard.supervisor.ready("waiting for\nthe venue")
        heard.supervisor.status("cycle 1")
        heard.supervisor.stopping()
        assert heard.lines == [
            "READY=1\nSTATUS=waiting for the venue",
            "STATUS=cycle 1",
            "STOPPING=1\nSTATUS=ending",
        ]


def test_a_socket_in_a_folder_is_found_too(tmp_path: Path) -> None:
    with a_supervisor(str(tmp_path / "s")) as heard:
        heard.supervisor.status("here")
        assert heard.lines == ["STATUS=here"]


@pytest.mark.parametrize(("passed", "fed"), [(0.9, 0), (1.0, 1), (1.1, 1)])
def test_the_watchdog_is_fed_four_times_in_its_patience_and_not_more(
    passed: float, fed: int
) -> None:
    with a_supervisor() as heard:
        heard.supervisor.alive()
        assert heard.lines == ["WATCHDOG=1"]
        heard.timer.works(passed)
        heard.supervisor.alive()
        heard.supervisor.alive()
        assert heard.lines == ["WATCHDOG=1"] * fed


@pytest.mark.parametrize("usec", ["", "0", "soon"])
def test_without_a_watchdog_nothing_is_fed(usec: str) -> None:
    with a_supervisor(usec=usec) as heard:
        heard.supervisor.alive()
        assert heard.lines == []


@pytest.mark.parametrize(("other", "fed"), [(0, 1), (1, 0)])
def test_the_watchdog_of_another_process_is_not_fed(other: int, fed: int) -> None:
    with a_supervisor(WATCHDOG_PID=str(os.getpid() + other)) as heard:
        heard.supervisor.alive()
        assert len(heard.lines) == fed


def test_a_supervisor_that_is_gone_is_not_missed_and_one_that_comes_back_is_told() -> None:
    with a_supervisor() as heard:
        address = heard.supervisor.address
    heard.supervisor.ready("nobody hears it")
    with a_supervisor(address) as again:
        heard.supervisor.status("back")
        assert again.lines == ["STATUS=back"]


def test_where_no_supervisor_is_named_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(socket, "socket", lambda *kind: opened.append(kind))
    Supervisor.of({}, HandTimer()).ready("to nobody")
    assert opened == []


def test_a_supervisor_that_does_not_read_holds_up_nobody() -> None:
    with a_supervisor() as heard:
        for _ in range(2000):
            heard.supervisor.status("x" * 500)
        assert len(heard.lines) < 2000
