"""One table of all deaths: scenario by moment, and what came of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

# How an outcome is told in a cell; the legend below the table says it in full.
SIGNS = {
    "decided again, the same": "=",
    "gone on, the same": ">",
    "gone on": "~",
    "never reached, decided afresh": "*",
}
_LEGEND = {
    "=": "killed before the commit: the same market time was decided again, and all ended equal "
    "but ids and cycle numbers",
    ">": "killed after it: gone on, and all ended equal",
    "~": "killed after it: gone on, venue and ledger agree; what was not done was decided anew",
    "*": "an intent never reached the venue: proved absent, and its product decided afresh",
}


@dataclass
class Deaths:
    """Outcomes by moment and scenario."""

    cells: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def add(self, moment: str, scenario: str, outcome: str) -> None:
        self.cells.setdefault((moment, scenario), Counter())[outcome] += 1

    @property
    def total(self) -> int:
        return sum(cell.total() for cell in self.cells.values())

    def markdown(self) -> Iterator[str]:
        """The table, then its legend. A number stands where a cell holds more than one death."""
        scenarios = list(dict.fromkeys(scenario for _, scenario in self.cells))
        moments = list(dict.fromkeys(moment for moment, _ in self.cells))
        yield f"| killed at | {' | '.join(scenarios)} |"
        yield f"|---|{'---|' * len(scenarios)}"
        for moment in sorted(moments):
            row = [_cell(self.cells.get((moment, scenario))) for scenario in scenarios]
            yield f"| {moment} | {' | '.join(row)} |"
        yield ""
        yield f"{self.total} deaths; " + "; ".join(f"`{s}` {t}" for s, t in _LEGEND.items()) + "."


def _cell(outcomes: Counter[str] | None) -> str:
    if not outcomes:
        return ""
    signs = Counter({SIGNS.get(outcome, outcome): n for outcome, n in outcomes.items()})
    return " ".join(f"{n if n > 1 else ''}{sign}" for sign, n in sorted(signs.items()))
