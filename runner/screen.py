"""What a person sees while the bot runs: one line a cycle, a summary at the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from infra.audit_record import Record

_COLOURS = {"PLANNED": "\x1b[32m", "TRADED": "\x1b[32;1m", "FAILED": "\x1b[31;1m"}
_COLOURS |= {"HALTED": "\x1b[33m", "NO_TRADE": "\x1b[2m"}
_RESET = "\x1b[0m"
_CODES_SHOWN = 12


class Screen(Protocol):
    """Shows records as they come, and what they amount to."""

    def say(self, line: str) -> None: ...

    def cycle(self, record: Record) -> None: ...

    def summary(self) -> None: ...


class Silence:
    """--quiet: nothing but errors."""

    def say(self, line: str) -> None: ...

    def cycle(self, record: Record) -> None: ...

    def summary(self) -> None: ...


@dataclass(slots=True)
class Lines:
    """Plain lines, coloured by outcome on a terminal."""

    out: TextIO
    tally: Tally = field(default_factory=lambda: Tally())

    def say(self, line: str) -> None:
        print(line, file=self.out, flush=True)

    def cycle(self, record: Record) -> None:
        self.tally.add(record)
        line = cycle_line(record)
        if self.out.isatty():
            line = f"{_COLOURS.get(record['outcome'], '')}{line}{_RESET}"
        print(line, file=self.out, flush=True)

    def summary(self) -> None:
        if self.tally.outcomes:
            self.tally.show(self.out)


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
        return "; ".join(
            f"{order['side']} {order['quantity']} {order['symbol']} at {order['price']} "
            f"({order['time_in_force']})"
            for order in record["plan"]
        )
    why = record["why"] or {}
    product = f"{why['symbol']} " if "symbol" in why else ""
    seen = f" {why['seen']} against {why['limit']}" if "seen" in why else f" {why.get('text', '')}"
    return f"{product}{why.get('code', '')}{seen}"
