"""Status: mode, level and why, last cycle, equity, next cycle. `python -m runner.status`.

Reads what the bot wrote; asks no market, takes no lock, changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from infra.audit_log import newest_first
from runner.command_line import parser, run
from runner.exit_codes import ExitCode, Refusal
from runner.places import Places, find, heartbeat


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser("status", "What the bot is doing, as it last wrote it.").parse_args(arguments)
    places = find(given.state_dir, given.log_dir, given.mode, given.exchange)
    facts = status(places)
    if given.json:
        print(json.dumps(facts))
    else:
        for name, value in facts.items():
            print(f"{name:<12} {_shown(value)}")
    return ExitCode.FINISHED


def status(places: Places) -> dict[str, Any]:
    """The same facts for people and machines."""
    record = next(newest_first(places.own_log), None)
    if record is None:
        raise Refusal(ExitCode.USAGE, f"{places.own_log}: no cycle is on record there")
    alive = heartbeat(places)
    portfolio = record["portfolio"] or {}
    return {
        "mode": record["mode"],
        "exchange": record["exchange"],
        "level": record["level"],
        "cycle": record["cycle"],
        "at": record["at"],
        "outcome": record["outcome"],
        "why": record["why"],
        "regime": record["regime"],
        "equity": portfolio.get("equity"),
        "currency": portfolio.get("currency"),
        "drawdown": portfolio.get("drawdown"),
        "positions": portfolio.get("positions", {}),
        "open_orders": [order for order in record["orders"] if order["status"] == "OPEN"],
        "eligible": len(record["universe"]["eligible"]),
        "process": alive.get("state"),
        "next_cycle": alive.get("next_cycle_at"),
    }


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list):
        return f"{len(value)}" if value else "none"
    return "-" if value is None else str(value)


if __name__ == "__main__":
    run(main)
