"""Verify: proves audit logs on its own. `python -m runner.verify FILE...`

Imports nothing but the standard library and the list of reasons, and states the contract of a
record a second time, so that a fault of the bot cannot hide in the program that looks for it. The
hash chain is followed over the seams of files, oldest cycle first. What no chain can prove of
itself, that nothing came before its first line, is said and not claimed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

from core.reasons import Reason

Record = Mapping[str, Any]

GENESIS = "sha256:" + "0" * 64
DECIDED = ("at", "level", "regime", "universe", "triggers", "proposals", "verdicts", "plan")
ACTED = ("TRADED", "PLANNED")
_GZIP = b"\x1f\x8b"
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)
_BROKEN_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)

# name:kind of every member. [] a list of, {} an object of, ? may be null; there may be more.
SHAPES: Mapping[str, str] = {
    "record": """
        schema:one cycle:number_from_1 cycle_id:name run_id:name at:instant mode:mode
        exchange:name config:digest version:name outcome:outcome why:why? level:level regime:name?
        universe:universe triggers:[]trigger proposals:[]proposal verdicts:{}verdict plan:[]planned
        decision:digest? inputs:digest? orders:[]order fills:[]fill portfolio:portfolio?
        timing_ms:{}number requests:count rss_mb:number prev:digest hash:digest
    """,
    "why": "code:code text:text",
    "universe": "eligible:{}name excluded:{}[]name changed:{}finding",
    "finding": "code:reason seen:text limit:text key:text",
    "verdict": "code:reason seen:text limit:text key:text proposal:name?",
    "trigger": "symbol:name kind:name strength:number confidence:number seen:text",
    "proposal": """
        id:name symbol:name side:side notional:decimal? strategy:name conviction:number
        stop_loss:decimal? take_profit:decimal? because:text
    """,
    "planned": """
        symbol:name side:side type:name time_in_force:name end_time:instant? price:decimal
        quantity:decimal notional:decimal reason:text
    """,
    "order": """
        client_order_id:name exchange_order_id:name? symbol:name side:side type:name
        time_in_force:name price:decimal quantity:decimal notional:decimal filled:decimal
        status:name reason:text
    """,
    "fill": """
        fill_id:name client_order_id:name symbol:name side:side price:decimal quantity:decimal
        fee:decimal fee_currency:name at:instant
    """,
    "portfolio": """
        currency:name equity:decimal cash:{}decimal exposure:decimal positions:{}object
        foreign:{}decimal drawdown:text day_pnl:text
    """,
}
MEMBERS: Mapping[str, Mapping[str, str]] = {
    shape: dict(cast("tuple[str, str]", member.split(":", 1)) for member in text.split())
    for shape, text in SHAPES.items()
}
_STEPS = ("gather", "reconcile", "decide", "commit", "carry_out", "record", "total")


def _written(pattern: str) -> Callable[[object], bool]:
    form = re.compile(pattern)
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


def _word_of(*words: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in words


KINDS: Mapping[str, Callable[[object], bool]] = {
    "text": lambda value: isinstance(value, str),
    "name": lambda value: isinstance(value, str) and value != "",
    "object": lambda value: isinstance(value, dict),
    "number": lambda value: type(value) in (int, float),
    "count": lambda value: type(value) is int and value >= 0,
    "number_from_1": lambda value: type(value) is int and value >= 1,
    "one": lambda value: type(value) is int and value == 1,
    "decimal": _written(r"-?[0-9]+(\.[0-9]+)?"),
    "digest": _written(r"sha256:[0-9a-f]{64}"),
    "instant": _written(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"),
    "code": _written(r"[A-Z][A-Z0-9_]*"),
    "reason": _word_of(*Reason.__members__),
    "side": _word_of("BUY", "SELL"),
    "mode": _word_of("DRY_RUN", "PAPER", "LIVE"),
    "outcome": _word_of(*ACTED, "NO_TRADE", "HALTED", "FAILED"),
    "level": _word_of("NORMAL", "REDUCE_ONLY", "PAUSED", "HALTED"),
}


class Bad(Exception):
    """Why a line cannot be believed."""


@dataclass(slots=True)
class Report:
    """What the files amount to."""

    lines: int = 0  # read, the first bad one included
    where: str = ""  # file and number of the last line
    why: str | None = None  # of the first bad line
    unproved: str | None = None  # the first `prev`

    @property
    def ok(self) -> bool:
        return self.why is None


def verify(paths: Sequence[Path]) -> Report:
    """Read every line, up to the first that cannot be believed. OSError: a file is unreadable."""
    report = Report()
    before: Record | None = None
    for path in _oldest_first(paths):
        for number, line in enumerate(_lines(path), start=1):
            last, report.where = report.where, f"{path}:{number}"
            report.lines += 1
            try:
                record = _record(line)
                for check in CHECKS:
                    check(record)
                _follows(record, before, last)
            except Bad as bad:
                report.why = str(bad)
                return report
            report.unproved = report.unproved or record["prev"]
            before = record
    return report


def _oldest_first(paths: Sequence[Path]) -> list[Path]:
    """By first cycle, for a chain has one order only; as given where a first line is unclear."""
    firsts: list[tuple[float, int]] = []
    for position, path in enumerate(paths):
        line = next(_lines(path), b"")
        cycle = re.search(rb'"cycle":(\d+),', line)
        if line and cycle is None:
            return list(paths)
        firsts.append((int(cycle[1]) if cycle else float("inf"), position))
    return [paths[position] for _, position in sorted(firsts)]


def _lines(path: Path) -> Iterator[bytes]:
    """Lines with their ends; a broken archive ends in a line that says so."""
    with path.open("rb") as file:
        compressed = file.read(len(_GZIP)) == _GZIP
    try:
        with cast(IO[bytes], gzip.open(path) if compressed else path.open("rb")) as file:
            yield from file
    except _BROKEN_GZIP as error:
        yield f"(the archive is damaged: {error})".encode()


def canonical(value: object) -> bytes:
    """The one JSON form of a value: sorted keys, no spaces, UTF-8, finite numbers."""
    return _CANONICAL.encode(value).encode()


def digest_of(value: object) -> str:
    return f"sha256:{sha256(canonical(value)).hexdigest()}"


def _record(line: bytes) -> Record:
    if not line.endswith(b"\n"):
        raise Bad(f"has no end, as after a crash: {line[-60:].decode(errors='replace')}")
    try:
        record = json.loads(line, parse_float=_short, parse_constant=_short)
        same = canonical(record) + b"\n" == line
    except (ValueError, RecursionError) as error:
        raise Bad(f"is no JSON of ours: {error}") from error
    if not same:
        raise Bad("is not in canonical form")
    for complaint in _misshapen(record, "record", ""):
        raise Bad(complaint)
    return cast(Record, record)


def _short(text: str) -> float:
    if not re.fullmatch(r"-?\d{1,15}\.\d{1,4}", text):
        raise ValueError(f"{text} is no number of at most four decimals")
    return float(text)


def _misshapen(value: object, kind: str, where: str) -> Iterator[str]:
    """What is not as SHAPES says, first things first."""
    if kind.endswith("?"):
        if value is None:
            return
        kind = kind[:-1]
    parts: Iterable[tuple[str, object, str]]
    if kind.startswith("[]") and isinstance(value, list):
        parts = ((f"{where}[{at}]", item, kind[2:]) for at, item in enumerate(value))
    elif kind.startswith("{}") and isinstance(value, dict):
        parts = ((f"{where}.{name}", item, kind[2:]) for name, item in value.items())
    elif kind in MEMBERS and isinstance(value, dict):
        for name in MEMBERS[kind]:
            if name not in value:
                yield f"lacks {where}.{name}".replace(" .", " ")
                return
        parts = ((f"{where}.{name}", value[name], MEMBERS[kind][name]) for name in MEMBERS[kind])
    elif kind in KINDS and KINDS[kind](value):
        return
    else:
        yield f"{where.removeprefix('.')} is no {kind}"
        return
    for place, part, shape in parts:
        yield from _misshapen(part, shape, place)


def _hash(record: Record) -> None:
    found = digest_of({name: value for name, value in record.items() if name != "hash"})
    if found != record["hash"]:
        raise Bad(f"hash is {record['hash']}, the line gives {found}")


def _decision(record: Record) -> None:
    if record["outcome"] == "FAILED":
        if record["decision"] is not None or record["inputs"] is not None:
            raise Bad("a FAILED cycle states a decision")
        return
    for name in ("inputs", "regime", "portfolio"):
        if record[name] is None:
            raise Bad(f"a decided cycle lacks {name}")
    if lacking := [step for step in _STEPS if step not in record["timing_ms"]]:
        raise Bad(f"timing_ms lacks {', '.join(lacking)}")
    members = {name: record[name] for name in DECIDED}
    members["universe"] = {
        name: part for name, part in record["universe"].items() if name != "changed"
    }
    found = digest_of(members)
    if found != record["decision"]:
        raise Bad(f"decision is {record['decision']}, its members give {found}")


def _universe(record: Record) -> None:
    universe = record["universe"]
    groups: Mapping[str, list[str]] = universe["excluded"]
    if unknown := sorted(set(groups) - set(Reason.__members__)):
        raise Bad(f"universe.excluded holds codes that do not exist: {', '.join(unknown)}")
    listed = Counter([*universe["eligible"], *chain.from_iterable(groups.values())])
    if twice := sorted(symbol for symbol, times in listed.items() if times > 1):
        raise Bad(f"{', '.join(twice)} both eligible and excluded, or excluded twice")
    for symbol, found in universe["changed"].items():
        if symbol not in groups.get(found["code"], []):
            raise Bad(f"{symbol} changed to a code under which it is not excluded")


def _cover(record: Record) -> None:
    verdicts: Mapping[str, Any] = record["verdicts"]
    failed = record["outcome"] == "FAILED"
    held = (record["portfolio"] or {}).get("positions", {})
    owed = set(record["universe"]["eligible"]) | set(held)
    if silent := sorted(owed - set(verdicts)):
        raise Bad(f"no verdict for {', '.join(silent)}")
    if not failed and (uncalled := sorted(set(verdicts) - owed)):
        raise Bad(f"a verdict for {', '.join(uncalled)}, neither eligible nor held")
    for symbol, verdict in verdicts.items():
        if failed != (verdict["code"] == Reason.NOT_DECIDED.name):
            raise Bad(f"{symbol} has {verdict['code']} in a cycle that came to {record['outcome']}")


def _proposals(record: Record) -> None:
    symbols: dict[str, str] = {}
    for made in record["proposals"]:
        name = f"{made['strategy']}:{made['symbol']}:{made['side']}"
        if made["id"] != name or name in symbols:
            raise Bad(f"the proposal {made['id']} is not the one {name}")
        symbols[name] = made["symbol"]
    for symbol, verdict in record["verdicts"].items():
        if verdict["proposal"] is not None and symbols.get(verdict["proposal"]) != symbol:
            raise Bad(f"the verdict of {symbol} names a proposal that was not made for it")


def _outcome(record: Record) -> None:
    outcome, plan, why = record["outcome"], record["plan"], record["why"]
    if (outcome in ACTED) != (why is None):
        raise Bad(f"why does not go with {outcome}")
    if outcome == "NO_TRADE" and why["code"] not in Reason.__members__:
        raise Bad(f"why.code {why['code']} does not exist")
    if (outcome == "PLANNED" and not plan) or (outcome in ("NO_TRADE", "FAILED") and plan):
        raise Bad(f"{outcome} goes with {len(plan)} planned orders")
    if outcome == "FAILED" and (record["triggers"] or record["proposals"]):
        raise Bad("a FAILED cycle has triggers or proposals")


CHECKS = (_hash, _decision, _universe, _cover, _proposals, _outcome)


def _follows(record: Record, before: Record | None, place: str) -> None:
    if before is None:
        return
    if record["prev"] != before["hash"]:
        raise Bad(f"prev is {record['prev']}, the line before ({place}) has {before['hash']}")
    if record["cycle"] <= before["cycle"]:
        raise Bad(f"cycle {record['cycle']} follows cycle {before['cycle']}")


def _note(report: Report, files: int) -> str:
    if files > 1 and report.unproved in (None, GENESIS):
        return ""
    which = "one file only" if files == 1 else "earlier files are missing"
    return f"\n{which}: what the first prev points to is unproved"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m runner.verify",
        description="Proves audit logs. Exit 1: the first bad line is named; 2: no file.",
    )
    parser.error = lambda message: parser.exit(2, f"{message}; see --help\n")  # type: ignore
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".jsonl or .jsonl.gz")
    parser.add_argument("--json", action="store_true", help="machine-readable output on stdout")
    given = parser.parse_args(arguments)
    for pipe in filter(Path.is_fifo, given.files):
        parser.error(f"{pipe}: a pipe can be read only once; name the file itself")
    try:
        report = verify(given.files)
    except OSError as error:
        print(f"{error.filename}: cannot be read: {error.strerror}", file=sys.stderr)
        return 2
    if given.json:
        bad = None if report.ok else report.lines
        print(json.dumps({**asdict(report), "ok": report.ok, "first_bad": bad}))
    elif report.ok:
        print(f"{report.lines} lines, all sound{_note(report, len(given.files))}")
    else:
        print(f"{report.where}: {report.why}", file=sys.stderr)
    return int(not report.ok)


if __name__ == "__main__":
    sys.exit(main())
