"""From settings and environment to an exchange that talks to a server on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

from config.settings import DerivativesSettings, Settings
from core.errors import BotError, RetryableError
from core.orders import OrderStatus
from infra.clock import SystemClock
from infra.exchange.coinbase.assembly import coinbase_exchange
from infra.exchange.coinbase.exchange import CoinbaseExchange
from infra.exchange.coinbase.keys import BadAccess
from infra.logs import Logs
from tests.builders.coinbase import NOON, SETTINGS, a_row, a_scene, said, terms
from tests.infra.coinbase.test_ordering import an_order
from tests.infra.coinbase.tls_server import TlsServer, an_ec_key, serving

NAME = "organizations/0000-1111/apiKeys/2222-3333-4444"
_, PEM = an_ec_key()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsServer]:
    with serving(tmp_path) as running:
        running.answers(json.dumps({"products": [a_row()]}).encode())
        yield running


def settings(**changed: Any) -> Settings:
    return replace(SETTINGS, exchange=terms(**changed))


def an_exchange(server: TlsServer, *, signed: bool = True, **changed: Any) -> CoinbaseExchange:
    keys = {"COINBASE_API_KEY": NAME, "COINBASE_API_SECRET": PEM} if signed else {}
    where = {"base_url": server.host, "ca_file": str(server.ca_file)}
    clock = SystemClock()
    return coinbase_exchange(settings(**where, **changed), keys, clock, clock)


def test_a_market_is_read_over_the_wire_with_a_key_and_without(server: TlsServer) -> None:
    assert [p.symbol for p in an_exchange(server).products()] == ["BTC-USD"]
    assert [p.symbol for p in an_exchange(server, signed=False).products()] == ["BTC-USD"]

    private, public = server.told
    assert private.line.startswith("GET /api/v3/brokerage/products?")
    assert "authorization" in private.headers
    assert public.line.startswith("GET /api/v3/brokerage/market/products?")
    assert "authorization" not in public.headers


def test_a_key_file_is_as_good_as_two_variables(server: TlsServer, tmp_path: Path) -> None:
    file = tmp_path / "cdp.json"
    file.write_text(json.dumps({"name": NAME, "privateKey": PEM}))
    where = {
        "COINBASE_KEY_FILE": str(file),
        "COINBASE_BASE_URL": server.host,
        "COINBASE_CA_FILE": str(server.ca_file),
    }
    clock = SystemClock()

    coinbase_exchange(settings(), where, clock, clock).products()

    assert "authorization" in server.told[0].headers


def test_a_key_that_cannot_sign_is_refused_before_anything_is_asked(server: TlsServer) -> None:
    clock = SystemClock()
    environment = {"COINBASE_API_KEY": NAME, "COINBASE_API_SECRET": "nonsense"}

    with pytest.raises(BadAccess, match="cannot sign"):
        coinbase_exchange(settings(base_url=server.host), environment, clock, clock)
    assert server.connections == 0


def test_an_account_without_a_key_pays_what_the_simulated_markets_take(server: TlsServer) -> None:
    fees = an_exchange(server, signed=False).fees()

    assert (fees.maker, fees.taker) == (SETTINGS.market.maker_fee, SETTINGS.market.taker_fee)


def test_a_clock_of_another_speed_is_asked_and_not_read_off_an_answer(server: TlsServer) -> None:
    server.answers(
        json.dumps({"products": [a_row()], "iso": "2026-11-20T12:00:00Z"}).encode(),
        Date="Fri, 20 Nov 2026 12:30:00 GMT",
    )
    real, fast = an_exchange(server), an_exchange(server, clock_speed=Decimal(60))
    for exchange in (real, fast):
        exchange.products()

    assert real.clock_offset is not None
    assert fast.clock_offset is None
    assert fast.server_time() == NOON


@pytest.mark.parametrize("workers", [1, 4])
def test_no_more_reads_at_the_same_time_than_exchange_workers_max(workers: int) -> None:
    """So many meet at a barrier, and no more: one more than the workers never would."""
    meeting = Barrier(workers)
    scene = a_scene({}, workers_max=workers)

    def meet() -> int:
        return meeting.wait(5)

    answers = scene.transport.read_all([meet] * workers)
    assert sorted(answer for answer in answers if isinstance(answer, int)) == list(range(workers))

    crowd = Barrier(workers + 1)

    def never_meet() -> int:
        try:
            return crowd.wait(5)
        except BrokenBarrierError:
            raise RetryableError("nobody came", code="ALONE") from None

    scene = a_scene({}, workers_max=workers, cycle_deadline=timedelta(seconds=0.05))
    alone = scene.transport.read_all([never_meet] * (workers + 1))
    crowd.abort()
    assert all(isinstance(answer, RetryableError) for answer in alone)


@pytest.mark.parametrize("share", ["0%", "50%"])
def test_exchange_exit_reserve_is_left_to_exits(share: str) -> None:
    given = SETTINGS.exchange.exit_reserve.__class__(Decimal(share.removesuffix("%")) / 100)
    scene = a_scene({"GET": said({"iso": "2026-11-20T12:00:00Z"})}, exit_reserve=given)
    while not scene.clock.slept:
        scene.exchange.server_time()

    assert scene.exchange.requests - 1 == {"0%": 24, "50%": 13}[share]


@pytest.mark.parametrize("age", [timedelta(0), timedelta(minutes=5)])
def test_lists_and_fees_are_as_old_as_their_keys_allow(age: timedelta) -> None:
    tier = {"fee_tier": {"maker_fee_rate": "0", "taker_fee_rate": "0"}}
    script = {
        "GET /products": said({"products": [a_row()]}),
        "GET /transaction_summary": said(tier),
    }
    reads: dict[str, Callable[[CoinbaseExchange], object]] = {
        "products_age_max": CoinbaseExchange.products,
        "fees_age_max": CoinbaseExchange.fees,
    }
    for key, read in reads.items():
        changed: dict[str, Any] = {key: age}
        scene = a_scene(script, **changed)
        read(scene.exchange)
        scene.clock.at += age
        read(scene.exchange)
        assert scene.exchange.requests == 1
        scene.clock.at += timedelta(microseconds=1)
        read(scene.exchange)
        assert scene.exchange.requests == 2


@pytest.mark.parametrize("enabled", [True, False])
def test_futures_are_shown_where_derivatives_are_enabled(
    server: TlsServer, *, enabled: bool
) -> None:
    server.answers(b'{"balance_summary": null, "positions": []}')
    shown = replace(
        settings(base_url=server.host, ca_file=str(server.ca_file)),
        derivatives=DerivativesSettings(enabled=enabled),
    )
    clock = SystemClock()
    keys = {"COINBASE_API_KEY": NAME, "COINBASE_API_SECRET": PEM}

    line = coinbase_exchange(shown, keys, clock, clock).futures()

    assert line == ("futures: no wallet" if enabled else None)
    assert len(server.told) == (2 if enabled else 0)


def test_whatever_the_venue_echoes_no_secret_reaches_an_answer_an_error_or_the_log(
    server: TlsServer, tmp_path: Path
) -> None:
    """The venue sends back key, secret and token in every place where we read words."""
    logs = Logs.open(tmp_path, level="DEBUG", file_max=1_000_000, files_kept=1)
    exchange = an_exchange(server, attempts_max=1, breaker_failures=100)
    texts: list[str] = []

    def echo(connection: Any) -> None:
        told = server.told[-1]
        spelt = " ".join([NAME, PEM, told.headers["authorization"]])
        no = {"error": spelt, "message": spelt, "preview_failure_reason": spelt}
        body = {"success": False, "error_response": no, "errs": [spelt], "error": spelt}
        status = "200 OK" if "orders" in told.line else "403 Forbidden"
        server.answers(json.dumps(body).encode(), status)
        connection.sendall(server.says)

    server.speak = echo  # type: ignore[method-assign]
    try:
        answer = exchange.submit(an_order())
        texts += [answer.told, exchange.preview(an_order())]
        asks: list[Callable[[], object]] = [exchange.balances, exchange.products, exchange.fees]
        for ask in asks:
            with pytest.raises(BotError) as caught:
                ask()
            texts += [str(caught.value), repr(caught.value), repr(caught.value.facts)]
    finally:
        logs.close()

    assert answer.status is OrderStatus.REFUSED
    everything = "".join([*texts, (tmp_path / "bot.log").read_text()])
    secret_lines = [line for line in PEM.splitlines() if not line.startswith("-----")]
    assert [
        piece for piece in (NAME, "2222-3333", "eyJ", *secret_lines) if piece in everything
    ] == []
    assert "[secret]" in everything
