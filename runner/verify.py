"""Verify: checks audit logs on its own. `python -m runner.verify FILE...`

Imports nothing but the standard library and the list of reasons, so that a fault
of the bot cannot hide in the program that looks for it. Files are given oldest
first; the hash chain is followed over their seams.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from core.reasons import Reason

DECIDED = ("at", "level", "regime", "universe", "triggers", "proposals", "verdicts", "plan")
LEVELS = ("NORMAL", "REDUCE_ONLY", "PAUSED", "HALTED")
OUTCOMES = ("TRADED", "PLANNED", "NO_TRADE", "HALTED", "FAILED")
TEXT, NUMBER, LIST, OBJECT = (str,), (int, float), (list,), (dict,)
MAYBE_TEXT, MAYBE_OBJECT = (str, type(None)), (dict, type(None))
MEMBERS: Mapping[str, tuple[type, ...]] = {
    "schema": (int,),
    "cycle": (int,),
    "cycle_id": TEXT,
    "run_id": TEXT,
    "at": TEXT,
    "mode": TEXT,
    "exchange": TEXT,
    "config": TEXT,
    "version": TEXT,
    "outcome": TEXT,
    "why": MAYBE_OBJECT,
    "level": TEXT,
    "regime": MAYBE_TEXT,
    "universe": OBJECT,
    "triggers": LIST,
    "proposals": LIST,
    "verdicts": OBJECT,
    "plan": LIST,
    "decision": MAYBE_TEXT,
    "inputs": MAYBE_TEXT,
    "orders": LIST,
    "fills": LIST,
    "portfolio": MAYBE_OBJECT,
    "timing_ms": OBJECT,
    "requests": (int,),
    "rss_mb": NUMBER,
    "prev": TEXT,
    "hash": TEXT,
}


class Bad(Exception):
    """Why a line cannot be believed."""


@dataclass(frozen=True, slots=True)
class Report:
    lines: int
    ok: bool
    first_bad: int | None  # line number over all files, as read
    where: str
    why: str | None


def verify(paths: Sequence[Path]) -> Report:
    """Read every line of every file; stop at the first that cannot be believed."""
    before: Mapping[str, Any] | None = None
    count = 0
    for path in paths:
        for number, line in enumerate(_lines(path), start=1):
            count += 1
            try:
                record = _record(line)
                for check in CHECKS:
                    check(record)
                _follows(record, before)
            except Bad as bad:
                return Report(count, False, count, f"{path}:{number}", str(bad))
            before = record
    return Report(count, True, None, "", None)


def canonical(value: object) -> bytes:
    """The one JSON form of a value: sorted keys, no spaces, UTF-8, finite numbers."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest_of(value: object) -> str:
    return f"sha256:{sha256(canonical(value)).hexdigest()}"


def _lines(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    lines = data.split(b"\n")
    yield from lines[:-1]
    if lines[-1]:
        yield lines[-1] + b" (without its end)"


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise Bad(f"is no JSON: {error}") from error
    if not isinstance(record, dict):
        raise Bad("is no JSON object")
    if canonical(record) != line:
        raise Bad("is not in canonical form")
    return record


def _shape(record: Mapping[str, Any]) -> None:
    for name, kinds in MEMBERS.items():
        if name not in record:
            raise Bad(f"lacks {name}")
        if type(record[name]) not in kinds:
            raise Bad(f"{name} is a {type(record[name]).__name__}")
    if record["schema"] != 1:
        raise Bad(f"has schema {record['schema']}, this program reads 1")
    if record["outcome"] not in OUTCOMES:
        raise Bad(f"outcome {record['outcome']} is none of {', '.join(OUTCOMES)}")
    if record["level"] not in LEVELS:
        raise Bad(f"level {record['level']} is none of {', '.join(LEVELS)}")


def _hash(record: Mapping[str, Any]) -> None:
    stated = record["hash"]
    found = digest_of({name: value for name, value in record.items() if name != "hash"})
    if found != stated:
        raise Bad(f"hash is {stated}, the line gives {found}")


def _decision(record: Mapping[str, Any]) -> None:
    if record["outcome"] == "FAILED":
        if record["decision"] is not None or record["inputs"] is not None:
            raise Bad("a FAILED cycle states a decision")
        return
    if record["inputs"] is None or record["portfolio"] is None:
        raise Bad("a decided cycle states neither inputs nor portfolio")
    members = {name: record[name] for name in DECIDED}
    members["universe"] = {
        name: part for name, part in record["universe"].items() if name != "changed"
    }
    found = digest_of(members)
    if found != record["decision"]:
        raise Bad(f"decision is {record['decision']}, its members give {found}")


def _universe(record: Mapping[str, Any]) -> None:
    try:
        eligible = set(record["universe"]["eligible"])
        groups: Mapping[str, list[str]] = record["universe"]["excluded"]
        changed: Mapping[str, Mapping[str, str]] = record["universe"]["changed"]
        excluded = [symbol for symbols in groups.values() for symbol in symbols]
    except (KeyError, TypeError, AttributeError) as error:
        raise Bad(f"universe has another shape: {error!r}") from error
    _known(groups, "universe.excluded")
    if len(excluded) != len(set(excluded)):
        raise Bad("a product is excluded twice")
    if both := sorted(eligible & set(excluded)):
        raise Bad(f"{', '.join(both)} both eligible and excluded")
    for symbol, found in changed.items():
        if symbol not in groups.get(found.get("code", ""), []):
            raise Bad(f"{symbol} changed to a code under which it is not excluded")


def _cover(record: Mapping[str, Any]) -> None:
    verdicts: Mapping[str, Any] = record["verdicts"]
    held = (record["portfolio"] or {}).get("positions", {})
    owed = set(record["universe"]["eligible"]) | set(held)
    if silent := sorted(owed - set(verdicts)):
        raise Bad(f"no verdict for {', '.join(silent)}")
    if uncalled := sorted(set(verdicts) - owed):
        raise Bad(f"a verdict for {', '.join(uncalled)}, neither eligible nor held")
    for symbol, verdict in verdicts.items():
        if not isinstance(verdict, dict) or not {"code", "seen", "limit", "key"} <= set(verdict):
            raise Bad(f"the verdict of {symbol} lacks code, seen, limit or key")
    _known([verdict["code"] for verdict in verdicts.values()], "verdicts")
    if record["outcome"] == "FAILED":
        codes = {verdict["code"] for verdict in verdicts.values()}
        if codes - {Reason.NOT_DECIDED.name}:
            raise Bad("a FAILED cycle has a verdict other than NOT_DECIDED")


def _outcome(record: Mapping[str, Any]) -> None:
    outcome, plan = record["outcome"], record["plan"]
    if (outcome in ("TRADED", "PLANNED")) != (record["why"] is None):
        raise Bad(f"why does not go with {outcome}")
    if outcome == "PLANNED" and not plan:
        raise Bad("PLANNED without a plan")
    if outcome in ("NO_TRADE", "FAILED") and plan:
        raise Bad(f"{outcome} with a plan")
    if outcome == "FAILED" and (record["triggers"] or record["proposals"]):
        raise Bad("a FAILED cycle has triggers or proposals")


def _known(codes: object, what: str) -> None:
    unknown = sorted(str(code) for code in codes if code not in Reason.__members__)  # type: ignore[attr-defined]
    if unknown:
        raise Bad(f"{what} holds codes that do not exist: {', '.join(unknown)}")


CHECKS: tuple[Callable[[Mapping[str, Any]], None], ...] = (
    _shape,
    _hash,
    _decision,
    _universe,
    _cover,
    _outcome,
)


def _follows(record: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
    if before is None:
        return
    if record["prev"] != before["hash"]:
        raise Bad(f"prev is {record['prev']}, the line before has {before['hash']}")
    if record["cycle"] <= before["cycle"]:
        raise Bad(f"cycle {record['cycle']} follows cycle {before['cycle']}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m runner.verify", description="Checks audit logs on its own, oldest first."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".jsonl or .jsonl.gz")
    parser.add_argument("--json", action="store_true", help="machine-readable output on stdout")
    given = parser.parse_args(arguments)
    try:
        report = verify(given.files)
    except (OSError, EOFError) as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(
            json.dumps(
                {
                    "lines": report.lines,
                    "ok": report.ok,
                    "first_bad": report.first_bad,
                    "why": report.why,
                }
            )
        )
    elif report.ok:
        print(f"{report.lines} lines, all sound")
        if len(given.files) == 1:
            print("one file only: what its first prev points to is unproved")
    else:
        print(f"{report.where}: {report.why}", file=sys.stderr)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
