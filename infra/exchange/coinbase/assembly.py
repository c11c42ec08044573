"""From settings and environment to a CoinbaseExchange; nothing is asked of the venue yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from core.market import Fees
from core.ports import Clock, Timer
from infra.exchange.coinbase.access import access_of
from infra.exchange.coinbase.bare_requests import load_requests
from infra.exchange.coinbase.breakers import Breakers
from infra.exchange.coinbase.buckets import Bucket
from infra.exchange.coinbase.exchange import CoinbaseExchange
from infra.exchange.coinbase.keys import keys_of
from infra.exchange.coinbase.link import Link
from infra.exchange.coinbase.terms import Sections, Terms
from infra.exchange.coinbase.transport import Transport


def coinbase_exchange(
    settings: Sections, environment: Mapping[str, str], clock: Clock, timer: Timer
) -> CoinbaseExchange:
    """The exchange, or BadAccess: one line that names the variable or key and what to do.

    `clock` is the bot's, `timer` the machine's: deadlines and limits run on real time,
    however fast the market's clock is.
    """
    # The SDK is large and only a real venue needs it.
    load_requests()
    from infra.exchange.coinbase.sdk_link import SdkLink, check_key, trust

    terms = settings.exchange
    access, keys = access_of(terms, environment), keys_of(environment)
    if keys is not None:
        check_key(keys)
    context = trust(access)
    links = partial(SdkLink, keys, access, context, terms.connect_timeout.total_seconds())
    transport = transport_of(links, terms, clock, timer, signed=keys is not None)
    transport.keeps_time = access.clock_speed == 1
    market = settings.market
    assumed = Fees(maker=market.maker_fee, taker=market.taker_fee)
    return CoinbaseExchange(
        transport,
        assumed,
        shows_futures=settings.derivatives.enabled,
        key_type=keys.type if keys is not None else "",
    )


def transport_of(
    links: Callable[[], Link], terms: Terms, clock: Clock, timer: Timer, *, signed: bool
) -> Transport:
    """The way to the venue over any link; the limits are those of a key, or of none."""
    per_second = (
        terms.private_requests_per_second_max if signed else terms.public_requests_per_second_max
    )
    return Transport(
        links=links,
        signed=signed,
        terms=terms,
        now=clock,
        timer=timer,
        breakers=Breakers(terms.breaker_failures, terms.breaker_wait),
        bucket=Bucket(per_second, terms.exit_reserve, timer),
    )
