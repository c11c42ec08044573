"""python -m tests.soak: long runs, on demand.

--cycles N --seed S    PAPER in a seeded random world of faults, deaths and controls,
                       judged after every cycle; exit 1 and the seed where a promise breaks
--kills N              kill -9 of N real processes; prints the table of what came of each
--kills N --venue sandbox
                       the same with LIVE bots over Coinbase's wire, and faults on it; exit 1
                       where the sandbox's truth and the books disagree afterwards
--mode DRY_RUN         memory of a long run without orders (--help tells its options)
--mode LIVE            memory of a bot that trades on the sandbox, over Coinbase's wire
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

CYCLES = 10_000


def options(arguments: Sequence[str]) -> argparse.Namespace:
    made = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--cycles", type=int, default=CYCLES, metavar="N")
    made.add_argument("--seed", type=int, default=1, metavar="S", help="of the first world")
    made.add_argument("--kills", type=int, metavar="N", help="processes to kill")
    made.add_argument("--venue", choices=("simulated", "sandbox"), default="simulated")
    made.add_argument("--mode", choices=("PAPER", "DRY_RUN", "LIVE"), default="PAPER")
    given = made.parse_args(arguments)
    if given.cycles < 1 or (given.kills is not None and given.kills < 1):
        made.error("--cycles and --kills: at least 1")
    if given.venue == "sandbox" and given.kills is None:
        made.error("--venue sandbox: say how many, with --kills")
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    if "DRY_RUN" in given:
        from tests.soak import memory  # alone: what the others load would count as the bot's

        return memory.main(_without_mode(given))
    from tests.soak import live, storms

    chosen = options(given)
    if chosen.venue == "sandbox":
        return storms.wire_kills(chosen.kills, chosen.seed)
    if chosen.mode == "LIVE":
        with storms.in_memory() as folder:
            return live.main(folder, chosen.cycles)
    if chosen.kills is not None:
        return storms.kills(chosen.kills, chosen.seed)
    return storms.worlds(chosen.cycles, chosen.seed)


def _without_mode(given: list[str]) -> list[str]:
    """The mode is what this program chose by; the bot of that soak is in DRY_RUN anyway."""
    at = given.index("DRY_RUN")
    return [*given[: at - 1], *given[at + 1 :]]


if __name__ == "__main__":
    raise SystemExit(main())
