"""How the audit record tells of the account: what there is, and each position with its exit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from core.account import Portfolio, Position
from core.losses import loss_since, net_equity
from core.money import Toward, plain, rounded_down
from core.state import BotState
from core.wording import instant, percent

Members = dict[str, Any]

# Finer than any booking. A lot's price is a quotient, and its last digits are nobody's money.
_FINEST = Decimal("1E-18")


def portfolio_members(portfolio: Portfolio, state: BotState) -> Members:
    equity, net, flows = portfolio.equity, net_equity(portfolio), portfolio.flows
    peak = state.equity_peak if state.equity_peak is not None else net
    opening = state.day_open.equity if state.day_open is not None else net
    week = state.week_open.equity if state.week_open is not None else net
    return {
        "currency": portfolio.currency,
        "equity": plain(equity.amount),
        "cash": {name: plain(amount) for name, amount in sorted(portfolio.cash.items())},
        "rates": {name: plain(rate.value) for name, rate in sorted(portfolio.known_rates.items())},
        "exposure": plain(portfolio.exposure.amount),
        "positions": {
            symbol: _position(portfolio, position, state)
            for symbol, position in sorted(portfolio.positions.items())
        },
        "foreign": {name: plain(amount) for name, amount in sorted(portfolio.foreign.items())},
        "dust": {name: plain(amount) for name, amount in sorted(portfolio.dust.items())},
        "quarantined": dict(sorted(portfolio.quarantined.items())),
        "unexplained": {name: plain(amount) for name, amount in state.unexplained.items()},
        "flows": plain(flows.amount),
        "drawdown": percent(loss_since(peak, net, flows), toward=Toward.CEILING),
        "day_loss": percent(loss_since(opening, net, flows), toward=Toward.CEILING),
        "week_loss": percent(loss_since(week, net, flows), toward=Toward.CEILING),
        "day_pnl": plain((net - opening).amount),
    }


def _position(portfolio: Portfolio, position: Position, state: BotState) -> Members:
    plan = state.exits[position.symbol]
    return {
        "quantity": plain(position.quantity.amount),
        "cost": plain(rounded_down(portfolio.cost(position.symbol).amount, _FINEST)),
        "value": plain(portfolio.value(position.symbol).amount),
        "opened_at": instant(plan.opened_at),
        "entry": plain(plan.entry),
        "stop": plain(plan.stop.price),
        "target": plain(plan.target.price),
        "highest_close": plain(plan.highest_close),
        "exit_attempts": plan.attempts,
    }
