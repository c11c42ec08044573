"""The whole table: each key of the four YAML files, and the scenarios in which it shows.

`python -m tests.keys` prints it.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.keys.alerts import ALERTS
from tests.keys.app import APP
from tests.keys.coinbase import COINBASE
from tests.keys.crosses import CROSSES
from tests.keys.positions import POSITIONS
from tests.keys.regime import REGIME
from tests.keys.risk import RISK
from tests.keys.scenario import Row
from tests.keys.strategies import STRATEGIES
from tests.keys.triggers import TRIGGERS
from tests.keys.universe import UNIVERSE

ROOMS = (
    APP,
    ALERTS,
    COINBASE,
    REGIME,
    TRIGGERS,
    RISK,
    POSITIONS,
    UNIVERSE,
    STRATEGIES,
    CROSSES,
)
TABLE: Mapping[str, Row] = {key: row for room in ROOMS for key, row in room.items()}
