"""kill -9 of a LIVE bot over the wire. Hundreds: python -m tests.soak --venue sandbox --kills N."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crashes.wire.dying import Death
from tests.crashes.wire.killing import AGAIN, FOUND, NEVER, ON, Inquest, stormed
from tests.crashes.wire.life import CALM, lived
from tests.crashes.wire.stories import STORIES

# Story, the point at which the process dies, the how manieth time, and what must come of it.
DEATHS = [
    ("entry", "SEND_DUE", 1, NEVER),
    ("partial fill", "LEDGER_WRITTEN", 4, AGAIN),  # the fill is not booked yet
    ("reprice", "CANCEL_ANSWERED", 1, ON),
    ("cancel race", "CANCEL_DUE", 1, ON),
    ("stop exit", "SEND_ANSWERED", 2, FOUND),
    ("lost answer", "ASIDE_WRITTEN", 4, FOUND),
    ("bracket", "SEND_ANSWERED", 2, FOUND),  # that of the stop which is to rest
    ("a stop gives way", "CANCEL_ANSWERED", 1, NEVER),  # the sale, which had to wait
]


@pytest.mark.parametrize(("name", "point", "nth", "outcome"), DEATHS)
def test_a_bot_killed_in_a_story_ends_as_the_venue_has_it(
    place: Path, name: str, point: str, nth: int, outcome: str
) -> None:
    story = STORIES[name]
    with lived(story, place) as life:
        inquest = Inquest(life)
        assert inquest.kill(Death(point=point, nth=nth)), "the point was not passed"
        inquest.end(max(CALM, life.left()))
    assert list(inquest.wrong()) == []
    (corpse,) = inquest.corpses
    assert corpse.outcome(inquest.books) == outcome
    if name != "entry":  # which is over when its only order never reached the venue
        assert story.statuses <= {order.status for order in inquest.truth.orders}
        sides = [fill.side for fill in inquest.truth.fills]
        assert tuple(dict.fromkeys(sides)) == tuple(dict.fromkeys(story.fills))


def test_bots_killed_in_a_storm_agree_with_the_venue_once_it_is_over(place: Path) -> None:
    inquest = stormed(STORIES["busy, stops rest"], place, deaths=2, seed=4)
    assert list(inquest.wrong()) == []
    assert inquest.corpses
    assert len(inquest.truth.orders) > 5, "the test needs orders"
