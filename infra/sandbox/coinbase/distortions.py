"""Answers bent on purpose: right in substance, wrong in form, as faults ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from infra.sandbox.coinbase.answers import page
from infra.sandbox.coinbase.faults import Kind, Rule

_NULLED = frozenset({"order_configuration", "orders", "edit_history", "errors", "balance_summary"})
STRANGE = "ORDER_STATUS_OF_TOMORROW"


def bent(response: web.Response, rules: tuple[Rule, ...]) -> web.Response:
    """The answer as it leaves, after every rule that bends it."""
    for rule in rules:
        if rule.kind is Kind.EMPTY:
            return web.Response(body=b"", content_type="application/json")
        if rule.kind is Kind.HTML:
            return web.Response(body=page(200, "Just a moment").body, content_type="text/html")
        change = _CHANGES.get(rule.kind)
        body = response.body
        if change is not None and isinstance(body, bytes) and response.status == 200:
            told = _walked(msgspec.json.decode(body), change)
            response = web.Response(
                body=msgspec.json.encode(told),
                content_type="application/json",
                status=response.status,
            )
    return response


_Change = Callable[[dict[str, Any]], dict[str, Any]]


def _walked(told: Any, change: _Change) -> Any:
    """The same JSON with every object in it changed."""
    if isinstance(told, dict):
        return change({name: _walked(value, change) for name, value in told.items()})
    if isinstance(told, list):
        return [_walked(value, change) for value in told]
    return told


def _nulls(told: dict[str, Any]) -> dict[str, Any]:
    return {name: None if name in _NULLED else value for name, value in told.items()}


def _strange_status(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "status": STRANGE} if {"order_id", "status"} <= told.keys() else told


def _new_fields(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "field_of_tomorrow": {"values": ["1", None]}}


def _twice(told: dict[str, Any]) -> dict[str, Any]:
    fills = told.get("fills")
    if not isinstance(fills, list):
        return told
    return {**told, "fills": [fill for fill in fills for _ in range(2)]}


_CHANGES: Mapping[Kind, _Change] = {
    Kind.NULLS: _nulls,
    Kind.STRANGE_STATUS: _strange_status,
    Kind.NEW_FIELDS: _new_fields,
    Kind.TWICE: _twice,
}
