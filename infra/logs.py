"""bot.log: what happened inside, one JSON object a line, with the cycle on every line.

Times are UTC, files rotate by size. Secrets are cut out of messages, arguments,
extra members and tracebacks before anything is written, whoever logged them. A log
that cannot be written says so once on stderr and never stops the bot.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from infra.console import tell

_SECRET_VARIABLES = re.compile(r"COINBASE_API_\w+")
_SECRET_ADDRESSES = ("TRADER_ALERT_URLS", "TRADER_PING_URL")  # one a word
_SECRET_SHAPES = (
    # A key that lost its last line is still a key.
    re.compile(r"-----BEGIN [A-Z ]*KEY-----.*?(-----END [A-Z ]*KEY-----|\Z)", re.DOTALL),
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),  # a JSON web token
    re.compile(r"organizations/[\w-]+/apiKeys/[\w-]+"),
)
_SHORTEST_SECRET = 6  # a shorter value would cut ordinary words
_CUT = "[secret]"
_LINE = "%(asctime)s %(levelname)s %(name)s %(cycle)s %(message)s"


def without_secrets(text: str) -> str:
    """The text with everything that is, or looks like, a secret of ours cut out."""
    for name, value in os.environ.items():
        if _SECRET_VARIABLES.fullmatch(name) and len(value) >= _SHORTEST_SECRET:
            # As it is, and as repr() and JSON show the line ends of a key.
            for shown in (value, repr(value)[1:-1]):
                text = text.replace(shown, _CUT)
    for name in _SECRET_ADDRESSES:
        for address in os.environ.get(name, "").split():
            text = text.replace(address, _CUT)
    for shape in _SECRET_SHAPES:
        text = shape.sub(_CUT, text)
    return text


def _cleaned(value: object) -> object:
    """The same, through what a record may hold, before JSON hides line ends from the shapes."""
    match value:
        case str():
            return without_secrets(value)
        case Mapping():
            return {_cleaned(name): _cleaned(member) for name, member in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_cleaned(item) for item in value]
        case None | bool() | int() | float():
            return value
    return without_secrets(str(value))


class _Redacted(JsonFormatter):
    """Cleans a record's members, which hold the formatted message and the traceback."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        members = super().process_log_record(log_data)
        return {name: _cleaned(member) for name, member in members.items()}


class _Patient(RotatingFileHandler):
    """Says once that the log cannot be written."""

    complained = False

    def handleError(self, record: logging.LogRecord) -> None:
        if not self.complained:
            lost = f"the first line lost is {record.levelname} of {record.name}"
            error = without_secrets(str(sys.exc_info()[1]))
            tell(f"{self.baseFilename}: cannot be written ({error}); {lost}", sys.stderr)
        self.complained = True


@dataclass(slots=True)
class Logs:
    """The log of one process. `cycle` is what its lines are about from now on."""

    handler: RotatingFileHandler
    cycle: int = 0

    @classmethod
    def open(cls, folder: Path, *, level: str, file_max: int, files_kept: int) -> Logs:
        """Start writing to `folder`/bot.log; `file_max` is in bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        handler = _Patient(
            folder / "bot.log", maxBytes=file_max, backupCount=files_kept, encoding="utf-8"
        )
        handler.setFormatter(_Redacted(_LINE))
        logs = cls(handler)
        handler.addFilter(logs.mark)
        root = logging.getLogger()
        root.addHandler(handler)
        root.setLevel(level)
        return logs

    def mark(self, record: logging.LogRecord) -> bool:
        record.cycle = self.cycle
        return True

    def close(self) -> None:
        logging.getLogger().removeHandler(self.handler)
        with suppress(OSError):  # on a full disk the last lines are lost, and the exit code is not
            self.handler.close()
