"""The report folder: four files, each written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from infra.disk import replace_quickly
from runner.report.page import report_html
from runner.report.story import Story
from runner.report.tables import equity_csv, report_json, trades_csv


def write_report(folder: Path, story: Story) -> None:
    """report.html, report.json, trades.csv, equity.csv. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in (
        ("report.json", report_json),
        ("trades.csv", trades_csv),
        ("equity.csv", equity_csv),
        ("report.html", report_html),
    ):
        replace_quickly(folder / name, make(story).encode())
