"""How late an exit may be acted on, said at the start and in the status."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from core.policy import Resting
from runner.protection import protection_delay, protection_told
from tests.builders.bot import a_bot
from tests.builders.risk import percent
from tests.builders.shipped import shipped_configuration
from tests.builders.stage import Stage


def test_the_worst_delay_is_an_interval_and_its_jitter() -> None:
    loop = replace(
        shipped_configuration().settings.loop,
        interval=timedelta(minutes=1),
        jitter_max=percent("10"),
        backoff_max=timedelta(minutes=5),
    )
    assert protection_delay(loop) == timedelta(seconds=66)
    assert "every 1m6s at worst, 6m6s after failures" in protection_told(loop, Resting.WATCHED)


def test_where_stops_rest_the_venue_is_named_first() -> None:
    told = protection_told(shipped_configuration().settings.loop, Resting.BRACKET)
    assert told.startswith("stops rest at the venue as bracket, where it takes them; all other ")


def test_it_is_said_at_the_start_and_stands_beside_the_sign_of_life(tmp_path: Path) -> None:
    with a_bot(tmp_path, Stage()) as bot:
        told = protection_told(bot.settings.loop, Resting.WATCHED)
        assert told in bot.notices
        assert bot.beats.protection == told
