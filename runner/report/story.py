"""Story: everything a report says, worked out once, for the files and the page alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.money import Money, added, rounded_down, subtracted
from core.reasons import Reason
from core.state import Closed
from core.wording import instant
from infra.audit_record import Record
from runner.report import figures
from runner.report.chronicle import Chronicle

OTHER = "other"  # the theme of assets that are in none
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What was played, and by which rules."""

    products: tuple[str, ...]
    bar: str
    recording: str  # its digest
    config: str  # fingerprint of the effective configuration
    version: str
    strategies: tuple[str, ...]
    currency: str
    cash: str  # it began with
    maker_fee: str
    taker_fee: str
    taker: float
    book_model: str  # one sentence
    themes: Mapping[str, str]  # asset -> theme


@dataclass(frozen=True, slots=True)
class Story:
    """One backtest, told. `held` is buy-and-hold by cycle."""

    setting: Setting
    chronicle: Chronicle
    closed: tuple[Closed, ...]
    held: list[float] | None
    fall: figures.Fall
    sales: figures.Sales
    ratios: figures.Ratios
    invested: list[float]

    @classmethod
    def of(cls, setting: Setting, chronicle: Chronicle, closed: Sequence[Closed]) -> Story:
        """Raises ValueError where no cycle came to a decision: there is nothing to tell."""
        if not chronicle.rows:
            raise ValueError("no cycle came to a decision")
        return cls(
            setting=setting,
            chronicle=chronicle,
            closed=tuple(closed),
            held=figures.held_from_the_start(chronicle, chronicle.equity[0], setting.taker),
            fall=figures.deepest_fall(chronicle.equity),
            sales=figures.sales_of(closed),
            ratios=figures.ratios(chronicle.seconds, chronicle.equity),
            invested=figures.invested(chronicle),
        )

    @property
    def opening(self) -> Money:
        assert self.chronicle.opening is not None
        return self.chronicle.opening.equity

    @property
    def closing(self) -> Money:
        assert self.chronicle.closing is not None
        return self.chronicle.closing.equity

    @property
    def fees(self) -> Decimal:
        return added(*(fill.fee.amount for fill in self.chronicle.fills))

    def at(self, row: int) -> str:
        return instant(self.chronicle.times()[row])

    def by_theme(self) -> Mapping[str, list[float]]:
        """Capital invested by theme and cycle."""
        themes: dict[str, list[float]] = {}
        for asset, column in sorted(self.chronicle.exposure.items()):
            theme = self.setting.themes.get(asset, OTHER)
            totals = themes.setdefault(theme, [0.0] * self.chronicle.rows)
            for row, value in enumerate(column.whole(self.chronicle.rows)):
                totals[row] += value
        return dict(sorted(themes.items()))

    def summary(self) -> Record:
        """The figures, decimals as strings, shares as numbers with four decimals."""
        chronicle, sales = self.chronicle, self.sales
        return {
            "from": self.at(0),
            "to": self.at(-1),
            "bar": self.setting.bar,
            "products": list(self.setting.products),
            "strategies": list(self.setting.strategies),
            "currency": self.setting.currency,
            "cycles": chronicle.rows + chronicle.failed.total(),
            "failed": dict(sorted(chronicle.failed.items())),
            "halted_at": None if chronicle.halted_at is None else instant(chronicle.halted_at),
            "halted_by": chronicle.halted_by if chronicle.halted_at is not None else None,
            "cash": self.setting.cash,
            "start_equity": cents(self.opening.amount),
            "end_equity": cents(self.closing.amount),
            "total_return": short(figures.change(chronicle.equity)),
            "buy_and_hold": None if self.held is None else short(figures.change(self.held)),
            "max_drawdown": short(self.fall.depth),
            "max_drawdown_from": self.at(self.fall.peak),
            "max_drawdown_to": self.at(self.fall.bottom),
            "buy_and_hold_max_drawdown": None
            if self.held is None
            else short(figures.deepest_fall(self.held).depth),
            "fills": len(chronicle.fills),
            "sales": sales.count,
            "won": sales.won,
            "win_rate": short(sales.win_rate),
            "profit_factor": short(sales.profit_factor),
            "realised": cents(sales.profit),
            "unrealised": cents(
                subtracted(subtracted(self.closing.amount, self.opening.amount), sales.profit)
            ),
            "fees": cents(self.fees),
            "invested_mean": short(sum(self.invested) / chronicle.rows),
            "sharpe": short(self.ratios.sharpe),
            "sortino": short(self.ratios.sortino),
            "daily_returns": self.ratios.days,
            "books": "MODELLED" if chronicle.modelled else "VENUE",
            "recording": self.setting.recording,
            "config": self.setting.config,
            "version": self.setting.version,
        }

    def refusals(self) -> Record:
        """Code -> how many proposals it stopped, how many products it left unwanted."""
        heard = self.chronicle
        return {
            code: {
                "proposals": heard.refused[code],
                "products": heard.silent[code],
                "sentence": Reason[code].sentence,
            }
            for code in sorted({*heard.refused, *heard.silent})
        }

    def exposure(self) -> Record:
        """Theme -> mean and highest share of equity invested in it."""
        equity = self.chronicle.equity
        told = {}
        for theme, values in self.by_theme().items():
            shares = [
                value / whole if whole else 0.0 for value, whole in zip(values, equity, strict=True)
            ]
            told[theme] = {"mean": short(sum(shares) / len(shares)), "max": short(max(shares))}
        return told


def cents(amount: Decimal) -> str:
    """To two decimals, against the bot."""
    return f"{rounded_down(amount, _CENT):.2f}"


def short(value: float | None) -> float | None:
    """At most four decimals, so that every JSON writer writes it alike."""
    return None if value is None else round(value, 4) + 0.0
