"""Arrival at a real venue: ask for its time until it answers.

A venue that cannot be reached is waited for, with a sign of life; a key that it refuses
is not. Nothing is decided before it has answered once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from core.errors import FatalError, RetryableError
from core.ports import Timer
from infra.heartbeat import ENDED, Heartbeat
from runner.alerts.watch import KEY_CODES
from runner.cadence import SLICE_SECONDS
from runner.exit_codes import ExitCode, Refusal
from runner.markets import RealVenue

WAITING = "WAITING_FOR_VENUE"


@dataclass(frozen=True, slots=True)
class Door:
    """How one waits for a venue."""

    beats: Heartbeat
    timer: Timer
    pause: timedelta  # between two attempts
    gone: Callable[[], bool]  # nobody waits any more; asked at least once a second
    told: Callable[[str], None]  # hears of every attempt in vain


def arrive(real: RealVenue, door: Door) -> None:
    """Return once the venue has answered; a Refusal where the key is refused, or nobody waits."""
    try:
        while (why := _attempt(real)) is not None:
            door.beats.waiting(WAITING, why, door.pause)
            door.told(why)
            _wait(door)
            if door.gone():
                told = f"stopped while the venue did not answer: {why}"
                raise Refusal(ExitCode.FINISHED, told)
    except Refusal as refusal:
        door.beats.waiting(ENDED, str(refusal))
        raise


def _attempt(real: RealVenue) -> str | None:
    """Why the venue did not answer; None where it did."""
    try:
        knock(real)
    except RetryableError as error:
        return f"{error.code}: {error}"
    return None


def _wait(door: Door) -> None:
    until = door.timer.monotonic() + door.pause.total_seconds()
    while not door.gone() and (left := until - door.timer.monotonic()) > 0:
        door.timer.sleep(min(left, SLICE_SECONDS))


def knock(real: RealVenue) -> None:
    """Ask once, with the key where there is one. RetryableError, or a Refusal of the key."""
    try:
        real.meet()
        if real.exchange.signed:
            real.exchange.permissions()
    except FatalError as error:
        raise key_refusal(error) from error


def key_refusal(error: FatalError) -> Refusal:
    code = ExitCode.KEY_REFUSED if error.code in KEY_CODES else ExitCode.DAMAGED
    return Refusal(code, f"{error.code}: {error}")
