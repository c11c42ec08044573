"""US futures, shown in one line and never traded. Perpetuals are gone from the venue."""

from __future__ import annotations

import msgspec

from infra.exchange.coinbase.wire.values import Amount, rows


class _Summary(msgspec.Struct):
    total_usd_balance: Amount | None = None
    unrealized_pnl: Amount | None = None


class _Balance(msgspec.Struct):
    balance_summary: _Summary | None = None


class _Position(msgspec.Struct):
    product_id: str
    side: str | None = None
    number_of_contracts: str | None = None


def line(balance: bytes, positions: bytes) -> str:
    """What the account holds of futures; an account without a futures wallet says null."""
    summary = msgspec.json.decode(balance, type=_Balance).balance_summary
    if summary is None:
        return "futures: no wallet"
    held = sorted(
        f"{row.number_of_contracts or '?'} {row.product_id} {(row.side or '?').lower()}"
        for row in rows(positions, "positions", _Position)
    )
    worth = f"balance {_told(summary.total_usd_balance)}"
    gain = f"unrealised {_told(summary.unrealized_pnl)}"
    return f"futures: {worth}, {gain}, {'; '.join(held) or 'no positions'}"


def _told(amount: Amount | None) -> str:
    if amount is None or not amount.value:
        return "not told"
    return f"{amount.value} {amount.currency or ''}".rstrip()
