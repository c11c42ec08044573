"""Programs and addresses on this machine that a bot may tell: what they heard is in a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Condition, Thread
from typing import Any

_WRITES = """
import json, os, sys
told = json.load(sys.stdin)
told["environment"] = {k: v for k, v in os.environ.items()}
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(told) + chr(10))
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
"""


@dataclass(frozen=True)
class Program:
    """A program for alerts.command that writes down every alert it gets."""

    folder: Path

    @property
    def command(self) -> str:
        script = self.folder / "tell.py"
        script.write_text(_WRITES, encoding="utf-8")
        return f"{sys.executable} {script} {self.folder / 'told.jsonl'}"

    @property
    def told(self) -> list[dict[str, Any]]:
        file = self.folder / "told.jsonl"
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    @property
    def phases(self) -> list[tuple[str, str]]:
        return [(one["code"], one["phase"]) for one in self.told]


@dataclass
class Address:
    """An address on this machine: every request to it, with its body."""

    url: str = ""
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, 60), self.requests


@contextmanager
def an_address() -> Iterator[Address]:
    address = Address()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.end_headers()
            with address.changed:
                address.requests.append((self.command, self.path, body))
                address.changed.notify_all()

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    address.url = f"127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
