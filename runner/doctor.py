"""What the doctor looks at before real money moves: machine, key, account.

A finding says what was seen and, unless all is well, what to do. Its scope says what a
FAIL forbids: entries alone, or everything. Nothing here sends an order.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Protocol
from uuid import UUID

from config.loader import Configuration
from config.settings import Mode
from core.account import Position
from core.errors import BotError, RetryableError
from core.orders import Order, VenueOrder
from core.wording import count, span
from infra.disk import FreeSpace
from runner.markets import RealVenue
from runner.places import Places

_NAMED_MAX = 5
_SKEW_MAX = timedelta(seconds=60)  # a token from further away is refused


class Result(Enum):
    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


class Scope(Enum):
    """What a FAIL forbids."""

    ENTRIES = "entries"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor."""

    check: str
    scope: Scope
    result: Result
    seen: str
    fix: str = ""
    may_pass: bool = False  # a FAIL that time alone may mend

    def __str__(self) -> str:
        advice = f"; {self.fix}" if self.fix else ""
        return f"{self.result.name:4}  {self.check:16}  {self.scope.value:7}  {self.seen}{advice}"


class OwnOrders(Protocol):
    """What of the ledger says whose an order is, and what the bot holds."""

    def order_of(self, exchange_order_id: str) -> Order | None: ...

    def unsettled(self) -> tuple[Order, ...]: ...

    def positions(self) -> Mapping[str, Position]: ...

    def expected(self) -> Mapping[str, Decimal]: ...

    def foreign(self) -> Mapping[str, Decimal]: ...


def good(check: str, seen: str, scope: Scope = Scope.ALL) -> Finding:
    return Finding(check, scope, Result.OK, seen)


def odd(check: str, seen: str, fix: str, scope: Scope = Scope.ALL) -> Finding:
    return Finding(check, scope, Result.WARN, seen, fix)


def bad(check: str, seen: str, fix: str, scope: Scope = Scope.ALL) -> Finding:
    return Finding(check, scope, Result.FAIL, seen, fix)


def trouble(check: str, error: BotError) -> Finding:
    """A read that failed. One that time may mend says nothing against us, only against buying."""
    seen = f"{error.code}: {error}"
    if isinstance(error, RetryableError):
        fix = "look again in a while, or at the network and exchange.base_url"
        return Finding(check, Scope.ENTRIES, Result.FAIL, seen, fix, may_pass=True)
    return bad(check, seen, "make a new key, or look whether it is valid, and exchange.base_url")


def machine(configuration: Configuration, places: Places) -> Iterator[Finding]:
    """What can be told without the venue."""
    yield good("config", configuration.fingerprint)
    try:
        places.state_dir.mkdir(parents=True, exist_ok=True)
        FreeSpace((places.state_dir, places.logs), configuration.settings.app.disk_reserve).check()
        yield good("disk", "more free space than app.disk_reserve")
    except RetryableError as error:
        yield bad("disk", str(error), "make room, or lower app.disk_reserve")
    except OSError as error:
        yield bad("disk", str(error), "name a folder that can be written with --state-dir")
    yield _told(configuration)
    zone = time.tzname[0]
    if time.timezone == 0 and not time.daylight:
        yield good("time zone", zone)
    else:
        yield odd("time zone", zone, "days begin and logs are in UTC, cron lines are in this zone")


def _told(configuration: Configuration) -> Finding:
    """Whether somebody is told when something is wrong."""
    alerts = configuration.settings.alerts
    if alerts.apprise:
        return good("alerts", "somebody is told through apprise")
    if alerts.command is not None:
        return good("alerts", f"somebody is told by {alerts.command.split()[0]}")
    fix = "set alerts.command or alerts.apprise, and try it with --test-alert"
    return odd("alerts", "nobody is told when something is wrong", fix)


def venue(
    configuration: Configuration, real: RealVenue, ledger: OwnOrders | None
) -> Iterator[Finding]:
    """The key and its account; nothing more where the venue does not answer."""
    try:
        real.meet()
    except BotError as error:
        yield trouble("venue", error)
        return
    yield good("venue", "answers")
    yield _clock(configuration, real)
    if not real.exchange.signed:
        yield from _keyless(configuration)
        return
    try:
        yield from _key(configuration, real)
        yield from _strangers(real.exchange.open_orders(), ledger)
    except BotError as error:
        yield trouble("account" if isinstance(error, RetryableError) else "key", error)


def _clock(configuration: Configuration, real: RealVenue) -> Finding:
    most = configuration.policy.risk.clock_offset_max
    try:
        offset = real.offset()
    except RetryableError as error:
        return trouble("clock", error)
    seen = f"{span(abs(offset))} from the venue's"
    if abs(offset) > _SKEW_MAX:
        return bad("clock", seen, "set this machine's clock: the venue refuses our tokens")
    if abs(offset) > most:
        fix = f"set this machine's clock; risk.clock_offset_max is {span(most)}"
        return bad("clock", seen, fix, Scope.ENTRIES)
    return good("clock", seen, Scope.ENTRIES)


def _keyless(configuration: Configuration) -> Iterator[Finding]:
    told = "none; prices are public"
    if configuration.settings.app.mode is Mode.LIVE:
        yield bad("key", "there is none", "set COINBASE_KEY_FILE, or the two COINBASE_API_ names")
    else:
        yield good("key", told)


def _key(configuration: Configuration, real: RealVenue) -> Iterator[Finding]:
    may = real.exchange.permissions()
    yield good("key", real.exchange.key_type)
    named = real.exchange.portfolio()
    name = named.name if named is not None else ""
    powers = [
        word
        for word, has in (
            ("view", may.can_view),
            ("trade", may.can_trade),
            ("transfer", may.can_transfer),
        )
        if has
    ]
    seen, live = ", ".join(powers) or "nothing", configuration.settings.app.mode is Mode.LIVE
    if may.can_transfer and name != configuration.settings.exchange.transfer_portfolio:
        fix = "take a key without it, or name its portfolio in exchange.transfer_portfolio"
        finding = bad if live else odd
        yield finding("permissions", f"{seen}: the key may withdraw", fix)
    elif not may.can_view or (live and not may.can_trade):
        yield bad("permissions", seen, "give the key view and trade")
    else:
        yield good("permissions", seen)
    if named is None:
        fix = "make the key for one portfolio that exists"
        yield bad("portfolio", may.portfolio_id or "none", fix)
    else:
        yield good("portfolio", f"{named.name or named.portfolio_id} ({named.type})")


def _strangers(orders: tuple[VenueOrder, ...], ledger: OwnOrders | None) -> Iterator[Finding]:
    """Orders that work and are not ours: a person's are left alone, a bot's are not shared."""
    foreign = [order for order in orders if not _is_ours(order, ledger)]
    bots = [order for order in foreign if _is_of_a_bot(order)]
    if bots:
        yield bad(
            "other bots",
            f"{count(len(bots), 'open order')} that a bot placed and our ledger does not know: "
            + _named(bots),
            "stop the other bot or restore the state folder, and cancel them",
        )
    else:
        yield good("other bots", "none on this portfolio")
    if len(foreign) > len(bots):
        others = [order for order in foreign if order not in bots]
        seen = f"{count(len(others), 'open order')} of somebody else: "
        yield odd("foreign orders", seen + _named(others), "they are left alone")


def _named(orders: list[VenueOrder]) -> str:
    """The first of them, as a person finds them at the venue."""
    told = (
        f"{order.symbol} {order.side.value} {order.exchange_order_id}"
        for order in orders[:_NAMED_MAX]
    )
    more = f" and {len(orders) - _NAMED_MAX} more" if len(orders) > _NAMED_MAX else ""
    return ", ".join(told) + more


def _is_ours(order: VenueOrder, ledger: OwnOrders | None) -> bool:
    if ledger is None:
        return False
    names = (order.exchange_order_id, order.originates_from)
    if any(name is not None and ledger.order_of(name) is not None for name in names):
        return True
    # One whose answer was lost: its name at the venue is not known yet.
    own = {intent.planned.client_order_id for intent in ledger.unsettled()}
    return order.client_order_id in own


def _is_of_a_bot(order: VenueOrder) -> bool:
    """Client order ids of this program are UUIDs of version 5; apps and people have version 4."""
    try:
        return UUID(order.client_order_id or "").version == 5
    except ValueError:
        return False
