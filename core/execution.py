"""Stage 6: approved proposals to an order plan that the venue can accept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.orders import PlannedOrder
from core.reasons import Finding


@dataclass(frozen=True, slots=True)
class OrderPlan:
    orders: tuple[PlannedOrder, ...]  # in the order in which they are sent
    refused: Mapping[str, Finding]  # proposal id -> why no legal order can carry it
