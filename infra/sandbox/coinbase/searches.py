"""Searches as clients word them: which orders or fills, in which order, page by page.

A page is full as long as there is more, whatever its filters leave out. A word that the
venue does not know is refused; a market that is not served here has no orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from multidict import MultiMapping

from core.market import Side, base_of, quote_of
from core.money import ZERO
from core.orders import RESTING, OrderStatus
from infra.exchange.simulated.entry import Deal
from infra.exchange.simulated.request import Kind
from infra.exchange.simulated.venue_rows import FillQuery, OrderQuery
from infra.sandbox.coinbase.answers import EPOCH, invalid, time_of
from infra.sandbox.coinbase.floor import Floor
from infra.sandbox.coinbase.identities import PORTFOLIO
from infra.sandbox.coinbase.queries import cut, opened, sealed, text, texts, whole
from infra.sandbox.coinbase.standing import Standing, trade_id

T = TypeVar("T")

_ORDERS_MAX = 1_000  # of one page
_FILLS = 100  # of one page, where the client does not say
_MICROSECOND = timedelta(microseconds=1)
_WORKING = frozenset(RESTING)
# The venue's words for a state, and what the simulated venue calls it.
_STATES: Mapping[str, frozenset[OrderStatus]] = {
    **dict.fromkeys(("OPEN", "PENDING", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED"), _WORKING),
    "FILLED": frozenset({OrderStatus.FILLED}),
    "CANCELLED": frozenset({OrderStatus.CANCELLED}),
    "EXPIRED": frozenset({OrderStatus.EXPIRED}),
    "FAILED": frozenset({OrderStatus.REFUSED}),
    "UNKNOWN_ORDER_STATUS": frozenset(),
}
_KINDS = frozenset(
    {"UNKNOWN_ORDER_TYPE", "MARKET", "LIMIT", "STOP", "STOP_LIMIT", "BRACKET", "TWAP"}
    | {"ROLL_OPEN", "ROLL_CLOSE", "LIQUIDATION", "SCALED"}
)
_LIVES = frozenset(
    {"UNKNOWN_TIME_IN_FORCE", "GOOD_UNTIL_DATE_TIME", "GOOD_UNTIL_CANCELLED"}
    | {"IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"}
)
_SIDES = frozenset({"UNKNOWN_ORDER_SIDE", "BUY", "SELL"})
# All that is served is spot, placed with the advanced form, in one portfolio.
_OWN: Mapping[str, frozenset[str]] = {
    "product_type": frozenset({"SPOT", "UNKNOWN_PRODUCT_TYPE"}),
    "order_placement_source": frozenset({"RETAIL_ADVANCED", "UNKNOWN_PLACEMENT_SOURCE"}),
    "retail_portfolio_id": frozenset({PORTFOLIO}),
}
_ORDER_KEYS: Mapping[str, Callable[[Standing], Any]] = {
    "LIMIT_PRICE": lambda order: order.entry.request.price or ZERO,
    "LAST_FILL_TIME": lambda order: order.entry.last_fill_at or EPOCH,
    "LAST_UPDATE_TIME": lambda order: order.entry.updated_at or order.entry.created_at,
}
_FILL_KEYS: Mapping[str, Callable[[Deal], Any]] = {"PRICE": lambda deal: deal.price}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What of an order's words must fit; an empty set fits all."""

    states: frozenset[str]
    lives: frozenset[str]
    kinds: frozenset[str]
    assets: frozenset[str]

    def fits(self, order: Standing) -> bool:
        request = order.entry.request
        assets = {base_of(request.symbol), quote_of(request.symbol)}
        return (
            (not self.states or order.state in self.states)
            and (not self.lives or order.life in self.lives)
            and (not self.kinds or request.kind.value in self.kinds)
            and (not self.assets or bool(self.assets & assets))
        )


def order_page(floor: Floor, query: MultiMapping[str]) -> tuple[list[Standing], str]:
    """Newest first unless it is said otherwise, and the cursor of the next page."""
    wanted = _Wanted(
        _words(query, _STATES.keys(), "order_status"),
        _words(query, _LIVES, "time_in_forces"),
        _words(query, _KINDS, "order_types", "order_type"),
        frozenset(texts(query, "asset_filters")),
    )
    asked, limit = _order_query(query, wanted), whole(query, "limit", _ORDERS_MAX, _ORDERS_MAX)
    if not _is_here(query):
        return [], ""

    def read(cursor: str) -> tuple[list[Standing], str]:
        return floor.orders(replace(asked, cursor=cursor))

    key = _ORDER_KEYS.get(query.get("sort_by", ""))
    if key is not None:
        rows = sorted(_all(read, wanted.fits), key=key, reverse=True)
        page, cursor = cut(rows, _order_id, query.get("cursor"), limit)
        return list(page), cursor
    return _page(read, wanted.fits, lambda order: order.entry.number, (opened(query), limit))


def fill_page(floor: Floor, query: MultiMapping[str]) -> tuple[list[Deal], str]:
    """The same for fills."""
    if texts(query, "order_ids") and texts(query, "product_ids", "product_id"):
        raise invalid("order_ids and product_ids cannot be combined")
    named = frozenset(texts(query, "trade_ids"))
    asked, limit = _fill_query(query), whole(query, "limit", _FILLS, _ORDERS_MAX)
    if not _is_here(query):
        return [], ""

    def read(cursor: str) -> tuple[list[Deal], str]:
        return floor.fills(replace(asked, cursor=cursor))

    def fits(deal: Deal) -> bool:
        return not named or trade_id(deal) in named

    key = _FILL_KEYS.get(query.get("sort_by", ""))
    if key is not None:
        rows = sorted(_all(read, fits), key=key, reverse=True)
        page, cursor = cut(rows, lambda deal: deal.fill_id, query.get("cursor"), limit)
        return list(page), cursor
    return _page(read, fits, lambda deal: deal.number, (opened(query), limit))


def _order_query(query: MultiMapping[str], wanted: _Wanted) -> OrderQuery:
    """What the simulated venue can look for itself; states in its own words."""
    sides = _words(query, _SIDES, "order_side") - {"UNKNOWN_ORDER_SIDE"}
    statuses = frozenset[OrderStatus]().union(*(_STATES[state] for state in wanted.states))
    return OrderQuery(
        exchange_order_ids=tuple(texts(query, "order_ids")),
        symbols=tuple(texts(query, "product_ids", "product_id")),
        statuses=tuple(sorted(statuses, key=lambda status: status.value)),
        kinds=tuple(Kind[kind] for kind in sorted(wanted.kinds) if kind in Kind.__members__),
        side=Side[next(iter(sides))] if len(sides) == 1 else None,
        since=_instant(query, "start_date"),
        until=_instant(query, "end_date"),
    )


def _fill_query(query: MultiMapping[str]) -> FillQuery:
    until = _instant(query, "end_sequence_timestamp")
    return FillQuery(
        exchange_order_ids=tuple(texts(query, "order_ids", "order_id")),
        symbols=tuple(texts(query, "product_ids", "product_id")),
        since=_instant(query, "start_sequence_timestamp"),
        until=None if until is None else until + _MICROSECOND,  # the last moment is included
        limit=_ORDERS_MAX,
    )


def _is_here(query: MultiMapping[str]) -> bool:
    given = ((name, text(query, name)) for name in _OWN)
    return all(word is None or word in _OWN[name] for name, word in given)


def _words(query: MultiMapping[str], known: Any, *names: str) -> frozenset[str]:
    given = frozenset(texts(query, *names))
    if not given <= frozenset(known):
        raise invalid(f"{names[0]} argument is invalid")
    return given


def _instant(query: MultiMapping[str], name: str) -> datetime | None:
    given = text(query, name)
    return None if given is None else time_of(given, name)


def _order_id(order: Standing) -> str:
    return order.entry.exchange_order_id


def _page(
    read: Callable[[str], tuple[list[T], str]],
    fits: Callable[[T], bool],
    number: Callable[[T], int],
    place: tuple[str, int],
) -> tuple[list[T], str]:
    """Up to so many that fit from a cursor on; one more is looked for, to know whether to go on."""
    cursor, limit = place
    if cursor and not cursor.isdecimal():
        raise invalid("cursor is invalid")
    found: list[T] = []
    while True:
        rows, following = read(cursor)
        for row in filter(fits, rows):
            if len(found) == limit:
                return found, sealed(str(number(found[-1])))
            found.append(row)
        if not following:
            return found, ""
        cursor = following


def _all(read: Callable[[str], tuple[list[T], str]], fits: Callable[[T], bool]) -> list[T]:
    found: list[T] = []
    cursor = ""
    while True:
        rows, cursor = read(cursor)
        found += filter(fits, rows)
        if not cursor:
            return found
