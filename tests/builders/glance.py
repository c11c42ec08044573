"""Audit records as the screen gets them, and the Turn that brings one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.next_state import newborn
from infra.audit_record import Record
from runner.cycle import Turn
from runner.overview import Overview, overview

SHOWN_AT = datetime(2025, 3, 1, 12, tzinfo=UTC)
DUE = SHOWN_AT + timedelta(minutes=15)


def a_shown_verdict(code: str = "NO_TRIGGER", seen: str = "0.4%", limit: str = "1%") -> Record:
    return {"code": code, "seen": seen, "limit": limit, "key": f"key.{code}", "proposal": None}


def a_shown_exit(code: str = "HELD") -> Record:
    seen, limit = "bid 2250 USD", "stop 2160 USD, 4% away"
    return {"code": code, "seen": seen, "limit": limit, "key": "exits.stop_loss"}


def a_shown_position() -> Record:
    return {"quantity": "0.5", "cost": "1100.5", "value": "1123.456"}


def a_shown_proposal(symbol: str, conviction: float, side: str = "BUY") -> Record:
    return {
        "id": f"rules:{symbol}:{side}",
        "symbol": symbol,
        "side": side,
        "notional": "300",
        "rule": "momentum",
        "conviction": conviction,
    }


def a_shown_order(symbol: str) -> Record:
    return {
        "symbol": symbol,
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "0.1125",
        "price": "2775.44",
        "notional": "312.24",
        "time_in_force": "GTD",
    }


def a_shown_account(**positions: Record) -> Record:
    return {
        "currency": "USD",
        "equity": "10123.456",
        "cash": {"USD": "9000", "EUR": "7"},
        "exposure": "1123.456",
        "drawdown": "1.25%",
        "day_pnl": "-23.4",
        "week_loss": "0.75%",
        "positions": positions,
    }


def a_shown_record(**changes: object) -> Record:
    """A calm cycle: three products looked at, one left out, nothing held, nothing wanted."""
    return {
        "mode": "DRY_RUN",
        "exchange": "embedded",
        "level": "NORMAL",
        "standing": {"code": "", "text": "", "since": "2025-03-01T00:00:00Z"},
        "cycle": 42,
        "at": "2025-03-01T12:00:00Z",
        "outcome": "NO_TRADE",
        "why": {**a_shown_verdict(), "symbol": "ETH-USD", "text": "Nothing happened."},
        "regime": "chop",
        "universe": {
            "eligible": {"ADA-USD": "T2", "BTC-USD": "T1", "ETH-USD": "T1"},
            "excluded": {"STABLE_PAIR": ["USDT-USD"]},
        },
        "triggers": [],
        "proposals": [],
        "verdicts": {
            "ADA-USD": a_shown_verdict(seen="0.1%"),
            "BTC-USD": a_shown_verdict("COOLDOWN", "1h", "2h"),
            "ETH-USD": a_shown_verdict(),
        },
        "plan": [],
        "orders": [],
        "fills": [],
        "portfolio": a_shown_account(),
        "timing_ms": {"total": 14.0},
        **changes,
    }


def a_turn(record: Record | None = None, *, nearest: tuple[str, ...] = ()) -> Turn:
    state = newborn("bot", SHOWN_AT)
    return Turn(replace(state, cycle=42, at=SHOWN_AT, nearest=nearest), None, record)


def told_of(record: Record, nearest: tuple[str, ...] = ()) -> Overview:
    return overview(record, nearest, process="RUNNING", next_cycle="2025-03-01T12:15:00Z")
