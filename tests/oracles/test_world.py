"""Ten thousand cycles among faults, judged; and defects, planted, that the oracles must find.

Millions of cycles: python -m tests.soak --cycles N --seed S.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest

from core import decide, exits
from core.orders import OrderStatus, PlannedOrder, VenueFill
from core.ports import Answer, Venue
from runner.carry_out import Carrier
from runner.reconcile import unanswered
from runner.reconcile.fills import FillReader
from tests.oracles.judges import Broken
from tests.oracles.world import World
from tests.soak.__main__ import main

CYCLES, SEEDS = 2_500, (1, 2, 3, 4)  # 10,000 in all
FEW = 1_500  # enough for every planted defect
_MEMORY = Path("/dev/shm")


@pytest.fixture
def place() -> Iterator[Path]:
    where = _MEMORY if _MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="world-", dir=where) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A storm fails on purpose, and the log would say so in every cycle."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def outlived(world: World) -> int:
    return sum(1 for _ in world.run())


def outlive_some(place: Path) -> None:
    """A few worlds one after the other: not every defect shows in every one of them."""
    for seed in (5, 1, 2, 3):
        (place / str(seed)).mkdir()
        outlived(World(place / str(seed), seed, FEW))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_promise_breaks_in_a_random_world(place: Path, seed: int) -> None:
    world = World(place, seed, CYCLES)
    assert outlived(world) == CYCLES
    assert world.record.orders > 100
    happened = world.happened
    assert {"storms", "deaths", "kills", "flows", "a person's orders"} <= happened.keys()
    assert happened["deaths"] > 5
    assert {"LOST_BEFORE", "LOST_AFTER", "FILL_LATE", "NOT_FOUND_YET"} <= happened.keys()


@dataclass
class Changed:
    """A venue that does one thing otherwise."""

    venue: Venue

    def __getattr__(self, name: str) -> Any:
        return getattr(self.venue, name)


class Forgetful(Changed):
    """It does not know a client order id again, and tells the order as the one asked for."""

    def submit(self, order: PlannedOrder) -> Answer:
        return self.venue.submit(replace(order, client_order_id=str(uuid4())))


class Swallowing(Changed):
    """Every fourth fill is never told of."""

    def fills(self, since: datetime) -> tuple[VenueFill, ...]:
        return tuple(row for row in self.venue.fills(since) if int(row.fill_id[-1], 36) % 4)


@pytest.mark.parametrize("venue", [Forgetful, Swallowing])
def test_a_venue_with_a_defect_is_found_out(place: Path, venue: type[Changed]) -> None:
    with pytest.raises(Broken):
        outlived(World(place, 1, FEW, defect=venue))


def sends_again_under_another_name(carrier: Carrier, planned: PlannedOrder) -> Answer:
    answer = carrier.account.venue.submit(planned)
    if answer.status is not OrderStatus.UNKNOWN:
        return answer
    return carrier.account.venue.submit(replace(planned, client_order_id=str(uuid4())))


def sends_ten_times_as_much(carrier: Carrier, planned: PlannedOrder) -> Answer:
    much = replace(planned.quantity, amount=planned.quantity.amount * 10)
    return carrier.account.venue.submit(replace(planned, quantity=much))


def never(*_: object) -> bool:
    return False


def no_plans(*_: object) -> dict[str, object]:
    return {}


@pytest.mark.parametrize(
    ("where", "name", "defect"),
    [
        (Carrier, "_submit", sends_again_under_another_name),
        (Carrier, "_submit", sends_ten_times_as_much),
        (unanswered, "_proved", never),
        (FillReader, "_may_be_ours", never),
        (exits.Watch, "reached", never),
        (decide, "exit_plans", no_plans),
    ],
    ids=[
        "an order is sent again",
        "more is sent than was decided",
        "absence is never believed",
        "a fill is taken for a stranger's",
        "no stop is carried out",
        "a position has no exit",
    ],
)
def test_a_defect_of_the_bot_is_found_out(
    place: Path, monkeypatch: pytest.MonkeyPatch, where: object, name: str, defect: object
) -> None:
    monkeypatch.setattr(where, name, defect)
    with pytest.raises(Broken):
        outlive_some(place)


def test_the_program_judges_worlds_and_tells_of_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cycles", "100", "--seed", "3"]) == 0
    told = capsys.readouterr().out
    assert "100 cycles judged" in told
    assert "MB per 10,000 cycles" in told


def test_a_broken_promise_ends_the_program_with_its_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Carrier, "_submit", sends_ten_times_as_much)
    assert main(["--cycles", "500", "--seed", "3"]) == 1
    assert "BROKEN: seed 3, cycle" in capsys.readouterr().err
