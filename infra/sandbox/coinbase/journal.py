"""Every request that came in, in order, with what was answered: one JSON object a line.

Appended before the answer leaves. It holds no token and no signature, only whose key it
was. Admin requests are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

_PAGE_MAX = 10_000


def mend(path: Path) -> None:
    """Make the file if it is not there; drop a last line that its killed writer did not end."""
    path.touch()
    with path.open("r+b") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


class Journal:
    """The file, and how many requests it holds."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where the file cannot be written."""
        self._path = path
        mend(path)
        with path.open("rb") as there:
            self._count = sum(1 for _ in there)
        self._file = path.open("ab", buffering=0)

    @property
    def count(self) -> int:
        return self._count

    def append(self, entry: Mapping[str, object]) -> None:
        self._count += 1
        self._file.write(msgspec.json.encode({"n": self._count, **entry}) + b"\n")

    def entries(self, after: int) -> list[msgspec.Raw]:
        """Entries with a number above `after`, oldest first, at most a page of them."""
        with self._path.open("rb") as there:
            lines = (line for number, line in enumerate(there, start=1) if number > after)
            return [msgspec.Raw(line) for line, _ in zip(lines, range(_PAGE_MAX), strict=False)]

    def close(self) -> None:
        self._file.close()
