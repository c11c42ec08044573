"""Where it was won and where lost: a row a product, the best first. Nothing unrealised is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from html import escape

from core.money import ZERO, added
from runner.report.story import Story, cents


@dataclass(frozen=True, slots=True)
class Result:
    """What trading one product came to; `profit` is that of its sales, net of all fees."""

    symbol: str
    fills: int
    sales: int
    won: int
    profit: Decimal
    fees: Decimal


def results(story: Story) -> tuple[Result, ...]:
    """Of every product that was traded."""
    symbols = {fill.symbol for fill in story.chronicle.fills}
    found = [_result(story, symbol) for symbol in sorted(symbols)]
    return tuple(sorted(found, key=lambda result: -result.profit))


def _result(story: Story, symbol: str) -> Result:
    fees = [fill.fee.amount for fill in story.chronicle.fills if fill.symbol == symbol]
    profits = [sale.profit.amount for sale in story.closed if sale.symbol == symbol]
    return Result(
        symbol=symbol,
        fills=len(fees),
        sales=len(profits),
        won=sum(profit > ZERO for profit in profits),
        profit=added(*profits),
        fees=added(*fees),
    )


def section(story: Story) -> str:
    """The table, or nothing where nothing was traded."""
    lines = "".join(_lines(story))
    if not lines:
        return ""
    names = ("product", "fills", "sales", "won", "profit", "fees")
    head = "".join(f"<th>{name}</th>" for name in names)
    told = f"Sales net of all fees, in {escape(story.setting.currency)}; the best first."
    return (
        f"<section><h2>By product</h2><p>{told}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></section>"
    )


def _lines(story: Story) -> Iterator[str]:
    for result in results(story):
        counts = "".join(f"<td>{n:,}</td>" for n in (result.fills, result.sales, result.won))
        money = "".join(f"<td>{float(cents(m)):,.2f}</td>" for m in (result.profit, result.fees))
        yield f"<tr><td>{escape(result.symbol)}</td>{counts}{money}</tr>"
