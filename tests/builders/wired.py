"""The bot as the command line wires it, on a market of its own, in a folder of the caller's.

For programs that run thousands of cycles: the configuration, the stores and the
market are the real ones, and nothing is kept of a cycle that the caller does not keep.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.bot import Bot
from runner.configured import configure
from runner.cycle import Turn
from runner.main_loop import options, turn
from runner.wiring import wire


@contextmanager
def wired_bot(folder: Path, *arguments: str) -> Iterator[Bot]:
    """A bot in DRY_RUN at full speed, its state and logs in `folder`; stopped at the end."""
    given = options(
        [
            *("--config", str(Path(__file__).parents[2] / "config")),
            *("--mode", "DRY_RUN", "--fast", "--quiet"),
            *("--state-dir", str(folder / "var"), "--log-dir", str(folder / "logs")),
            *arguments,
        ]
    )
    with wire(given, configure(given)) as bot:
        yield bot


def turns(bot: Bot, cycles: int) -> Iterator[Turn]:
    """So many cycles one after the other, fewer where the market's time is used up."""
    for _ in range(cycles):
        at = bot.timetable.after(bot.last.state.at)
        if at is None:
            return
        bot.last = turn(bot, at)
        yield bot.last


def recordings(kind: str) -> Path | None:
    """A folder of real recordings, as "coinbase/15m", where TRADER_RECORDINGS names their root."""
    root = os.environ.get("TRADER_RECORDINGS")
    folder = Path(root) / kind if root else None
    return folder if folder is not None and folder.is_dir() else None
