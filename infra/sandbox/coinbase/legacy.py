"""Paths of the older API (/v2) that other clients still ask: currencies, rates, accounts, time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from core.market import Balance
from core.money import ONE, Toward, divided
from infra.sandbox.coinbase.answers import json_answer, not_found, number, seconds
from infra.sandbox.coinbase.identities import account_id, named
from infra.sandbox.coinbase.listings import CASH
from infra.sandbox.coinbase.quotes import Quotes

_BASE = "USD"
_PAGINATION = {
    "ending_before": None,
    "starting_after": None,
    "previous_ending_before": None,
    "next_starting_after": None,
    "limit": 250,
    "order": "desc",
    "previous_uri": None,
    "next_uri": None,
}


@dataclass(frozen=True, slots=True)
class LegacyPaths:
    quotes: Quotes
    balances: Callable[[], tuple[Balance, ...]]
    told_now: Callable[[], datetime]

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v2/currencies", self.fiat),
            web.get("/v2/currencies/crypto", self.crypto),
            web.get("/v2/exchange-rates", self.rates),
            web.get("/v2/prices/{symbol}/{kind:buy|sell|spot}", self.price),
            web.get("/v2/accounts", self.accounts),
            web.get("/v2/accounts/{account}/{moved:deposits|withdrawals}", self.moved),
            web.get("/v2/time", self.time),
        ]

    async def fiat(self, _: web.Request) -> web.Response:
        there = sorted(CASH & self._currencies())
        rows = [{"id": code, "name": code, "min_size": "0.01"} for code in there]
        return json_answer({"data": rows})

    async def crypto(self, _: web.Request) -> web.Response:
        there = sorted(self._currencies() - CASH)
        rows = [
            {
                "asset_id": named("asset", code),
                "code": code,
                "name": code,
                "color": "#000000",
                "sort_index": place,
                "exponent": 8,
                "type": "crypto",
                "address_regex": "",
            }
            for place, code in enumerate(there, start=100)
        ]
        return json_answer({"data": rows})

    async def rates(self, request: web.Request) -> web.Response:
        """Units of each currency for one of the base."""
        products = self.quotes.products().values()
        pairs = {product.base: product.symbol for product in products if product.quote == _BASE}
        tops = self.quotes.tops(list(pairs.values()))
        rates = {_BASE: "1"} | {
            code: number(divided(ONE, tops[symbol].mid, toward=Toward.FLOOR))
            for code, symbol in sorted(pairs.items())
            if symbol in tops
        }
        base = request.query.get("currency", _BASE)
        return json_answer({"data": {"currency": base, "rates": rates}})

    async def price(self, request: web.Request) -> web.Response:
        """What is paid to buy, what is had for a sale, and the middle."""
        symbol = request.match_info["symbol"]
        top = self.quotes.tops([symbol]).get(symbol)
        if top is None:
            raise not_found("Invalid base currency")
        price = {"buy": top.ask, "sell": top.bid, "spot": top.mid}[request.match_info["kind"]]
        base, _, quote = symbol.partition("-")
        return json_answer({"data": {"amount": number(price), "base": base, "currency": quote}})

    async def moved(self, request: web.Request) -> web.Response:
        """Nothing was ever paid in or out here."""
        known = {account_id(balance.currency) for balance in self.balances()}
        if request.match_info["account"] not in known | {b.currency for b in self.balances()}:
            raise not_found("account not found")
        return json_answer({"pagination": _PAGINATION, "data": []})

    async def accounts(self, _: web.Request) -> web.Response:
        rows = [
            {
                "id": account_id(balance.currency),
                "name": f"{balance.currency} Wallet",
                "primary": False,
                "type": "fiat" if balance.currency in CASH else "wallet",
                "currency": {"code": balance.currency, "name": balance.currency},
                "balance": {"amount": number(balance.total), "currency": balance.currency},
                "created_at": None,
                "updated_at": None,
                "resource": "account",
                "resource_path": f"/v2/accounts/{account_id(balance.currency)}",
                "allow_deposits": True,
                "allow_withdrawals": True,
            }
            for balance in self.balances()
        ]
        return json_answer({"pagination": _PAGINATION, "data": rows})

    async def time(self, _: web.Request) -> web.Response:
        now = self.told_now()
        iso = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        return json_answer({"data": {"iso": iso, "epoch": seconds(now)}})

    def _currencies(self) -> set[str]:
        products = self.quotes.products().values()
        return {code for product in products for code in (product.base, product.quote)}
