"""How long it takes from the command to the first decision on record: whole processes.

As an operator starts it: with the bytecode that Python keeps of sources it has read
before, also where this shell was told to keep none.
"""

from __future__ import annotations

import os
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
    with TemporaryDirectory() as bytecode:
        whole = timed(partial(_first_decision, bytecode), times=RUNS, warm_up=1)
        bare = timed(partial(_python, bytecode, "-c", "import numpy"), times=RUNS, warm_up=1)
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


def _first_decision(bytecode: str) -> None:
    with TemporaryDirectory() as folder:
        _python(
            bytecode,
            *("-m", "runner.main_loop", "--mode", "DRY_RUN", "--exchange", "embedded"),
            *("--fast", "--once", "--quiet"),
            *("--state-dir", f"{folder}/var", "--log-dir", f"{folder}/logs"),
        )


def _python(bytecode: str, *arguments: str) -> None:
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    keeping = inherited | {"PYTHONPYCACHEPREFIX": bytecode}
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=keeping, check=True)
