"""The live view: one calm page on a terminal, redrawn now and then while the bot runs.

The loop only hands over where its last cycle left it. A thread of its own draws,
so that a slow or stopped terminal, or a fault in drawing, can neither delay nor
end a cycle; if drawing fails the rest of the run is told in plain lines.
"""

from __future__ import annotations

import io
import logging
import sys
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from threading import Event, Thread
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from core.wording import instant
from runner.cycle import Turn
from runner.overview import overview
from runner.page import page, printable
from runner.screen import Lines

REDRAW_SECONDS = 0.125  # at most eight redraws a second, however fast the cycles are
IDLE_SECONDS = 0.5  # without news: how soon a resized window is drawn anew
CLOSE_SECONDS = 2.0  # how long the end of the run waits for a terminal that takes nothing
_SAID_MAX = 100
_SAID_SHOWN = 2
log = logging.getLogger("runner")


class Overheard(io.TextIOBase):
    """Stands in for stderr while the page covers the terminal; the lines are told afterwards."""

    def __init__(self, said: deque[str]) -> None:
        self._said = said

    def write(self, text: str) -> int:
        self._said.extend(line for line in text.splitlines() if line)
        return len(text)


class LiveView:
    """A Screen that covers the terminal from the first cycle to the summary."""

    def __init__(self, out: TextIO) -> None:
        self._lines = Lines(out)
        self._out = out
        self._said: deque[str] = deque(maxlen=_SAID_MAX)
        self._latest: tuple[Turn, datetime | None] | None = None
        self._news, self._closing = Event(), Event()
        self._drawing: Thread | None = None
        self._stderr: TextIO | None = None

    def say(self, line: str) -> None:
        if self._drawing is None:
            self._lines.say(line)
        else:
            self._said.append(line)
            self._news.set()

    def cycle(self, turn: Turn, due: datetime | None) -> None:
        self._latest = (turn, due)
        if self._closing.is_set():
            self._lines.cycle(turn, due)
            return
        if self._drawing is None:
            self._open()
        elif not self._drawing.is_alive():
            self.close()
            self._lines.say("the live view failed, see bot.log; plain lines from here on")
            self._lines.cycle(turn, due)
            return
        self._lines.tally.count(turn)
        self._news.set()

    def summary(self) -> None:
        self.close()
        self._lines.summary()

    def join(self) -> None:
        """Wait until nobody draws, but not for ever: the terminal may take nothing."""
        if self._drawing is not None:
            self._drawing.join(CLOSE_SECONDS)

    def close(self) -> None:
        """Give the terminal back, and tell what was said while it was covered."""
        self._closing.set()
        self._news.set()
        self.join()
        if self._stderr is not None:
            sys.stderr, self._stderr = self._stderr, None
        while self._said:
            self._lines.say(self._said.popleft())

    def _open(self) -> None:
        if sys.stderr.isatty():
            self._stderr = sys.stderr
            sys.stderr = Overheard(self._said)
        self._drawing = Thread(target=self._draw, name="live view", daemon=True)
        self._drawing.start()

    def _draw(self) -> None:
        try:
            console = Console(file=self._out)
            with Live(
                console=console,
                screen=True,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            ) as live:
                self._redraw_until_closing(console, live)
        except Exception:
            log.exception("the live view failed")
            raise

    def _redraw_until_closing(self, console: Console, live: Live) -> None:
        drawn: object = None
        while True:
            self._news.wait(IDLE_SECONDS)
            self._news.clear()
            wanted = (self._latest, tuple(self._said), console.size)
            if wanted != drawn:
                live.update(self._page(console.width, console.height), refresh=True)
                drawn = wanted
            if self._closing.wait(REDRAW_SECONDS):
                return

    def _page(self, width: int, height: int) -> Text:
        assert self._latest is not None
        turn, due = self._latest
        said = list(self._said)[-_SAID_SHOWN:]
        return covered(turn, due, said, width=width, height=height)


def covered(
    turn: Turn, due: datetime | None, said: Sequence[str], *, width: int, height: int
) -> Text:
    """The page of one moment, the last things said at its foot."""
    foot = [Text(printable(line), style="yellow") for line in said]
    for line in foot:
        line.truncate(max(width, 1), overflow="ellipsis")
    if turn.record is None:
        lost = f"cycle {turn.state.cycle} failed and could not be written down"
        return Text("\n").join([Text(lost, style="bold red"), *foot])
    told = overview(
        turn.record,
        turn.state.nearest,
        process="RUNNING",
        next_cycle=None if due is None else instant(due),
    )
    body = page(told, width=width, height=max(height - len(foot), 1))
    return Text("\n").join([body, *foot])
