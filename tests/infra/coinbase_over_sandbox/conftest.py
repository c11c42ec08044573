"""A venue that stands still until a test touches it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.coinbase_over_sandbox.world import WireWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[WireWorld]:
    made = WireWorld(tmp_path)
    yield made
    made.close()
