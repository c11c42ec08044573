"""ccxt's coinbase class as judge: `python ccxt_judge.py READY_LINE`, in an environment with ccxt.

Goes through everything that the sandbox must serve it and prints what it understood as
JSON. It imports nothing of this project, so that no understanding is shared.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ccxt

PAIR = "BTC/USD"


def exchange(ready: Mapping[str, Any]) -> Any:
    key = json.loads(Path(ready["key_file"]).read_text(encoding="utf-8"))
    made = ccxt.coinbase({"apiKey": key["name"], "secret": key["privateKey"]})
    made.urls["api"]["rest"] = f"https://{ready['base_url']}"
    made.validateServerSsl = ready["ca_file"]
    made.session.trust_env = False
    return made


def judged(venue: Any) -> dict[str, Any]:
    """One report: each figure as ccxt tells it."""
    markets = venue.load_markets()
    told: dict[str, Any] = {
        "markets": sorted(markets),
        "precision": markets[PAIR]["precision"],
        "taker": markets[PAIR]["taker"],
        "cash_v2": venue.fetch_balance()["USD"],
        "cash_v3": venue.fetch_balance({"v3": True})["USD"],
        "currencies": sorted(venue.currencies),
    }
    now = venue.fetch_time()
    book = venue.fetch_order_book(PAIR, 5)
    told["book"] = {"bids": book["bids"], "asks": book["asks"]}
    told["now"] = now
    told["candles"] = venue.fetch_ohlcv(PAIR, "15m", since=now - 10 * 900_000, limit=10)
    told["trades"] = len(venue.fetch_trades(PAIR, limit=5))
    told["last"] = venue.fetch_ticker(PAIR)["last"]
    tops = venue.fetch_bids_asks([PAIR, "ETH/USD"])
    told["tops"] = {name: [top["bid"], top["ask"]] for name, top in tops.items()}
    told["tickers"] = len(venue.fetch_tickers())
    told["of_a_time"] = len(venue.fetch_trades(PAIR, now - 3_600_000, 10, {"until": now}))
    told["fees"] = venue.fetch_trading_fees()[PAIR]["maker"]
    told["moved"] = [venue.fetch_deposits("USD"), venue.fetch_withdrawals("USD")]
    orders = limit_order(venue) | market_orders(venue)
    return told | orders | special_orders(venue) | refusal(venue)


def limit_order(venue: Any) -> dict[str, Any]:
    """Placed, seen open, edited, cancelled, seen cancelled."""
    placed = venue.create_order(PAIR, "limit", "buy", 0.001, 20_000)["id"]
    rested = venue.fetch_order(placed)
    opened = [order["id"] for order in venue.fetch_open_orders(PAIR)]
    held = venue.fetch_balance({"v3": True})["USD"]["used"]
    edited = venue.edit_order(placed, PAIR, "limit", "buy", 0.002, 20_100)["info"]["success"]
    cancelled = venue.cancel_order(placed, PAIR)["info"]["success"]
    return {
        "rested": [rested["status"], rested["price"], rested["amount"]],
        "opened": opened == [placed],
        "held": held,
        "edited": edited,
        "cancelled": [cancelled, venue.fetch_order(placed)["status"]],
    }


def market_orders(venue: Any) -> dict[str, Any]:
    """Bought for 100 dollars, half of it sold; the fills in base units."""
    bought = venue.create_order(PAIR, "market", "buy", 0.001, 100_000)["id"]
    bought_now = venue.fetch_order(bought)
    sold = venue.create_order(PAIR, "market", "sell", 0.0005)["id"]
    fills = venue.fetch_my_trades(PAIR)
    return {
        "bought": [bought_now["status"], bought_now["cost"], bought_now["filled"]],
        "sold": [venue.fetch_order(sold)["status"], venue.fetch_order(sold)["filled"]],
        "fills": [[fill["side"], fill["amount"], fill["fee"]["currency"]] for fill in fills],
        "closed": sorted(order["status"] for order in venue.fetch_closed_orders(PAIR)),
    }


def special_orders(venue: Any) -> dict[str, Any]:
    """All or nothing, taken back at once with others, and a stop; then the listings."""
    far = venue.create_order(PAIR, "limit", "buy", 0.001, 20_000, {"timeInForce": "FOK"})["id"]
    near = venue.create_order(PAIR, "limit", "buy", 0.001, 200_000, {"timeInForce": "FOK"})["id"]
    stop = venue.create_order(PAIR, "limit", "sell", 0.001, 29_000, {"stopLossPrice": 30_000})["id"]
    rests = venue.fetch_order(stop)
    told = [venue.fetch_order(name)["status"] for name in (far, near)]
    gone = [order["id"] for order in venue.cancel_orders([stop], PAIR)]
    known = [order["id"] for order in venue.fetch_orders(PAIR)]
    return {
        "entire": told,
        "stop": [rests["status"], rests["triggerPrice"], gone == [stop]],
        "listed": {far, near, stop} <= set(known),
        "cancelled_listed": {far, stop} <= {o["id"] for o in venue.fetch_canceled_orders(PAIR)},
    }


def refusal(venue: Any) -> dict[str, Any]:
    try:
        venue.create_order(PAIR, "limit", "buy", 100, 20_000)
    except ccxt.InsufficientFunds:
        return {"refused": "InsufficientFunds"}
    return {"refused": None}


if __name__ == "__main__":
    print(json.dumps(judged(exchange(json.loads(sys.argv[1])))))
