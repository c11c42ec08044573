"""Settings: where the bot runs and how, as app.yaml says it. What it may decide is Policy.

Each field is the key of the same path in config/app.yaml, which holds the only
defaults. Values are checked by the schema before they come here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import NewType

from core.money import Money, Ratio

Bytes = NewType("Bytes", int)  # written as 10 MB


class Mode(Enum):
    """Which venue carries the plan out. The value is what the YAML and the folders say."""

    DRY_RUN = "DRY_RUN"  # decides and sends nothing
    PAPER = "PAPER"  # fills in a simulated venue
    LIVE = "LIVE"  # sends


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    name: str
    mode: Mode
    capital_currency: str
    quote_currencies: tuple[str, ...]
    starting_balances: tuple[Money, ...]
    capital_max: Money
    audit_keep: timedelta
    disk_reserve: Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    name: str
    read_only: bool
    transfer_portfolio: str | None
    base_url: str  # host[:port], without a scheme
    ca_file: str | None
    clock_speed: Decimal
    connect_timeout: timedelta
    read_timeout: timedelta
    cycle_deadline: timedelta
    workers_max: int
    attempts_max: int
    retry_wait_first: timedelta
    retry_wait_max: timedelta
    private_requests_per_second_max: int
    public_requests_per_second_max: int
    exit_reserve: Ratio
    breaker_failures: int
    breaker_wait: timedelta
    products_age_max: timedelta
    fees_age_max: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivativesSettings:
    """US futures are shown, never traded."""

    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BookModelSettings:
    """Books where a recording has none, from closed bars."""

    spread_min: Ratio
    spread_range_share: Ratio
    depth_volume_share: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingSettings:
    """How the simulated venue matches."""

    volume_share_max: Ratio  # of a candle's volume, for all own orders together
    latency: timedelta  # market time until an order or a cancel arrives


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSettings:
    bar: timedelta
    start: datetime
    seed: int
    maker_fee: Ratio
    taker_fee: Ratio
    gap_share_max: Ratio  # also TriggersPolicy.gap_share_max
    book_model: BookModelSettings
    matching: MatchingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherSettings:
    books_per_cycle_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    interval: timedelta  # a multiple of the bar in the YAML, or a duration
    jitter_max: Ratio
    backoff_first: timedelta
    backoff_max: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    level: str
    file_max: Bytes
    files_kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Who is told what is wrong, and how often."""

    command: str | None  # a program with its arguments
    apprise: bool
    ping_url: str | None
    timeout: timedelta
    patience: timedelta
    escalate_after: timedelta
    repeat_every: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of app.yaml."""

    app: AppSettings
    exchange: ExchangeSettings
    derivatives: DerivativesSettings
    market: MarketSettings
    gather: GatherSettings
    loop: LoopSettings
    logs: LogSettings
    alerts: AlertSettings
