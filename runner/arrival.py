"""Arrival at a real venue: ask for its time until it answers.

A venue that cannot be reached is waited for, with a sign of life; a key that it refuses
is not. Nothing is decided before it has answered once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from core.errors import FatalError, RetryableError
from core.ports import Timer
from infra.heartbeat import Heartbeat
from runner.cadence import SLICE_SECONDS
from runner.exit_codes import ExitCode, Refusal
from runner.markets import RealVenue

WAITING = "WAITING_FOR_VENUE"
KEY_CODES = frozenset({"KEY_REFUSED", "KEY_LACKS_PERMISSION"})


def arrive(
    real: RealVenue, beats: Heartbeat, timer: Timer, pause: timedelta, gone: Callable[[], bool]
) -> None:
    """Return once the venue has answered; a Refusal where `gone` says that nobody waits any more.

    `pause` is what lies between two attempts.
    """
    while True:
        try:
            knock(real)
            return
        except RetryableError as error:
            why = f"{error.code}: {error}"
        beats.waiting(WAITING, why)
        until = timer.monotonic() + pause.total_seconds()
        while not gone() and (left := until - timer.monotonic()) > 0:
            timer.sleep(min(left, SLICE_SECONDS))
        if gone():
            raise Refusal(ExitCode.FINISHED, f"stopped while the venue did not answer: {why}")


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
