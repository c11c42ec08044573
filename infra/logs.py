"""bot.log: what happened inside, one JSON object a line, with the cycle on every line.

Rotated by size. Secrets are cut out of messages, arguments and tracebacks before
anything is written, whoever logged them.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pythonjsonlogger.json import JsonFormatter

_SECRET_VARIABLES = ("COINBASE_API_KEY", "COINBASE_API_SECRET")
_SECRET_SHAPES = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"),  # a JSON web token
    re.compile(r"organizations/[\w-]+/apiKeys/[\w-]+"),
)
_SHORTEST_SECRET = 6  # a shorter value would cut ordinary words
_CUT = "[secret]"


def without_secrets(text: str) -> str:
    """The text with everything that is, or looks like, a secret of ours cut out."""
    for name in _SECRET_VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, _CUT)
    for shape in _SECRET_SHAPES:
        text = shape.sub(_CUT, text)
    return text


class _Redacted(JsonFormatter):
    """The finished line is what is cleaned, so that no part of a record can slip by."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


@dataclass(slots=True)
class Logs:
    """The log of one process. `cycle` is what its lines are about from now on."""

    handler: RotatingFileHandler
    cycle: int = 0

    @classmethod
    def open(cls, folder: Path, *, level: str, file_max: int, files_kept: int) -> Logs:
        """Start writing to `folder`/bot.log; `file_max` is in bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            folder / "bot.log", maxBytes=file_max, backupCount=files_kept, encoding="utf-8"
        )
        handler.setFormatter(
            _Redacted("%(asctime)s %(levelname)s %(name)s %(cycle)s %(message)s", datefmt=None)
        )
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
        self.handler.close()
