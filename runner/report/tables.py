"""The files for machines: report.json, trades.csv and equity.csv.

The same backtest gives the same bytes: nothing here knows the time of day, a path or the
machine it runs on.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.money import plain
from core.wording import instant
from infra.codec import canonical_json
from runner.report.story import Story

ROWS_MAX = 100_000  # of equity.csv; a longer run is thinned out evenly, its last row kept
TRADES = "at,symbol,side,price,quantity,notional,fee,fee_currency,profit,because,client_order_id"
EQUITY = "at,equity,buy_and_hold,drawdown,invested"


def report_json(story: Story) -> str:
    members = {
        "summary": story.summary(),
        "refusals": story.refusals(),
        "exposure": story.exposure(),
    }
    return canonical_json(members).decode() + "\n"


def trades_csv(story: Story) -> str:
    """A row a fill; `profit` is its order's, on the last fill of a sale, net of all fees."""
    return "\n".join((TRADES, *_trades(story))) + "\n"


def equity_csv(story: Story) -> str:
    return "\n".join((EQUITY, *_equity(story))) + "\n"


def _trades(story: Story) -> Iterator[str]:
    fills = story.chronicle.fills
    last = {fill.client_order_id: number for number, fill in enumerate(fills)}
    profits = {sale.order: sale.profit for sale in story.closed}
    for number, fill in enumerate(fills):
        name = fill.client_order_id
        profit = profits.get(name) if last[name] == number else None
        yield ",".join(
            (
                instant(fill.at),
                fill.symbol,
                fill.side.value,
                plain(fill.price.amount),
                plain(fill.quantity.amount),
                plain(fill.price.of(fill.quantity).amount),
                plain(fill.fee.amount),
                fill.fee.currency,
                "" if profit is None else plain(profit.amount),
                _quoted(story.chronicle.because.get(name, "")),
                name,
            )
        )


def _equity(story: Story) -> Iterator[str]:
    chronicle, peak = story.chronicle, 0.0
    every = -(-chronicle.rows // ROWS_MAX)
    times = chronicle.times()
    for row, value in enumerate(chronicle.equity):
        peak = max(peak, value)
        if row % every and row + 1 < chronicle.rows:
            continue
        held = "" if story.held is None else f"{story.held[row]:.2f}"
        fall = 1.0 - value / peak if peak else 0.0
        yield f"{instant(times[row])},{value:.2f},{held},{fall:.6f},{story.invested[row]:.6f}"


def _quoted(text: str) -> str:
    """A CSV field; quotes inside are doubled."""
    return '"' + text.replace('"', '""') + '"' if text else ""
