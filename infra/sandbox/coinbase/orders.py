"""Order paths: create, preview, edit, cancel; one order, many orders, fills.

A no to an order is told with 200 and `success` false, as the venue tells it. A success
says that the venue has an order under this client id, and not that it is a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from core.market import Side
from core.money import ZERO
from core.orders import RESTING, OrderStatus
from infra.exchange.simulated.entry import Entry
from infra.exchange.simulated.request import EditRefusal, Kind, Refusal, VenueRequest
from infra.exchange.simulated.venue_rows import FillQuery, OrderQuery
from infra.sandbox.coinbase.answers import invalid, json_answer, not_found, time_of
from infra.sandbox.coinbase.estimates import estimate_row, structural_row
from infra.sandbox.coinbase.floor import Floor
from infra.sandbox.coinbase.gate import BROKERAGE
from infra.sandbox.coinbase.queries import opened, sealed, text, texts, whole
from infra.sandbox.coinbase.standing import Standing, fill_row, order_row
from infra.sandbox.coinbase.tickets import (
    Unsupported,
    body_of,
    client_id_of,
    configuration_of,
    decimal,
    request_of,
    string,
)

_CANCELS_MAX = 100  # ids of one request
_ORDERS_MAX = 1_000  # of one page
_FILLS = 100  # of one page, where the client does not say
_ROOT = f"{BROKERAGE}/orders"
# What the venue is known to say; of other refusals no words are known, and so there are none.
_WORKING = frozenset(RESTING)
_STATUSES: Mapping[str, frozenset[OrderStatus]] = {
    **dict.fromkeys(("OPEN", "PENDING", "CANCEL_QUEUED"), _WORKING),
    "FILLED": frozenset({OrderStatus.FILLED}),
    "CANCELLED": frozenset({OrderStatus.CANCELLED}),
    "EXPIRED": frozenset({OrderStatus.EXPIRED}),
    "FAILED": frozenset({OrderStatus.REFUSED}),
}
_MICROSECOND = timedelta(microseconds=1)
_WORDS = {
    Refusal.INSUFFICIENT_FUND: "Insufficient balance in source account",
    Refusal.PREVIEW_INVALID_ORDER_CONFIG: "rpc error: code = InvalidArgument desc = "
    "Market sells must be parameterized in base currency",
}


@dataclass(frozen=True, slots=True)
class OrderPaths:
    floor: Floor

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(_ROOT, self.create),
            web.post(f"{_ROOT}/preview", self.preview),
            web.post(f"{_ROOT}/edit", self.edit),
            web.post(f"{_ROOT}/edit_preview", self.edit_preview),
            web.post(f"{_ROOT}/batch_cancel", self.cancel),
            web.get(f"{_ROOT}/historical/batch", self.orders),
            web.get(f"{_ROOT}/historical/fills", self.fills),
            web.get(f"{_ROOT}/historical/{{order_id}}", self.order),
        ]

    async def create(self, request: web.Request) -> web.Response:
        body = body_of(await request.read())
        client_id, configuration = client_id_of(body), configuration_of(body)
        try:
            asked = request_of(body, client_id)
        except Unsupported as no:
            return _failure(no.error, no.preview, "", configuration)
        answer = self.floor.place(asked, configuration)
        if isinstance(answer, Refusal):
            words = _WORDS.get(answer, "")
            return _failure(answer.error, answer.preview, words, configuration)
        return _success(answer, asked, configuration)

    async def preview(self, request: web.Request) -> web.Response:
        body = body_of(await request.read())
        try:
            asked = request_of(body, None)
        except Unsupported as no:
            return json_answer(structural_row(no.preview))
        return json_answer(estimate_row(asked, self.floor.preview(asked)))

    async def edit(self, request: web.Request) -> web.Response:
        """A size or price that is left out counts as zero, as at the venue."""
        body = body_of(await request.read())
        price, size = decimal(body, "price"), decimal(body, "size")
        answer = self.floor.edit(string(body, "order_id"), price or ZERO, size or ZERO)
        match answer:
            case EditRefusal():
                errors = [{"edit_failure_reason": answer.name}]
            case Refusal():
                unknown = "UNKNOWN_EDIT_ORDER_FAILURE_REASON"
                errors = [
                    {"edit_failure_reason": unknown, "preview_failure_reason": answer.preview}
                ]
            case _:
                errors = []
        return json_answer({"success": not errors, "errors": errors})

    async def edit_preview(self, request: web.Request) -> web.Response:
        body = body_of(await request.read())
        order = self._known(string(body, "order_id"))
        asked = order.entry.request
        row = estimate_row(asked, self.floor.preview(asked))
        told = ("slippage", "order_total", "commission_total", "quote_size", "base_size")
        best = ("best_bid", "best_ask")
        rest = {name: row[name] for name in (*told, *best)}
        return json_answer({"errors": [], **rest, "average_filled_price": "0"})

    async def cancel(self, request: web.Request) -> web.Response:
        """One result an id. Success means accepted; the order tells what became of it."""
        given = body_of(await request.read()).get("order_ids")
        if not isinstance(given, list) or not given or len(given) > _CANCELS_MAX:
            raise invalid(f"order_ids must hold 1 to {_CANCELS_MAX} ids")
        results = []
        for order_id in map(str, given):
            no = self.floor.cancel(order_id)
            results.append(
                {
                    "success": no is None,
                    "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON" if no is None else no.name,
                    "order_id": order_id,
                }
            )
        return json_answer({"results": results})

    async def order(self, request: web.Request) -> web.Response:
        return json_answer({"order": order_row(self._known(request.match_info["order_id"]))})

    async def orders(self, request: web.Request) -> web.Response:
        """Newest first. OPEN leaves out what waits to be open."""
        query = request.query
        states, lives = texts(query, "order_status"), texts(query, "time_in_forces")
        page, cursor = self.floor.orders(_order_query(query, states))
        rows = [
            order_row(order)
            for order in page
            if (not states or order.state in states) and (not lives or order.life in lives)
        ]
        told = sealed(cursor)
        return json_answer(
            {"orders": rows, "sequence": "0", "has_next": bool(told), "cursor": told}
        )

    async def fills(self, request: web.Request) -> web.Response:
        """Newest first. There is no `has_next`: an empty cursor ends the pages."""
        query = request.query
        if texts(query, "order_ids") and texts(query, "product_ids", "product_id"):
            raise invalid("order_ids and product_ids cannot be combined")
        page, cursor = self.floor.fills(_fill_query(query))
        return json_answer({"fills": [fill_row(deal) for deal in page], "cursor": sealed(cursor)})

    def _known(self, order_id: str) -> Standing:
        order = self.floor.order(order_id)
        if order is None:
            raise not_found("order with this orderID was not found")
        return order


def _success(order: Entry, asked: VenueRequest, configuration: Mapping[str, Any]) -> web.Response:
    """The order of this client id; side and configuration are those of the request."""
    return json_answer(
        {
            "success": True,
            "success_response": {
                "order_id": order.exchange_order_id,
                "product_id": asked.symbol,
                "side": asked.side.value,
                "client_order_id": asked.client_order_id,
                "attached_order_id": "",
            },
            "order_configuration": configuration,
        }
    )


def _failure(
    error: str, preview: str, words: str, configuration: Mapping[str, Any]
) -> web.Response:
    told = {
        "error": error,
        "message": words,
        "error_details": "",
        "preview_failure_reason": preview,
    }
    return json_answer(
        {"success": False, "error_response": told, "order_configuration": configuration}
    )


def _order_query(query: MultiMapping[str], states: list[str]) -> OrderQuery:
    """What the simulated venue can look for itself; states in its own words."""
    side = text(query, "order_side")
    known = {_STATUSES[state] for state in states if state in _STATUSES}
    kinds = texts(query, "order_types", "order_type")
    return OrderQuery(
        exchange_order_ids=tuple(texts(query, "order_ids")),
        symbols=tuple(texts(query, "product_ids", "product_id")),
        statuses=tuple(sorted(set().union(*known), key=lambda status: status.value)),
        kinds=tuple(Kind[kind] for kind in kinds if kind in Kind.__members__),
        side=Side.__members__.get(side or ""),
        since=_instant(query, "start_date"),
        until=_instant(query, "end_date"),
        limit=whole(query, "limit", _ORDERS_MAX, _ORDERS_MAX),
        cursor=opened(query),
    )


def _fill_query(query: MultiMapping[str]) -> FillQuery:
    until = _instant(query, "end_sequence_timestamp")
    return FillQuery(
        exchange_order_ids=tuple(texts(query, "order_ids", "order_id")),
        symbols=tuple(texts(query, "product_ids", "product_id")),
        since=_instant(query, "start_sequence_timestamp"),
        until=None if until is None else until + _MICROSECOND,  # the last moment is included
        limit=whole(query, "limit", _FILLS, _ORDERS_MAX),
        cursor=opened(query),
    )


def _instant(query: MultiMapping[str], name: str) -> datetime | None:
    given = text(query, name)
    return None if given is None else time_of(given, name)
