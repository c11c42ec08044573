"""The account: wallets, the portfolio, fees, what the key may do; futures there are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from aiohttp import web

from core.market import Balance, quote_of
from core.money import ZERO, added
from infra.sandbox.coinbase.answers import json_answer, not_found, number, time
from infra.sandbox.coinbase.floor import Floor
from infra.sandbox.coinbase.gate import BROKERAGE, KEY
from infra.sandbox.coinbase.identities import PORTFOLIO, account_id
from infra.sandbox.coinbase.listings import CASH
from infra.sandbox.coinbase.queries import cut, whole

_PAGE, _PAGE_MAX = 49, 250
_MONTH = timedelta(days=30)
_PORTFOLIO = {"name": "Default", "uuid": PORTFOLIO, "type": "DEFAULT", "deleted": False}
_SUMMARY = (
    *("futures_buying_power", "total_usd_balance", "cbi_usd_balance", "cfm_usd_balance"),
    *("total_open_orders_hold_amount", "unrealized_pnl", "daily_realized_pnl"),
    *("initial_margin", "available_margin", "liquidation_threshold", "liquidation_buffer_amount"),
)


@dataclass(frozen=True, slots=True)
class AccountPaths:
    floor: Floor
    opened_at: datetime
    worth: Callable[[str, Decimal], Decimal]  # of an amount of a currency, in USD

    def routes(self) -> list[web.RouteDef]:
        root = BROKERAGE
        return [
            web.get(f"{root}/accounts", self.accounts),
            web.get(f"{root}/accounts/{{uuid}}", self.account),
            web.get(f"{root}/portfolios", self.portfolios),
            web.get(f"{root}/portfolios/{{uuid}}", self.breakdown),
            web.get(f"{root}/transaction_summary", self.summary),
            web.get(f"{root}/key_permissions", self.permissions),
            web.get(f"{root}/payment_methods", self.payment_methods),
            web.get(f"{root}/payment_methods/{{name}}", self.payment_method),
            web.get(f"{root}/cfm/balance_summary", self.futures),
            web.get(f"{root}/cfm/positions", self.futures_positions),
            web.get(f"{root}/cfm/positions/{{name}}", self.futures_position),
            web.get(f"{root}/cfm/sweeps", self.sweeps),
        ]

    async def accounts(self, request: web.Request) -> web.Response:
        query = request.query
        limit = whole(query, "limit", _PAGE, _PAGE_MAX)
        balances = self.floor.balances()
        page, cursor = cut(balances, _account_of, query.get("cursor"), limit)
        rows = [self._row(balance) for balance in page]
        told = {"accounts": rows, "has_next": bool(cursor), "cursor": cursor, "size": len(rows)}
        return json_answer(told)

    async def account(self, request: web.Request) -> web.Response:
        wanted = request.match_info["uuid"]
        for balance in self.floor.balances():
            if _account_of(balance) == wanted:
                return json_answer({"account": self._row(balance)})
        raise not_found("account not found")

    async def portfolios(self, request: web.Request) -> web.Response:
        fits = request.query.get("portfolio_type") in (None, "", "UNDEFINED", _PORTFOLIO["type"])
        return json_answer({"portfolios": [_PORTFOLIO] if fits else []})

    async def breakdown(self, request: web.Request) -> web.Response:
        """Its numbers are floats, as the venue writes them."""
        if request.match_info["uuid"] != PORTFOLIO:
            raise not_found("portfolio not found")
        cash, coins, positions = ZERO, ZERO, []
        for balance in self.floor.balances():
            worth = self.worth(balance.currency, balance.total)
            is_cash = balance.currency in CASH
            cash, coins = (added(cash, worth), coins) if is_cash else (cash, added(coins, worth))
            if balance.total:
                positions.append(self._position(balance, worth))
        totals = {
            "total_balance": _usd(added(cash, coins)),
            "total_futures_balance": _usd(ZERO),
            "total_cash_equivalent_balance": _usd(cash),
            "total_crypto_balance": _usd(coins),
            "futures_unrealized_pnl": _usd(ZERO),
            "perp_unrealized_pnl": _usd(ZERO),
        }
        return json_answer(
            {
                "breakdown": {
                    "portfolio": _PORTFOLIO,
                    "portfolio_balances": totals,
                    "spot_positions": positions,
                    "perp_positions": [],
                    "futures_positions": [],
                }
            }
        )

    async def summary(self, _: web.Request) -> web.Response:
        """Volume and fees of the last 30 days, and the rates they lead to."""
        since = self.floor.now() - _MONTH
        recent = self.floor.traded_since(since)
        volume = float(added(*(self._in_usd(d.symbol, d.notional) for d in recent)))
        paid = float(added(*(self._in_usd(d.symbol, d.fee) for d in recent)))
        fees = self.floor.fees()
        return json_answer(
            {
                "total_volume": volume,
                "total_fees": paid,
                "fee_tier": {
                    "pricing_tier": "Sandbox",
                    "usd_from": "0",
                    "usd_to": "",
                    "taker_fee_rate": number(fees.taker.value),
                    "maker_fee_rate": number(fees.maker.value),
                    "aop_from": "",
                    "aop_to": "",
                },
                "margin_rate": None,
                "goods_and_services_tax": None,
                "advanced_trade_only_volume": volume,
                "advanced_trade_only_fees": paid,
                "coinbase_pro_volume": 0,
                "coinbase_pro_fees": 0,
                "total_balance": "",
                "has_promo_fee": False,
            }
        )

    async def permissions(self, request: web.Request) -> web.Response:
        may = request[KEY].permissions
        return json_answer(
            {
                "can_view": True,
                "can_trade": may.may_trade,
                "can_transfer": may.may_transfer,
                "portfolio_uuid": PORTFOLIO,
                "portfolio_type": "DEFAULT",
            }
        )

    async def payment_methods(self, _: web.Request) -> web.Response:
        return json_answer({"payment_methods": []})

    async def payment_method(self, _: web.Request) -> web.Response:
        raise not_found("payment method not found")

    async def futures(self, _: web.Request) -> web.Response:
        """An empty wallet. The venue says null where there is none; a fault does so here."""
        empty = {name: {"value": "0", "currency": "USD"} for name in _SUMMARY}
        told = {**empty, "liquidation_buffer_percentage": "0"}
        return json_answer({"balance_summary": told})

    async def futures_positions(self, _: web.Request) -> web.Response:
        return json_answer({"positions": []})

    async def futures_position(self, _: web.Request) -> web.Response:
        raise not_found("position not found")

    async def sweeps(self, _: web.Request) -> web.Response:
        return json_answer({"sweeps": []})

    def _row(self, balance: Balance) -> Mapping[str, Any]:
        code, opened = balance.currency, time(self.opened_at)
        return {
            "uuid": account_id(code),
            "name": f"{code} Wallet",
            "currency": code,
            "available_balance": {"value": number(balance.available.amount), "currency": code},
            "default": True,
            "active": True,
            "created_at": opened,
            "updated_at": opened,
            "deleted_at": None,
            "type": "ACCOUNT_TYPE_FIAT" if code in CASH else "ACCOUNT_TYPE_CRYPTO",
            "ready": code in CASH,
            "hold": {"value": number(balance.held), "currency": code},
            "retail_portfolio_id": PORTFOLIO,
            "platform": "ACCOUNT_PLATFORM_CONSUMER",
        }

    def _position(self, balance: Balance, worth: Decimal) -> Mapping[str, Any]:
        return {
            "asset": balance.currency,
            "account_uuid": account_id(balance.currency),
            "total_balance_fiat": float(worth),
            "total_balance_crypto": float(balance.total),
            "available_to_trade_fiat": float(
                self.worth(balance.currency, balance.available.amount)
            ),
            "allocation": 0.0,
            "one_day_change": 0,
            "cost_basis": {"value": "", "currency": "USD"},
            "asset_img_url": "",
            "is_cash": balance.currency in CASH,
        }

    def _in_usd(self, symbol: str, amount: Decimal) -> Decimal:
        return self.worth(quote_of(symbol), amount)


def _account_of(balance: Balance) -> str:
    return account_id(balance.currency)


def _usd(amount: Decimal) -> Mapping[str, Any]:
    return {"value": float(amount), "currency": "USD"}
