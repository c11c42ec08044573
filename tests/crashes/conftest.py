"""Folders in memory: what is tested is what was written, not how long a disk takes for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

_MEMORY = Path("/dev/shm")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that is thrown away."""
    where = _MEMORY if _MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="crash-", dir=where) as folder:
        yield Path(folder)
