"""Order paths: create, preview, edit, cancel; one order, many orders, fills.

A no to an order is told with 200 and `success` false, as the venue tells it. A success
says that the venue has an order under this client id, and not that it is a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from infra.exchange.simulated.entry import Entry
from infra.exchange.simulated.request import EditRefusal, Refusal, VenueRequest
from infra.sandbox.coinbase.answers import invalid, json_answer, not_found, number
from infra.sandbox.coinbase.estimates import estimate_row, structural_row
from infra.sandbox.coinbase.floor import Floor
from infra.sandbox.coinbase.gate import BROKERAGE
from infra.sandbox.coinbase.searches import fill_page, order_page
from infra.sandbox.coinbase.standing import Standing, fill_row, order_row
from infra.sandbox.coinbase.tickets import (
    Unsupported,
    body_of,
    change_of,
    client_id_of,
    echo_of,
    request_of,
    string,
)

_CANCELS_MAX = 100  # ids of one request
_ROOT = f"{BROKERAGE}/orders"
# What the venue is known to say; of other refusals no words are known, and so there are none.
_EDITED = (
    *("slippage", "order_total", "commission_total", "quote_size", "base_size"),
    *("best_bid", "best_ask", "average_filled_price"),
)
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
            web.post(f"{_ROOT}/close_position", self.close_position),
            web.get(f"{_ROOT}/historical/batch", self.orders),
            web.get(f"{_ROOT}/historical/fills", self.fills),
            web.get(f"{_ROOT}/historical/{{order_id}}", self.order),
        ]

    async def create(self, request: web.Request) -> web.Response:
        body = body_of(await request.read())
        client_id, configuration = client_id_of(body), echo_of(body)
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
        answer = self.floor.edit(string(body, "order_id"), change_of(body))
        no = answer if isinstance(answer, EditRefusal | Refusal) else None
        errors = [] if no is None else [_edit_error(no)]
        return json_answer({"success": not errors, "errors": errors})

    async def edit_preview(self, request: web.Request) -> web.Response:
        """What the order would cost as changed, or why it cannot be changed so."""
        body = body_of(await request.read())
        order_id, change = string(body, "order_id"), change_of(body)
        answer = self.floor.preview_edit(order_id, change)
        if isinstance(answer, EditRefusal):
            return json_answer({"errors": [_edit_error(answer)], **dict.fromkeys(_EDITED, "")})
        order = self._known(order_id)
        asked = replace(order.entry.request, price=change.price, quantity=change.quantity)
        row = estimate_row(asked, answer)
        told = {name: row[name] for name in _EDITED if name in row}
        errors = [_edit_error(no) for no in answer.refusals]
        return json_answer(
            {"errors": errors, **told, "average_filled_price": number(order.average)}
        )

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

    async def close_position(self, request: web.Request) -> web.Response:
        """Of futures alone; there are none here, so there is nothing to close."""
        body = body_of(await request.read())
        client_id_of(body)
        string(body, "product_id")
        refused = "CANNOT_CLOSE_ZERO_POSITION"
        return _failure(refused, f"PREVIEW_{refused}", "", {})

    async def order(self, request: web.Request) -> web.Response:
        return json_answer({"order": order_row(self._known(request.match_info["order_id"]))})

    async def orders(self, request: web.Request) -> web.Response:
        """Newest first. OPEN leaves out what waits to be open."""
        page, cursor = order_page(self.floor, request.query)
        rows = [order_row(order) for order in page]
        told = {"orders": rows, "sequence": "0", "has_next": bool(cursor), "cursor": cursor}
        return json_answer(told)

    async def fills(self, request: web.Request) -> web.Response:
        """Newest first. There is no `has_next`: an empty cursor ends the pages."""
        page, cursor = fill_page(self.floor, request.query)
        return json_answer({"fills": [fill_row(deal) for deal in page], "cursor": cursor})

    def _known(self, order_id: str) -> Standing:
        order = self.floor.order(order_id)
        if order is None:
            raise not_found("order with this orderID was not found")
        return order


def _edit_error(no: EditRefusal | Refusal) -> Mapping[str, str]:
    if isinstance(no, EditRefusal):
        return {"edit_failure_reason": no.name}
    unknown = "UNKNOWN_EDIT_ORDER_FAILURE_REASON"
    return {"edit_failure_reason": unknown, "preview_failure_reason": no.preview}


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
