"""What a person sees while the bot runs: a page or one line a cycle, a summary at the end.

A terminal gets the live view, a pipe plain lines, `--json` the records, `--quiet` nothing.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TextIO

from infra.audit_record import Record
from infra.codec import canonical_json
from infra.console import finish, harmless, tell
from runner.cycle import Turn
from runner.overview import reason_told

_COLOURS = {"PLANNED": "\x1b[32m", "TRADED": "\x1b[32;1m", "FAILED": "\x1b[31;1m"}
_COLOURS |= {"HALTED": "\x1b[33m", "NO_TRADE": "\x1b[2m"}
_RESET = "\x1b[0m"
_CODES_SHOWN = 12
_DUMB = ("", "dumb", "unknown")


class Screen(Protocol):
    """Shows cycles as they come, and what they amount to."""

    def say(self, line: str) -> None: ...

    def cycle(self, turn: Turn, due: datetime | None) -> None:
        """Where a cycle left the bot, and the market time of the next one."""

    def summary(self) -> None: ...

    def close(self) -> None:
        """Give the terminal back; harmless when that was done already."""


class Silence:
    """--quiet: nothing but errors."""

    def say(self, line: str) -> None: ...

    def cycle(self, turn: Turn, due: datetime | None) -> None: ...

    def summary(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Records:
    """--json: the audit record of each cycle, one a line; what is said otherwise goes to stderr."""

    out: TextIO

    def say(self, line: str) -> None:
        tell(line, sys.stderr)

    def cycle(self, turn: Turn, due: datetime | None) -> None:  # noqa: ARG002
        if turn.record is not None:
            tell(canonical_json(turn.record).decode(), self.out)

    def summary(self) -> None: ...

    def close(self) -> None:
        finish(self.out)


@dataclass(slots=True)
class Lines:
    """Plain lines, coloured by outcome on a terminal."""

    out: TextIO
    tally: Tally = field(default_factory=lambda: Tally())

    def say(self, line: str) -> None:
        tell(line, self.out)

    def cycle(self, turn: Turn, due: datetime | None) -> None:  # noqa: ARG002
        self.tally.count(turn)
        if turn.record is None:
            return  # stderr has said it
        line = cycle_line(turn.record)
        if self.out.isatty():
            line = f"{_COLOURS.get(turn.record['outcome'], '')}{line}{_RESET}"
        tell(line, self.out)

    def summary(self) -> None:
        if self.tally.outcomes:
            with harmless(self.out):
                self.tally.show(self.out)

    def close(self) -> None:
        """Lines stay where they are."""
        finish(self.out)


@dataclass(slots=True)
class Tally:
    """What a run amounts to: counts only, so it never grows with the run."""

    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    exclusions: Counter[str] = field(default_factory=Counter)
    regimes: Counter[str] = field(default_factory=Counter)
    triggers: int = 0
    proposals: int = 0
    orders: int = 0
    first: str = ""
    last: str = ""
    milliseconds: float = 0.0

    def count(self, turn: Turn) -> None:
        if turn.record is not None:
            self.add(turn.record)

    def add(self, record: Record) -> None:
        self.outcomes[record["outcome"]] += 1
        self.regimes[record["regime"] or "none"] += 1
        self.codes.update(verdict["code"] for verdict in record["verdicts"].values())
        for code, symbols in record["universe"]["excluded"].items():
            self.exclusions[code] += len(symbols)
        self.triggers += len(record["triggers"])
        self.proposals += len(record["proposals"])
        self.orders += len(record["plan"])
        self.first = self.first or record["at"]
        self.last = record["at"]
        self.milliseconds += record["timing_ms"].get("total", 0.0)

    def show(self, out: TextIO) -> None:
        """A table of everything that happened, most frequent first."""
        from rich.console import Console
        from rich.table import Table

        cycles = sum(self.outcomes.values())
        table = Table()
        table.add_column(f"{cycles} cycles, {self.first} to {self.last}")
        table.add_column("count", justify="right")
        rows = [
            ("outcomes", self.outcomes),
            ("regime", self.regimes),
            ("verdicts", self.codes),
            ("exclusions", self.exclusions),
        ]
        for title, counted in rows:
            for name, number in counted.most_common(_CODES_SHOWN):
                table.add_row(f"{title}: {name}", str(number))
            table.add_section()
        table.add_row("triggers", str(self.triggers))
        table.add_row("proposals", str(self.proposals))
        table.add_row("planned orders", str(self.orders))
        table.add_row("milliseconds per cycle", f"{self.milliseconds / max(cycles, 1):.1f}")
        Console(file=out).print(table)


def cycle_line(record: Record) -> str:
    """One cycle in one line: when, what came of it, how much was looked at, and why."""
    universe = record["universe"]
    excluded = sum(len(symbols) for symbols in universe["excluded"].values())
    head = (
        f"{record['at']} #{record['cycle']:<5} {record['outcome']:<8} {record['level']:<7} "
        f"{record['regime'] or '-':<5} {len(universe['eligible'])} of "
        f"{len(universe['eligible']) + excluded} eligible, {len(record['triggers'])} triggers, "
        f"{len(record['proposals'])} proposals"
    )
    return f"{head}: {_gist(record)}"


def _gist(record: Record) -> str:
    if record["plan"]:
        return "; ".join(_planned(order) for order in record["plan"])
    return reason_told(record["why"] or {})


def _planned(order: Record) -> str:
    what = f"{order['side']} {order['quantity']} {order['symbol']} at {order['price']}"
    if order["type"] == "CANCEL":
        return f"CANCEL {what} ({order['reason']})"
    return f"{what} ({order['time_in_force']})"


def screen_for(given: Namespace, out: TextIO) -> Screen:
    """The screen that fits the command line and the place where the output goes."""
    if given.quiet:
        return Silence()
    if given.json:
        return Records(out)
    if given.once or not out.isatty() or os.environ.get("TERM", "") in _DUMB:
        return Lines(out)
    from runner.live_view import LiveView

    return LiveView(out)
