"""A sandbox as a user runs it, in a process of its own, and a client that knows none of ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import requests

from tests.architecture.sources import ROOT

API = "/api/v3/brokerage"


def command(*flags: object) -> list[str]:
    return [sys.executable, "-m", "runner.sandbox", "coinbase", *map(str, flags)]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def told(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Running:
    """A running sandbox and a signed-in client."""

    process: subprocess.Popen[str]
    ready: Mapping[str, Any]
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.session.verify = self.ready["ca_file"]

    @property
    def address(self) -> str:
        return str(self.ready["base_url"])

    def key(self, name: str = "coinbase_key.json") -> Mapping[str, str]:
        told: Mapping[str, str] = json.loads(
            (Path(self.ready["key_file"]).parent / name).read_text(encoding="utf-8")
        )
        return told

    def token(self, method: str, path: str, key: str = "coinbase_key.json") -> str:
        holder = self.key(key)
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "sub": holder["name"],
            "iss": "cdp",
            "nbf": now,
            "exp": now + 120,
            "uri": f"{method} {self.address}{path}",
        }
        return jwt.encode(
            claims, holder["privateKey"], algorithm="ES256", headers={"kid": holder["name"]}
        )

    def ask(
        self, method: str, path: str, body: object = None, *, token: str | None = "", **query: str
    ) -> Reply:
        """One request; `token` of None goes without, of "" makes the right one."""
        signed = self.token(method, path) if token == "" else token
        headers = {} if signed is None else {"Authorization": f"Bearer {signed}"}
        answer = self.session.request(
            method,
            f"https://{self.address}{path}",
            params=query,
            json={} if body is None else body,
            headers=headers,
            timeout=20,
        )
        return Reply(answer.status_code, answer.content, answer.headers)

    def get(self, path: str, **query: str) -> Any:
        return self.ask("GET", f"{API}/{path}", **query).told

    def post(self, path: str, body: object) -> Any:
        return self.ask("POST", f"{API}/{path}", body).told

    def admin(self, path: str, body: object = None) -> Any:
        method = "GET" if body is None else "POST"
        return self.ask(method, f"/_sandbox/{path}", body, token=None).told

    def create(self, client_id: str, form: str, side: str = "BUY", **fields: object) -> Any:
        """An order for BTC-USD."""
        return self.post("orders", order(client_id, form, side, **fields))

    def order(self, order_id: str) -> Any:
        return self.get(f"orders/historical/{order_id}")["order"]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


def order(client_id: str, form: str, side: str = "BUY", **fields: object) -> dict[str, object]:
    return {
        "client_order_id": client_id,
        "product_id": "BTC-USD",
        "side": side,
        "order_configuration": {form: fields},
    }


@contextmanager
def sandbox(folder: Path, *flags: object) -> Iterator[Running]:
    """Runs until the block ends. Its clock stands still unless `flags` say otherwise."""
    given = ("--dir", folder, *([] if "--speed" in flags else ["--speed", "0"]), *flags)
    process = subprocess.Popen(
        command(*given),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        first = process.stdout.readline()
        if not first:
            raise AssertionError(process.stderr.read())
        yield Running(process, json.loads(first))
    finally:
        process.kill()
        process.communicate()
