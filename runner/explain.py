"""Explain: why a product was or was not bought. `python -m runner.explain SYMBOL`.

Answers from the audit log alone: the code, its sentence, what was seen, the limit,
the policy key, and what would have had to differ.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain, islice

from config.complaints import listed
from core.reasons import Reason
from core.wording import instant
from infra.audit_log import newest_first
from infra.audit_record import Record
from runner.command_line import instant_of, parser, run, whole
from runner.exit_codes import ExitCode, Refusal
from runner.nearest_miss import differ
from runner.places import Places, find


@dataclass(frozen=True, slots=True)
class Answer:
    """What one cycle said of one product."""

    cycle: int
    at: str
    code: str
    sentence: str
    seen: str
    limit: str
    key: str
    differ: str
    tier: str | None
    proposal: str | None


def main(arguments: Sequence[str] | None = None) -> int:
    given = _options(arguments)
    places = find(given.state_dir, given.log_dir, given.mode, given.exchange)
    answers = list(_answers(places, given))
    if given.json:
        print(json.dumps([asdict(answer) for answer in answers]))
    else:
        for answer in answers:
            print(_told(given.symbol, answer))
    return ExitCode.FINISHED


def _options(arguments: Sequence[str] | None) -> Namespace:
    made = parser("explain", "Why a product was or was not bought in the last cycles.")
    made.add_argument("symbol", help="for example BTC-USD")
    which = made.add_mutually_exclusive_group()
    which.add_argument("--last", type=whole, default=1, metavar="N", help="how many cycles back")
    which.add_argument("--at", metavar="ISO", help="the cycle at or before this market time")
    return made.parse_args(arguments)


def _answers(places: Places, given: Namespace) -> Iterator[Answer]:
    """Newest last, as a person reads."""
    if given.last < 1:
        raise Refusal(ExitCode.USAGE, f"--last: {given.last} is not at least 1")
    records, upto = list(newest_first(places.own_log)), instant_of("--at", given.at)
    if upto is not None:
        records = [record for record in records if datetime.fromisoformat(record["at"]) <= upto]
    if not records:
        when = "" if upto is None else f" at or before {instant(upto)}"
        raise Refusal(ExitCode.USAGE, f"{places.own_log}: no cycle is on record there{when}")
    for index in reversed(range(min(given.last, len(records)))):
        yield _answer(given.symbol, records[index], islice(records, index, None))


def _answer(symbol: str, record: Record, from_here: Iterator[Record]) -> Answer:
    verdict = record["verdicts"].get(symbol)
    if verdict is None:
        verdict = _exclusion(symbol, record, from_here)
    return Answer(
        cycle=record["cycle"],
        at=record["at"],
        code=verdict["code"],
        sentence=Reason[verdict["code"]].sentence,
        seen=verdict["seen"],
        limit=verdict["limit"],
        key=verdict["key"],
        differ=differ(verdict),
        tier=record["universe"]["eligible"].get(symbol),
        proposal=verdict.get("proposal"),
    )


def _exclusion(symbol: str, record: Record, from_here: Iterator[Record]) -> Record:
    """Exclusions are written out only when they change, so the numbers may stand further back."""
    excluded = record["universe"]["excluded"]
    codes = [code for code, names in excluded.items() if symbol in names]
    if not codes:
        known = chain(record["universe"]["eligible"], *excluded.values())
        meant = sorted(name for name in known if symbol.upper() in (name, name.split("-")[0]))
        hint = f"; did you mean {listed(meant)}?" if meant else ""
        told = f"the venue did not list it in cycle {record['cycle']}{hint}"
        raise Refusal(ExitCode.USAGE, f"{symbol}: {told}")
    for earlier in from_here:
        found = earlier["universe"]["changed"].get(symbol)
        if found is not None and found["code"] == codes[0]:
            return dict(found)
    return {"code": codes[0], "seen": "not on record", "limit": "not on record", "key": ""}


def _told(symbol: str, answer: Answer) -> str:
    tier = f" ({answer.tier})" if answer.tier else ""
    return (
        f"{answer.at} #{answer.cycle} {symbol}{tier}: {answer.code}. {answer.sentence}\n"
        f"  seen {answer.seen}, limit {answer.limit}, key {answer.key or '-'}\n"
        f"  to come out otherwise: {answer.differ}"
    )


if __name__ == "__main__":
    run(main)
