"""How much the sandbox takes, so that a rehearsal measures the bot and not the sandbox.

A process of its own, as a user runs it; the client is as cheap as can be made here, with
one token a path, so most of what is measured is the sandbox.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.benchmarks.measured import Row
from tests.infra.sandbox.served import API, Running, order, sandbox

PER_SECOND_MIN = 300
CLIENTS = 4
_REQUESTS = 150  # of each client
_FAR = {"base_size": "0.001", "limit_price": "20000"}

Body = Callable[[int, int], object]  # client, number -> what is sent


def sandbox_rows() -> list[Row]:
    """Requests per second of signed reads and of orders."""
    with TemporaryDirectory() as folder, sandbox(Path(folder), "--no-rate-limits") as running:
        return [
            _row("accounts", running, "GET", "accounts"),
            _row("best bid and ask", running, "GET", "best_bid_ask", query="?product_ids=BTC-USD"),
            _row("book", running, "GET", "product_book", query="?product_id=BTC-USD&limit=10"),
            _row("orders placed", running, "POST", "orders", body=_an_order),
        ]


def _an_order(client: int, number: int) -> object:
    return order(f"order {client} {number}", "limit_limit_gtc", **_FAR)


def _row(
    what: str,
    running: Running,
    method: str,
    path: str,
    *,
    query: str = "",
    body: Body | None = None,
) -> Row:
    spent = _spent(running)
    rate = _rate(running, method, f"{API}/{path}", query, body)
    each = (_spent(running) - spent) / (CLIENTS * _REQUESTS)
    note = (
        f"at least {PER_SECOND_MIN} wanted; {each * 1000:.2f} ms of CPU each, so "
        f"{1 / each:.0f} with a core of its own and a disk that never waits"
    )
    return Row(f"sandbox: {what}", rate, "requests/s", None, note)


def _spent(running: Running) -> float:
    """Seconds of CPU that the sandbox has used, whoever else wants the machine."""
    stat = Path(f"/proc/{running.process.pid}/stat").read_text(encoding="ascii")
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rate(running: Running, method: str, path: str, query: str, body: Body | None) -> float:
    token = running.token(method, path)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    context = ssl.create_default_context(cafile=running.ready["ca_file"])

    def client(number: int) -> None:
        connection = HTTPSConnection(running.address, context=context, timeout=20)
        for at in range(_REQUESTS):
            sent = json.dumps({} if body is None else body(number, at))
            connection.request(method, path + query, sent, headers)
            answer = connection.getresponse()
            told = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status}: {told[:200]!r}")
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        began = perf_counter()
        list(pool.map(client, range(CLIENTS)))
        return CLIENTS * _REQUESTS / (perf_counter() - began)
