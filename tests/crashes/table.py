"""One table of all deaths: scenario by moment, and what came of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sign:
    """How an outcome is told in a cell, and in full below the table."""

    mark: str
    words: str


WALK: Mapping[str, Sign] = {
    "decided again, the same": Sign(
        "=",
        "killed before the commit: the same market time was decided again, and all ended equal "
        "but ids and cycle numbers",
    ),
    "gone on, the same": Sign(">", "killed after it: gone on, and all ended equal"),
    "gone on": Sign(
        "~", "killed after it: gone on, venue and ledger agree; what was not done was decided anew"
    ),
    "never reached, decided afresh": Sign(
        "*", "an intent never reached the venue: proved absent, and its product decided afresh"
    ),
}


@dataclass
class Deaths:
    """Outcomes by moment and scenario, told by the signs of `legend`."""

    legend: Mapping[str, Sign] = field(default_factory=lambda: WALK)
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
            row = [self._cell(moment, scenario) for scenario in scenarios]
            yield f"| {moment} | {' | '.join(row)} |"
        yield ""
        told = "; ".join(f"`{sign.mark}` {sign.words}" for sign in self.legend.values())
        yield f"{self.total} deaths; {told}."

    def _cell(self, moment: str, scenario: str) -> str:
        outcomes = self.cells.get((moment, scenario), Counter())
        signs = Counter({self.legend[outcome].mark: n for outcome, n in outcomes.items()})
        return " ".join(f"{n if n > 1 else ''}{sign}" for sign, n in sorted(signs.items()))
