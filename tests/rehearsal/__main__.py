"""python -m tests.rehearsal: does what the README says under LIVE, and counts what came of it.

Starts the sandbox, runs the preflight, runs LIVE for so many cycles, kills it with
kill -9 so many times in the middle, goes on, sells everything, and asks the ledger, the
audit log, the tape and the sandbox's own truth whether anything is wrong. Exit 1 where
it is, or where something that can become of an order never happened.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.rehearsal.acting import Failed, Rehearsing
from tests.rehearsal.counted import counted


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    made = argparse.ArgumentParser(
        prog="python -m tests.rehearsal",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--cycles", type=int, default=100, metavar="N", help="of the last process")
    made.add_argument("--kills", type=int, default=2, metavar="N")
    made.add_argument("--seed", type=int, default=1, metavar="S", help="of when it is killed")
    given = made.parse_args(arguments)
    if given.cycles < 1 or given.kills < 0:
        made.error("--cycles: at least 1; --kills: at least 0")
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    given = options(arguments)
    with TemporaryDirectory(prefix="rehearsal-") as folder:
        rehearsing = Rehearsing(Path(folder), given.cycles)
        try:
            with rehearsing.sandbox():
                rehearsing.prepare()
                rehearsing.live(given.kills, Random(given.seed))
                rehearsing.conclude()
        except Failed as failed:
            print(failed, file=sys.stderr)
            return 1
        happened = counted(rehearsing.records)
        print("\n".join(page(rehearsing, happened, given.kills)))
    return 0 if all(happened.values()) else 1


def page(rehearsing: Rehearsing, happened: dict[str, int], kills: int) -> list[str]:
    """As the README shows it."""
    rows = [f"| {kind} | {count} |" for kind, count in happened.items()]
    title = f"| in {len(rehearsing.records)} cycles, with {kills} times kill -9 | how often |"
    said = "\n".join(rehearsing.told)
    return [title, "|---|---|", *rows, "", "```text", said, "```"]


if __name__ == "__main__":
    sys.exit(main())
