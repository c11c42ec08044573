"""A venue that plays a script: what comes back to each request, and what was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Lock
from typing import Any

from config.settings import ExchangeSettings
from core.market import Fees
from core.money import Ratio
from infra.exchange.coinbase.assembly import transport_of
from infra.exchange.coinbase.exchange import CoinbaseExchange
from infra.exchange.coinbase.link import LinkError, Reply, Request
from infra.exchange.coinbase.transport import Transport
from tests.builders.shipped import shipped_configuration

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ASSUMED = Fees(maker=Ratio(Decimal("0.004")), taker=Ratio(Decimal("0.006")))


SETTINGS = shipped_configuration().settings


def terms(**changed: Any) -> ExchangeSettings:
    """The shipped section `exchange`, with some keys changed."""
    return replace(SETTINGS.exchange, **changed)


def said(body: object, status: int = 200, dated: datetime | None = None) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, raw, dated)


def lost(code: str = "TIMEOUT", *, sent: bool = True) -> LinkError:
    return LinkError(code, "no answer", sent=sent)


@dataclass
class HandClock:
    """A clock and a timer that move only when somebody sleeps or sets them."""

    at: datetime = NOON
    seconds: float = 1000.0
    slept: list[float] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds
        self.at += timedelta(seconds=seconds)


@dataclass
class ScriptedLink:
    """Link: "GET /accounts" -> what is said, the last one again and again.

    The longest name that a request begins with is its line of the script.
    """

    script: dict[str, Any]
    asked: list[Request] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def send(self, request: Request, seconds: float) -> Reply:
        assert seconds > 0
        with self._lock:
            self.asked.append(request)
            line = self._line(request)
        if callable(line):
            line = line(request)
        if isinstance(line, LinkError):
            raise line
        assert isinstance(line, Reply)
        return line

    @property
    def names(self) -> list[str]:
        return [request.name for request in self.asked]

    def _line(self, request: Request) -> Any:
        fitting = [name for name in self.script if request.name.startswith(name)]
        assert fitting, f"the script has nothing for {request.name}"
        line = self.script[max(fitting, key=len)]
        if isinstance(line, list):
            return line.pop(0) if len(line) > 1 else line[0]
        return line


@dataclass
class Scene:
    """An exchange over a script."""

    link: ScriptedLink
    clock: HandClock
    transport: Transport
    exchange: CoinbaseExchange


def a_scene(script: dict[str, Any], *, signed: bool = True, **changed: Any) -> Scene:
    """Over the shipped settings with some keys changed."""
    return a_scene_of(terms(**changed), script, signed=signed)


def a_scene_of(
    given: ExchangeSettings,
    script: dict[str, Any],
    *,
    signed: bool = True,
    shows_futures: bool = False,
) -> Scene:
    link, clock = ScriptedLink(script), HandClock()
    transport = transport_of(lambda: link, given, clock, clock, signed=signed)
    exchange = CoinbaseExchange(transport, ASSUMED, shows_futures=shows_futures)
    return Scene(link, clock, transport, exchange)


def a_row(symbol: str = "BTC-USD", /, **changes: object) -> dict[str, object]:
    """A product as the list shows it."""
    base, _, quote = symbol.partition("-")
    row = {
        "product_id": symbol,
        "price": "102605.49",
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "price_increment": "0.01",
        "base_min_size": "0.00000001",
        "base_max_size": "3400",
        "quote_min_size": "1",
        "quote_max_size": "150000000",
        "is_disabled": False,
        "new": False,
        "status": "online",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": False,
        "auction_mode": False,
        "view_only": False,
        "product_type": "SPOT",
        "product_venue": "CBE",
        "quote_currency_id": quote,
        "base_currency_id": base,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
        "alias": "",
        "alias_to": [],
        "new_at": None,
        "a_field_of_next_year": {"nested": [1, 2.5]},
    }
    return {**row, **changes}


def an_order_row(**changes: object) -> dict[str, object]:
    """An order as the venue tells of it: a resting buy."""
    row = {
        "order_id": "e5ed0e4f-0000-4000-8000-000000000001",
        "product_id": "BTC-USD",
        "user_id": "u",
        "order_configuration": {
            "limit_limit_gtd": {
                "base_size": "0.10",
                "limit_price": "100.0",
                "post_only": True,
                "end_time": "2026-11-20T12:20:00Z",
                "rfq_disabled": False,
            }
        },
        "side": "BUY",
        "client_order_id": "3a7b42c6-0000-5000-8000-000000000001",
        "status": "OPEN",
        "time_in_force": "GOOD_UNTIL_DATE_TIME",
        "created_time": "2026-11-20T12:00:00.123456789Z",
        "completion_percentage": "0",
        "filled_size": "0",
        "average_filled_price": "0",
        "fee": "",
        "number_of_fills": "0",
        "filled_value": "0",
        "pending_cancel": False,
        "size_in_quote": False,
        "total_fees": "0",
        "trigger_status": "INVALID_ORDER_TYPE",
        "order_type": "LIMIT",
        "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "settled": False,
        "product_type": "SPOT",
        "reject_message": "",
        "cancel_message": "",
        "last_fill_time": None,
        "leverage": "",
        "edit_history": [],
    }
    return {**row, **changes}


def a_fill_row(**changes: object) -> dict[str, object]:
    """A fill as it was recorded: one dollar of ALGO by a quote-sized market buy."""
    row = {
        "entry_id": "2e95db7b",
        "trade_id": "6899d7ea",
        "order_id": "1f71a67f",
        "trade_time": "2023-01-28T17:07:27.376Z",
        "trade_type": "FILL",
        "price": "0.255",
        "size": "0.9940357852882704",
        "commission": "0.0059642147117296",
        "product_id": "ALGO-USD",
        "sequence_timestamp": "2023-01-28T17:07:27.382084Z",
        "liquidity_indicator": "TAKER",
        "size_in_quote": True,
        "user_id": "u",
        "side": "BUY",
    }
    return {**row, **changes}
