"""Audit records and logs as the contract describes them, made with the standard library only.

Digests and hashes are reckoned here a third time, so that neither the writer nor the
verifier is tested against itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

Record = dict[str, Any]

GENESIS = "sha256:" + "0" * 64
START = datetime(2025, 3, 1, 22, 30, tzinfo=UTC)
_DECIDED = ("at", "level", "regime", "universe", "triggers", "proposals", "verdicts", "plan")


def stdlib_json(value: object) -> bytes:
    """The canonical form, as any program could write it."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def fingerprint(value: object) -> str:
    return f"sha256:{sha256(stdlib_json(value)).hexdigest()}"


def a_verdict(code: str = "NO_TRIGGER", proposal: str | None = None, **changes: str) -> Record:
    said = {"code": code, "seen": "0.4%", "limit": "1%", "key": "triggers.price_move_15m.min"}
    return {**said, **changes, "proposal": proposal}


def a_record(cycle: int = 1, *, at: datetime | str | None = None, **changes: object) -> Record:
    """A cycle that planned one buy; without `prev` and `hash`, which the log adds.

    `decision` is right for whatever `changes` make of the record, unless they name it.
    """
    moment = START + timedelta(minutes=15) * (cycle - 1) if at is None else at
    record: Record = {
        "schema": 1,
        "cycle": cycle,
        "cycle_id": f"247trader-20250301T223000Z-{cycle}",
        "run_id": "a1b2c3d4e5f6",
        "at": f"{moment:%Y-%m-%dT%H:%M:%S}Z" if isinstance(moment, datetime) else moment,
        "mode": "DRY_RUN",
        "exchange": "embedded",
        "config": "sha256:" + "c" * 64,
        "version": "0.1.0",
        "outcome": "PLANNED",
        "why": None,
        "level": "NORMAL",
        "regime": "chop",
        "universe": a_universe(),
        "triggers": [a_trigger()],
        "proposals": [a_proposal_member()],
        "verdicts": {
            "BTC-USD": a_verdict(),
            "ETH-USD": a_verdict("ATR_TOO_LOW", seen="0.05%", limit="0.1%"),
            "SOL-USD": a_verdict("APPROVED", "rules:SOL-USD:BUY", seen="300 USD", limit="300 USD"),
        },
        "plan": [a_planned_member()],
        "inputs": "sha256:" + "1" * 64,
        "orders": [an_order_member()],
        "fills": [],
        "portfolio": {
            "currency": "USD",
            "equity": "10000",
            "cash": {"USD": "10000"},
            "exposure": "0",
            "positions": {},
            "foreign": {},
            "drawdown": "0%",
            "day_pnl": "0",
        },
        "timing_ms": dict.fromkeys(
            ("gather", "reconcile", "decide", "commit", "carry_out", "record", "total"), 1.25
        ),
        "requests": 6,
        "rss_mb": 51.3,
    }
    record |= changes
    return record if "decision" in record else {**record, "decision": decision_of(record)}


def a_universe() -> Record:
    return {
        "eligible": {"BTC-USD": "T1", "ETH-USD": "T1", "SOL-USD": "T2"},
        "excluded": {"STABLE_PAIR": ["USDT-USD"], "VOLUME_TOO_LOW": ["ACME-USD", "DUST-USD"]},
        "changed": {"DUST-USD": a_finding("VOLUME_TOO_LOW")},
    }


def a_finding(code: str) -> Record:
    return {"code": code, "seen": "9000 USD", "limit": "100000 USD", "key": "universe.tiers.T3"}


def a_trigger() -> Record:
    return {
        "symbol": "SOL-USD",
        "kind": "price_move_15m",
        "strength": 1.3,
        "confidence": 0.75,
        "seen": "1.3%",
    }


def a_proposal_member() -> Record:
    return {
        "id": "rules:SOL-USD:BUY",
        "symbol": "SOL-USD",
        "side": "BUY",
        "notional": "300",
        "strategy": "rules",
        "rule": "momentum",
        "conviction": 0.6125,
        "breakdown": {"base": 0.3, "strength": 0.3125},
        "stop_loss": "95.25",
        "take_profit": "110.5",
        "because": "SOL steigt – 1.3% in 15m",
    }


def a_planned_member() -> Record:
    return {
        "symbol": "SOL-USD",
        "side": "BUY",
        "type": "LIMIT",
        "time_in_force": "GTD",
        "post_only": True,
        "end_time": "2025-03-01T22:52:30Z",
        "price": "99.98",
        "quantity": "3.0006",
        "notional": "299.999988",
        "reason": "rules:SOL-USD:BUY",
    }


def an_order_member() -> Record:
    return {
        **a_planned_member(),
        "client_order_id": "0c5b3b8e-58a4-5f0c-9a7e-2f4f3b247247",
        "exchange_order_id": None,
        "filled": "0",
        "status": "NOT_SENT",
    }


def a_failed_record(cycle: int = 1, code: str = "INTERRUPTED", **changes: object) -> Record:
    """A cycle that did not decide: its special shape."""
    fields: Record = {
        "outcome": "FAILED",
        "why": {"code": code, "text": "The process died in this cycle."},
        "regime": None,
        "universe": {**a_universe(), "changed": {}},
        "triggers": [],
        "proposals": [],
        "verdicts": {
            symbol: a_verdict("NOT_DECIDED", seen=code, limit="a decision", key="cycle")
            for symbol in a_universe()["eligible"]
        },
        "plan": [],
        "decision": None,
        "inputs": None,
        "orders": [],
        "portfolio": None,
        "timing_ms": {},
    }
    return a_record(cycle, **(fields | changes))


def decision_of(record: Mapping[str, Any]) -> str:
    """The digest over what was decided."""
    members = {name: record[name] for name in _DECIDED}
    members["universe"] = {
        name: part for name, part in record["universe"].items() if name != "changed"
    }
    return fingerprint(members)


def chained(records: Iterable[Record], prev: str = GENESIS) -> list[Record]:
    """The records with `prev` and `hash`, each following the one before."""
    linked = []
    for record in records:
        line = {**record, "prev": prev}
        line["hash"] = prev = fingerprint(line)
        linked.append(line)
    return linked


def lines_of(records: Iterable[Record]) -> bytes:
    """A file of records as they are: chain them first."""
    return b"".join(stdlib_json(record) + b"\n" for record in records)
