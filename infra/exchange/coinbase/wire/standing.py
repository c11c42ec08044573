"""What the account is worth to the venue: its fee tier, its key, its portfolio, its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from core.market import Fees
from core.money import Ratio
from infra.exchange.coinbase.wire.values import Unreadable, instant, needed, rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Tier(msgspec.Struct):
    maker_fee_rate: str | None = None
    taker_fee_rate: str | None = None


class _Summary(msgspec.Struct):
    fee_tier: _Tier | None = None


def fees(body: bytes) -> Fees:
    """Maker's and taker's share of a notional."""
    tier = msgspec.json.decode(body, type=_Summary).fee_tier or _Tier()
    return Fees(
        maker=Ratio(needed(tier.maker_fee_rate, "maker_fee_rate")),
        taker=Ratio(needed(tier.taker_fee_rate, "taker_fee_rate")),
    )


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a key may do, and the one portfolio it sees."""

    can_view: bool
    can_trade: bool
    can_transfer: bool  # withdraw, too
    portfolio_id: str
    portfolio_type: str


class _Key(msgspec.Struct):
    can_view: bool
    can_trade: bool
    can_transfer: bool
    portfolio_uuid: str | None = None
    portfolio_type: str | None = None


def permissions(body: bytes) -> Permissions:
    """All three must be told: a power that is not mentioned is not taken as absent."""
    key = msgspec.json.decode(body, type=_Key)
    return Permissions(
        can_view=key.can_view,
        can_trade=key.can_trade,
        can_transfer=key.can_transfer,
        portfolio_id=key.portfolio_uuid or "",
        portfolio_type=key.portfolio_type or "",
    )


@dataclass(frozen=True, slots=True)
class PortfolioName:
    """A portfolio at the venue, as its owner named it."""

    portfolio_id: str
    name: str
    type: str


class _Portfolio(msgspec.Struct):
    uuid: str
    name: str | None = None
    type: str | None = None
    deleted: bool | None = None


def portfolios(body: bytes) -> tuple[PortfolioName, ...]:
    """Those that are not deleted."""
    return tuple(
        PortfolioName(row.uuid, row.name or "", row.type or "")
        for row in rows(body, "portfolios", _Portfolio)
        if not row.deleted
    )


class _Time(msgspec.Struct):
    iso: str | None = None
    epochMillis: str | None = None


def time(body: bytes) -> datetime:
    """The venue's time, to the millisecond where it says so."""
    told = msgspec.json.decode(body, type=_Time)
    if told.epochMillis:
        millis = int(needed(told.epochMillis, "epochMillis"))
        return _EPOCH + timedelta(milliseconds=millis)
    at = instant(told.iso)
    if at is None:
        raise Unreadable("there is no time")
    return at
