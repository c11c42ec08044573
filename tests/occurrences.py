"""python -m tests.occurrences: which reasons a DRY_RUN on real candles gives, and how often.

Plays a recording through the real bot in a folder that is thrown away, or reads the
log of a run that was (--logs), and counts every code of core/reasons.py: as the
verdict of a product, as the exclusion of one, as the why of a cycle; and every rule,
trigger and regime. A code that never occurs is named with the sentence that says why;
where there is no such sentence, the table says so. --provoke plays a few days more
under policies that bring what the shipped one cannot: tests/provocations.py.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from core.market import Regime
from core.reasons import Reason
from core.triggers import TriggerKind
from infra.audit_record import Record
from runner.command_line import run
from runner.exit_codes import ExitCode, Refusal
from tests.builders.wired import recordings, turns, wired_bot
from tests.checker.records import records_of
from tests.provocations import PROVOCATIONS, Provocation, provoked

RECORDING = "coinbase/15m"
RULES = ("momentum", "breakout", "mean_reversion", "reversal")
PROVOKED_CYCLES = 150

_NOTHING_HELD = "DRY_RUN sends nothing, so nothing is ever held: "
_NOTHING_RESTS = "DRY_RUN sends nothing, so no order of ours rests at the venue."
_NO_VERDICT = "It is no verdict: the verdict of a position carries it as its protection."
_NO_SUCH_PRODUCT = "The recording has no such product: "
_ONE_ORDER = "Spacing lets one order a cycle through, and nothing is held: "
POLICY = "The shipped policy cannot bring it: "
_FAULT = "Only a fault of the machine or of the program brings it, as tests/scenarios do."
_OPERATOR = "An operator must speak, and nobody does."
_CLOCK = "A recording is read from this disk and by its own clock; only a real venue brings it."
_MODELLED = "All books are modelled in every cycle from closed bars: "

# Why DRY_RUN on the default recording under the shipped policy cannot give a code.
CANNOT: Mapping[Reason, str] = {
    Reason.PRODUCT_NOT_ONLINE: _NO_SUCH_PRODUCT + "no series ends before the others.",
    Reason.QUOTE_NOT_OURS: _NO_SUCH_PRODUCT + "all are paid in USD.",
    Reason.STABLE_PAIR: _NO_SUCH_PRODUCT + "no base is a stablecoin.",
    Reason.NOT_ON_ALLOWLIST: POLICY + "universe.allowlist is off.",
    Reason.RED_FLAG: POLICY + "universe.red_flags is empty.",
    Reason.LISTING_TOO_YOUNG: _NO_SUCH_PRODUCT + "no series begins later than the others.",
    Reason.NOT_IN_A_TIER: POLICY + "universe.discovery is on.",
    Reason.HISTORY_MISSING: _NO_SUCH_PRODUCT + "all begin before the first decision.",
    Reason.BOOK_MISSING: _MODELLED + "no product is without a bar for a whole day.",
    Reason.PRICE_TOO_LOW: _NO_SUCH_PRODUCT + "the cheapest costs more than universe.price_min.",
    Reason.HISTORY_TOO_SHORT: _NO_SUCH_PRODUCT + "all are as old as the longest look-back.",
    Reason.SCORE_TOO_LOW: POLICY + "a trigger that fires has 100%, which is triggers.score_min.",
    Reason.HELD: _NOTHING_HELD + "no position has a verdict.",
    Reason.STOP_LOSS: _NOTHING_HELD + "no position has an exit.",
    Reason.TRAILING_STOP: _NOTHING_HELD + "no position has an exit.",
    Reason.TAKE_PROFIT: _NOTHING_HELD + "no position has an exit.",
    Reason.HELD_TOO_LONG: _NOTHING_HELD + "no position has an exit.",
    Reason.NO_EXIT_PLAN: _NOTHING_HELD + "no position has an exit.",
    Reason.FLATTEN: _OPERATOR,
    Reason.STOPPING: _OPERATOR,
    Reason.EXITING: _NOTHING_HELD + "no exit goes first.",
    Reason.STOPPED_RECENTLY: _NOTHING_HELD + "nothing is sold.",
    Reason.LOSING_STREAK: _NOTHING_HELD + "nothing is sold.",
    Reason.ADDS_FULL: _NOTHING_HELD + "no position is added to.",
    Reason.ADD_SPACING: _NOTHING_HELD + "no position is added to.",
    Reason.ADD_NOT_IN_PROFIT: _NOTHING_HELD + "no position is added to.",
    Reason.DAY_LOSS: _NOTHING_HELD + "equity never moves.",
    Reason.WEEK_LOSS: _NOTHING_HELD + "equity never moves.",
    Reason.DRAWDOWN: _NOTHING_HELD + "equity never moves.",
    Reason.NO_CROSS: POLICY + "strategies.ema_cross is off.",
    Reason.NO_SHORTS: "The shipped rules only propose buys.",
    Reason.OUTBID: "One strategy is enabled, and it proposes a product once.",
    Reason.STRATEGY_BUDGET: POLICY + "few of these products are in T1, and T2 and T3 are small.",
    Reason.SIZE_IS_ZERO: POLICY + "no factor of sizing is zero.",
    Reason.KILL_SWITCH: _OPERATOR,
    Reason.HALTED: _OPERATOR,
    Reason.PAUSED: _NOTHING_HELD + "equity never moves.",
    Reason.REDUCE_ONLY: _NOTHING_HELD + "equity never moves.",
    Reason.RATE_UNKNOWN: "Every product of this recording is paid in the capital currency.",
    Reason.OTHER_WALLET: "This recording has one product an asset, so no wallet is preferred.",
    Reason.WRONG_WALLET: "Every product of this recording is paid from the one wallet with cash.",
    Reason.ORDER_OVERDUE: _NOTHING_RESTS,
    Reason.ORDER_UNWANTED: _NOTHING_RESTS,
    Reason.BOOK_MOVED_AWAY: _NOTHING_RESTS,
    Reason.STOP_RESTS: _NO_VERDICT,
    Reason.STOP_PLACED: _NO_VERDICT,
    Reason.STOP_WATCHED: _NO_VERDICT,
    Reason.STOP_REFUSED: _NO_VERDICT,
    Reason.STOP_OUTDATED: _NO_VERDICT,
    Reason.STOP_GIVES_WAY: _NO_VERDICT,
    Reason.TRIM_SPACING: _NOTHING_HELD + "nothing is trimmed.",
    Reason.ORDER_PENDING: "DRY_RUN settles every intent at once: it was not sent.",
    Reason.QUARANTINED: "The simulated account and our books are always one.",
    Reason.BOOK_TOO_OLD: _MODELLED + "their age is zero.",
    Reason.DEPTH_UNKNOWN: _MODELLED + "whoever has a book has a depth.",
    Reason.CANDLES_TOO_OLD: "A recording answers for every closed bar at once.",
    Reason.BOOK_OFF_CANDLES: _MODELLED + "their middle is the last close.",
    Reason.IMPACT_TOO_HIGH: _MODELLED + "what their depth bears stays on their nearest levels.",
    Reason.CASH_BUFFER: _ONE_ORDER + "cash stays far above risk.cash_min.",
    Reason.NOTIONAL_TOO_LARGE: POLICY + "sizing gives 600 USD at most.",
    Reason.POSITION_FULL: _ONE_ORDER + "sizing gives less than risk.position_max.",
    Reason.THEME_FULL: _ONE_ORDER + "sizing gives less than any risk.theme_max.",
    Reason.AT_RISK_FULL: _ONE_ORDER + "it is less than risk.at_risk_max.",
    Reason.POSITIONS_FULL: _ONE_ORDER + "that is one position.",
    Reason.HOURLY_PACE: _ONE_ORDER + "four an hour at bars of 15m.",
    Reason.BELOW_VENUE_MINIMUM: POLICY + "risk.notional_min is above the minimum of every product.",
    Reason.NOT_DECIDED: _FAULT,
    Reason.INTERRUPTED: _FAULT,
    Reason.DISK_FULL: _FAULT,
    Reason.CLOCK_WENT_BACK: _FAULT,
    Reason.MARKET_UNREACHABLE: _FAULT,
    Reason.STATE_NOT_WRITTEN: _FAULT,
    Reason.BOOKS_OPEN: _FAULT,
    Reason.CLOCK_OFF: _CLOCK,
    Reason.PRODUCTS_TOO_OLD: _CLOCK,
    Reason.PREFLIGHT_FAILED: _CLOCK,
    Reason.BROKEN_RULE: _FAULT,
    Reason.NOTHING_ELIGIBLE: _NO_SUCH_PRODUCT + "the large ones are always liquid.",
}

# What could occur, and why the default recording does not bring it.
DID_NOT: Mapping[Reason, str] = {
    Reason.CANDLES_MISSING: "Whoever has such gaps here is too thin to be eligible for long.",
    Reason.OUTLIER: "No bar here jumps so far on so little volume.",
    Reason.CONVICTION_TOO_LOW: "The weakest proposal here has 40%, strategies.rules wants 35%.",
}

# What the default recording gives; a code is in one of the three, never in two.
EXPECTED = frozenset(
    {
        Reason.VOLUME_TOO_LOW,
        Reason.SPREAD_TOO_WIDE,
        Reason.DEPTH_TOO_THIN,
        Reason.ENTERING,
        Reason.NO_TRIGGER,
        Reason.ATR_TOO_LOW,
        Reason.ATR_TOO_HIGH,
        Reason.TRIGGER_CAP,
        Reason.NO_RULE,
        Reason.RULE_NOT_IN_REGIME,
        Reason.RULE_DECLINED,
        Reason.RULE_NOT_IN_REGIME,
        Reason.STRATEGY_PROPOSALS_FULL,
        Reason.SPREAD_BEYOND_LIMIT,
        Reason.DEPTH_TOO_SMALL,
        Reason.NOTIONAL_TOO_SMALL,
        Reason.DAILY_PACE,
        Reason.SPACING,
        Reason.COOLDOWN,
        Reason.REDUCED,
        Reason.APPROVED,
    }
)


@dataclass(slots=True)
class Occurrences:
    """How often each code was given, by where it stood. Counts only."""

    verdicts: Counter[str] = field(default_factory=Counter)
    exclusions: Counter[str] = field(default_factory=Counter)
    whys: Counter[str] = field(default_factory=Counter)
    regimes: Counter[str] = field(default_factory=Counter)
    triggers: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)  # what each proposed
    orders: Counter[str] = field(default_factory=Counter)  # and what of that was planned
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
        self.regimes[record["regime"]] += 1
        self.triggers.update(trigger["kind"] for trigger in record["triggers"])
        rules = {made["id"]: made["rule"] for made in record["proposals"]}
        self.rules.update(rules.values())
        self.orders.update(
            rules[order["reason"]] for order in record["plan"] if order["reason"] in rules
        )

    def total(self, reason: Reason) -> int:
        return sum(counted[reason.name] for counted in (self.verdicts, self.exclusions, self.whys))


def never(counted: Occurrences) -> Iterator[tuple[Reason, str | None]]:
    """The codes at zero, each with its sentence; None where nobody gave one."""
    sentences = {**CANNOT, **DID_NOT}
    for reason in Reason:
        if counted.total(reason) == 0:
            yield reason, sentences.get(reason)


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


def read(logs: Path) -> Occurrences:
    """Of a run that was: the folder of its audit logs."""
    counted = Occurrences()
    for record in records_of(logs):
        counted.add(record)
    return counted


def provoke(recording: Path, what: Provocation) -> Occurrences:
    """The recording under the policy of a provocation, until each of its codes has occurred."""
    counted = Occurrences()
    given = ["--exchange", "recorded", "--recording", str(recording), "--interval", "2x"]
    with (
        TemporaryDirectory(prefix="occurrences-") as folder,
        wired_bot(Path(folder), *given, *provoked(what, Path(folder))) as bot,
    ):
        for done in turns(bot, PROVOKED_CYCLES):
            counted.add(done.record)
            if all(map(counted.total, what.codes)):
                break
    return counted


def show_rules(counted: Occurrences) -> None:
    """How often each rule proposed and was heard, each trigger fired and each regime was."""
    for rule in RULES:
        print(f"rule {rule}: {counted.rules[rule]:,} proposals, {counted.orders[rule]:,} orders")
    for kind in TriggerKind:
        print(f"trigger {kind.value}: {counted.triggers[kind.value]:,}")
    for regime in Regime:
        print(f"regime {regime.value}: {counted.regimes[regime.value]:,} cycles")


def show_provoked(recording: Path) -> None:
    """A line for each provocation, as it is played."""
    for what in PROVOCATIONS:
        counted = provoke(recording, what)
        told = ", ".join(
            f"{code.name} {counted.total(code) or 'DID NOT OCCUR'}"
            for code in sorted(what.codes, key=lambda code: code.name)
        )
        print(f"provoked by {what.name}, in {counted.cycles} cycles: {told}", flush=True)


def show(counted: Occurrences, codes: Iterable[Reason] = Reason) -> None:
    """The table, for people; a wide one, because the sentences are its point."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"every reason in {counted.cycles:,} cycles of DRY_RUN")
    for name in ("reason", "verdict", "exclusion", "why", "when never: why"):
        table.add_column(name, justify="left" if name in ("reason",) or ":" in name else "right")
    zero = dict(never(counted))
    for reason in codes:
        numbers = (counted.verdicts, counted.exclusions, counted.whys)
        cells = [f"{found[reason.name]:,}" if found[reason.name] else "" for found in numbers]
        note = (zero[reason] or "expected, and did not occur") if reason in zero else ""
        if reason in disproved(counted):
            note = f"IT OCCURRED, though: {CANNOT[reason]}"
        table.add_row(reason.name, *cells, note)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    silent = [reason.name for reason, why in zero.items() if why is None]
    print(
        f"{len(Reason) - len(zero)} of {len(Reason)} occurred, {len(zero) - len(silent)} did not "
        f"for a reason; {len(silent)} were expected and did not: {', '.join(silent) or 'none'}"
    )
    brought = {code for what in PROVOCATIONS for code in what.codes} & zero.keys()
    print(f"{len(brought)} of those that did not, another policy brings: --provoke shows it")


def main(arguments: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(
        prog="python -m tests.occurrences",
        description=__doc__,
        epilog="Every other option is handed to runner.main_loop.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--recording", type=Path, metavar="DIR", help=f"default {RECORDING}")
    made.add_argument("--logs", type=Path, metavar="DIR", help="count these, play nothing")
    made.add_argument("--provoke", action="store_true", help="play the provocations as well")
    made.add_argument("--every", type=int, default=1, metavar="K", help="decide at each Kth bar")
    made.add_argument("--cycles", type=int, default=sys.maxsize, metavar="N", help="stop after N")
    given, rest = made.parse_known_args(arguments)
    folder: Path | None = given.recording or recordings(RECORDING)
    if folder is None:
        raise Refusal(ExitCode.USAGE, "name the candles with --recording or TRADER_RECORDINGS")
    if given.every > 1:
        rest += ["--interval", f"{given.every}x"]
    counted = play(folder, rest, given.cycles) if given.logs is None else read(given.logs)
    show(counted)
    show_rules(counted)
    if given.provoke:
        show_provoked(folder)
    return ExitCode.FINISHED


if __name__ == "__main__":
    run(main)
