"""The plots of a report, as plotly figures without colours of paper and ink: the page has those.

plotly checks every figure and brings the script that draws it; it is imported when a
report is written and by nothing else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from math import isnan
from typing import Any

from plotly import graph_objects
from plotly.offline import get_plotlyjs

from core.market import Side
from core.orders import Fill
from runner.report.figures import drawdowns
from runner.report.story import Story
from runner.report.thinning import kept_rows

BOT, HELD, FALL = "#3b82f6", "#94a3b8", "#ef4444"
BOUGHT, SOLD = "#22c55e", "#f97316"
_THEMES = ("#3b82f6", "#f59e0b", "#10b981", "#a855f7", "#ec4899", "#14b8a6", "#84cc16", "#64748b")
_PRODUCTS_MAX = 6  # plots of prices; the products with most fills
_CODES_MAX = 14  # bars of refusals


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure of the page: `caption` says what it shows, in a sentence."""

    name: str  # id of its place in the page, the same in every run
    title: str
    caption: str
    figure: Any


def script() -> str:
    """The library that draws them, whole: the page needs no network."""
    return str(get_plotlyjs())


def drawn(plots: Sequence[Plot]) -> str:
    """All figures as one JSON text that may stand inside a page."""
    whole = [{"id": plot.name, **json.loads(plot.figure.to_json(engine="json"))} for plot in plots]
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).replace("</", "<\\/")


def plots_of(story: Story) -> tuple[Plot, ...]:
    return (
        _equity(story),
        _drawdown(story),
        *_prices(story),
        _exposure(story),
        *_fees(story),
        *_refusals(story),
    )


def _equity(story: Story) -> Plot:
    series = [_line(story, "the bot", story.chronicle.equity, BOT)]
    if story.held is not None:
        series.append(_line(story, "buy and hold", story.held, HELD))
    return Plot(
        "equity",
        "Equity",
        f"What the account was worth, in {story.setting.currency}, beside buy-and-hold.",
        _figure(*series),
    )


def _drawdown(story: Story) -> Plot:
    series = [_line(story, "the bot", drawdowns(story.chronicle.equity), FALL, fill="tozeroy")]
    if story.held is not None:
        series.append(_line(story, "buy and hold", drawdowns(story.held), HELD))
    figure = _figure(*series)
    figure.update_yaxes(tickformat=".1%")
    return Plot("drawdown", "Drawdown", "How far below its highest value so far.", figure)


def _prices(story: Story) -> Iterator[Plot]:
    traded = Counter(fill.symbol for fill in story.chronicle.fills)
    ranked = sorted(traded, key=lambda symbol: (-traded[symbol], symbol))
    for number, symbol in enumerate(ranked[:_PRODUCTS_MAX]):
        bids = story.chronicle.bids[symbol].whole(story.chronicle.rows)
        fills = [fill for fill in story.chronicle.fills if fill.symbol == symbol]
        yield Plot(
            f"price-{number}",
            f"Trades on {symbol}",
            f"Best bid; {len(fills)} fills.",
            _figure(
                _line(story, "bid", bids, HELD),
                _marks(story, "bought", fills, Side.BUY),
                _marks(story, "sold", fills, Side.SELL),
            ),
        )


def _marks(story: Story, name: str, fills: Sequence[Fill], side: Side) -> Any:
    chosen = [fill for fill in fills if fill.side is side]
    symbol, colour = ("triangle-up", BOUGHT) if side is Side.BUY else ("triangle-down", SOLD)
    return graph_objects.Scatter(
        name=name,
        mode="markers",
        x=[_shown(fill.at) for fill in chosen],
        y=[float(fill.price.amount) for fill in chosen],
        text=[_told(story, fill) for fill in chosen],
        hovertemplate="%{text}<extra></extra>",
        marker={"symbol": symbol, "color": colour, "size": 9},
    )


def _told(story: Story, fill: Fill) -> str:
    because = story.chronicle.because.get(fill.client_order_id, "")
    return f"{fill.side.value} {fill.quantity} at {fill.price}<br>fee {fill.fee}<br>{because}"


def _exposure(story: Story) -> Plot:
    figure = _figure()
    equity = story.chronicle.equity
    rows = kept_rows(story.invested)
    x = _instants(story, rows)
    for number, (theme, values) in enumerate(story.by_theme().items()):
        figure.add_scatter(
            name=theme,
            mode="lines",
            x=x,
            y=[round(values[row] / equity[row], 6) if equity[row] else 0.0 for row in rows],
            stackgroup="themes",
            line={"width": 0.5, "color": _THEMES[number % len(_THEMES)]},
        )
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return Plot("exposure", "Exposure by theme", "Share of equity invested, stacked.", figure)


def _fees(story: Story) -> Iterator[Plot]:
    fills = story.chronicle.fills
    if not fills:
        return
    paid = list(accumulate(float(fill.fee.amount) for fill in fills))
    rows = kept_rows(paid)
    line = graph_objects.Scatter(
        name="fees",
        mode="lines",
        x=[_shown(fills[row].at) for row in rows],
        y=[round(paid[row], 4) for row in rows],
        line={"color": FALL, "width": 1.5, "shape": "hv"},
    )
    yield Plot("fees", "Fees", f"Paid so far, in {story.setting.currency}.", _figure(line))


def _refusals(story: Story) -> Iterator[Plot]:
    heard = story.chronicle
    for name, title, caption, counted in (
        ("refused", "Proposals that were refused", "Cycles by reason.", heard.refused),
        ("silent", "Nothing was proposed", "Products and cycles by reason.", heard.silent),
    ):
        ranked = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:_CODES_MAX]
        if not ranked:
            continue
        ranked.reverse()  # plotly draws the first bar at the bottom
        bars = graph_objects.Bar(
            orientation="h",
            y=[code for code, _ in ranked],
            x=[number for _, number in ranked],
            marker={"color": HELD},
        )
        figure = _figure(bars)
        figure.update_layout(height=120 + 26 * len(ranked), showlegend=False)
        figure.update_yaxes(automargin=True)
        yield Plot(name, title, caption, figure)


def _line(story: Story, name: str, values: Sequence[float], colour: str, fill: str = "none") -> Any:
    rows = kept_rows(values)
    return graph_objects.Scatter(
        name=name,
        mode="lines",
        x=_instants(story, rows),
        y=[None if isnan(values[row]) else float(f"{values[row]:.8g}") for row in rows],
        line={"color": colour, "width": 1.5},
        fill=fill,
    )


def _instants(story: Story, rows: Sequence[int]) -> list[str]:
    seconds = story.chronicle.seconds
    return [_shown(datetime.fromtimestamp(seconds[row], UTC)) for row in rows]


def _shown(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _figure(*series: Any) -> Any:
    """A figure without a template: the page gives it the colours of the reader's screen."""
    figure = graph_objects.Figure(data=list(series))
    figure.update_layout(
        template=None,
        height=320,
        margin={"l": 52, "r": 12, "t": 8, "b": 36},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        hovermode="closest",
    )
    return figure
