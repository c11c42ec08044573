"""How long it takes from the command to the first decision on record: whole processes."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.measured import Row, timed

RUNS = 7
BUDGET_SECONDS = 0.7
ROOT = Path(__file__).resolve().parents[2]


def start_rows() -> list[Row]:
    """The bot's own time beside what Python and numpy take on this machine at this moment."""
    whole = timed(_first_decision, times=RUNS, warm_up=1)
    bare = timed(partial(_python, "-c", "import numpy"), times=RUNS, warm_up=1)
    return [
        Row(
            "start to first decision, embedded market",
            whole,
            "s",
            BUDGET_SECONDS,
            f"median of {RUNS} processes, their end included",
        ),
        Row("  of which Python and numpy", bare, "s", None, f"{bare / whole:.0%} of it"),
    ]


def _first_decision() -> None:
    with TemporaryDirectory() as folder:
        _python(
            *("-m", "runner.main_loop", "--mode", "DRY_RUN", "--exchange", "embedded"),
            *("--fast", "--once", "--quiet"),
            *("--state-dir", f"{folder}/var", "--log-dir", f"{folder}/logs"),
        )


def _python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True)
