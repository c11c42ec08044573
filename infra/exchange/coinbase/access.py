"""Where the venue is: its address, whom to trust for it, and how fast its clock runs.

The environment lies over app.yaml, so that a rehearsal against the sandbox changes no
file. A clock that runs at another speed than ours is allowed only on this machine: with
real money, time is real.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path

from infra.exchange.coinbase.keys import BadAccess
from infra.exchange.coinbase.terms import Terms

ADDRESS, AUTHORITY, SPEED = "COINBASE_BASE_URL", "COINBASE_CA_FILE", "COINBASE_CLOCK_SPEED"

_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
_SPEED = re.compile(r"(?:[1-9][0-9]{0,5}|0)(?:\.[0-9]{1,6})?x?")
_PRODUCTION = "api.coinbase.com"


@dataclass(frozen=True, slots=True)
class Access:
    """A host with its port, without a scheme: it is always https."""

    host: str
    ca_file: str | None
    clock_speed: Decimal

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        name = self.host.rpartition(":")[0] or self.host
        try:
            return ip_address(name.strip("[]")).is_loopback
        except ValueError:
            return name == "localhost"


def access_of(terms: Terms, environment: Mapping[str, str]) -> Access:
    """Where to go, or BadAccess naming the variable or the key and what to do."""
    host, said_host = _told(environment, ADDRESS, terms.base_url, "exchange.base_url")
    ca_file, said_file = _told(environment, AUTHORITY, terms.ca_file or "", "exchange.ca_file")
    speed, said_speed = _told(environment, SPEED, str(terms.clock_speed), "exchange.clock_speed")
    host = host.removeprefix("https://").rstrip("/")
    if not _HOST.fullmatch(host):
        raise BadAccess(f"{said_host}: {host!r} is no host; write it like {_PRODUCTION}")
    if ca_file and not Path(ca_file).is_file():
        raise BadAccess(f"{said_file}: there is no file {ca_file}; give the sandbox's ca_file")
    if not _SPEED.fullmatch(speed) or not Decimal(speed.removesuffix("x")):
        raise BadAccess(f"{said_speed}: {speed!r} is no speed; write it like 60x")
    access = Access(host, ca_file or None, Decimal(speed.removesuffix("x")))
    if access.clock_speed != 1 and not access.is_loopback:
        raise BadAccess(
            f"{said_speed}: {speed} at {host}; only a sandbox on 127.0.0.1 has a faster clock, "
            "write 1x"
        )
    return access


def _told(environment: Mapping[str, str], variable: str, written: str, key: str) -> tuple[str, str]:
    """The value, and the name of what said it."""
    given = environment.get(variable, "").strip()
    return (given, variable) if given else (written, key)
