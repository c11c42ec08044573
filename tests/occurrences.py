"""python -m tests.occurrences: which reasons a DRY_RUN on real candles gives, and how often.

Plays a recording through the real bot in a folder that is thrown away and counts
every code of core/reasons.py: as the verdict of a product, as the exclusion of one,
as the why of a cycle. A code that never occurs is named with the sentence that says
why it cannot; where there is no such sentence, the table says so.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from core.reasons import Reason
from infra.audit_record import Record
from runner.command_line import run
from runner.exit_codes import ExitCode, Refusal
from tests.builders.wired import recordings, turns, wired_bot

RECORDING = "coinbase/15m"

_NO_POSITIONS = "DRY_RUN sends nothing, so nothing is ever held."
_SHIPPED = "The recording has no such product, or the shipped policy does not ask for it: "
_FAULT = "Only a fault of the machine or of the program brings it; scenarios in tests/ do."
_OPERATOR = "An operator must speak; nobody does in a recording."
_MODELLED = "Books of a recording are modelled at the decision time from closed bars: "

# Why a DRY_RUN on recorded candles cannot give a code. One that occurs has no place here.
CANNOT: Mapping[Reason, str] = {
    Reason.PRODUCT_NOT_ONLINE: "A recording knows no status; every product in it is online.",
    Reason.QUOTE_NOT_OURS: _SHIPPED + "all are paid in USD.",
    Reason.STABLE_PAIR: _SHIPPED + "none of its bases is a stablecoin.",
    Reason.NOT_ON_ALLOWLIST: _SHIPPED + "universe.allowlist is empty.",
    Reason.RED_FLAG: _SHIPPED + "no asset is flagged.",
    Reason.HELD: _NO_POSITIONS,
    Reason.NO_SHORTS: "The shipped rules only propose buys.",
    Reason.KILL_SWITCH: _OPERATOR,
    Reason.HALTED: _OPERATOR,
    Reason.INTERRUPTED: _FAULT,
    Reason.DISK_FULL: _FAULT,
    Reason.CLOCK_WENT_BACK: _FAULT,
    Reason.MARKET_UNREACHABLE: _FAULT,
    Reason.STATE_NOT_WRITTEN: _FAULT,
    Reason.BROKEN_RULE: _FAULT,
    Reason.NOT_DECIDED: _FAULT,
    Reason.ORDER_PENDING: "DRY_RUN settles every intent at once: it was not sent.",
    Reason.BOOK_TOO_OLD: _MODELLED + "never old.",
    Reason.BOOK_OFF_CANDLES: _MODELLED + "never off the last close.",
    Reason.POSITION_FULL: _NO_POSITIONS,
}


@dataclass(slots=True)
class Occurrences:
    """How often each code was given, by where it stood. Counts only."""

    verdicts: Counter[str] = field(default_factory=Counter)
    exclusions: Counter[str] = field(default_factory=Counter)
    whys: Counter[str] = field(default_factory=Counter)
    cycles: int = 0
    unrecorded: int = 0

    def add(self, record: Record | None) -> None:
        self.cycles += 1
        if record is None:
            self.unrecorded += 1
            return
        self.verdicts.update(verdict["code"] for verdict in record["verdicts"].values())
        for code, symbols in record["universe"]["excluded"].items():
            self.exclusions[code] += len(symbols)
        if record["why"] is not None:
            self.whys[record["why"]["code"]] += 1

    def total(self, reason: Reason) -> int:
        return sum(counted[reason.name] for counted in (self.verdicts, self.exclusions, self.whys))


def never(counted: Occurrences) -> Iterator[tuple[Reason, str | None]]:
    """The codes at zero, each with why it cannot occur; None where nobody said."""
    for reason in Reason:
        if counted.total(reason) == 0:
            yield reason, CANNOT.get(reason)


def disproved(counted: Occurrences) -> list[Reason]:
    """Codes that occurred although their sentence says that they cannot."""
    return [reason for reason in CANNOT if counted.total(reason)]


def play(recording: Path, arguments: Sequence[str], cycles: int = sys.maxsize) -> Occurrences:
    """Every cycle of the recording, or so many of them, in a folder of their own."""
    counted = Occurrences()
    given = ["--exchange", "recorded", "--recording", str(recording), *arguments]
    with (
        TemporaryDirectory(prefix="occurrences-") as folder,
        wired_bot(Path(folder), *given) as bot,
    ):
        for done in turns(bot, cycles):
            counted.add(done.record)
    return counted


def show(counted: Occurrences, codes: Iterable[Reason] = Reason) -> None:
    """The table, for people; a wide one, because the sentences are its point."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"every reason in {counted.cycles:,} cycles of DRY_RUN")
    for name in ("reason", "verdict", "exclusion", "why", "when never: why it cannot"):
        table.add_column(name, justify="left" if name in ("reason",) or ":" in name else "right")
    zero = dict(never(counted))
    for reason in codes:
        numbers = (counted.verdicts, counted.exclusions, counted.whys)
        cells = [f"{found[reason.name]:,}" if found[reason.name] else "" for found in numbers]
        note = (zero[reason] or "did not occur, and nothing forbids it") if reason in zero else ""
        if reason in disproved(counted):
            note = f"IT OCCURRED, though: {CANNOT[reason]}"
        table.add_row(reason.name, *cells, note)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    silent = [reason.name for reason, why in zero.items() if why is None]
    print(
        f"{len(Reason) - len(zero)} of {len(Reason)} occurred; {len(zero) - len(silent)} cannot; "
        f"{len(silent)} could and did not: {', '.join(silent) or 'none'}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(
        prog="python -m tests.occurrences",
        description=__doc__,
        epilog="Every other option is handed to runner.main_loop.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--recording", type=Path, metavar="DIR", help=f"default {RECORDING}")
    made.add_argument("--every", type=int, default=1, metavar="K", help="decide at each Kth bar")
    made.add_argument("--cycles", type=int, default=sys.maxsize, metavar="N", help="stop after N")
    given, rest = made.parse_known_args(arguments)
    folder = given.recording or recordings(RECORDING)
    if folder is None:
        raise Refusal(ExitCode.USAGE, "name the candles with --recording or TRADER_RECORDINGS")
    if given.every > 1:
        rest += ["--interval", f"{given.every}x"]
    show(play(folder, rest, given.cycles))
    return ExitCode.FINISHED


if __name__ == "__main__":
    run(main)
