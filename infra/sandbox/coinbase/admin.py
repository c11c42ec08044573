"""The sandbox's own address: the exact truth, the journal, faults and the clock.

No token, because it is on loopback only and no part of the venue. A rehearsal compares
its own books with what is told here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import msgspec
from aiohttp import web

from infra.sandbox.coinbase.answers import invalid, json_answer, number, time, time_of
from infra.sandbox.coinbase.faults import BadPlan, Faults, read_plan
from infra.sandbox.coinbase.floor import Floor
from infra.sandbox.coinbase.gate import ADMIN
from infra.sandbox.coinbase.journal import Journal
from infra.sandbox.coinbase.market_time import ClockFile, MarketTime
from infra.sandbox.coinbase.queries import whole
from infra.sandbox.coinbase.standing import fill_row, order_row

SPEED_MAX = 1_000_000.0
_ADVANCE_MAX = 10_000 * 86_400.0  # seconds


class ClockOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the clock is told: any of these, a jump before the new speed."""

    at: str | None = None  # RFC 3339, not before now
    advance: float | None = None  # seconds
    speed: float | None = None


@dataclass(frozen=True, slots=True)
class AdminPaths:
    floor: Floor
    clock: MarketTime
    clock_file: ClockFile
    faults: Faults
    journal: Journal

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{ADMIN}truth", self.truth),
            web.get(f"{ADMIN}journal", self.entries),
            web.get(f"{ADMIN}clock", self.time),
            web.post(f"{ADMIN}clock", self.set_clock),
            web.get(f"{ADMIN}faults", self.struck),
            web.post(f"{ADMIN}faults", self.set_faults),
        ]

    async def truth(self, _: web.Request) -> web.Response:
        """As it is, whatever faults hide from clients; orders and fills oldest first."""
        balances = {
            balance.currency: {
                "available": number(balance.available.amount),
                "hold": number(balance.held),
            }
            for balance in self.floor.balances()
        }
        orders = [order_row(order) for order in self.floor.all_orders()][::-1]
        fills = [fill_row(deal) for deal in self.floor.all_fills()][::-1]
        return json_answer({"balances": balances, "orders": orders, "fills": fills})

    async def entries(self, request: web.Request) -> web.Response:
        """Requests in order; `after` is the number of the last one already seen."""
        after = whole(request.query, "after", 0, self.journal.count)
        told = {"count": self.journal.count, "requests": self.journal.entries(after)}
        return json_answer(told)

    async def time(self, _: web.Request) -> web.Response:
        return json_answer({"at": time(self.clock.now()), "speed": self.clock.speed})

    async def set_clock(self, request: web.Request) -> web.Response:
        order = _clock_order(await request.read())
        if order.at is not None:
            try:
                self.clock.move_to(time_of(order.at, "at"))
            except ValueError as flaw:
                raise invalid(str(flaw)) from None
        if order.advance is not None:
            self.clock.move_to(self.clock.now() + timedelta(seconds=order.advance))
        if order.speed is not None:
            self.clock.set_speed(order.speed)
        self.clock_file.reserve(self.clock)
        self.floor.catch_up()
        return await self.time(request)

    async def struck(self, _: web.Request) -> web.Response:
        return json_answer({"struck": self.faults.struck})

    async def set_faults(self, request: web.Request) -> web.Response:
        """The plan in place of the one in force; an empty object ends all faults."""
        try:
            plan = read_plan(await request.read() or b"{}", "faults")
        except BadPlan as flaw:
            raise invalid(str(flaw)) from None
        self.faults.replace(plan)
        return json_answer({"rules": len(plan.rules)})


def _clock_order(raw: bytes) -> ClockOrder:
    try:
        order = msgspec.json.decode(raw or b"{}", type=ClockOrder)
    except msgspec.DecodeError as flaw:
        raise invalid(f"clock: {flaw}; write at, advance or speed") from None
    if order.speed is not None and not 0 <= order.speed <= SPEED_MAX:
        raise invalid(f"speed: {order.speed} is not between 0 and {SPEED_MAX:.0f}")
    if order.advance is not None and not 0 <= order.advance <= _ADVANCE_MAX:
        raise invalid(f"advance: {order.advance} is not between 0 and {_ADVANCE_MAX:.0f} seconds")
    return order
