"""Status: what the live view shows, once. `python -m runner.status`.

Reads what the bot wrote; asks no market, takes no lock, changes nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from infra.audit_log import newest_first
from infra.clock import SystemClock
from runner.command_line import parser, run
from runner.exit_codes import ExitCode, Refusal
from runner.overview import Overview, overview
from runner.places import Places, find, heartbeat

_PIPE_COLUMNS = 160  # nobody measures a pipe, and grep wants whole lines


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser("status", "What the bot is doing, as it last wrote it.").parse_args(arguments)
    places = find(given.state_dir, given.log_dir, given.mode, given.exchange)
    told = status(places)
    if given.json:
        print(json.dumps(asdict(told)))
    else:
        show(told)
    return ExitCode.FINISHED


def status(places: Places) -> Overview:
    """The last cycle on record, with the last sign of life. Raises Refusal where there is none."""
    record, alive = next(newest_first(places.own_log), None), heartbeat(places)
    if record is None:
        said = f"; the bot says {alive.get('state')}: {alive['why']}" if alive.get("why") else ""
        raise Refusal(ExitCode.USAGE, f"{places.own_log}: no cycle is on record there{said}")
    told = overview(
        record,
        _nearest(places),
        process=_text(alive.get("state")),
        next_cycle=_text(alive.get("next_cycle_at")),
        beside={name: _text(alive.get(name)) for name in ("protection", "futures")},
    )
    return replace(told, overdue=overdue(alive, SystemClock().now()))


def overdue(alive: Mapping[str, object], now: datetime) -> str | None:
    """Since when the next sign of life should have been there; None where all is well.

    A bot that ended by its own choice owes none, and one of an older version named no time.
    """
    due = _text(alive.get("overdue_at"))
    return due if due is not None and datetime.fromisoformat(due) < now else None


def show(told: Overview) -> None:
    """The page of the live view, as long as it needs to be."""
    from rich.console import Console

    from runner.page import page

    console = Console(file=sys.stdout)
    width = console.width if sys.stdout.isatty() else _PIPE_COLUMNS
    console.print(page(told, width=width, height=None), soft_wrap=True)


def _nearest(places: Places) -> Sequence[str]:
    """How near products were to a trigger: the order in the state file; none where it is amiss."""
    try:
        state = json.loads((places.folder / "state.json").read_bytes())
        return [str(symbol) for symbol in state["state"]["nearest"]]
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _text(value: object) -> str | None:
    return None if value is None else str(value)


if __name__ == "__main__":
    run(main)
