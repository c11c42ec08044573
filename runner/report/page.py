"""report.html: one file that a person likes to read, on any screen, without a network.

Nothing here computes: what it shows stands in the story.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from string import Template

from runner.report import by_product, plots
from runner.report.figures import change
from runner.report.story import Story
from runner.report.style import DRAW, STYLE
from runner.report.words import amount, assumptions, headline, percentage, sentences

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
<header><p class="kicker">$kicker</p><h1>$headline</h1></header>
<section class="summary">$summary</section>
<section class="tiles">$tiles</section>
$plots
$products
<section><h2>Refusals by reason</h2>$refusals</section>
<section><h2>What this takes for granted</h2><ul>$assumptions</ul></section>
<section><h2>What was run</h2><dl>$run</dl></section>
</main>
<script type="application/json" id="charts">$charts</script>
<script>$library</script>
<script>$draw</script>
</body>
</html>
""")


def report_html(story: Story) -> str:
    shown = plots.plots_of(story)
    kicker = f"Backtest, {', '.join(story.setting.strategies)}: {_named(story.setting.products)}"
    return _PAGE.substitute(
        title=escape(f"{headline(story)} - {kicker}"),
        style=STYLE,
        kicker=escape(kicker),
        headline=escape(headline(story)),
        summary="".join(f"<p>{escape(sentence)}</p>" for sentence in sentences(story)),
        tiles="".join(_tiles(story)),
        plots="".join(_section(plot) for plot in shown),
        products=by_product.section(story),
        refusals=_refusals(story),
        assumptions="".join(f"<li>{escape(line)}</li>" for line in assumptions(story)),
        run="".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in _run(story)),
        charts=plots.drawn(shown),
        library=plots.script(),
        draw=DRAW,
    )


def _named(products: tuple[str, ...]) -> str:
    few = 4
    shown = ", ".join(products[:few])
    return shown if len(products) <= few else f"{shown} and {len(products) - few} more"


def _tiles(story: Story) -> Iterator[str]:
    sales = story.sales
    told = story.summary()
    shares = (
        ("Total return", change(story.chronicle.equity)),
        ("Buy and hold", None if story.held is None else change(story.held)),
        ("Max drawdown", -story.fall.depth),
        ("Win rate", sales.win_rate),
        ("Invested, mean", told["invested_mean"]),
    )
    for name, share in shares:
        yield _tile(name, "none" if share is None else percentage(share))
    factor = sales.profit_factor
    yield _tile("Profit factor", "none" if factor is None else f"{factor:.2f}")
    yield _tile("Sales", str(sales.count))
    yield _tile("Fees", amount(story, told["fees"]))


def _tile(name: str, value: str) -> str:
    return f"<div><span>{escape(name)}</span><strong>{escape(value)}</strong></div>"


def _section(plot: plots.Plot) -> str:
    return (
        f"<section><h2>{escape(plot.title)}</h2><p>{escape(plot.caption)}</p>"
        f'<div class="plot" id="{plot.name}"></div></section>'
    )


def _refusals(story: Story) -> str:
    told = story.refusals()
    ranked = sorted(
        told, key=lambda code: (-told[code]["proposals"], -told[code]["products"], code)
    )
    if not ranked:
        return "<p>Nothing was refused.</p>"
    rows = (
        (f"<code>{code}</code>", told[code]["proposals"], told[code]["products"]) for code in ranked
    )
    lines = (
        f"<tr><td>{code}<small>{escape(told[name]['sentence'])}</small></td>"
        f"<td>{proposals:,}</td><td>{products:,}</td></tr>"
        for name, (code, proposals, products) in zip(ranked, rows, strict=True)
    )
    head = "<tr><th>reason</th><th>proposals</th><th>products unwanted</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(lines)}</tbody></table>"


def _run(story: Story) -> Iterable[tuple[str, str]]:
    setting = story.setting
    return (
        ("recording", setting.recording),
        ("configuration", setting.config),
        ("version", setting.version),
        ("bar", setting.bar),
        ("products", ", ".join(setting.products)),
    )
