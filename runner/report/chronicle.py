"""Chronicle: what a report needs of every cycle, kept small enough for half a million of them.

Money is exact where it is counted (fills, first and last equity) and a float where it is
only drawn. Nothing here is read by a decision.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import nan

from core.account import Portfolio
from core.decision import Decision, Outcome
from core.market import TopOfBook, base_of
from core.money import Money
from core.orders import Fill, Order
from core.reasons import Reason
from core.state import Level

# Verdicts that refuse nothing.
_CONTENT = frozenset(
    {
        Reason.APPROVED,
        Reason.REDUCED,
        Reason.HELD,
        Reason.STOP_LOSS,
        Reason.TRAILING_STOP,
        Reason.TAKE_PROFIT,
        Reason.HELD_TOO_LONG,
    }
)


@dataclass(slots=True)
class Column:
    """One number a cycle, from the cycle on in which it was first told; before that `blank`."""

    blank: float
    values: array[float] = field(default_factory=lambda: array("d"))

    def put(self, row: int, value: float) -> None:
        if len(self.values) < row:
            self.values.extend([self.blank] * (row - len(self.values)))
        self.values.append(value)

    def whole(self, rows: int) -> list[float]:
        return [*self.values, *[self.blank] * (rows - len(self.values))]


@dataclass(slots=True)
class Chronicle:
    """Everything since the first cycle. All columns have one row for each decided cycle."""

    seconds: array[int] = field(default_factory=lambda: array("q"))  # UTC, of each decision
    equity: array[float] = field(default_factory=lambda: array("d"))
    exposure: dict[str, Column] = field(default_factory=dict)  # asset -> capital invested in it
    bids: dict[str, Column] = field(default_factory=dict)  # product -> best bid
    first_asks: dict[str, float] = field(default_factory=dict)  # of the first cycle
    opening: Portfolio | None = None
    closing: Portfolio | None = None
    fills: list[Fill] = field(default_factory=list)
    because: dict[str, str] = field(default_factory=dict)  # client order id -> why, for people
    refused: Counter[str] = field(default_factory=Counter)  # code -> proposals it stopped
    silent: Counter[str] = field(default_factory=Counter)  # code -> products nobody wanted
    modelled: bool = False  # whether any book was
    failed: Counter[str] = field(default_factory=Counter)  # code -> cycles without a decision
    halted_at: datetime | None = None  # since when nothing was bought any more, if so at the end
    halted_by: str = ""  # code

    @property
    def rows(self) -> int:
        return len(self.seconds)

    def times(self) -> list[datetime]:
        return [datetime.fromtimestamp(second, UTC) for second in self.seconds]

    def add(
        self,
        portfolio: Portfolio,
        tops: Mapping[str, TopOfBook],
        decision: Decision,
        outcome: Outcome,
    ) -> None:
        """One decided cycle: `portfolio` is what it decided by, before its own fills."""
        row = self.rows
        if self.opening is None:
            self.opening = portfolio
            self.first_asks = {symbol: float(top.ask) for symbol, top in tops.items()}
            self.modelled = any(top.origin.name == "MODELLED" for top in tops.values())
        self.closing = portfolio
        self._look(row, portfolio, tops)
        self.seconds.append(int(decision.at.timestamp()))
        self.equity.append(float(portfolio.equity.amount))
        self._hear(decision)
        self._stand(decision)
        self.fills.extend(outcome.fills)
        if decision.plan.orders:
            self._explain(decision, outcome.orders)

    def fail(self, code: str) -> None:
        """One cycle that did not come to a decision."""
        self.failed[code] += 1

    def _look(self, row: int, portfolio: Portfolio, tops: Mapping[str, TopOfBook]) -> None:
        for symbol, top in tops.items():
            if symbol not in self.bids:
                self.bids[symbol] = Column(nan)
            self.bids[symbol].put(row, float(top.bid))
        invested: dict[str, Money] = {}
        for symbol in portfolio.positions:
            asset, value = base_of(symbol), portfolio.value(symbol)
            invested[asset] = invested[asset] + value if asset in invested else value
        for asset, value in invested.items():
            if asset not in self.exposure:
                self.exposure[asset] = Column(0.0)
            self.exposure[asset].put(row, float(value.amount))

    def _hear(self, decision: Decision) -> None:
        for verdict in decision.verdicts.values():
            reason = verdict.finding.reason
            if reason in _CONTENT:
                continue
            heard = self.silent if verdict.proposal is None else self.refused
            heard[reason.name] += 1

    def _stand(self, decision: Decision) -> None:
        """A halt ends only by a person, and none speaks here; a resumed one is forgotten."""
        standing = decision.standing
        if standing.level is not Level.HALTED:
            self.halted_at = None
        elif self.halted_at is None:
            self.halted_at, self.halted_by = decision.at, standing.code

    def _explain(self, decision: Decision, orders: tuple[Order, ...]) -> None:
        """Why each order was placed, in the words of its proposal."""
        because = {proposal.id: proposal.because for proposal in decision.proposals}
        for order in orders:
            name = order.planned.client_order_id
            self.because.setdefault(name, because.get(order.planned.reason, order.planned.reason))
