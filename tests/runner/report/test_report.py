"""The report folder: what it says is what happened, in four files that never differ."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from core.market import Side
from infra.codec import canonical_json
from runner.report.by_product import results
from runner.report.folder import write_report
from runner.report.page import report_html
from runner.report.story import Story
from runner.report.tables import ROWS_MAX, equity_csv, report_json, trades_csv
from runner.report.thinning import kept_rows
from runner.report.words import assumptions, headline, sentences
from tests.builders.stories import SOL, a_chronicle, a_fill, a_setting, a_story


def traded() -> Story:
    fills = (
        a_fill(),
        a_fill(Side.SELL, fill_id="f2", order="sale-0", price="110", quantity="1", hours=1),
        a_fill(Side.SELL, fill_id="f3", order="sale-0", price="112", quantity="1", hours=2),
    )
    story = a_story(
        profits=("17.8",),
        fills=fills,
        bids={SOL: [100, 110, 112, 111]},
        exposure={"SOL": [0, 200, 110, 0]},
    )
    story.chronicle.because["o1"] = 'the "fast" average crossed, <b>up</b>'
    story.chronicle.refused = Counter({"SPACING": 3})
    story.chronicle.silent = Counter({"NO_CROSS": 40, "SPACING": 1})
    return story


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_folder_holds_the_four_files_of_the_contract(tmp_path: Path) -> None:
    write_report(tmp_path / "report", traded())

    names = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert names == ["equity.csv", "report.html", "report.json", "trades.csv"]


def test_the_same_story_is_the_same_to_the_last_byte(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(tmp_path / name, traded())

    for file in ("equity.csv", "report.html", "report.json", "trades.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_json_has_the_members_of_the_contract_and_is_canonical() -> None:
    told = json.loads(report_json(traded()))

    assert sorted(told) == ["exposure", "refusals", "summary"]
    assert canonical_json(told).decode() + "\n" == report_json(traded())


def test_the_summary_says_what_happened() -> None:
    told = json.loads(report_json(traded()))["summary"]

    assert (told["start_equity"], told["end_equity"]) == ("10000.00", "10200.00")
    assert (told["total_return"], told["max_drawdown"]) == (0.02, 0.0198)
    assert (told["fills"], told["sales"], told["won"], told["win_rate"]) == (3, 1, 1, 1.0)
    assert (told["realised"], told["unrealised"], told["fees"]) == ("17.80", "182.20", "3.60")
    assert (told["sharpe"], told["sortino"], told["daily_returns"]) == (None, None, 0)


def test_refusals_part_what_was_stopped_from_what_nobody_wanted() -> None:
    told = json.loads(report_json(traded()))["refusals"]

    assert {code: (one["proposals"], one["products"]) for code, one in told.items()} == {
        "NO_CROSS": (0, 40),
        "SPACING": (3, 1),
    }


def test_exposure_is_by_theme_and_what_is_in_none_is_other() -> None:
    story = a_story(
        (100, 100),
        exposure={"SOL": [50, 0], "ETH": [10, 30], "PEPE": [20, 20]},
        setting=a_setting(themes={"SOL": "layer1", "ETH": "layer1"}),
    )

    assert json.loads(report_json(story))["exposure"] == {
        "layer1": {"mean": 0.45, "max": 0.6},
        "other": {"mean": 0.2, "max": 0.2},
    }


def test_trades_are_fills_and_the_profit_stands_once_on_the_last_of_a_sale() -> None:
    told = rows(trades_csv(traded()))

    assert [row["side"] for row in told] == ["BUY", "SELL", "SELL"]
    assert [row["profit"] for row in told] == ["", "", "17.8"]
    assert [row["notional"] for row in told] == ["200", "110", "112"]
    assert told[0]["because"] == 'the "fast" average crossed, <b>up</b>'


def test_equity_has_a_row_a_cycle() -> None:
    told = rows(equity_csv(traded()))

    assert [row["equity"] for row in told] == ["10000.00", "10100.00", "9900.00", "10200.00"]
    assert [row["drawdown"] for row in told] == ["0.000000", "0.000000", "0.019802", "0.000000"]
    assert told[0]["at"] == "2025-03-02T12:00:00Z"


def test_a_very_long_run_is_thinned_and_keeps_its_last_row() -> None:
    equity = [100.0 + row % 7 for row in range(ROWS_MAX + 10)]
    told = rows(equity_csv(a_story(equity)))

    assert len(told) <= ROWS_MAX
    assert told[-1]["equity"] == f"{equity[-1]:.2f}"


def test_thinning_loses_no_peak_and_no_bottom() -> None:
    values = [float(row % 100) for row in range(50_000)]
    values[12_345], values[23_456] = 1e6, -1e6

    kept = kept_rows(values)

    assert len(kept) <= 2_000
    assert {0, 12_345, 23_456, 49_999} <= set(kept)
    assert kept == sorted(kept)
    assert kept_rows(values[:2_000]) == list(range(2_000))


def test_the_page_needs_no_network() -> None:
    page = report_html(traded())
    own = page.replace(library(page), "")

    assert not re.search(r"""(?:src|href|url|@import)\s*[=(]?\s*["']?(?:https?:)?//""", own)
    assert "Plotly" in library(page)


def library(page: str) -> str:
    found: list[str] = re.findall(r"<script>(.*?)</script>", page, flags=re.S)
    return max(found, key=len)


def test_the_page_has_every_plot_and_what_it_says_is_escaped() -> None:
    page = report_html(traded())
    (charts,) = re.findall(r'id="charts">(.*?)</script>', page, flags=re.S)
    drawn = [chart["id"] for chart in json.loads(charts)]

    assert drawn == re.findall(r'class="plot" id="([\w-]+)"', page)
    assert drawn == ["equity", "drawdown", "price-0", "exposure", "fees", "refused", "silent"]
    assert "NO_CROSS" in page


def test_the_page_says_by_product_what_was_won_the_best_first() -> None:
    fills = (
        a_fill(),
        a_fill(Side.SELL, fill_id="f2", order="sale-0", price="110", hours=1),
        a_fill(Side.SELL, fill_id="f3", order="sale-1", price="90", hours=2),
    )
    story = a_story(profits=("17.8", "-20.209"), fills=fills, bids={SOL: [100, 110, 90, 90]})
    (told,) = results(story)

    assert (told.symbol, told.fills, told.sales, told.won) == (SOL, 3, 2, 1)
    assert (told.profit, told.fees) == (Decimal("-2.409"), story.fees)
    cells = f"<td>{SOL}</td><td>3</td><td>2</td><td>1</td><td>-2.41</td>"  # against the bot
    assert cells in report_html(story)
    assert "By product" not in report_html(a_story())


def test_a_text_can_not_end_the_script_it_stands_in() -> None:
    story = traded()
    story.chronicle.because["o1"] = "</script><script>alert(1)</script>"

    assert "</script><script>alert" not in report_html(story)


def test_the_words_name_the_numbers_a_reader_asks_for() -> None:
    told = " ".join(sentences(traded()))

    assert headline(traded()) == "The bot gained 2.00%"
    assert "turned 10,000.00 USD into 10,200.00 USD" in told
    assert "holding SOL-USD would have brought" in told
    assert "1 sale, 1 of them with a profit (100.00%)" in told
    assert "Fees took 3.60 USD" in told
    assert (
        "No Sharpe or Sortino ratio is given: it takes 30 days, and this run has 0 whole ones"
        in told
    )


def test_a_bot_that_never_traded_says_so() -> None:
    story = a_story((100, 100))

    assert "It never traded." in list(sentences(story))
    assert "Equity never fell below a value it had reached." in list(sentences(story))
    assert "Nothing was refused." in report_html(story)


def test_modelled_books_are_confessed_and_only_they() -> None:
    story, real = traded(), traded()
    story.chronicle.modelled = True

    assert "Books are modelled." in " ".join(assumptions(story))
    assert "Books are modelled." not in " ".join(assumptions(real))


def test_a_run_without_a_decision_has_no_report() -> None:
    with pytest.raises(ValueError, match="no cycle came to a decision"):
        Story.of(a_setting(), a_chronicle([1.0]).__class__(), [])
