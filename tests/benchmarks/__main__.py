"""python -m tests.benchmarks: speed and size, measured beside their budget.

Exits 0 whatever it finds: it informs, and a person decides. All numbers come from
one run on one machine, so their ratios mean more than the numbers.
"""

from __future__ import annotations

import argparse

from tests.benchmarks.measured import show

CYCLES = 2_000


def main() -> None:
    made = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    made.add_argument(
        "--cycles", type=int, default=CYCLES, metavar="N", help=f"to run (default {CYCLES})"
    )
    cycles = max(1, made.parse_args().cycles)
    # The memory of the bot is read before anything else is loaded into this process.
    from tests.benchmarks.running import running_rows

    rows = running_rows(cycles)
    from tests.benchmarks.backtesting import backtest_rows
    from tests.benchmarks.booking import booking_rows
    from tests.benchmarks.deciding import decide_rows
    from tests.benchmarks.live import live_memory_rows, live_rows
    from tests.benchmarks.live_cycle import cycle_rows
    from tests.benchmarks.paper import paper_rows
    from tests.benchmarks.sandbox import sandbox_rows
    from tests.benchmarks.starting import start_rows

    backtest = backtest_rows(cycles)
    wire = [*sandbox_rows(), *live_rows(), *cycle_rows()]
    wire += live_memory_rows(max(cycles // 10, 10))
    books = [*booking_rows(), *paper_rows()]
    show([*decide_rows(), *start_rows(), *books, *rows, *backtest, *wire])


if __name__ == "__main__":
    main()
