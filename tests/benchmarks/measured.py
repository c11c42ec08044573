"""One measured number beside its budget, and the table of all of them.

A budget is shown, never asserted: machines differ, and a test that depends on
the machine's mood is switched off sooner or later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """`measured` and `budget` in `unit`; a row without a budget only informs."""

    what: str
    measured: float
    unit: str
    budget: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.budget is None:
            return ""
        return "within" if self.measured <= self.budget else "OVER"


def timed(act: Callable[[], object], *, times: int, warm_up: int = 3) -> float:
    """Median seconds of one call, after calls that are not counted."""
    return _median(act, perf_counter, times, warm_up)


def worked(act: Callable[[], object], *, times: int, warm_up: int = 3) -> float:
    """The same of the processor alone: of what waits for nobody, whoever else is at work."""
    return _median(act, process_time, times, warm_up)


def _median(
    act: Callable[[], object], clock: Callable[[], float], times: int, warm_up: int
) -> float:
    for _ in range(warm_up):
        act()
    found = []
    for _ in range(times):
        began = clock()
        act()
        found.append(clock() - began)
    return median(found)


def show(rows: Iterable[Row]) -> None:
    table = Table(title="measured against budget")
    for name in ("what", "measured", "budget", "", "note"):
        table.add_column(name, justify="right" if name in ("measured", "budget") else "left")
    for row in rows:
        budget = "" if row.budget is None else f"{row.budget:g} {row.unit}"
        colour = {"OVER": "red", "within": "green"}.get(row.verdict, "")
        verdict = f"[{colour}]{row.verdict}[/]" if colour else ""
        table.add_row(row.what, f"{row.measured:.3g} {row.unit}", budget, verdict, row.note)
    Console(width=140).print(table)
